"""Why there is no component stream: every way to fail, with the sentence that an operator reads.

Pure: from exceptions and stream errors to values. Called by ``library`` and ``component``; nothing is tried or decided
here.
"""

import enum
import socket
from xml.etree.ElementTree import Element

import msgspec

from bridge.xmpp.wire import namespaces as ns


class Cause(enum.Enum):
    """What is wrong, as far as it shows."""

    REFUSED = "nobody listens on {place}: is the XMPP server running, and does it take components on this port?"
    UNRESOLVED = "the host name of {place} cannot be resolved"
    UNREACHABLE = "{place} cannot be reached"
    SILENT = "{place} does not answer"
    NOT_XMPP = "what answers on {place} does not speak XMPP: is this the server's component port?"
    NOT_FOR_COMPONENTS = "{place} is no component port (it is mostly 5347, and 5222 is for clients)"
    NOT_AUTHORIZED = (
        "the server refuses the secret of {domain}, or does not know this component (ejabberd does not tell which): "
        "compare xmpp.secret with the server's configuration"
    )
    UNKNOWN_DOMAIN = "the server has no component {domain}: add it to the server's configuration"
    CONFLICT = "another program is connected to the server as {domain}"
    SPLIT = "another program is connected to the server as {domain}, and each gets a part of what is for both"
    SHUTDOWN = "the server is shutting down"
    REFUSED_STANZA = "the server closed the stream because of something that was sent"
    GARBLED = "the server sent what is not XML"
    CLOSED = "the server closed the stream"
    LOST = "the connection to the server broke"
    LEFT = "the bridge closed the stream"


class Trouble(msgspec.Struct, frozen=True):
    """One reason for having no stream."""

    cause: Cause
    detail: str = ""  # the system's or the server's own words

    def sentence(self, *, host: str, port: int, domain: str) -> str:
        """Say it to an operator."""
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        said = self.cause.value.format(place=place, domain=domain)
        return f"{said} ({self.detail})" if self.detail else said


_STREAM_ERRORS = {  # RFC 6120 section 4.9.3, and the older names that jabberd2 still says
    "not-authorized": Cause.NOT_AUTHORIZED,
    "host-unknown": Cause.UNKNOWN_DOMAIN,
    "host-gone": Cause.UNKNOWN_DOMAIN,
    "improper-addressing": Cause.UNKNOWN_DOMAIN,
    "conflict": Cause.CONFLICT,
    "system-shutdown": Cause.SHUTDOWN,
    "reset": Cause.SHUTDOWN,
    "invalid-namespace": Cause.NOT_FOR_COMPONENTS,
    "connection-timeout": Cause.SILENT,
    "bad-format": Cause.REFUSED_STANZA,
    "invalid-from": Cause.REFUSED_STANZA,
    "invalid-id": Cause.REFUSED_STANZA,
    "invalid-xml": Cause.REFUSED_STANZA,
    "not-well-formed": Cause.REFUSED_STANZA,
    "policy-violation": Cause.REFUSED_STANZA,
    "restricted-xml": Cause.REFUSED_STANZA,
    "unsupported-encoding": Cause.REFUSED_STANZA,
    "unsupported-stanza-type": Cause.REFUSED_STANZA,
    "xml-not-well-formed": Cause.REFUSED_STANZA,
}
_CONDITION = f"{{{ns.STREAM_ERRORS}}}"


def from_connecting(error: OSError | UnicodeError) -> Trouble:
    """Return why a connection was not had; several addresses may have failed, each in its own way."""
    if isinstance(error, UnicodeError):
        return Trouble(Cause.UNRESOLVED, "not a host name")
    if isinstance(error, TimeoutError):
        return Trouble(Cause.SILENT)
    if isinstance(error, socket.gaierror):
        return Trouble(Cause.UNRESOLVED, error.strerror or "")
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return Trouble(Cause.REFUSED)
    return Trouble(Cause.UNREACHABLE, error.strerror or str(error))


def from_stream_error(element: Element) -> Trouble:
    """Return what a ``<stream:error/>`` says (RFC 6120 section 4.9)."""
    condition, text = "", ""
    for child in element:
        if child.tag == f"{_CONDITION}text":
            text = (child.text or "").strip()
        elif child.tag.startswith(_CONDITION):
            condition = child.tag.removeprefix(_CONDITION)
    detail = f"{condition}: {text}" if condition and text else condition or text
    return Trouble(_STREAM_ERRORS.get(condition, Cause.CLOSED), detail[:300])


def from_losing(error: BaseException | None) -> Trouble:
    """Return why a connection that was had is gone."""
    return Trouble(Cause.LOST, str(error) if error is not None else "")
