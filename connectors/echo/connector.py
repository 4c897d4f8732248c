"""The connector: stays connected, reads, shows puppets, and speaks. Thin: what can be decided without a connection is elsewhere.

``run`` is the one task. It sleeps until something wakes it (a line came in, a wish was changed) and then does all there is
to do. ``send`` acts at once where it can and returns a Future; where it cannot (a puppet that is still on its way), the rest
of that room waits behind it, which keeps the order that ``capabilities.pipeline`` promises.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable

from bridge.connector import Finding, Hub, Setup, Status
from bridge.core.capabilities import Capabilities
from bridge.core.deliveries import AsBridge, AsMask, AsPuppet, AsRelay, Delivery, Kick, Sent, Tell
from bridge.core.events import Cause, Member, MembersListed, Origin, RoomClosed, RoomOpened
from bridge.core.failures import DeliveryFailure, Permanent, Retry, VoiceLost
from bridge.core.ids import EventKey, MessageId, Person, Room, RoomId
from connectors.echo.config import EchoSettings, capabilities
from connectors.echo.inbound import Reader
from connectors.echo.network import Account, Connection, EchoNetwork, Line, Lost, Verb
from connectors.echo.outbound import Act, acts
from connectors.echo.puppets import Puppets
from connectors.echo.trouble import Trouble

RECONNECT = 1.0
"""Seconds between two tries; a real network needs :mod:`bridge.core.backoff` and a jitter."""
BATCH = 100
"""Lines that are read before the hub is asked whether it can take more."""


def build(setup: Setup) -> "EchoConnector":
    """Make a connector and the network that it connects to."""
    return EchoConnector(setup, EchoNetwork(resident=setup.settings.resident))


class EchoConnector:
    """A :class:`bridge.connector.Connector` that also Listens, Joins, Renames, Types and Checks."""

    def __init__(self, setup: Setup, network: EchoNetwork) -> None:
        assert isinstance(setup.settings, EchoSettings)
        self.network = network
        self.trouble = Trouble()
        self._setup = setup
        self._own = f"{setup.instance} {setup.network}"
        self._capabilities = capabilities(setup.settings)
        self._reader = Reader(setup.network, self._own)
        self._rooms: dict[RoomId, bool] = {}  # to be listened to, and whether we are in
        self._puppets = Puppets(setup.network)
        self._outgoing: dict[RoomId, deque[tuple[Delivery, asyncio.Future[Sent]]]] = {}
        self._connection: Connection | None = None
        self._woken = asyncio.Event()
        self._retry = asyncio.Event()

    @property
    def capabilities(self) -> Capabilities:
        """What the network can carry."""
        return self._capabilities

    def wake(self) -> None:
        """Let ``run`` see what there is to do."""
        self._woken.set()

    # -- staying connected

    async def run(self, hub: Hub) -> None:
        """Connect, read, reconnect, until cancelled."""
        while True:
            hub.report(Status.CONNECTING)
            try:
                self._connection = self.network.connect(self._own, self.wake)
            except Lost as lost:
                hub.report(Status.DOWN, str(lost))
                await self._pause()
                continue
            try:
                await self._session(hub, self._connection)
            finally:
                self._connection.close()
                self._connection = None
                self._puppets.lost()
                self._rooms = dict.fromkeys(self._rooms, False)
                self._give_up("the connection was lost")
            for room in self._rooms:  # not reached when we were cancelled: then nobody is to hear of it
                hub.emit(RoomClosed(origin=self._origin(room), cause=Cause.LOST))

    def retry_now(self) -> None:
        """Try to connect at once, if it is being waited for."""
        self._retry.set()

    async def _pause(self) -> None:
        self._retry.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._retry.wait(), RECONNECT)

    async def _session(self, hub: Hub, connection: Connection) -> None:
        """Read and act until the connection is lost."""
        await self._enter_rooms(hub, connection)
        hub.report(Status.READY)
        while not connection.closed:
            self._woken.clear()
            await self._enter_rooms(hub, connection)
            while connection.inbox:
                for _ in range(min(BATCH, len(connection.inbox))):
                    self._read(hub, connection, connection.inbox.popleft())
                await hub.drained()
            if not connection.closed:
                self._act(hub, connection)
            await self._woken.wait()
            if self.trouble.crash is not None:
                crash, self.trouble.crash = self.trouble.crash, None
                raise crash

    def _act(self, hub: Hub, connection: Connection) -> None:
        if not self.trouble.joins_held:
            self._puppets.work(self.network, connection, hub.emit)
        for room in list(self._outgoing):
            self._flush(room)

    # -- reading

    async def _enter_rooms(self, hub: Hub, connection: Connection) -> None:
        for room, entered in list(self._rooms.items()):
            if not entered:
                await self._enter(hub, connection, room)

    async def _enter(self, hub: Hub, connection: Connection, room: RoomId) -> None:
        """Come into a room, tell who is there, and what was said since we were here last."""
        there = self.network.room(room)
        refusal = there.barred.get(connection.account.name.lower())
        if refusal is not None:
            del self._rooms[room]
            hub.emit(RoomClosed(origin=self._origin(room), cause=Cause.REFUSED, reason=refusal, final=True))
            return
        self._rooms[room] = True
        connection.act(room, Verb.JOINED)
        connection.reading.add(room)
        members = tuple(self._reader.member(a) for a in there.members.values() if not self._reader.is_own(a))
        log = list(there.log)
        hub.emit(RoomOpened(origin=self._origin(room)))
        hub.emit(MembersListed(origin=self._origin(room), members=members))
        cursor = await hub.cursor(room) if self._setup.settings.history else None
        for line in log if cursor is not None else ():
            if cursor is not None and line.number > int(cursor.key):
                self._tell(hub, line, replayed=True)

    def _read(self, hub: Hub, connection: Connection, line: Line) -> None:
        if line.verb is Verb.KICKED and line.whom == connection.account:
            room = RoomId(line.room)
            connection.reading.discard(room)
            self._rooms.pop(room, None)
            cause = Cause.BANNED if line.banned else Cause.KICKED
            hub.emit(RoomClosed(origin=self._origin(room), cause=cause, reason=line.text, final=True))
            return
        self._tell(hub, line)

    def _tell(self, hub: Hub, line: Line, *, replayed: bool = False) -> None:
        hit = line.whom is not None and line.verb is not Verb.RENAMED and self._reader.is_own(line.whom)
        person = self._puppets.person(line.whom) if hit and line.whom is not None else None
        if hit and person is None:
            return
        if person is not None and line.verb is Verb.KICKED:
            self._puppets.thrown_out(RoomId(line.room), person)
        event = self._reader.event(line, whom=person, replayed=replayed)
        if event is not None:
            hub.emit(event)

    def _origin(self, room: RoomId) -> Origin:
        """Say that something is so now; facts about members and rooms are compared, so their keys do not matter."""
        now = self.network.now()
        return Origin(room=Room(self._setup.network, room), key=EventKey(str(now)), at=now)

    # -- speaking

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Carry out one order."""
        landing: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        room = delivery.head.room.id
        self._outgoing.setdefault(room, deque()).append((delivery, landing))
        self._flush(room)
        return landing

    def _flush(self, room: RoomId) -> None:
        """Carry out what waits for a room, until something has to wait longer."""
        waiting = self._outgoing[room]
        while waiting and not self.trouble.holds(room):
            delivery, landing = waiting[0]
            if not landing.done() and self._must_wait(delivery):
                return
            waiting.popleft()
            if landing.done():
                continue  # the bridge has given it up
            failure = self.trouble.next_failure(room)
            if failure is not None:
                landing.set_exception(failure)
                continue
            try:
                sent = self._carry_out(delivery)
            except DeliveryFailure as refusal:
                landing.set_exception(refusal)
            else:
                self._answer(landing, sent)

    def _answer(self, landing: "asyncio.Future[Sent]", sent: Sent) -> None:
        if not self.trouble.latency:
            landing.set_result(sent)
            return
        asyncio.get_running_loop().call_later(self.trouble.latency, _settle, landing, sent)

    def _must_wait(self, delivery: Delivery) -> bool:
        voice = delivery.head.voice
        return isinstance(voice, AsPuppet) and self._puppets.is_coming(delivery.head.room.id, voice.member.person)

    def _carry_out(self, delivery: Delivery) -> Sent:
        """Do it. Raises: a DeliveryFailure."""
        connection = self._connection
        if connection is None:
            msg = "the network is not connected"
            raise Retry(msg)
        by, mask = self._speaker(connection, delivery)
        done = acts(delivery, self._capabilities)
        whom = self._whom(delivery)
        try:
            lines = [self._do(connection, delivery, act, by=by, mask=mask, whom=whom) for act in done]
        except Lost as lost:
            raise Retry(str(lost)) from lost
        return Sent(tuple(MessageId(line.id) for line in lines))

    def _do(
        self, connection: Connection, delivery: Delivery, act: Act, *, by: Account, mask: str, whom: Account | None
    ) -> Line:
        return connection.act(
            "" if act.verb is Verb.WHISPERED else delivery.head.room.id,
            act.verb,
            by=by,
            mask=mask,
            whom=whom,
            content=act.content,
            target=act.target,
            text=act.text,
            reactions=act.reactions,
            banned=act.banned,
            via=delivery.head.via,
        )

    def _speaker(self, connection: Connection, delivery: Delivery) -> tuple[Account, str]:
        """Return the account that speaks, and the mask that it wears. Raises: VoiceLost."""
        match delivery.head.voice:
            case AsPuppet(member=member):
                if isinstance(delivery, Tell):
                    account = self._puppets.any_account(member.person)
                else:
                    account = self._puppets.account(delivery.head.room.id, member.person)
                if account is None:
                    msg = f"{member.name} has no puppet here"
                    raise VoiceLost(msg)
                return account, ""
            case AsMask(member=member):
                return connection.account, member.name
            case AsRelay() | AsBridge():
                return connection.account, ""

    def _whom(self, delivery: Delivery) -> Account | None:
        """Return whom a delivery is aimed at. Raises: Permanent."""
        if not isinstance(delivery, Kick | Tell):
            return None
        rooms = (
            [self.network.room(delivery.head.room.id)] if isinstance(delivery, Kick) else self.network.rooms.values()
        )
        for room in rooms:
            account = room.members.get(delivery.person.id)
            if account is not None:
                return account
        msg = "there is nobody of that name"
        raise Permanent(msg)

    def _give_up(self, reason: str) -> None:
        """Answer everything that was not carried out: it may be sent again."""
        for waiting in self._outgoing.values():
            for _, landing in waiting:
                if not landing.done():
                    landing.set_exception(Retry(reason))
            waiting.clear()

    # -- abilities

    def listen(self, room: RoomId, *, password: str = "") -> None:  # noqa: ARG002 - rooms here have none
        """Be in this room from now on."""
        self._rooms.setdefault(room, False)
        self.wake()

    def unlisten(self, room: RoomId) -> None:
        """Leave the room, with every puppet."""
        self._puppets.leave_all(room)
        if self._rooms.pop(room, False) and self._connection is not None and not self._connection.closed:
            self._connection.reading.discard(room)
            self._connection.act(room, Verb.LEFT)
        self.wake()

    def join(self, room: RoomId, member: Member) -> None:
        """Show this member in the room."""
        self._puppets.wish(room, member)
        self.wake()

    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        """Show this person in the room no more."""
        self._puppets.unwish(room, person, reason)
        self.wake()

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        """Show somebody who is another person now."""
        self._puppets.rename(room, old, member)
        self.wake()

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that somebody composes."""
        account = self._puppets.account(room, member.person)
        if account is not None and self._connection is not None and not self._connection.closed:
            self._connection.act(room, Verb.TYPING, by=account, active=active)

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Look whether the network is up and lets us into the rooms."""
        network = self._setup.network
        findings = [Finding(network, ok=self.network.up, detail="connected" if self.network.up else "down")]
        for room in rooms:
            refusal = self.network.room(room).barred.get(self._own.lower(), "")
            findings.append(Finding(f"{network}:{room}", ok=not refusal, detail=refusal or "can be joined"))
        return findings


def _settle(landing: "asyncio.Future[Sent]", sent: Sent) -> None:
    if not landing.done():
        landing.set_result(sent)
