"""What is said in hosted rooms: by clients, to all or to one, and by deliveries for the people of the remote room.

A client's words are told to everybody in the room, kept in the archive and handed to the hub, unless its user may not speak;
plain words are read by their bytes (:meth:`Speaking.understood`), to the same effect. How lines are written is in
``speech``, who is told is the room's to say. Called by ``service``.
"""

from collections.abc import Callable, Iterable
from itertools import count
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.acts import Setting
from bridge.core.deliveries import Announce, AsPuppet, AsRelay, Edit, Post, React, Retract, Sent, SetTopic
from bridge.core.events import Member, Rank, TopicChanged
from bridge.core.failures import Permanent, Retry
from bridge.core.ids import XMPP, MessageId, Person, Room, RoomId
from bridge.xmpp.hosted import occupants, speech
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.occupants import MODERATORS, Occupant
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.hosted.ports import Doing, Gateway
from bridge.xmpp.hosted.requests import Refused, bounced, returned
from bridge.xmpp.hosted.room import Out, Subject
from bridge.xmpp.hosted.speech import Line, Saying
from bridge.xmpp.messages import inbound, outbound
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.people.blocking import BLOCKED
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

Spoken = Post | Edit | Retract | React | SetTopic | Announce

_SPEAK = Doing.SPEAK  # on the way of every message, where a member of an Enum costs as much as a call
_SALT = 8
"""Characters that no other run of the bridge has in its stanza-ids."""


class Speaking:
    """Lets everybody in a room hear what is said there."""

    def __init__(
        self,
        around: Surroundings,
        *,
        gateway: Callable[[], Gateway | None],
        place: Callable[[str], Place | None],
        archivist: Archivist,
        carry: Callable[[Place, Iterable[Out]], None],
    ) -> None:
        """``carry`` does what follows from something that was done to a room."""
        self.keepsakes: Keepsakes | None = None  # until the connector has given some
        self.blocks: Callable[[str, str], bool] = lambda _, __: False
        """Tells whether a user has blocked an address of ours; set by the connector."""
        self._around = around
        self._gateway = gateway
        self._place = place
        self._archivist = archivist
        self._carry = carry
        self._numbers = count()
        self._salt = around.token()[:_SALT]

    # -- clients

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Take a client's plain words by their bytes; False: it takes a parser, and :meth:`said`, to know what becomes of them."""
        client, address = attrs.get("from", ""), attrs.get("to", "")
        place = self._place(address)
        occupant = place.room.at(client) if place is not None else None
        words = speech.plain(stanza) if occupant is not None else None
        if place is None or occupant is None or words is None:
            return False
        id_ = attrs.get("id", "")
        refused = self._muted(place, occupant)
        if refused is not None:
            self._around.component.send(bounced(refused, to=address, client=client, id_=id_))
            return True
        now = self._around.clock.now()
        saying = self._saying(place, occupant, now)
        self._tell(place, speech.repeated(words, id_, saying))
        names = inbound.Ids(saying.id, id_, words.origin)
        said = inbound.Words(words.text, names)
        sender = _member(occupant, client)
        self._around.emit(inbound.read_words(said, occupant.nick, scene=place.scene, sender=sender, at=now))
        return True

    def said(self, place: Place, occupant: Occupant, element: Element) -> None:
        """Say to everybody what somebody says, and tell the hub."""
        refused = self._refused(place, occupant, element)
        if refused is not None:
            if not speech.is_fleeting(element):
                self.bounce(element, refused)
            return
        now = self._around.clock.now()
        saying = self._saying(place, occupant, now)
        sender = _member(occupant, element.get("from", ""))
        names = inbound.Ids(saying.id, element.get("id", ""), inbound.ids(element, place.scene).origin)
        event = inbound.read(element, scene=place.scene, sender=sender, names=names, at=now)
        if isinstance(event, TopicChanged):
            self._carry(place, place.room.name(Subject(event.topic, occupant.nick, now)))
        else:
            line = speech.copied(element, saying)
            if speech.has_words(element):
                self._tell(place, line)
            else:
                self._send(place, line)
        if event is not None:
            self._around.emit(event)

    def _saying(self, place: Place, occupant: Occupant, now: int) -> Saying:
        """Name what somebody is about to say: of such names an index grows at its end, where it was written last."""
        name = f"{now:011x}{next(self._numbers) & 0xFFFF:04x}{self._salt}"
        return Saying(place.id, occupant.nick, occupant.id, name, now)

    def _refused(self, place: Place, occupant: Occupant, element: Element) -> Refused | None:
        """Say why something of a user's is not taken; what is no message (typing, markers) is not counted."""
        has_body = element.find(inbound.BODY) is not None
        is_counted = has_body or speech.has_words(element)
        if has_body or element.find(inbound.SUBJECT) is None:
            return self._muted(place, occupant, is_counted=is_counted)
        return self._fixed(place, occupant, is_counted=is_counted)

    def _muted(self, place: Place, occupant: Occupant, *, is_counted: bool = True) -> Refused | None:
        """Say why a user may not speak now: for us, or in the remote room as far as is known (sections 7.4 and 8.1)."""
        if is_counted and (why := self._hurries(place, occupant)):
            return Refused("resource-constraint", why)
        if place.room.moderated and occupant.rank is Rank.MEMBER:
            return Refused("forbidden", "only who has voice may speak here")
        return None

    def _fixed(self, place: Place, occupant: Occupant, *, is_counted: bool) -> Refused | None:
        """Say why a user may not set the subject now."""
        gateway = self._gateway()
        if is_counted and (why := self._hurries(place, occupant)):
            return Refused("resource-constraint", why)
        if gateway is None or occupant.rank in MODERATORS:
            return None
        by_all = gateway.configuration(place.remote).settings.get(Setting.TOPIC_BY_ALL, True)
        return None if by_all else Refused("forbidden", "only operators may set the subject here")

    def _hurries(self, place: Place, occupant: Occupant) -> str:
        """Say why a user has to wait before they say more."""
        gateway = self._gateway()
        return "" if gateway is None else gateway.hurries(occupant.person.id, _SPEAK, place.id)

    def whispered(self, place: Place, occupant: Occupant, nick: str, element: Element) -> None:
        """Take a private message to an occupant (section 7.5)."""
        gateway, to = self._gateway(), place.room.called(nick)
        if to is None:
            self.bounce(element, Refused("item-not-found", "there is nobody of this nick in the room"))
            return
        if gateway is not None and (why := gateway.hurries(occupant.person.id, Doing.SPEAK)):
            self.bounce(element, Refused("resource-constraint", why))
            return
        refused = self._blocked(place, occupant, to)
        if refused is not None:
            self.bounce(element, refused)
            return
        if to.is_user:
            self._pass_on(place, occupant, to, element)
            return
        room = Room(XMPP, RoomId(to.address or f"{place.id}/{nick}"))
        sender = _member(occupant, element.get("from", ""))
        event = inbound.direct(element, room=room, sender=sender, to=to.person, at=self._around.clock.now())
        if event is not None:
            self._around.emit(event)
            if self.keepsakes is not None and to.address:
                self.keepsakes.person(occupant.person.id, to.address, name=to.nick, network=to.person.network)

    def _blocked(self, place: Place, occupant: Occupant, to: Occupant) -> Refused | None:
        """Say why nothing private passes between two occupants: one has blocked the other (XEP-0191 sections 3.3 and 3.5)."""
        if any(self.blocks(occupant.person.id, name) for name in self._names(place, to)):
            return Refused("not-acceptable", "you have blocked them", special=BLOCKED)
        if to.is_user and any(self.blocks(to.person.id, name) for name in self._names(place, occupant)):
            return Refused("service-unavailable")
        return None

    def _names(self, place: Place, occupant: Occupant) -> tuple[str, str]:
        """Return the addresses that somebody has: in the room, and outside of it."""
        outside = occupants.address(occupant.nick.lower(), place.remote.network, self._around.component.domain)
        return f"{place.id}/{occupant.nick}", occupant.address or outside

    def _pass_on(self, place: Place, occupant: Occupant, to: Occupant, element: Element) -> None:
        inner = "".join(speech.written(child) for child in element if not speech.is_forged(child, place.id))
        extra = f"{inner}<x xmlns='{ns.MUC_USER}'/>{occupants.identity(occupant.id)}"
        kind = "" if element.get("type", "normal") == "normal" else "chat"
        for client in to.clients:
            stanza = stanzas.message(
                f"{place.id}/{occupant.nick}", client, kind=kind, id_=element.get("id", ""), extra=extra
            )
            self._around.component.send(stanza)

    def bounce(self, element: Element, refused: Refused) -> None:
        """Answer a client's message with an error."""
        self._around.component.send(returned(element, refused))

    # -- deliveries

    def deliver(self, delivery: Spoken, placed: tuple[Placed, ...] = ()) -> Sent:
        """Say something in a room; its files are ``placed`` where they had to be put somewhere. Raises: DeliveryFailure."""
        place = self._place(delivery.head.room.id)
        if place is None:
            raise Permanent("the bridge does not host this room")
        if not self._around.component.connected():
            raise Retry("there is no connection to the XMPP server")
        voice = delivery.head.voice
        speaker = place.room.find(voice.member.person) if isinstance(voice, AsPuppet | AsRelay) else None
        if speaker is not None and isinstance(voice, AsRelay):  # here they are themselves
            head = msgspec.structs.replace(delivery.head, voice=AsPuppet(member=voice.member))
            delivery = msgspec.structs.replace(delivery, head=head)
        if isinstance(delivery, SetTopic):
            nick = "" if speaker is None else speaker.nick
            self._carry(place, place.room.name(Subject(delivery.topic, nick, delivery.head.at)))
            return Sent()
        if isinstance(delivery, Post) and not placed and outbound.is_plain(delivery):
            saying = _as_delivered(delivery, f"{_prefix(delivery)}{delivery.head.key}", place, speaker)
            self._tell(place, speech.worded(delivery, saying))
            return Sent((MessageId(saying.id),))
        return self._written(delivery, placed, place, speaker)

    def _written(self, delivery: Spoken, placed: tuple[Placed, ...], place: Place, speaker: Occupant | None) -> Sent:
        """Say what takes some writing: parts, quotes, files, corrections."""
        sender = f"{place.id}/{speaker.nick}" if speaker is not None else str(place.id)
        speaking = outbound.Speaker(
            address=sender,
            room="@",
            stable_ids=False,  # the room's id of it is the attribute as well
            seats=_seats(place, delivery),
            placed=placed,
            prefix=_prefix(delivery),
        )
        parts = outbound.parts(delivery, speaking)
        for part in parts:
            self._tell(place, speech.spoken(part.stanza, _as_delivered(delivery, part.id, place, speaker)))
        return Sent(tuple([MessageId(part.id) for part in parts]) if isinstance(delivery, Post) else ())

    def typing(self, place: Place, member: Member, *, active: bool) -> None:
        """Show that somebody of the remote room composes."""
        occupant = place.room.find(member.person)
        if occupant is None:
            return
        state = stanzas.chat_state("composing" if active else "paused") + stanzas.hint("no-store")
        stanza = stanzas.message(f"{place.id}/{occupant.nick}", "@", kind="groupchat", extra=state)
        head, _, tail = stanza.partition(" to='@'")
        tail = tail.removesuffix(speech.END) + occupants.identity(occupant.id) + speech.END
        self._send(place, Line("", 0, occupant.nick, head, tail))

    # -- everybody

    def _tell(self, place: Place, line: Line) -> None:
        """Say something that is worth keeping."""
        room = place.room
        if room.logged:
            self._archivist.keep(place.id, line)
        room.remember(line)
        self._send(place, line)

    def _send(self, place: Place, line: Line) -> None:
        for client in place.room.clients():
            self._around.component.send(line.to(client))


def _as_delivered(delivery: Spoken, id_: str, place: Place, speaker: Occupant | None) -> Saying:
    nick, occupant = ("", "") if speaker is None else (speaker.nick, speaker.id)
    return Saying(place.id, nick, occupant, id_, delivery.head.at)


def _prefix(delivery: Spoken) -> str:
    """Return how the ids of a delivery begin: the same however often it is tried, and ordered by time like all others."""
    return f"{delivery.head.at:011x}-"


def _member(occupant: Occupant, client: str) -> Member:
    person = occupant.person
    return Member(person=person, name=occupant.nick, account=person.id, address=client, session=True)


def _seats(place: Place, delivery: Spoken) -> dict[Person, str]:
    """Return the occupant JIDs of those whom a text names, as far as they are in the room."""
    named = delivery.content.mentions if isinstance(delivery, Post | Edit) else ()
    found = {each.person: place.room.find(each.person) for each in named if each.person.network == XMPP}
    return {person: f"{place.id}/{occupant.nick}" for person, occupant in found.items() if occupant is not None}
