"""Who says a delivery: over which connection, in which dialect, and what it is if they cannot.

Core has chosen the voice; this finds the connection that it means here and now. A puppet that is on its way is waited for;
one that was refused has lost its voice, and the bridge says it as the relay. Nothing is said or changed here. Called by
``sending`` for every delivery, just before it goes out.
"""

from collections.abc import Callable, Sequence

import msgspec

from bridge.core.deliveries import AsBridge, AsMask, AsPuppet, AsRelay, Delivery, Kick, Post, React, SetTopic, Tell
from bridge.core.events import Member
from bridge.core.failures import Barred, DeliveryFailure, Permanent, Retry, VoiceLost
from bridge.core.ids import MessageId, Person, PersonId, RoomId
from connectors.irc.connection.client import Connection
from connectors.irc.connection.marks import TYPING
from connectors.irc.puppets.pool import Pool
from connectors.irc.puppets.wishes import Stage
from connectors.irc.reading.absence import Absence
from connectors.irc.reading.channels import Channel
from connectors.irc.reading.places import Place, Step
from connectors.irc.scene import Scene
from connectors.irc.speaking.outbound import Dialect

_REACTED = 2000
"""Sets of reactions that are remembered: IRC wants to know what changes, the bridge tells the whole set."""
_TYPING = 500
"""People composing at one time."""
_NO_CODES = "c"
"""Channel mode that refuses or strips formatting (InspIRCd, solanum, UnrealIRCd)."""


class Absent(msgspec.Struct, frozen=True):
    """The speaker is not there yet."""

    failure: DeliveryFailure  # what it is if they do not come in time
    since: float = 0.0  # since when they are waited for; 0: from now on


Found = Connection | Absent | DeliveryFailure


class Voices:
    """The speakers of one run."""

    def __init__(self, scene: Scene, pool: Pool, absence: Absence, listener: Callable[[], Connection | None]) -> None:
        self._scene = scene
        self._pool = pool
        self._absence = absence
        self.listener = listener
        self._reacted: dict[tuple[RoomId, MessageId, Person], tuple[str, ...]] = {}
        self._masks: dict[tuple[RoomId, PersonId], str] = {}  # of bans on their way
        self._typed: dict[tuple[RoomId, Person], float] = {}

    def find(self, delivery: Delivery) -> Found:
        """Return the connection that is to say it now, who is to be waited for, or why nobody will."""
        if isinstance(delivery, Tell):
            return self._in_private(delivery)
        place = self._scene.places.get(delivery.head.room.id)
        if place is None:
            return Permanent(f"{delivery.head.room.id} is not linked any more")
        if self._absence.is_reading(place.id):  # it may turn out to have been said
            return Absent(Retry(f"the history of {place.name} is being read"))
        match delivery:
            case Post():
                return self._speaker(delivery, place)
            case Kick():
                return self._kicker(place)
            case SetTopic():
                return self._topic_setter(delivery, place)
            case _:
                return self._speaker(delivery, place)

    def _speaker(self, delivery: Delivery, place: Place) -> Found:
        match delivery.head.voice:
            case AsPuppet(member=member):
                return self._puppet(place, member.person)
            case AsRelay() | AsMask() | AsBridge():
                return self._relay(place)

    def _puppet(self, place: Place, person: Person) -> Found:
        puppet = self._pool.get(person)
        wish = puppet.wishes.get(place.id) if puppet is not None else None
        if puppet is None or wish is None:
            return VoiceLost(f"not in {place.name}")
        if wish.stage is Stage.IN and puppet.connection is not None:
            puppet.spoke = self._scene.time()
            return puppet.connection
        if wish.stage is Stage.REFUSED:
            return VoiceLost(wish.reason)
        wish.awaited = wish.awaited or self._scene.time()
        return Absent(VoiceLost(puppet.trouble or f"not in {place.name} yet"), since=wish.awaited)

    def _relay(self, place: Place) -> Found:
        connection = self.listener()
        if not place.is_ours or not self._scene.settings.listener:
            return Permanent(f"nobody speaks for the bridge in {place.name}")
        if connection is None:
            return Absent(Retry(f"not connected to {self._scene.network}"))
        if place.step is Step.IN:
            return connection
        if place.step is Step.OUT:
            reason = f"the bridge is not in {place.name}: {place.reason}".removesuffix(": ")
            # while puppets speak there, what is given up has been overtaken: nothing brings it back by itself
            return Absent(Permanent(reason) if self._pool.deputies.has(place.id) else Barred(reason))
        return Absent(Retry(f"not in {place.name} yet"))

    def _in_private(self, delivery: Tell) -> Found:
        match delivery.head.voice:
            case AsPuppet(member=member):
                puppet = self._pool.summon(member)
                puppet.addresses(delivery.person.id)
                if puppet.connection is not None:
                    return puppet.connection
                return Absent(VoiceLost(puppet.trouble or f"not connected to {self._scene.network} yet"))
            case AsRelay() | AsMask() | AsBridge():
                if not self._scene.settings.listener:
                    return Permanent(f"nobody speaks for the bridge on {self._scene.network}")
                return self.listener() or Absent(Retry(f"not connected to {self._scene.network}"))

    def _kicker(self, place: Place) -> Found:
        found = self._relay(place)
        if isinstance(found, Connection) and not self._scene.view.has_op(place.name, found.nick):
            return Permanent(f"the bridge has no right to remove anybody from {place.name}")
        return found

    def _topic_setter(self, delivery: SetTopic, place: Place) -> Found:
        """Choose the puppet where it may, else the listener."""
        found = self._speaker(delivery, place)
        if not isinstance(found, Connection) or self._may_set_topic(place, found.nick):
            return found
        listener = self._relay(place)
        if isinstance(listener, Connection) and self._may_set_topic(place, listener.nick):
            return listener
        return Permanent(f"only operators may set the topic of {place.name}, and the bridge is none")

    def _may_set_topic(self, place: Place, nick: str) -> bool:
        channel = self._scene.view.channel(place.name)
        return channel is None or "t" not in channel.modes or self._scene.view.has_op(place.name, nick)

    def can_tell(self, delivery: Delivery, connection: Connection | None) -> bool:
        """Tell whether the listener will see what a lost connection has said, and its end."""
        listener = self.listener()
        return listener is not None and listener is not connection and not isinstance(delivery, Tell)

    def dialect(self, delivery: Delivery, connection: Connection) -> Dialect:
        """Return how it has to be said over a connection."""
        scene = self._scene
        room = delivery.head.room.id
        place, channel = scene.places.get(room), scene.view.channel(room)
        isupport, settings = connection.isupport, scene.settings
        return Dialect(
            channel=room,
            available=connection.available,
            tags="message-tags" in connection.caps,
            redaction="draft/message-redaction" in connection.caps,
            codes=not (_takes_no_codes(channel) or (place is not None and place.is_plain)),
            corrections=settings.corrections,
            retractions=settings.retractions,
            reactions=settings.reactions,
            nick_of=self._nick_of,
            page=scene.hub.page,
            lines=settings.lines,
            guard=settings.guard_names,
            topic_length=isupport.topiclen,
            kick_length=isupport.kicklen,
            is_recent=lambda ids: scene.is_recent(room, ids),
            mask=lambda person: self._mask_for(room, person),
            keyed=self.is_told_again(room),
        )

    def is_told_again(self, room: RoomId) -> bool:
        """Tell whether a channel's history can be asked later what was said."""
        place = self._scene.places.get(room)
        return place is not None and self._absence.is_told_again(place, self.listener())

    def _nick_of(self, person: Person) -> str:
        """Return the nick of somebody on this network."""
        user = self._scene.view.user(person.id) if person.network == self._scene.network else None
        return user.nick if user is not None else ""

    def _mask_for(self, room: RoomId, person: PersonId) -> str:
        """Return whom a ban is for, and keep it in mind until it is known to be set."""
        mask = self._masks[room, person] = self._mask(person)
        if len(self._masks) > _REACTED:
            del self._masks[next(iter(self._masks))]
        return mask

    def _mask(self, person: PersonId) -> str:
        """Return whom a ban is for: the host, unless others have the same (a bouncer, a web client, a bridge)."""
        users = self._scene.view.users
        user = self._scene.view.user(person)
        if user is None or not user.host or sum(other.host == user.host for other in users.values()) > 1:
            return f"{person}!*@*"
        return f"*!*@{user.host}"

    def reacted(self, delivery: React) -> Sequence[str]:
        """Return the reactions that the same person has had to the same message until now."""
        return self._reacted.get(_reaction_key(delivery), ())

    def said(self, delivery: Delivery, ids: Sequence[MessageId]) -> None:
        """Take note of what was said."""
        match delivery:
            case Post():
                self._scene.note_message(delivery.head.room.id, ids)
            case React():
                key = _reaction_key(delivery)
                self._reacted.pop(key, None)
                self._reacted[key] = delivery.reactions
                if len(self._reacted) > _REACTED:
                    del self._reacted[next(iter(self._reacted))]
            case Kick(ban=True, person=person):
                mask = self._masks.pop((delivery.head.room.id, person.id), "")
                if mask:
                    self._scene.bans.was_set(delivery.head.room.id, person.id, mask)
            case _:
                pass

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that somebody composes, if it costs nothing."""
        puppet, place = self._pool.get(member.person), self._scene.places.get(room)
        connection = puppet.connection if puppet is not None and puppet.wishes.is_in(room) else None
        if connection is None or place is None or connection.waiting or "message-tags" not in connection.caps:
            return
        now, key = self._scene.time(), (room, member.person)
        if active and now - self._typed.get(key, -self._scene.pace.typing) < self._scene.pace.typing:
            return
        if active:
            self._typed.pop(key, None)
            self._typed[key] = now
            if len(self._typed) > _TYPING:
                del self._typed[next(iter(self._typed))]
        elif self._typed.pop(key, None) is None:
            return
        connection.send("TAGMSG", place.name, tags={TYPING: "active" if active else "done"})


def _takes_no_codes(channel: Channel | None) -> bool:
    return channel is not None and _NO_CODES in channel.modes


def _reaction_key(delivery: React) -> tuple[RoomId, MessageId, Person]:
    voice = delivery.head.voice
    person = (
        voice.member.person if not isinstance(voice, AsBridge) else Person(delivery.head.room.network, PersonId(""))
    )
    return delivery.head.room.id, delivery.ids[0] if delivery.ids else MessageId(""), person
