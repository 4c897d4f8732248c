"""Lines in a network's own words, said to its address: ``/raw WHOIS bob``.

Not a command like the others (``console``), though it is one as well (``bridge.commands.people``): the line is passed on as it stands,
quotes and all, and may hold a password, so nobody looks at it. Called by ``directs``.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from bridge.core.acts import ActRefused
from bridge.core.ids import Network
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.people.profiles import People

_RAW: Final = re.compile(r"/?raw(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_USAGE: Final = "Say a line after it, in the network's own words: /raw WHOIS bob"


class RawLines:
    """Passes them on."""

    def __init__(self, *, people: Callable[[], People | None], talked: Callable[[str, Network], None]) -> None:
        """``talked`` notes that somebody (a bare JID) wants to hear what a network says."""
        self._people = people
        self._talked = talked

    def called(self, body: str, network: Network, sender: str) -> Callable[[], Awaitable[str]] | None:
        """Return what sends a line, and says what went wrong, to be called; None where it is no such line."""
        found, people = _RAW.fullmatch(body.strip()), self._people()
        if found is None or people is None:
            return None
        return partial(self._send, people, network, sender, found[1] or "")

    async def _send(self, people: People, network: Network, sender: str, line: str) -> str:
        if not line:
            return _USAGE
        self._talked(sender.partition("/")[0], network)
        try:
            await people.raw(network, user(sender), line)
        except ActRefused as refused:
            return f"Not sent: {refused}"
        return ""
