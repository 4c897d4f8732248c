r"""Remote ids as localparts of our component's addresses, and back: ``bob%libera``, ``+15551230001%phone``.

Two layers. XEP-0106 escapes what a localpart cannot have and may not be applied to anything else, so beneath it lies
one of our own for what a localpart changes: servers fold case, compose accents and refuse whatever is newer than
Unicode 3.2. There ``=`` and two hexadecimal digits stand for one byte of UTF-8, a single ``=`` for the empty id::

    alice        alice%libera         ordinary ids stay as they are
    Alice        =41lice%libera       case is kept where it means something
    a b@c        a\20b\40c%libera     XEP-0106
    50%off       50%off%libera        the last "%" separates
    =            =3d%libera

Every string has exactly one localpart, and it is one that no server changes. Called by ``bridge.xmpp`` alone.
"""

import re
import unicodedata
from functools import lru_cache

from bridge.core.ids import Network
from bridge.core.preparation import LONGEST, is_leftward, is_refused, nodeprep

_PLAIN = re.compile(r"[a-z0-9#+_.!$*,;?\[\]^`{|}~()-]+")
_BYTES = re.compile(r"(?:=[0-9a-f]{2})+")
_ESCAPED = re.compile(r"\\(20|22|26|27|2f|3a|3c|3e|40|5c)")
_TO_ESCAPE = re.compile(r"""[ "&'/:<>@]|\\(?=20|22|26|27|2f|3a|3c|3e|40|5c)""")
_EMPTY = "="


class TooLong(ValueError):
    """The id does not fit into a localpart, which has at most 1023 bytes (RFC 7622 section 3.3.1)."""


def to_localpart(remote_id: str, network: Network | None) -> str:
    """Return the localpart that stands for an id on a network; for no network, of an id on the fixed server.

    Raises: TooLong.
    """
    if network is not None and _PLAIN.fullmatch(remote_id) and _PLAIN.fullmatch(network):
        local = f"{remote_id}%{network}"
    else:
        local = _escape_all(remote_id, network, ascii_only=False)
        if nodeprep(local) != local:  # letters that compose with each other
            local = _escape_all(remote_id, network, ascii_only=True)
    if len(local) > LONGEST or len(local.encode()) > LONGEST:
        msg = f"an id of {len(remote_id)} characters does not fit into an XMPP address"
        raise TooLong(msg)
    return local


def from_localpart(local: str) -> tuple[str, Network | None] | None:
    """Return the id and the network of a localpart, None for one that :func:`to_localpart` never writes."""
    if not local or len(local) > LONGEST:
        return None
    left, separator, right = local.rpartition("%")
    if separator and _PLAIN.fullmatch(left) and _PLAIN.fullmatch(right):
        return left, Network(right)
    try:
        network = Network(_unescape(right)) if separator else None
        found = _unescape(left if separator else right), network
        return found if to_localpart(*found) == local else None
    except ValueError:  # bytes that are not UTF-8, or a longer id than any of ours
        return None


def _escape_all(remote_id: str, network: Network | None, *, ascii_only: bool) -> str:
    """Escape both sides and put them together; the last "%" is the separator."""
    escaped = _escape(remote_id, percent=network is None, ascii_only=ascii_only)
    if network is None:
        return escaped
    return f"{escaped}%{_escape(network, percent=True, ascii_only=ascii_only)}"


def _escape(text: str, *, percent: bool, ascii_only: bool) -> str:
    """Apply both layers to one side."""
    if not text:
        return _EMPTY
    last = len(text) - 1
    kept = "".join(
        c
        if _is_kept(c)
        and not (c == " " and index in {0, last})
        and not (percent and c == "%")
        and (c.isascii() or not ascii_only)
        else "".join(f"={byte:02x}" for byte in c.encode("utf-8", "surrogatepass"))
        for index, c in enumerate(text)
    )
    return _TO_ESCAPE.sub(lambda match: f"\\{ord(match.group()):02x}", kept)


def _unescape(text: str) -> str:
    """Undo both layers. Raises: ValueError when escaped bytes are not UTF-8."""
    if text == _EMPTY:
        return ""
    kept = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)
    return _BYTES.sub(
        lambda match: bytes.fromhex(match.group().replace("=", "")).decode("utf-8", "surrogatepass"), kept
    )


@lru_cache(maxsize=4096)
def _is_kept(character: str) -> bool:
    """Tell whether a character goes into the second layer as it is: nothing changes or refuses it, now or in 2002."""
    if character.isascii():
        return character.isprintable() and not character.isupper() and character != "="
    return (
        unicodedata.category(character) in {"Ll", "Lo"}
        and not is_refused(character)
        and not is_leftward(character)  # would refuse the Latin network behind it (RFC 3454 section 6)
        and nodeprep(character) == character
        and unicodedata.normalize("NFKC", character.casefold()) == character.lower() == character
    )
