"""Private messages: from somebody on XMPP to a ghost, and from a remote person to somebody on XMPP.

To a ghost one writes either at its address (``bob%libera@bridge.example.org``) or, as a MUC private message (XEP-0045
section 7.5), at its occupant JID. The other way a ghost writes to the real address where it is known, else to the
occupant. There is no reflection here: what the server has read, and has not bounced, is taken to have arrived.

To the bridge itself and to a network one says commands (``console``).
Called by the connector.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import assert_never
from xml.etree.ElementTree import Element

from bridge.core.content import Kind
from bridge.core.deliveries import AsBridge, AsMask, AsPuppet, AsRelay, Sent, Tell
from bridge.core.events import DirectCopied, Member
from bridge.core.failures import DeliveryFailure, Permanent, Retry, VoiceLost
from bridge.core.ids import XMPP, MessageId, Network, Person, PersonId, Room, RoomId
from bridge.core.spans import prefixed
from bridge.core.styling import to_styling
from bridge.core.text import clean_name
from bridge.xmpp.commands.console import Answering, Console
from bridge.xmpp.commands.rawlines import RawLines
from bridge.xmpp.directory import Directory
from bridge.xmpp.hosted.requests import Refused, returned
from bridge.xmpp.joined import muc
from bridge.xmpp.joined.ghost import Stage
from bridge.xmpp.joined.refusals import failure
from bridge.xmpp.joined.rooms import JoinedRoom
from bridge.xmpp.messages import inbound, sharing
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.people import blocking
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.people.privileges import Privileges
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import RESOURCE, Surroundings
from bridge.xmpp.wire import marks, stanzas
from bridge.xmpp.wire import namespaces as ns

_BODY = inbound.BODY
_CONFERENCE = f"{{{ns.CONFERENCE}}}x"
_POLITE_PAUSE = 60.0
"""Seconds until somebody gets the same answer from the bridge again: two programs must not talk for ever."""
_MOST_STRANGERS = 1_000
_MOST_WRITTEN = 1_000
_NOBODY = "I am a bridge between chat networks, and no person. Write to the people whom you see in a room."
_IS_BLOCKED = f"{{{ns.BLOCKING_ERRORS}}}blocked"
_UNWANTED = Permanent("they have blocked this address")
_NOBODY_THERE = frozenset({"service-unavailable", "item-not-found"})
_GONE = Permanent("their server does not take it: they are away, or have blocked this address")
_MUC_USER_X = f"<x xmlns='{ns.MUC_USER}'/>"


class Directs:
    """All private conversations."""

    def __init__(
        self,
        around: Surroundings,
        *,
        rooms: Mapping[str, JoinedRoom],
        directory: Directory,
        console: Console,
        raw: RawLines,
    ) -> None:
        self._around = around
        self._raw = raw
        self._console = console
        self.keepsakes: Keepsakes | None = None  # until the connector has given some
        self._rooms = rooms  # by address
        self._directory = directory
        self.bars: Callable[[str, Network], Refused | None] = lambda _, __: None
        """Says why somebody cannot write to a person of a network; set by the connector, as is the next."""
        self.blocks: Callable[[str, str], bool] = lambda _, __: False
        """Tells whether a user has blocked an address of ours; set likewise."""
        self.bars_command: Callable[[str, str], Refused | None] = lambda _, __: None
        self._own: deque[str] = deque(maxlen=_MOST_WRITTEN)  # ids of what was sent in users' names
        self._told: dict[str, asyncio.Future[Sent]] = {}  # by stanza id, until the server has read them
        self._invitations: dict[str, float] = {}  # rooms into which somebody has asked us
        # what was written to ghosts lately, and from where: it can be answered by an error
        self._written: dict[tuple[MessageId, Person], str] = {}
        self._answered: dict[str, float] = {}  # strangers who got an answer from the bridge itself

    # -- from XMPP

    def take(self, element: Element) -> bool:
        """Take a message to one of our addresses that is about no room; False: an error that is about nothing of ours."""
        kind = element.get("type", "normal")
        if kind == "error":
            return self.bounced(element)
        if kind not in ("chat", "normal") or self._invited(element):
            return True
        if element.get("id") in self._own and "/" not in element.get("from", ""):
            self._own.remove(element.get("id", ""))  # what we have just sent in somebody's name
            return True
        local, _, _ = element.get("to", "").partition("/")[0].rpartition("@")
        sender = element.get("from", "").partition("/")[0]
        if not local or self._directory.network_or_server(local) is not None:
            return self._raw_line(element, local) or self._command(element) or self._answer(element, sender)
        person = self._whom(local)
        if person is None:
            self._turn_away(element)
            return True
        if self._barred(element, sender, person):
            return True
        who = Member(
            person=Person(XMPP, PersonId(sender)),
            name=clean_name(sender.partition("@")[0]),
            account=sender,
            address=element.get("from", ""),
        )
        self._tell(element, who, person)
        if self.keepsakes is not None and element.find(_BODY) is not None:
            shown = self._directory.shown(person)
            name = person.id if shown is None else shown.name
            address = element.get("to", "").partition("/")[0]
            self.keepsakes.person(sender, address, name=name, network=person.network)
        self._written[MessageId(element.get("id", "")), who.person] = who.address
        if len(self._written) > _MOST_WRITTEN:
            del self._written[next(iter(self._written))]
        return True

    def _raw_line(self, element: Element, local: str) -> bool:
        """Take a line in a network's own words; False: it is none."""
        network = self._directory.network_or_server(local)
        if network is None:
            return False
        sender = element.get("from", "")
        sending = self._raw.called(element.findtext(_BODY) or "", network, sender)
        if sending is None:
            return False
        if (refused := self.bars_command(sender, element.get("to", ""))) is not None:
            self._refuse(element, refused)
            return True
        return self._around.spawn(self._say_later(element, sending))

    def _barred(self, element: Element, sender: str, person: Person) -> bool:
        """Refuse what somebody may not say now, or says to whom they have blocked (XEP-0191 section 3.5)."""
        if element.find(_BODY) is None:
            return False
        if self.blocks(sender, element.get("to", "")):
            self._refuse(element, Refused("not-acceptable", "you have blocked them", special=blocking.BLOCKED))
            return True
        refused = self.bars(sender, person.network)
        if refused is not None:
            self._refuse(element, refused)
        return refused is not None

    def _turn_away(self, element: Element) -> None:
        """Tell whoever says something to an address of ours that is nobody's; nothing is lost without a word."""
        if element.find(_BODY) is not None:
            self._refuse(element, Refused("item-not-found", "there is nobody and no network of this name"))

    def _refuse(self, element: Element, refused: Refused) -> None:
        self._around.component.send(returned(element, refused))

    def _invited(self, element: Element) -> bool:
        """Take a direct invitation (XEP-0249): anybody can send one, so it opens no door more than once a minute."""
        invitation = element.find(_CONFERENCE)
        if invitation is None:
            return False
        room = self._rooms.get(invitation.get("jid", ""))
        now = self._around.clock.monotonic()
        if room is not None and now - self._invitations.get(room.address, -_POLITE_PAUSE) >= _POLITE_PAUSE:
            self._invitations[room.address] = now
            room.listener.called()
        return True

    def take_from_occupant(self, room: JoinedRoom, element: Element, nick: str) -> None:
        """Take a MUC private message to a ghost, or to the listener."""
        ghost = room.ghosts.at(element.get("to", ""))
        occupant = room.occupants.get(nick)
        if occupant is not None and occupant.ours:
            return
        if ghost is None:
            self._answer(element, element.get("from", ""))
            return
        self._tell(element, occupant.member if occupant is not None else room.occupants.author(nick), ghost.person)

    def bounced(self, element: Element) -> bool:
        """Take the error that answers a private message; False if it answers nothing of ours."""
        done = self._told.pop(element.get("id", ""), None)
        if done is None:
            return False
        _fail(done, self._failure(element))
        return True

    def _failure(self, element: Element) -> DeliveryFailure:
        """Return what an error means. One from somebody's own server that says for good is final.

        It stands for nobody being there, or for a block (XEP-0191 section 3.4), and whoever wrote is told, as on XMPP. Tried again
        and again, it would hold up what others write to the same person.
        """
        refusal = muc.refusal(element)
        if next(element.iter(_IS_BLOCKED), None) is not None:
            return _UNWANTED
        is_room = element.get("from", "").partition("/")[0] in self._rooms
        if refusal.condition in _NOBODY_THERE and refusal.kind != "wait" and not is_room:
            return _GONE
        return failure(refusal, by_ghost=False)

    def _whom(self, local: str) -> Person | None:
        """Return who is meant: whoever stands there, or a ghost that has kept the address through a change of nick."""
        address = f"{local}@{self._around.component.domain}/{RESOURCE}"
        person = self._directory.person_at(local)
        if any(person is not None and room.ghosts.get(person) is not None for room in self._rooms.values()):
            return person
        kept = next((ghost for room in self._rooms.values() if (ghost := room.ghosts.at(address)) is not None), None)
        return person if kept is None else kept.person

    def _tell(self, element: Element, sender: Member, to: Person) -> None:
        bare = self._around.ghost_address(to)
        room = Room(XMPP, RoomId(bare or element.get("to", "").partition("/")[0]))
        event = inbound.direct(element, room=room, sender=sender, to=to, at=self._around.clock.now())
        if event is not None:
            self._around.emit(event)

    def _command(self, element: Element) -> bool:
        """Take a line to an address where commands are understood; False: it is none."""
        to, line = element.get("to", "") or self._around.component.domain, element.findtext(_BODY) or ""
        if not self._console.listens(to):
            return False
        if element.find(_BODY) is not None and (refused := self.bars_command(element.get("from", ""), to)) is not None:
            self._refuse(element, refused)
            return True
        answering = self._console.called(to, line, element.get("from", ""))
        if answering is not None:
            self._around.spawn(self._say_later(element, answering))
        return True

    async def _say_later(self, element: Element, answering: Answering) -> None:
        words = await answering()
        if not words:
            return
        answer = stanzas.message(
            element.get("to") or self._around.component.domain, element.get("from", ""), kind="chat", body=words
        )
        self._around.component.send(answer)

    def _answer(self, element: Element, sender: str) -> bool:
        """Say that nobody is here: the bridge itself is no person."""
        if element.find(_BODY) is None or element.get("type") != "chat":
            return True
        now = self._around.clock.monotonic()
        if now - self._answered.get(sender, -_POLITE_PAUSE) < _POLITE_PAUSE:
            return True
        if len(self._answered) >= _MOST_STRANGERS:
            self._answered.clear()
        self._answered[sender] = now
        ourselves = element.get("to") or self._around.component.domain
        answer = stanzas.message(ourselves, element.get("from", ""), kind="chat", body=_NOBODY)
        self._around.component.send(answer)
        return True

    def copied(self, event: DirectCopied, privileges: Privileges) -> None:
        """Have a user's clients show what they said elsewhere: as they would if one of these had said it (XEP-0280).

        By version 2 of the privilege the server sends it as the user, copies and archives included, and we hear it as well; by
        version 1 it makes no copies, so that the copy is what is sent.
        """
        user, to = event.person.id, self._around.ghost_address(event.to.person)
        grant = privileges.of(user)
        if to is None or not grant.speaks or not event.content.text:
            return
        id_, text = self._around.token(), to_styling(event.content)[0]
        inner = stanzas.element("body", words=text)
        attrs = {"from": user, "to": to, "type": "chat", "id": id_}
        said = stanzas.element("message", ns.CLIENT, attrs=attrs, children=inner)
        if grant.namespace == ns.PRIVILEGE_1:
            forwarded = stanzas.element("forwarded", ns.FORWARD, children=said)
            sent = stanzas.element("sent", ns.CARBONS, children=forwarded)
            sent += stanzas.element("private", ns.CARBONS) + stanzas.hint("no-copy") + stanzas.hint("no-store")
            said = stanzas.element("message", ns.CLIENT, attrs=attrs | {"to": user}, children=sent)
        else:
            self._own.append(id_)
        privileges.say(user, said)

    # -- to XMPP

    def tell(self, tell: Tell) -> "asyncio.Future[Sent]":
        """Say something to one person in private."""
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        if not self._around.component.connected():
            done.set_exception(Retry("there is no connection to the XMPP server"))
            return done
        addresses = self._addresses(tell)
        if isinstance(addresses, DeliveryFailure):
            done.set_exception(addresses)
            return done
        sender, to = addresses
        if self.blocks(to, sender):
            done.set_result(Sent())  # the one who is blocked is not told (XEP-0191 section 3.4)
            return done
        id_ = str(tell.head.key)
        self._told[id_] = done
        self._around.component.send(_written(tell, sender, to, id_))
        if not self._around.spawn(self._confirm(id_, done)):
            done.set_exception(Retry("the bridge is stopping"))
        return done

    def bounce(self, message: MessageId, *, to: Person, by: Person, reason: str) -> bool:
        """Answer what somebody wrote to a ghost's address with an error (RFC 6120 section 8.3); False if that is not known to be so."""
        client = self._written.get((message, to))  # servers drop errors to a bare address (RFC 6121 section 8.5.2)
        sender = self._around.ghost_address(by)
        if client is None or sender is None:
            return False
        error = stanzas.error("recipient-unavailable", kind="wait", words=reason)
        self._around.component.send(stanzas.message(sender, client, kind="error", id_=message, extra=error))
        return True

    def receipt(self, message: MessageId, *, to: Person, by: Person) -> None:
        """Tell somebody that a remote person has got what they wrote (XEP-0184 section 5.4)."""
        sender = self._around.ghost_address(by)
        if sender is None or to.network != XMPP or "@" not in to.id.partition("/")[0]:
            return
        received = stanzas.element("received", ns.RECEIPTS, attrs={"id": message})
        self._around.component.send(stanzas.message(f"{sender}/{RESOURCE}", to.id, kind="chat", extra=received))

    async def _confirm(self, id_: str, done: "asyncio.Future[Sent]") -> None:
        """Wait until the server has read it: a refusal of its own comes before that."""
        try:
            await self._around.component.barrier()
        except IqRefused as refused:
            _fail(done, Retry(f"the stream ended before the message was confirmed: {refused.condition}"))
        finally:
            if self._told.get(id_) is done:
                del self._told[id_]
        if not done.done():
            done.set_result(Sent((MessageId(id_),)))

    def _addresses(self, tell: Tell) -> tuple[str, str] | DeliveryFailure:
        """Return from where and to where."""
        if tell.person.network != XMPP:
            return Permanent("this is no person on XMPP")
        seat = self._seat(tell.person)
        if seat is None and "@" not in tell.person.id.partition("/")[0]:
            return Permanent("they are in no room with the bridge, and their address is not known")
        match tell.head.voice:
            case AsPuppet(member=member):
                return self._from_ghost(member.person, tell, seat)
            case AsRelay() | AsMask() | AsBridge():
                return self._around.listener, _where(tell, seat)
            case _:
                assert_never(tell.head.voice)

    def _from_ghost(
        self, person: Person, tell: Tell, seat: tuple[JoinedRoom, str] | None
    ) -> tuple[str, str] | DeliveryFailure:
        bare = self._around.ghost_address(person)
        if bare is None:
            return VoiceLost("the id is too long for an XMPP address")
        to = _where(tell, seat)
        if seat is None or "/" not in to:
            return f"{bare}/{RESOURCE}", to
        ghost = seat[0].ghosts.get(person)  # a MUC private message comes from an occupant
        if ghost is None or ghost.stage is not Stage.PRESENT:
            return VoiceLost("the ghost is not in the room")
        return ghost.address, to

    def _seat(self, person: Person) -> tuple[JoinedRoom, str] | None:
        """Return a room in which somebody is, and their occupant JID."""
        for room in self._rooms.values():
            occupant = room.find(person)
            if occupant is not None:
                return room, f"{room.address}/{occupant.nick}"
        return None


def _where(tell: Tell, seat: tuple[JoinedRoom, str] | None) -> str:
    """Return the real address where the id is one; an occupant's id is good only inside the room."""
    id_ = str(tell.person.id)
    if seat is None:
        return id_
    room, occupant = seat
    known = room.find(tell.person)
    return id_ if known is not None and known.member.account == id_ else occupant


def _written(tell: Tell, sender: str, to: str, id_: str) -> str:
    content = tell.content
    match tell.head.voice:
        case AsRelay(member=member) | AsMask(member=member):
            content = prefixed(content, f"<{clean_name(member.name)}> ")
        case AsPuppet() | AsBridge():
            if content.kind is Kind.ACTION:
                content = prefixed(content, "/me ")
        case _:
            assert_never(tell.head.voice)
    text, unstyled = to_styling(content)
    text = "\n".join(filter(None, (text, *(file.url for file in content.attachments))))
    extra = f"<unstyled xmlns='{ns.STYLING}'/>" if unstyled else ""
    extra += "".join(sharing.written(Placed(file=file), body=text) for file in content.attachments)
    if "/" in to:
        extra += _MUC_USER_X
    return stanzas.message(
        sender, to, kind="chat", id_=id_, body=text, extra=extra + stanzas.origin_id(id_) + marks.via(tell.head.via)
    )


def _fail(done: "asyncio.Future[Sent]", failed: DeliveryFailure) -> None:
    if not done.done():
        done.set_exception(failed)
