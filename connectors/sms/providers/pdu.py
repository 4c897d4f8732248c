"""What a ``deliver_sm`` says (SMPP 3.4, section 4.6.1), read by ourselves. Pure.

The library would decode texts by an alphabet that it chooses, and puts parts together in memory, where a crash loses them.
"""

import re
import struct
from typing import Final

import msgspec

from connectors.sms import alphabet
from connectors.sms.carrier import Incoming, News, Report, Unreadable
from connectors.sms.reports import State
from connectors.sms.segments import Place, place_of

_HEADER: Final = 16
_RECEIPT: Final = 0b0000_0100  # of esm_class, whose bits 2 to 5 are the kind of message
_KIND: Final = 0b0011_1100
_HAS_HEADER: Final = 0b0100_0000
_UCS2: Final = 8
_LATIN: Final = 3
_RECEIPTED_ID: Final = 0x001E
_STATE: Final = 0x0427
_PAYLOAD: Final = 0x0424
_REFERENCE, _TOTAL, _PART = 0x020C, 0x020E, 0x020F
_INTERNATIONAL: Final = 1
_FIELD: Final = re.compile(r"(id|stat|err|text):\s*(\S*)", re.IGNORECASE)
_WORDS: Final = {
    "DELIVRD": State.DELIVERED,
    "EXPIRED": State.EXPIRED,
    "DELETED": State.REJECTED,
    "UNDELIV": State.FAILED,
    "ACCEPTD": State.ACCEPTED,
    "REJECTD": State.REJECTED,
    "ENROUTE": State.SENT,
    "UNKNOWN": State.SENT,
}
_CODES: Final = {
    1: State.SENT,
    2: State.DELIVERED,
    3: State.EXPIRED,
    4: State.REJECTED,
    5: State.FAILED,
    6: State.ACCEPTED,
    8: State.REJECTED,
}


class _Delivered(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    destination: str
    esm_class: int
    coding: int
    message: bytes
    parameters: dict[int, bytes]


def read(pdu: bytes) -> News:
    """Return the message, or the report, that a whole PDU is. Raises: Unreadable."""
    try:
        found = _parse(pdu)
    except (struct.error, ValueError, IndexError):
        raise Unreadable("the network sent a message that is no deliver_sm") from None
    if found.esm_class & _KIND == _RECEIPT:
        return _report(found)
    return _incoming(found)


def _parse(pdu: bytes) -> _Delivered:
    at = _HEADER
    _, at = _string(pdu, at)
    source, at = _address(pdu, at)
    destination, at = _address(pdu, at)
    esm_class = pdu[at]
    _, at = _string(pdu, at + 3)
    _, at = _string(pdu, at)
    coding, length = pdu[at + 2], pdu[at + 4]
    message = pdu[at + 5 : at + 5 + length]
    parameters = _parameters(pdu, at + 5 + length)
    return _Delivered(
        source=source,
        destination=destination,
        esm_class=esm_class,
        coding=coding,
        message=message or parameters.get(_PAYLOAD, b""),
        parameters=parameters,
    )


def _string(pdu: bytes, at: int) -> tuple[str, int]:
    end = pdu.index(0, at)
    return pdu[at:end].decode("ascii", "replace"), end + 1


def _address(pdu: bytes, at: int) -> tuple[str, int]:
    kind = pdu[at]
    address, at = _string(pdu, at + 2)
    plus = kind == _INTERNATIONAL and not address.startswith("+")
    return f"+{address}" if plus else address, at


def _parameters(pdu: bytes, at: int) -> dict[int, bytes]:
    found = {}
    while at + 4 <= len(pdu):
        tag, length = struct.unpack_from("!HH", pdu, at)
        found[tag] = pdu[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _incoming(found: _Delivered) -> Incoming:
    header, body = b"", found.message
    if found.esm_class & _HAS_HEADER and body:
        header, body = body[: body[0] + 1], body[body[0] + 1 :]
    return Incoming(
        id="",
        sender=found.source,
        to=found.destination,
        text=_text(body, found.coding),
        place=place_of(header) or _place(found.parameters),
    )


def _place(parameters: dict[int, bytes]) -> Place | None:
    """Return which part a message is, where parameters say so instead of a header."""
    number, total, part = (int.from_bytes(parameters.get(tag, b"")) for tag in (_REFERENCE, _TOTAL, _PART))
    return Place(number, total, part) if 1 <= part <= total else None


def _text(body: bytes, coding: int) -> str:
    if coding == _UCS2:
        return body.decode("utf-16-be", errors="replace")
    return body.decode("latin-1") if coding == _LATIN else alphabet.decode(body)


def _report(found: _Delivered) -> Report:
    """Read a receipt: by its parameters where they are there, else by its text (appendix B)."""
    fields = {name.lower(): value for name, value in _FIELD.findall(found.message.decode("latin-1"))}
    id_ = found.parameters.get(_RECEIPTED_ID, b"").rstrip(b"\0").decode("ascii", "replace") or fields.get("id", "")
    state = _CODES.get(int.from_bytes(found.parameters.get(_STATE, b""))) or _WORDS.get(fields.get("stat", "").upper())
    if not id_ or state is None:
        raise Unreadable("a receipt: found neither id nor state in it")
    error = fields.get("err", "")
    return Report(state=state, id=id_, reason=f"error {error}" if error.strip("0") else "")
