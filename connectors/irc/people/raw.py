"""Lines that users write themselves: read, and refused where they would make untrue what the bridge knows. Pure.

Called by the connector for its ability ``Sessions``. What becomes of them is heard by ``remarks``.
"""

from collections.abc import Mapping
from typing import Final

from bridge.core.acts import ActRefused, Obstacle
from connectors.irc.connection.wire import Line, encode, parse

INSTEAD: Final[Mapping[str, str]] = {
    "JOIN": "join the room in your client",
    "PART": "leave the room in your client",
    "QUIT": "leave your rooms in your client",
    "NICK": "change your nick in a room",
    "AWAY": "change your status in your client",
    "NAMES": "the room shows who is there",
    "LIST": "browse the rooms of this address in your client",
    "ISON": "put people into your contact list",
    "MONITOR": "put people into your contact list",
    "WATCH": "put people into your contact list",
    "USERHOST": "ask with WHOIS",
}
"""What the bridge does for its users, and how they have it done."""
_LINK: Final = frozenset({"AUTHENTICATE", "CAP", "ERROR", "PASS", "PING", "PONG", "SERVER", "SERVICE", "STARTTLS"}) | {
    "USER",
    "WEBIRC",
}


def checked(text: str) -> Line:
    """Return the command and parameters of a line. Raises: ActRefused."""
    text = text.strip()
    if not text:
        raise ActRefused(Obstacle.IMPOSSIBLE, "expected a line of IRC: COMMAND parameters")
    if any(c in text for c in "\r\n\0"):
        raise ActRefused(Obstacle.IMPOSSIBLE, "expected one line, found several")
    if text[0] in ":@":
        raise ActRefused(Obstacle.IMPOSSIBLE, "expected a command first: source and tags are the server's to write")
    line = parse(text.encode(errors="replace"))
    if line is None:
        raise ActRefused(Obstacle.IMPOSSIBLE, "this is no line of IRC")
    if line.command in INSTEAD:
        raise ActRefused(Obstacle.FORBIDDEN, f"{line.command} would confuse the bridge: {INSTEAD[line.command]}")
    if line.command in _LINK or line.command.isdecimal():
        raise ActRefused(Obstacle.FORBIDDEN, f"{line.command} is between the bridge and the server")
    try:
        encode(line.command, line.params)
    except ValueError:
        raise ActRefused(Obstacle.IMPOSSIBLE, "this cannot be sent: it is too long, or no command") from None
    return line
