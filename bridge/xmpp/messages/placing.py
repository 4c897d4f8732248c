"""What is said outside of joined rooms, once its files are where everybody can fetch them: in hosted rooms, and in private.

A file takes its time on the way to the upload service; what is said behind it in the same conversation waits, so that the
order stays. Whatever has no such file, with nothing before it, is said at once. Joined rooms have a queue of their own
(``speech``). Called by the connector.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec.structs import replace

from bridge.core.deliveries import Announce, AsBridge, Edit, Post, React, Retract, Sent, SetTopic, Tell
from bridge.core.failures import Retry
from bridge.core.ids import Person, RoomId
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.surroundings import Surroundings

Said = Post | Edit | Retract | React | SetTopic | Announce | Tell
D = TypeVar("D", bound=Said)
Say = Callable[[D, tuple[Placed, ...]], "asyncio.Future[Sent]"]
"""Says something now; the files are those of the content, where everybody can fetch them, () if it needs none placed."""


class Conversations(Generic[D]):
    """The conversations in which something waits for a file."""

    def __init__(self, around: Surroundings, say: Say[D]) -> None:
        self._around = around
        self._say = say
        self._last: dict[RoomId, asyncio.Future[Sent]] = {}  # the newest that waits in each

    def say(self, delivery: D) -> "asyncio.Future[Sent]":
        """Say something, behind all that was to be said before in the same conversation."""
        room = delivery.head.room.id
        before = self._last.get(room)
        if before is None and not self._needs(delivery):
            return self._say(delivery, ())
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        if not self._around.spawn(self._later(delivery, before, done)):
            done.set_exception(Retry("the bridge is stopping"))
            return done
        self._last[room] = done
        done.add_done_callback(lambda _: self._over(room, done))
        return done

    def _over(self, room: RoomId, done: "asyncio.Future[Sent]") -> None:
        if self._last.get(room) is done:
            del self._last[room]

    def _needs(self, delivery: D) -> bool:
        files = delivery.content.attachments if isinstance(delivery, Post | Tell) else ()
        return any(map(self._around.uploads.needed, files))

    async def _later(self, delivery: D, before: "asyncio.Future[Sent] | None", done: "asyncio.Future[Sent]") -> None:
        try:
            placed: tuple[Placed, ...] = ()
            if isinstance(delivery, Post | Tell) and self._needs(delivery):
                files = delivery.content.attachments
                by = speaker(delivery)
                placed = tuple(await asyncio.gather(*(self._around.uploads.place(file, by) for file in files)))
                content = replace(delivery.content, attachments=tuple(each.file for each in placed))
                delivery = replace(delivery, content=content)
            if before is not None:
                await asyncio.wait([before])
            said = self._say(delivery, placed)
            await asyncio.wait([said])
            _pass_on(said, done)
        finally:
            if not done.done():
                done.set_exception(Retry("the bridge is stopping"))


def speaker(delivery: Said) -> Person | None:
    """Return whose files those of a delivery are, None where the bridge itself speaks."""
    voice = delivery.head.voice
    return None if isinstance(voice, AsBridge) else voice.member.person


def _pass_on(said: "asyncio.Future[Sent]", done: "asyncio.Future[Sent]") -> None:
    """Let what became of one be what became of the other."""
    if done.done() or said.cancelled():
        return
    error = said.exception()
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(said.result())
