"""What a telephone said, and what follows: words for a room, for a person, for everybody on a list; an order; a keyword.

Decides and writes down; what has to go out because of it is put among the pending (:class:`connectors.sms.book.Pending`) in the same
transaction as the fact itself. Called by :mod:`connectors.sms.connector`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from bridge.connector import Hub
from bridge.core.content import Content
from bridge.core.events import DirectPosted, Event, Member, MembersListed, MessagePosted, Origin
from bridge.core.ids import XMPP, EventKey, MessageId, Network, Person, PersonId, Room, RoomId, digest
from bridge.core.text import clean
from connectors.sms import commands, consent, numbers
from connectors.sms.book import Book, Pending, ref_of
from connectors.sms.carrier import Incoming
from connectors.sms.clock import Clock
from connectors.sms.config import SmsSettings
from connectors.sms.lists import Roll, quiet
from connectors.sms.numbers import Address, Sort

log = logging.getLogger(__name__)

_LIST: Final = "you are on the list “{name}” now: what you answer goes to everybody on it. {help}"


class Ear:
    """Hears one network's telephones."""

    def __init__(
        self,
        network: Network,
        settings: SmsSettings,
        *,
        book: Book,
        clock: Clock,
        listened: set[RoomId],
        owners: Mapping[str, Person],
        post: Callable[[Pending], Awaitable[None]],
    ) -> None:
        self._network = network
        self._settings = settings
        self._book = book
        self._clock = clock
        self._listened = listened
        self._owners = owners
        self._post = post
        self._short_codes = frozenset(settings.short_codes)

    async def hear(self, hub: Hub, incoming: Incoming) -> None:
        """Take something; returns once it is safe. Raises: StoreAway."""
        if incoming.id and self._book.has_seen(incoming.id):
            return  # the provider had no answer of ours, and asks again
        await self._take(hub, incoming)
        if incoming.id:
            await self._book.saw(incoming.id)

    async def _take(self, hub: Hub, incoming: Incoming) -> None:
        now = self._clock.now()
        sender = self.address(incoming.sender)
        if sender is None:
            log.warning("sms.unreadable network=%s: a message from nobody", self._network)
            return
        text = clean(incoming.text)
        if incoming.place is not None and incoming.place.total > 1:
            whole = self._book.parts.add(sender.id, incoming.to, incoming.place, text, now / 1000)
            if whole is None:
                await self._book.keep_parts()
                return
            self._book.keep_parts()
            text = whole
        await self._whole(hub, incoming, sender, text)

    async def late(self, hub: Hub) -> None:
        """Give out what has waited long enough for its other parts. Raises: StoreAway."""
        found = self._book.parts.overdue(self._clock.now() / 1000)
        for sender, to, text in found:
            address = self.address(sender)
            if address is not None:
                await self._whole(hub, Incoming(id="", sender=sender, to=to, text=text), address, text)
        if found:
            await self._book.keep_parts()

    def address(self, sender: str) -> Address | None:
        """Return who somebody is; None for nobody."""
        try:
            return numbers.sender(sender, region=self._settings.region, short_codes=self._short_codes)
        except numbers.NoNumber:
            return None

    # -- a whole message

    async def _whole(self, hub: Hub, incoming: Incoming, sender: Address, text: str) -> None:
        word = incoming.answered or consent.keyword(text)
        if word is not None and sender.sort is not Sort.NAME:
            await self._keyword(hub, word, sender, answered=incoming.answered is not None)
            return
        order = commands.order(text)
        if order is not None and sender.answerable and (order.name == "join" or self._lists_of(sender.id)):
            await self._order(hub, order, sender)
            return
        await self._words(hub, incoming, sender, text)

    async def _words(self, hub: Hub, incoming: Incoming, sender: Address, text: str) -> None:
        now = self._clock.now()
        key = EventKey(incoming.id or digest("sms", sender.id, text, incoming.at or now))
        content = Content(text=text, attachments=incoming.files)
        room = RoomId(sender.id)
        lists = self._lists_of(sender.id)
        written = None
        if room in self._listened:
            written = hub.emit(self._posted(room, key, self._member(sender), content, incoming.at or now))
        for name in lists:
            roll = self._book.rolls[name]
            here = RoomId(name)
            member = self._member(sender, name=roll.name(sender.id))
            written = self._pass_on(name, roll, sender.id, key, text) or written
            if here in self._listened:
                written = hub.emit(self._posted(here, key, member, content, incoming.at or now))
        if room not in self._listened and not lists:
            for event in await self._direct(sender, key, content, incoming.at or now):
                written = hub.emit(event)
        if written is not None:
            await written

    def _posted(self, room: RoomId, key: EventKey, member: Member, content: Content, at: int) -> MessagePosted:
        origin = Origin(room=Room(self._network, room), key=key, at=at)
        return MessagePosted(origin=origin, sender=member, id=MessageId(key), content=content)

    async def _direct(self, sender: Address, key: EventKey, content: Content, at: int) -> list[Event]:
        """Return the fact for whoever wrote to this number last, or for each of the owners."""
        last = await self._book.correspondent(sender.id)
        to = [last] if last is not None else [Person(XMPP, PersonId(owner)) for owner in self._settings.owners]
        if not to:
            log.warning("sms.nobody network=%s: a message for nobody; name somebody in owners", self._network)
        room = Room(self._network, RoomId(sender.id))
        member = self._member(sender)
        return [
            DirectPosted(
                origin=Origin(room=room, key=key if last is not None else EventKey(digest(key, one.id)), at=at),
                sender=member,
                to=one,
                id=MessageId(key),
                content=content,
            )
            for one in to
        ]

    def _member(self, sender: Address, *, name: str = "") -> Member:
        """Return who speaks: by the name that they have on a list, as the user whose telephone it is, as a number."""
        person = Person(self._network, PersonId(sender.id))
        owner = self._owners.get(sender.id)
        if owner is None:
            return Member(person=person, name=name or numbers.shown(sender.id))
        known = name if name and not name.startswith("…") else str(owner.id).partition("@")[0]
        return Member(person=person, name=known, account=owner.id)

    # -- lists

    def _lists_of(self, number: str) -> list[str]:
        return [name for name, roll in self._book.rolls.items() if number in roll.members]

    def _pass_on(self, name: str, roll: Roll, sender: str, key: str, text: str) -> Awaitable[None] | None:
        """Let the others on a list have what one of them said; return what to await until that is safe."""
        said = f"{roll.name(sender)}: {text}"
        room, now = RoomId(name), self._clock.now()
        written = None
        for number in roll.members:
            if number != sender:
                written = self._post(Pending(ref=ref_of(key, number), to=number, text=said, at=now, room=room))
        return written

    def listed(self, name: str, roll: Roll) -> MembersListed:
        """Return who is on a list now, as the room that it is."""
        now = self._clock.now()
        people = (self._member(Address(id=number, sort=Sort.NUMBER), name=roll.name(number)) for number in roll.members)
        origin = Origin(room=Room(self._network, RoomId(name)), key=EventKey(f"members {now}"), at=now)
        return MembersListed(origin=origin, members=tuple(people))

    def _tell_lists(self, hub: Hub, names: Iterable[str]) -> None:
        """Let the rooms that lists are know who is on them."""
        for name in names:
            if RoomId(name) in self._listened:
                hub.emit(self.listed(name, self._book.rolls[name]))

    async def _order(self, hub: Hub, order: commands.Order, sender: Address) -> None:
        before = self._lists_of(sender.id)
        answer = self._obey(order, sender.id)
        self._tell_lists(hub, sorted({*before, *self._lists_of(sender.id)}))
        ref = ref_of("order", sender.id, order.name, order.argument, self._clock.now())
        await self._post(Pending(ref=ref, to=sender.id, text=answer, at=self._clock.now()))

    def _obey(self, order: commands.Order, number: str) -> str:
        """Do what somebody asks for; return what they are told."""
        names = self._lists_of(number)
        rolls = [(name, self._book.rolls[name]) for name in names]
        match order.name:
            case "join":
                return self._join(order.argument, number)
            case "who":
                return "\n".join(f"{name}: {', '.join(roll.names())}" for name, roll in rolls)
            case "nick":
                wrong = [said for name, roll in rolls if (said := roll.call(number, order.argument))]
                self._keep(names)
                return wrong[0] if wrong else f"you are {order.argument} now"
            case "quiet":
                return self._hush(rolls, number, order.argument)
            case "leave":
                for _, roll in rolls:
                    roll.go(number)
                self._keep(names)
                return f"you have left {', '.join(names)}"
            case "help":
                return commands.HELP
            case _:
                return order.hint

    def _join(self, name: str, number: str) -> str:
        wanted = self._settings.lists.get(name)
        if wanted is None or not wanted.open:
            return f"there is no open list “{name[:20]}”"
        if not self._book.rolls[name].come(number):
            return f"you are on the list “{name}” already"
        self._keep([name])
        return _LIST.format(name=name, help=commands.HELP)

    def _hush(self, rolls: list[tuple[str, Roll]], number: str, argument: str) -> str:
        try:
            hours = quiet(argument)
        except ValueError as error:
            return str(error)
        for name, roll in rolls:
            roll.hush(number, hours)
            self._book.keep_roll(name)
        return "you hear from us at any time" if hours is None else f"nothing will come at {argument.strip()} (UTC)"

    def _keep(self, names: list[str]) -> None:
        for name in names:
            self._book.keep_roll(name)

    # -- keywords

    async def _keyword(self, hub: Hub, word: consent.Keyword, sender: Address, *, answered: bool) -> None:
        ours, theirs, now = self._settings.number, sender.id, self._clock.now()
        log.info("sms.keyword network=%s word=%s", self._network, word)
        follows = consent.consequence(
            word,
            blocked=self._book.blocks.has(ours, theirs),
            answered=answered,
            name=self._settings.name,
            contact=self._settings.contact,
        )
        if follows.answer:
            ref = ref_of("keyword", theirs, word, now)
            self._post(Pending(ref=ref, to=theirs, text=follows.answer, at=now, last_word=follows.block))
        if follows.block and self._book.blocks.block(ours, theirs, at=now, why=word.upper()):
            self._book.keep_blocks()
        if follows.block and (names := self._lists_of(theirs)):
            for name in names:
                self._book.rolls[name].go(theirs)
            self._keep(names)
            self._tell_lists(hub, names)
        if follows.lift and self._book.blocks.lift(ours, theirs, at=now, why=word.upper()):
            self._book.keep_blocks()
        await self._book.keep_blocks()
