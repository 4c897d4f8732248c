"""Asking about a channel that has just been entered: its modes, and who is in it. Called by ``absence``."""

import asyncio
from collections.abc import Callable

from bridge.core.events import TopicChanged
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.reading.attendance import WHOX
from connectors.irc.scene import Scene


def inquire(scene: Scene, connection: Connection, name: str, *, names: bool, then: Callable[[], None]) -> None:
    """Ask; when all is answered (or refused), the bridge is told who is there, and ``then`` is called.

    ``names``: ask for the names, too.
    """
    channel = scene.view.channel(name)

    def answered(answer: "asyncio.Future[list[Line]]") -> None:
        tell(answer)
        then()

    def tell(answer: "asyncio.Future[list[Line]]") -> None:
        if answer.cancelled() or answer.exception() is not None or scene.view.channel(name) is not channel:
            return
        place = scene.places.named(name)
        known = place.topic if place is not None else ""
        events = scene.inbound.listed(name, scene.now())
        scene.emit(event for event in events if not (isinstance(event, TopicChanged) and event.origin.key == known))
        scene.note_topic(name)

    try:
        connection.send("MODE", name)
        if names:
            connection.send("NAMES", name)
        question = (name, WHOX) if connection.isupport.whox else (name,)
        connection.request("WHO", *question).add_done_callback(answered)
    except Congested:
        then()
