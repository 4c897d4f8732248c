"""The XEP-0114 session: connect, handshake, reconnect, and hand over stanzas. To be filled in."""

from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

import msgspec


class Session(Protocol):
    """Who uses the component: the connector. All calls come on the loop, none may block or raise."""

    def stream_up(self) -> None:
        """The handshake went through: nothing of an earlier stream is true any more."""

    def stream_down(self, reason: str) -> None:
        """The stream is gone; the component reconnects by itself."""

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        """Decide on the start tag of a message or presence (attributes unescaped) whether it has to be built at all."""

    def stanza(self, element: Element) -> bool:
        """Take a message or presence as a bare element, whose tags are in the stream's namespace; False: not mine, let the library have it."""


class IqRefused(Exception):
    """An IQ was answered by an error, or not in time (condition ``remote-server-timeout``)."""

    def __init__(self, condition: str, text: str = "", *, by: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text
        self.by = by


class Describes(Protocol):
    """Who knows what our addresses are: asked for disco#info, vCard, version."""

    def describe(self, localpart: str) -> "Described | None":
        """Return what stands at ``localpart@domain`` (escaped form as on the wire; "" is the component itself), None if nothing does."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our addresses shows of itself."""

    category: str  # XEP-0030 identity
    kind: str
    name: str
    features: tuple[str, ...] = ()
    full_name: str = ""  # vCard FN
    nickname: str = ""
    url: str = ""
    description: str = ""


class Component(Protocol):
    """The face of the component that the rest of ``bridge.xmpp`` uses; the real one and the tests' fake have it."""

    domain: str
    namespace: str  # of stanzas on this stream: "jabber:component:accept", or "jabber:client" with jabberd2

    def send(self, stanza: str) -> None:
        """Write one whole stanza, built by ``bridge.xmpp.stanzas``; all of one loop turn leave in one write, in order."""

    async def iq(self, kind: str, *, to: str, payload: str, sender: str = "", timeout: float = 30.0) -> Element:
        """Ask, and return the ``<iq type='result'>``. Raises: IqRefused."""

    def connected(self) -> bool:
        """Whether the stream is up."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> object:
        """Call once, later; the returned object has ``cancel()``."""
