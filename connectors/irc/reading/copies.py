"""Copies of our own words that are thrown away as bytes: the server has confirmed these lines under their ids already.

A puppet's words come back twice: as the answer to the puppet, and as the listener's copy of what is said in the channel.
Whichever is first confirms them, nearly always the answer; then nothing in the copy is news, and parsing it would cost as
much as the answer did. Pure. Kept by ``sending``, asked by the listener's connection for every line.
"""

_MOST = 1000
"""Ids that are kept; a copy that comes later than that is read, and found to be known then."""
_TAG = b"msgid="


class Copies:
    """The ids (IRCv3 message-ids) of confirmed lines whose copies have not come."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[bytes, None] = {}  # oldest first

    def expect(self, message: str) -> None:
        """Take note of a confirmed line."""
        self._ids[message.encode(errors="replace")] = None
        if len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]

    def is_one(self, data: bytes) -> bool:
        """Tell whether a raw line is such a copy; once for each. When in doubt, no."""
        if not self._ids or data[:1] != b"@":
            return False
        tags = data.find(b" ")
        start = data.find(_TAG, 0, tags)
        if start < 1 or tags < 0 or data[start - 1] not in b"@;":  # a client's own tag has a plus before its name
            return False
        start += len(_TAG)
        end = data.find(b";", start, tags)
        return self._ids.pop(data[start : tags if end < 0 else end], self) is None
