"""Asking about a channel that has just been entered: its modes, who is in it, and what was said while nobody read.

Called by whoever begins to read a channel: the listener, or a deputy in its place.
"""

import asyncio
import contextlib
from datetime import UTC, datetime

from bridge.core.events import TopicChanged
from connectors.irc.attendance import WHOX
from connectors.irc.client import Congested, Connection, Line
from connectors.irc.places import Place
from connectors.irc.scene import Scene

HISTORY = "draft/chathistory"
"""Capability of servers that can be asked for what was said (IRCv3 chathistory); others replay by themselves, or cannot."""
_MOST = 500
"""Lines of history that are asked for, at most, where the server has no limit of its own."""


def inquire(scene: Scene, connection: Connection, name: str, *, names: bool) -> None:
    """Ask; when all is answered (or refused), the bridge is told who is there. ``names``: ask for the names, too."""
    channel = scene.view.channel(name)

    def answered(answer: "asyncio.Future[list[Line]]") -> None:
        if answer.cancelled() or answer.exception() is not None or scene.view.channel(name) is not channel:
            return
        place = scene.places.named(name)
        known = place.topic if place is not None else ""
        events = scene.inbound.listed(name, scene.now())
        scene.emit(event for event in events if not (isinstance(event, TopicChanged) and event.origin.key == known))
        scene.note_topic(name)

    with contextlib.suppress(Congested):
        connection.send("MODE", name)
        if names:
            connection.send("NAMES", name)
        question = (name, WHOX) if connection.isupport.whox else (name,)
        connection.request("WHO", *question).add_done_callback(answered)


async def catch_up(scene: Scene, connection: Connection, place: Place) -> None:
    """Ask for what was said since the last fact that the bridge has of a room; the answer is read as history."""
    cursor = await scene.hub.cursor(place.id)
    if cursor is None or not connection.is_up:
        return
    since = datetime.fromtimestamp(cursor.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    limit = connection.isupport.tokens.get("CHATHISTORY", "")
    most = min(int(limit) if limit.isdecimal() and int(limit) else _MOST, _MOST)
    connection.send("CHATHISTORY", "AFTER", place.name, f"timestamp={since}", str(most))
