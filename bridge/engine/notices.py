"""Telling people that something of theirs did not arrive: few notices, each with a reason.

Failures come in swarms (a network that refuses everything), so those of one person are collected for a moment and told
together, and then there is quiet for a while. A notice is a passing delivery to the person, never a line in a room: where
their network has no private messages it is counted, and the dead letters have the reason. Called by the hub with whatever
was given up. What an administrator announces in a room goes through here as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bridge.core.capabilities import Capabilities, Feature, Limit, Support, Unit
from bridge.core.content import Content, Kind
from bridge.core.degrade import fit
from bridge.core.deliveries import Announce, AsBridge, Delivery, Edit, Head, Post, Tell
from bridge.core.ids import DeliveryKey, EventKey, Network, Person, Room, RoomId, digest
from bridge.core.splitting import clip
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.ports import Timer

QUIET = 60.0
"""Seconds after a notice in which its reader gets no other."""
MOST_LINES = 5
_EXCERPT = Limit(60, Unit.CODE_POINTS)


@dataclass(slots=True)
class _Letter:
    """What one person is going to be told."""

    room: Room  # where they are
    lines: dict[str, int] = field(default_factory=dict)  # and how often each came up
    excerpts: dict[str, str] = field(default_factory=dict)  # of the first message that a line is about
    timer: Timer | None = None
    quiet_until: float = 0.0

    def add(self, line: str, excerpt: str) -> None:
        """Take a line, unless there are too many."""
        if line not in self.lines and len(self.lines) >= MOST_LINES:
            line, excerpt = "and more of the kind", ""
        self.lines[line] = self.lines.get(line, 0) + 1
        if excerpt:
            self.excerpts.setdefault(line, clip(" ".join(excerpt.split()), limit=_EXCERPT, ellipsis="…"))


class Notices:
    """Collects and sends them."""

    def __init__(
        self,
        desk: Desk,
        *,
        capabilities: Callable[[Network], Capabilities | None],
        post: Callable[[Delivery], None],
    ) -> None:
        self._clock = desk.clock
        self._counters = desk.counters
        self._limits = desk.limits
        self._capabilities = capabilities
        self._post = post
        self._letters: dict[Person, _Letter] = {}
        self._count = 0

    def undelivered(self, delivery: Delivery, reason: str, *, certain: bool) -> None:
        """Tell whoever is behind a delivery that it was given up."""
        head = delivery.head
        if isinstance(head.voice, AsBridge):
            return
        fate = "did not reach" if certain else "may not have reached"
        place = head.room.network if isinstance(delivery, Tell) else str(head.room)
        excerpt = delivery.content.text if isinstance(delivery, Post | Edit | Tell) else ""
        self.tell(head.voice.member.person, head.source, f"{fate} {place}: {reason}", excerpt=excerpt)

    def impossible(self, person: Person, source: Room, *, room: Room, feature: Feature) -> None:
        """Tell somebody that a room could not be told, because its network does not have what that takes."""
        self.tell(person, source, f"not told to {room}: {feature} is not possible there")

    def tell(self, person: Person, source: Room, line: str, *, excerpt: str = "") -> None:
        """Tell somebody who is in the room ``source``; with an excerpt the line is about that, and goes on after it."""
        letter = self._letters.get(person)
        if letter is None:
            letter = self._letters[person] = _Letter(source)
        letter.add(line, excerpt)
        if letter.timer is None:
            wait = max(self._limits.notice, letter.quiet_until - self._clock.monotonic())
            letter.timer = self._clock.call_later(wait, partial(self._send, person, letter))

    def announce(self, room: Room, text: str) -> None:
        """Say something in a room, in the bridge's own voice."""
        self._post(Announce(head=self._head(room, room), text=text))

    def close(self) -> None:
        """Forget what was not told yet."""
        for letter in self._letters.values():
            if letter.timer is not None:
                letter.timer.cancel()
        self._letters.clear()

    def _send(self, person: Person, letter: _Letter) -> None:
        letter.timer = None
        if not letter.lines:
            del self._letters[person]  # a whole interval of quiet
            return
        text = "\n".join(_worded(line, times, letter.excerpts.get(line, "")) for line, times in letter.lines.items())
        letter.lines.clear()
        letter.excerpts.clear()
        letter.quiet_until = self._clock.monotonic() + QUIET
        letter.timer = self._clock.call_later(QUIET, partial(self._send, person, letter))
        delivery = self._delivery(person, letter.room, text)
        if delivery is not None:
            self._counters.add(Count.NOTICES, person.network)
            self._post(delivery)

    def _delivery(self, person: Person, room: Room, text: str) -> Delivery | None:
        capabilities = self._capabilities(person.network)
        if capabilities is None:
            return None
        if capabilities.support(Feature.DIRECT) not in (Support.NATIVE, Support.FALLBACK):
            self._counters.add(Count.UNTOLD, person.network)
            return None
        head = self._head(Room(person.network, RoomId(person.id)), room)
        tell = Tell(head=head, person=person, content=Content(text=text, kind=Kind.NOTICE))
        return fit(tell, capabilities).delivery

    def _head(self, room: Room, source: Room) -> Head:
        self._count += 1
        now = self._clock.now()
        return Head(
            key=DeliveryKey(digest("notice", room.network, room.id, now, self._count)),
            room=room,
            voice=AsBridge(),
            source=source,
            event=EventKey(f"notice {now} {self._count}"),
            at=now,
        )


def _worded(line: str, times: int, excerpt: str) -> str:
    if times > 1:
        return f"{line} ({times} times)" if not excerpt else f"“{excerpt}” and {times - 1} more {line}"
    return f"“{excerpt}” {line}" if excerpt else line
