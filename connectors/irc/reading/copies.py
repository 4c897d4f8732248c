"""Copies of our own words that are thrown away as bytes: the server has confirmed these lines under their ids already.

A puppet's words come back twice: as the answer to the puppet, and as the listener's copy of what is said in the channel.
Whichever is first confirms them, nearly always the answer; then nothing in the copy is news, and parsing it would cost as
much as the answer did. Pure. Kept by ``sending``, asked by the listener's connection for every line.
"""

from connectors.irc.connection.wire import tag_of

_MOST = 1000
"""Ids that are kept; a copy that comes later than that is read, and found to be known then."""
_TAG = b"msgid"


class Copies:
    """The ids (IRCv3 message-ids) of confirmed lines whose copies have not come."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}  # oldest first

    def expect(self, message: str) -> None:
        """Take note of a confirmed line."""
        self._ids[message] = None
        if len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]

    def came(self, message: str) -> bool:
        """Tell whether a line with this id is such a copy; once for each."""
        return self._ids.pop(message, self) is None

    def is_one(self, data: bytes) -> bool:
        """Tell whether a raw line is such a copy; once for each. When in doubt, no."""
        if not self._ids or data[:1] != b"@":
            return False
        end = data.find(b" ")
        message = tag_of(data, _TAG, end) if end > 0 else None
        return message is not None and self.came(message)
