"""What an administrator sees of the running bridge and does to it: the face behind the admin API.

Values of the engine become the API's documents here, and links come together from the file and from the store. Which
link goes where is decided by :func:`merged`, purely. Built by :mod:`bridge.app`; called by :mod:`bridge.web.admin`.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from bridge import __version__, config
from bridge.config import Flow, LinkSettings
from bridge.connector import Counted, Counts, Listens, OptsOut, Status
from bridge.core.commands import CommandRefused, Why
from bridge.core.ids import XMPP, DeliveryKey, MessageId, Network, Person, PersonId, Room
from bridge.core.routing import Policy
from bridge.engine.counters import Counters
from bridge.engine.hub import Hub, Link
from bridge.engine.ports import Clock, DeadLetter, Queued, Store, StoredLink, StoreError
from bridge.engine.supervisor import NetworkStatus
from bridge.hookdesk import Hooks
from bridge.settings import did_you_mean, nearest, quoted
from bridge.web.ports import (
    DeadLetterDocument,
    DeliveryDocument,
    GatewayDocument,
    LinkDocument,
    LoginDocument,
    NetworkDocument,
    NewLink,
    OptOutDocument,
    PuppetCount,
    QueueDocument,
    RoomDocument,
    StatusDocument,
)

log = logging.getLogger(__name__)

_ALL: Final = 2**31 - 1
"""More dead letters than any store has."""
FROM_FILE = "file"
BY_COMMAND = "command"
HOSTED = "hosted"


def merged(
    written: Sequence[LinkSettings], stored: Sequence[StoredLink], networks: Collection[str]
) -> tuple[list[LinkSettings], list[str]]:
    """Return all links, those of the file first, and a sentence for each stored one that cannot be any more.

    The file has the last word: a stored link gives way where its name or one of its rooms is taken, and rests while
    one of its networks is not configured.
    """
    links = list(written)
    trouble: list[str] = []
    for link in stored:
        why = _conflict(link.name, link.rooms, links) or _strangers(link.rooms, networks)
        if why:
            trouble.append(f"link {quoted(link.name)} was added by command and rests: {why}")
        else:
            links.append(LinkSettings(name=link.name, rooms=link.rooms))
    return links, trouble


def as_link(settings: LinkSettings) -> Link:
    """Return a configured link as the hub knows it."""
    return Link(
        name=settings.name,
        rooms=settings.rooms,
        policy=Policy(topic=settings.topic is Flow.BOTH, kicks=settings.kicks is Flow.BOTH),
        passwords=dict(settings.passwords),
    )


def _conflict(name: str, rooms: Collection[Room], links: Collection[LinkSettings]) -> str:
    """Return why a link cannot stand beside these, "" if it can."""
    wanted = {(room.network, room.id.casefold()): room for room in rooms}
    for link in links:
        if link.name.casefold() == name.casefold():
            return f"there is a link {quoted(link.name)} already"
        for room in link.rooms:
            if (room.network, room.id.casefold()) in wanted:
                return f"{room} is in link {quoted(link.name)} already"
    return ""


def _strangers(rooms: Collection[Room], networks: Collection[str]) -> str:
    """Return which network is not there, "" if all are."""
    for room in rooms:
        if room.network not in networks:
            end = did_you_mean(nearest(room.network, networks), sorted(networks))
            return f"there is no network {quoted(room.network)}: {end}"
    return ""


class Administration:
    """The bridge as its administrator knows it."""

    def __init__(self, *, hub: Hub, store: Store, clock: Clock, apply: Callable[[], Awaitable[None]]) -> None:
        self._hub = hub
        self._store = store
        self._clock = clock
        self._apply = apply  # brings links into effect after the stored ones have changed
        self._started = clock.now()
        self._hooks = Hooks(hub.networks, clock=clock)
        self.kinds: Mapping[Network, str] = {}
        """The connector of each network; set by the application."""
        self.written: Sequence[LinkSettings] = ()
        """The links of the file; set by the application."""
        self.gateway: Callable[[], GatewayDocument] = GatewayDocument
        """Returns how hosted rooms are used; set by the application."""

    @property
    def counters(self) -> Counters:
        """What was counted."""
        return self._hub.counters

    @property
    def hook_desk(self) -> Hooks:
        """The hooks of all networks."""
        return self._hooks

    def counted(self) -> Sequence[tuple[str, Counted]]:
        """Return what connectors have counted, each with its network."""
        return [
            (network, counted)
            for network, connector in self._hub.networks().items()
            if isinstance(connector, Counts)
            for counted in connector.counted()
        ]

    def unready(self) -> dict[str, str]:
        """Return what of store and networks is not up, and why."""
        trouble = {"store": why} if (why := self._store.healthy()) else {}
        statuses = {status.network: status for status in self._hub.supervisor.statuses()}
        for network in self.kinds:
            status = statuses.get(network)
            if status is None or not status.up:
                trouble[network] = _why(status)
        return trouble

    def unlinked(self) -> dict[str, str]:
        """Return the links of which a room is not read although its network is up, and why."""
        down = self.unready()
        rooms = self._rooms()
        return {
            link.name: f"{room}: {rooms[room].reason}"
            for link in self._hub.links()
            if not link.attended  # a hosted room that nobody has asked for in the configuration
            for room in link.rooms
            if room.network not in down and not rooms[room].open
        }

    def _rooms(self) -> dict[Room, RoomDocument]:
        """Return how every linked room is; one of a network that has nothing to listen with is read as it is."""
        told = {status.room: status for status in self._hub.rooms()}
        listens = {name for name, connector in self._hub.networks().items() if isinstance(connector, Listens)}
        documents: dict[Room, RoomDocument] = {}
        for link in self._hub.links():
            for room in link.rooms:
                status = told.get(room)
                is_open = (
                    status is not None and status.opened if room.network in listens else room.network in self.kinds
                )
                reason = status.reason if status is not None and status.reason else "not open yet"
                documents[room] = RoomDocument(room=str(room), open=is_open, reason="" if is_open else reason)
        return documents

    def networks(self) -> Sequence[NetworkDocument]:
        """Return how all networks are."""
        puppets = {each.network: each for each in self._hub.puppets.statuses()}
        documents = []
        for status in self._hub.supervisor.statuses():
            shown = puppets.get(status.network)
            count = PuppetCount(
                wanted=shown.wanted if shown else 0,
                present=shown.present if shown else 0,
                refused=shown.refused if shown else 0,
            )
            documents.append(
                NetworkDocument(
                    name=status.network,
                    connector=self.kinds.get(status.network, ""),
                    status=status.status.value,
                    detail=status.detail,
                    since=status.since,
                    puppets=count,
                )
            )
        return documents

    def queues(self) -> Sequence[QueueDocument]:
        """Return what waits."""
        return [
            QueueDocument(
                room=str(lane.room),
                waiting=lane.waiting,
                more=lane.more,
                flying=lane.flying,
                oldest=lane.oldest,
                reason=lane.reason,
            )
            for lane in self._hub.outbox.lanes()
        ]

    def links(self) -> Sequence[LinkDocument]:
        """Return all links that are in effect."""
        rooms = self._rooms()
        from_file = {link.name for link in self.written}
        return [
            LinkDocument(
                name=link.name,
                rooms=tuple(rooms[room] for room in link.rooms),
                origin=HOSTED if link.attended else FROM_FILE if link.name in from_file else BY_COMMAND,
            )
            for link in self._hub.links()
        ]

    async def status(self) -> StatusDocument:
        """Return everything at a glance."""
        unready = self.unready() | {f"links.{name}": why for name, why in self.unlinked().items()}
        return StatusDocument(
            version=__version__,
            started=self._started,
            ready=not unready,
            unready=unready,
            networks=tuple(self.networks()),
            links=tuple(self.links()),
            queues=tuple(self.queues()),
            dead_letters=await self._store.count_dead_letters(),
            gateway=self.gateway(),
        )

    async def add_link(self, link: NewLink) -> LinkDocument:
        """Make a link and keep it. Raises: CommandRefused."""
        if not config.link_name(link.name):
            reason = f"found {quoted(link.name)}, expected up to 64 characters without slash or control characters"
            raise CommandRefused(reason, why=Why.WRONG, field="name")
        rooms = _rooms(link.rooms)
        if why := _strangers(rooms, {XMPP, *self.kinds}):
            raise CommandRefused(why, why=Why.WRONG, field="rooms")
        known = [*self.written, *(LinkSettings(name=each.name, rooms=each.rooms) for each in await self._store.links())]
        if why := _conflict(link.name, rooms, known):
            raise CommandRefused(why)
        try:
            await self._store.add_link(StoredLink(name=link.name, rooms=rooms))
        except StoreError as error:
            raise CommandRefused(str(error)) from None
        await self._apply()
        log.info("link.added link=%s", link.name)
        return next(each for each in self.links() if each.name == link.name)

    async def remove_link(self, name: str) -> None:
        """Take back a link that was made by command. Raises: CommandRefused."""
        if not await self._store.remove_link(name):
            if any(link.name == name for link in self.written):
                reason = f"link {quoted(name)} stands in the configuration file: take it out there, and send SIGHUP"
                raise CommandRefused(reason)
            reason = f"there is no link {quoted(name)}"
            raise CommandRefused(reason, why=Why.MISSING)
        await self._apply()
        log.info("link.removed link=%s", name)

    def opt_outs(self, *, history: bool) -> Sequence[OptOutDocument]:
        """Return who wants nothing from us now, or every change of mind, oldest first."""
        found = [
            OptOutDocument(network=network, ours=each.ours, theirs=each.theirs, at=each.at, out=each.out, why=each.why)
            for network, connector in self._hub.networks().items()
            if isinstance(connector, OptsOut)
            for each in connector.opt_outs()
        ]
        found.sort(key=lambda each: each.at)
        if history:
            return found
        last = {(each.network, each.ours, each.theirs): each for each in found}
        return [each for each in last.values() if each.out]

    def logins(self) -> Sequence[LoginDocument]:
        """Return all logins, oldest first; their credentials are no business of anybody's."""
        return [
            LoginDocument(
                network=stored.network,
                user=stored.login.person.id,
                name=stored.login.name,
                at=stored.at,
                trouble=stored.trouble,
            )
            for stored in self._hub.logins.kept()
        ]

    async def remove_login(self, network: str, user: str) -> None:
        """Forget a login. Raises: CommandRefused."""
        try:
            found = await self._hub.logins.log_out(Network(network), Person(XMPP, PersonId(user)))
        except StoreError as error:
            raise CommandRefused(str(error)) from None
        if not found:
            reason = f"{user} has no login on {quoted(network)}"
            raise CommandRefused(reason, why=Why.MISSING)

    async def deliveries(self, limit: int) -> Sequence[DeliveryDocument]:
        """Return what is not confirmed: what waits or is under way, oldest first, then what failed."""
        under_way = self._hub.outbox.under_way()
        waiting = [_waiting(queued, under_way) for queued in await self._store.waiting(limit=limit)]
        letters = await self._store.dead_letters(limit=limit - len(waiting))
        return [*waiting, *map(_failed, letters)]

    async def fate(self, room: str, message: str) -> Sequence[DeliveryDocument]:
        """Return what has become of one message in each other room. Raises: CommandRefused."""
        known = config.room(room)
        found = None if known is None else await self._store.fate(known, MessageId(message))
        if found is None:
            reason = f"{quoted(room)} has no message {quoted(message)} that the bridge knows of"
            raise CommandRefused(reason, why=Why.MISSING)
        under_way = self._hub.outbox.under_way()
        documents = [*(_waiting(queued, under_way) for queued in found.waiting), *map(_failed, found.dead)]
        told = {document.room for document in documents if document.what == "post"}
        rooms = next((link.rooms for link in self._hub.links() if found.ref.room in link.rooms), ())
        # Nothing is kept of a delivery that arrived but the names of the copy, which some networks do not give.
        confirmed = [each for each in dict.fromkeys((*found.copies, *rooms)) if str(each) not in told]
        source = str(found.ref.room)
        return [
            *(
                DeliveryDocument(
                    room=str(each), source=source, what="post", state="confirmed", certain=True, reason="",
                    attempts=0, at=0, due=0, ids=found.copies.get(each, ()),
                )
                for each in confirmed
                if each != found.ref.room
            ),
            *documents,
        ]  # fmt: skip

    async def dead_letters(self, limit: int) -> Sequence[DeadLetterDocument]:
        """Return deliveries that were given up, oldest first."""
        return [_dead_letter(letter) for letter in await self._store.dead_letters(limit=limit)]

    async def retry(self, keys: Collection[str] | None) -> int:
        """Put dead letters back into the outbox, all if None."""
        return await self._hub.outbox.revive(await self._meant(keys))

    async def discard(self, keys: Collection[str] | None) -> int:
        """Delete dead letters, all if None."""
        return await self._store.discard(await self._meant(keys))

    async def _meant(self, keys: Collection[str] | None) -> list[DeliveryKey]:
        if keys is not None:
            return [DeliveryKey(key) for key in keys]
        return [letter.queued.delivery.head.key for letter in await self._store.dead_letters(limit=_ALL)]


def _why(status: NetworkStatus | None) -> str:
    if status is None:
        return Status.DOWN.value
    return status.detail or status.status.value


def _rooms(texts: Sequence[str]) -> tuple[Room, ...]:
    rooms: list[Room] = []
    for text in texts:
        room = config.room(text)
        if room is None:
            reason = f"found {quoted(text)}, expected {config.room_expected(text)}"
            raise CommandRefused(reason, why=Why.WRONG, field="rooms")
        if room in rooms:
            reason = f"found {quoted(text)} twice, expected different rooms"
            raise CommandRefused(reason, why=Why.WRONG, field="rooms")
        rooms.append(room)
    if len(rooms) < 2:
        reason = "found one room, expected two or more" if rooms else "found no room, expected two or more"
        raise CommandRefused(reason, why=Why.WRONG, field="rooms")
    return tuple(rooms)


def _waiting(queued: Queued, under_way: Collection[DeliveryKey]) -> DeliveryDocument:
    head = queued.delivery.head
    state = "sent" if head.key in under_way else "retrying" if queued.attempts else "queued"
    return _delivery(queued, state, reason=queued.reason)


def _failed(letter: DeadLetter) -> DeliveryDocument:
    return _delivery(letter.queued, "failed", reason=letter.reason, certain=letter.certain)


def _delivery(queued: Queued, state: str, *, reason: str, certain: bool = True) -> DeliveryDocument:
    head = queued.delivery.head
    return DeliveryDocument(
        room=str(head.room),
        source=str(head.source),
        what=str(queued.delivery.__struct_config__.tag),
        state=state,
        certain=certain,
        reason=reason,
        attempts=queued.attempts,
        at=head.at,
        due=queued.due if state == "retrying" else 0,
        ids=(),
    )


def _dead_letter(letter: DeadLetter) -> DeadLetterDocument:
    delivery = letter.queued.delivery
    return DeadLetterDocument(
        key=delivery.head.key,
        room=str(delivery.head.room),
        what=str(delivery.__struct_config__.tag),
        reason=letter.reason,
        certain=letter.certain,
        at=letter.at,
        attempts=letter.queued.attempts,
    )
