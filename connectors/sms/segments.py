"""Cutting a text into short messages, and putting those of others together again. Pure.

A part is never more than fits, an escape and its character and the two halves of a UTF-16 pair stay together, and the cut
is at a word's border where there is one, else between graphemes. Joined, the parts are the text.

============  ======  ==============  ===============
coding        single  with 8 bit ref  with 16 bit ref
============  ======  ==============  ===============
GSM 7 bit     160     153 septets     152 septets
UCS-2         70      67 units        66 units
============  ======  ==============  ===============

(3GPP TS 23.040, section 9.2.3.24.1 and .8: 140 bytes, of which the header takes 6 or 7.) Called by providers that send
parts themselves, and by the connector, which has to know how many a text costs.
"""

from enum import StrEnum
from typing import Final

import msgspec

from bridge.core.splitting import cut_text
from connectors.sms import alphabet


class Coding(StrEnum):
    """How a message is said on the air."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


class Reference(StrEnum):
    """How the parts of one message refer to each other."""

    SHORT = "8 bit"
    WIDE = "16 bit"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One short message."""

    text: str
    coding: Coding
    header: bytes = b""  # the user data header with its length, b"" for a message of one part

    @property
    def body(self) -> bytes:
        """The text as it is coded: unpacked septets, or UTF-16BE."""
        if self.coding is Coding.GSM7:
            return alphabet.encode(self.text)
        return self.text.encode("utf-16-be", "surrogatepass")


_SINGLE: Final = {Coding.GSM7: 160, Coding.UCS2: 70}
_PART: Final = {
    (Coding.GSM7, Reference.SHORT): 153,
    (Coding.GSM7, Reference.WIDE): 152,
    (Coding.UCS2, Reference.SHORT): 67,
    (Coding.UCS2, Reference.WIDE): 66,
}
MOST_PARTS: Final = 255


class TooLong(ValueError):
    """A text takes more parts than allowed."""

    def __init__(self, parts: int, allowed: int) -> None:
        super().__init__(f"this takes {parts} short messages, at most {allowed} are allowed")
        self.parts = parts
        self.allowed = allowed


def coding_of(text: str) -> Coding:
    """Return how a text has to be coded."""
    return Coding.GSM7 if alphabet.fits(text) else Coding.UCS2


def size(text: str, coding: Coding) -> int:
    """Return how long a text is: septets, or UTF-16 units."""
    if coding is Coding.GSM7:
        return alphabet.septets(text)
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def parts(text: str, *, reference: Reference = Reference.SHORT) -> tuple[str, ...]:
    """Return the text in as many pieces as there have to be messages."""
    coding = coding_of(text)
    if size(text, coding) <= _SINGLE[coding]:
        return (text,)
    room = _PART[coding, reference]
    return cut_text(text, lambda piece: size(piece, coding) <= room)


def segments(
    text: str, *, number: int, allowed: int = MOST_PARTS, reference: Reference = Reference.SHORT
) -> tuple[Segment, ...]:
    """Return the messages that a text becomes; ``number`` is what their parts have in common, 0 to 255 or 65,535.

    Raises: TooLong.
    """
    pieces = parts(text, reference=reference)
    if len(pieces) > min(allowed, MOST_PARTS):
        raise TooLong(len(pieces), min(allowed, MOST_PARTS))
    coding = coding_of(text)
    if len(pieces) == 1:
        return (Segment(text=text, coding=coding),)
    return tuple(
        Segment(text=piece, coding=coding, header=_header(number, len(pieces), place, reference))
        for place, piece in enumerate(pieces, start=1)
    )


def _header(number: int, total: int, place: int, reference: Reference) -> bytes:
    """Return a concatenation element, with the header's length in front (section 9.2.3.24)."""
    if reference is Reference.WIDE:
        return bytes([6, 0x08, 4, *divmod(number & 0xFFFF, 256), total, place])
    return bytes([5, 0x00, 3, number & 0xFF, total, place])


class Place(msgspec.Struct, frozen=True):
    """Which part of which message something is."""

    number: int
    total: int
    place: int  # from 1


def place_of(header: bytes) -> Place | None:
    """Return what a user data header says about concatenation; None where it says nothing, or nonsense."""
    if not header:
        return None
    end = min(header[0] + 1, len(header))
    at = 1
    while at + 1 < end:
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        found = None
        if kind == 0x00 and len(value) == 3:
            found = Place(value[0], value[1], value[2])
        elif kind == 0x08 and len(value) == 4:
            found = Place(value[0] * 256 + value[1], value[2], value[3])
        if found is not None:
            return found if 1 <= found.place <= found.total else None
        at += 2 + length
    return None


GAP: Final = " […] "
"""What stands for a part that never came."""
PATIENCE: Final = 600.0
"""Seconds to wait for a part."""
MOST_WAITING: Final = 1_000


class _Heap(msgspec.Struct):
    """Parts of one message that have come so far."""

    sender: str
    to: str
    number: int
    total: int
    until: float  # seconds since the epoch
    texts: dict[int, str] = {}


class Reassembly(msgspec.Struct):
    """Puts parts together, whatever their order; what stays incomplete is given out with a gap after a while.

    Kept as one small text, so that parts survive a restart.
    """

    heaps: list[_Heap] = []

    def add(self, sender: str, to: str, place: Place, text: str, now: float) -> str | None:
        """Take a part; return the whole text when this was the last that was missing. A part that comes twice counts once."""
        key = (sender, to, place.number, place.total)
        heap = next((one for one in self.heaps if (one.sender, one.to, one.number, one.total) == key), None)
        if heap is None:
            heap = _Heap(sender, to, place.number, place.total, now + PATIENCE)
            self.heaps.append(heap)
        heap.texts.setdefault(place.place, text)
        if len(heap.texts) < heap.total:
            return None
        self.heaps.remove(heap)
        return _joined(heap)

    def overdue(self, now: float) -> list[tuple[str, str, str]]:
        """Return (sender, to, text) of messages that have waited long enough, or are too many."""
        late = [heap for heap in self.heaps if heap.until <= now]
        waiting = [heap for heap in self.heaps if heap.until > now]
        spare = max(0, len(waiting) - MOST_WAITING)
        late += waiting[:spare]
        self.heaps = waiting[spare:]
        return [(heap.sender, heap.to, _joined(heap)) for heap in late]


def _joined(heap: _Heap) -> str:
    pieces = []
    missing = False
    for place in range(1, heap.total + 1):
        text = heap.texts.get(place)
        if text is None:
            missing = True
            continue
        if missing:
            pieces.append(GAP)
            missing = False
        pieces.append(text)
    return "".join(pieces) + (GAP.rstrip() if missing else "")
