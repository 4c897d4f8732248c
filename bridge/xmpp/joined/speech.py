"""What is said in one joined room: deliveries wait for their speaker, go out in order, end with the reflection.

A MUC reflects every message to its sender, so the reader's copy with our id is the acknowledgement (XEP-0045 section
7.4); an error with our id is the refusal; neither, after :data:`PATIENCE` seconds, means that the room has to be looked
at. Reflections that nobody waits for are remembered: a delivery that comes again after a lost stream, and whose words
are in the replayed history, has been said already and is not said twice.

Not here: writing stanzas (outbound), joining (ghosts, listener). The room calls this; there is no task and no timer.
"""

import asyncio
import enum
from collections import deque
from typing import Protocol, assert_never

from bridge.core.content import Reply
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Edit,
    Post,
    React,
    Retract,
    Sent,
    SetTopic,
)
from bridge.core.failures import Barred, DeliveryFailure, Permanent, Retry, VoiceLost
from bridge.core.ids import MessageId, Person
from bridge.engine.recent import Recent
from bridge.xmpp.joined.ghost import Ghost, Stage
from bridge.xmpp.joined.ghosts import Ghosts
from bridge.xmpp.joined.muc import Refusal
from bridge.xmpp.joined.refusals import NOT_IN_ROOM, failure
from bridge.xmpp.messages import outbound
from bridge.xmpp.messages.outbound import Speaker, Spoken
from bridge.xmpp.messages.placing import speaker
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.surroundings import Surroundings

PATIENCE = 10.0
"""Seconds until a message without reflection makes us doubt the room."""
GIVE_UP = 20.0
"""Seconds until such a message goes back to the outbox; nearly as long do deliveries wait for their speaker."""
REMEMBERED = 2_000
"""Reflections and speakers that are remembered at least."""


class Place(Protocol):
    """What speech needs of its room."""

    address: str
    around: Surroundings
    ghosts: Ghosts

    def speaking(self) -> bool:
        """Whether the reader is in the room and has read the history that it was sent."""

    def shut(self) -> str:
        """Return why nobody will get into the room any more, "" if that may still be."""

    def voice(self) -> str | None:
        """Return the listener's address while it is in the room itself."""

    def stable_ids(self) -> bool:
        """Whether the room gives stanza-ids (XEP-0359)."""

    def occupant_of(self, reply: Reply) -> str:
        """Return the occupant JID of whom a reply answers, "" where unknown."""

    def seat_of(self, person: Person) -> str:
        """Return the occupant JID of somebody who is in the room themselves, "" where they are not."""

    def moderate(self, retract: Retract, done: "asyncio.Future[Sent]") -> bool:
        """Try to remove a message as a moderator (XEP-0425); False if the listener or the room cannot."""

    def suspect(self) -> None:
        """Doubt that the room still knows us."""


class Turn(enum.Enum):
    """Why nobody says a delivery now."""

    LATER = enum.auto()  # its speaker is on the way; all that is behind it waits too
    ELSEWHERE = enum.auto()  # it is done by other means


_LATER, _PRESENT = Turn.LATER, Stage.PRESENT
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""


class Order:
    """One delivery on its way."""

    __slots__ = ("address", "delivery", "done", "ghost", "ids", "names", "placed", "placing", "since")

    def __init__(self, delivery: Spoken, done: "asyncio.Future[Sent]", since: float) -> None:
        self.delivery = delivery
        self.done = done
        self.since = since  # when it came, then when it was written
        self.ghost: Ghost | None = None
        self.address = ""
        self.ids: list[str] = []  # of its parts
        self.names: dict[str, str] = {}  # id -> stanza-id of the parts that the room has said
        self.placing = False  # its files are on their way to where everybody can fetch them
        self.placed: tuple[Placed, ...] = ()


class Speech:
    """Everything that is being said in one room."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._queue: deque[Order] = deque()
        self._awaited: dict[str, Order] = {}  # by stanza id, oldest first
        self._heard: Recent[str, str] = Recent(REMEMBERED)  # reflections that nobody waited for: id -> stanza-id
        self._unsure: int | None = None  # when the oldest of those happened that were on the wire when it was cut
        self._said_by: Recent[str, str] = Recent(REMEMBERED)  # id or stanza-id -> our address

    def __len__(self) -> int:
        """Return how many deliveries wait, or are on the wire."""
        return len(self._queue) + len(self._awaited)

    def say(self, delivery: Spoken) -> "asyncio.Future[Sent]":
        """Say this in the room, after all that was to be said before."""
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        why = self._place.shut()
        if why:
            done.set_exception(Barred(why))
            return done
        order = Order(delivery, done, self._place.around.clock.monotonic())
        self._queue.append(order)
        if isinstance(delivery, Post) and delivery.content.attachments:
            self._look_after_files(order, delivery)
        if len(self._queue) == 1:
            self.pump()
        return done

    def _look_after_files(self, order: Order, post: Post) -> None:
        if any(map(self._place.around.uploads.needed, post.content.attachments)):
            order.placing = self._place.around.spawn(self._place_files(order, post))

    async def _place_files(self, order: Order, post: Post) -> None:
        """Put the files of a message where everybody can fetch them; what is said behind it waits."""
        uploads, by = self._place.around.uploads, speaker(post)
        placing = (uploads.place(file, by) for file in post.content.attachments)
        order.placed = tuple(await asyncio.gather(*placing))
        order.placing = False
        order.since = self._place.around.clock.monotonic()
        self.pump()

    def pump(self) -> None:
        """Write what can be written; the rest waits behind the first that cannot."""
        while self._queue and self._place.speaking():
            order = self._queue[0]
            speaker = self._speaker(order)
            if speaker is _LATER:
                return
            self._queue.popleft()
            if isinstance(speaker, DeliveryFailure):
                self._give_up(order, speaker)
            elif isinstance(speaker, Speaker):
                self._write(order, speaker)

    def awaits(self, id_: str) -> bool:
        """Whether a message with this id is on the wire."""
        return id_ in self._awaited

    def awaits_words(self, id_: str) -> bool:
        """Whether a message with this id is on the wire, and more than a change of subject."""
        order = self._awaited.get(id_)
        return order is not None and not isinstance(order.delivery, SetTopic)

    def reflected(self, id_: str, stanza_id: str) -> None:
        """Take the room's copy of one of our messages."""
        order = self._awaited.pop(id_, None)
        if order is None:
            self._heard.put(id_, stanza_id)
            return
        order.names[id_] = stanza_id
        if len(order.names) == len(order.ids):
            self._finish(order)

    def topic_reflected(self, topic: str, stanza_id: str) -> None:
        """Take the room's copy of a topic of ours that has lost its id on the way: Prosody writes a message of its own."""
        said = (i for i, o in self._awaited.items() if isinstance(o.delivery, SetTopic) and o.delivery.topic == topic)
        id_ = next(said, None)
        if id_ is not None:
            self.reflected(id_, stanza_id)

    def bounced(self, id_: str, refusal: Refusal) -> None:
        """Take the error that answers one of our messages."""
        order = self._awaited.get(id_)
        if order is None:
            return
        self._withdraw(order)
        if refusal.condition in NOT_IN_ROOM:
            if order.ghost is not None:
                self._place.ghosts.dropped_silently(order.ghost)
            else:
                self._place.suspect()
        _fail(order, failure(refusal, by_ghost=order.ghost is not None))

    def give_back(self, reason: str) -> None:
        """Give everything back to the outbox: nothing can be said here now."""
        for order in self._empty():
            _fail(order, Retry(reason))

    def refuse_all(self, reason: str) -> None:
        """Give everything up: nothing will be said here any more."""
        for order in self._empty():
            _fail(order, Barred(reason))

    def since(self) -> int | None:
        """Return when the oldest words were said of which nobody knows whether the room has them (ms since the epoch).

        Asking starts it anew: from then on it is about what waits now.
        """
        waiting = [order.delivery.head.at for order in self._queue]
        unsure, self._unsure = self._unsure, None
        return min(waiting + ([] if unsure is None else [unsure]), default=None)

    def _empty(self) -> list[Order]:
        orders = list(dict.fromkeys((*self._awaited.values(), *self._queue)))
        if self._awaited:
            oldest = min(order.delivery.head.at for order in self._awaited.values())
            self._unsure = oldest if self._unsure is None else min(oldest, self._unsure)
        self._queue.clear()
        self._awaited.clear()
        return orders

    def tick(self, now: float) -> None:
        """Look at what has waited for long; once a second."""
        oldest = next(iter(self._awaited.values()), None)
        if oldest is not None and now - oldest.since > PATIENCE:
            self._place.suspect()
            for order in dict.fromkeys(self._awaited.values()):
                if now - order.since > GIVE_UP:
                    self._withdraw(order)
                    _fail(order, Retry("the room has not said it", after=1.0))
        if self._queue and not self._queue[0].placing and now - self._queue[0].since > GIVE_UP:
            if self._place.speaking():
                self._give_up(self._queue.popleft(), VoiceLost("the ghost did not get into the room in time"))
                self.pump()
            else:
                self.give_back("the bridge is not in the room")

    def _give_up(self, order: Order, failed: DeliveryFailure) -> None:
        """Fail the first in line; where it will come again, those behind have to come again after it."""
        _fail(order, failed)
        if isinstance(failed, VoiceLost | Retry):
            behind, self._queue = self._queue, deque()
            for other in behind:
                other.done.cancel()

    # -- who says it

    def _speaker(self, order: Order) -> Speaker | DeliveryFailure | Turn:
        """Choose who says it."""
        if order.placing:
            return Turn.LATER
        delivery = order.delivery
        if isinstance(delivery, Retract):
            return self._retracting(order, delivery)
        voice = delivery.head.voice
        match voice:
            case AsPuppet():
                return self._as_ghost(order, voice)
            case AsRelay() | AsMask() | AsBridge():
                return self._as_listener(order)
            case _:
                assert_never(voice)

    def _as_ghost(self, order: Order, voice: AsPuppet) -> Speaker | DeliveryFailure | Turn:
        ghost = self._place.ghosts.get(voice.member.person)
        if ghost is None:
            return VoiceLost(f"{voice.member.name} is not shown in the room")
        if ghost.stage is _PRESENT:
            order.ghost = ghost
            return self._speaking_as(order, ghost.address)
        if ghost.stage is Stage.REFUSED or not ghost.wanted:
            return VoiceLost(ghost.reason or f"{voice.member.name} is not shown in the room")
        self._place.ghosts.hurry(ghost)
        return Turn.LATER

    def _as_listener(self, order: Order) -> Speaker | DeliveryFailure:
        address = self._place.voice()
        if address is None:
            return Retry("the bridge itself is not in the room", after=30.0)
        return self._speaking_as(order, address)

    def _speaking_as(self, order: Order, address: str) -> Speaker:
        order.address = address
        delivery, place = order.delivery, self._place
        named = delivery.content.mentions if isinstance(delivery, _WORDED) else ()
        if isinstance(delivery, Post) and delivery.reply is None and not named and not order.placed:
            return outbound.speaker(address, place.address, stable_ids=place.stable_ids())
        reply_to, known_as = "", True
        if isinstance(delivery, Post) and delivery.reply is not None:
            reply_to = place.occupant_of(delivery.reply)
        elif isinstance(delivery, Edit) and delivery.ids:
            known_as = self._said_by.get(delivery.ids[-1]) in (None, address)
        return Speaker(
            address=address,
            room=place.address,
            stable_ids=place.stable_ids(),
            reply_to=reply_to,
            known_as=known_as,
            seats={each.person: seat for each in named if (seat := place.seat_of(each.person))},
            placed=order.placed,
        )

    def _retracting(self, order: Order, retract: Retract) -> Speaker | DeliveryFailure | Turn:
        """Let whoever said it take it back (XEP-0424 section 5); anything else is a moderation."""
        if not retract.ids:
            return Permanent("nobody knows what the message is called in this room")
        author = self._said_by.get(retract.ids[0])
        ghost = self._place.ghosts.at(author) if author else None
        if author and author == self._place.voice():
            return self._as_listener(order)
        if ghost is not None and ghost.stage is Stage.PRESENT:
            order.ghost = ghost
            return self._speaking_as(order, ghost.address)
        voice = retract.head.voice
        if author is None and not retract.moderated and isinstance(voice, AsPuppet):
            return self._as_ghost(order, voice)
        if self._place.moderate(retract, order.done):
            return Turn.ELSEWHERE
        return Permanent("only who said it, or a moderator, can take it back in this room")

    # -- saying it

    def _write(self, order: Order, speaker: Speaker) -> None:
        order.since = self._place.around.clock.monotonic()
        for part in outbound.parts(order.delivery, speaker):
            order.ids.append(part.id)
            known = self._heard.get(part.id)
            if known is not None:
                order.names[part.id] = known
                continue
            self._awaited[part.id] = order
            self._place.around.component.send(part.stanza)
        if len(order.names) == len(order.ids):
            self._finish(order)

    def _finish(self, order: Order) -> None:
        """Be done with a delivery: the room has said all of it."""
        names = [(order.names[id_], id_) for id_ in order.ids]
        for stanza_id, id_ in names:
            self._said_by.put(id_, order.address)
            if stanza_id:
                self._said_by.put(stanza_id, order.address)
        if not order.done.done():
            order.done.set_result(Sent(_ids(order.delivery, names)))
            self._place.around.settles()

    def _withdraw(self, order: Order) -> None:
        for id_ in order.ids:
            self._awaited.pop(id_, None)


_WORDED = (Post, Edit)


def _ids(delivery: Spoken, names: list[tuple[str, str]]) -> tuple[MessageId, ...]:
    """Return what the room calls the copy; a correction, reaction or retraction makes no copy of its own."""
    match delivery:
        case Post() | Announce():
            return outbound.sent_ids(names)
        case Edit() | React() | Retract() | SetTopic():
            return ()
        case _:
            assert_never(delivery)


def _fail(order: Order, failed: DeliveryFailure) -> None:
    if not order.done.done():
        order.done.set_exception(failed)
