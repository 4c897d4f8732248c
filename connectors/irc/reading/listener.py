"""The listener: the one connection of a network that reads, in every linked channel.

It connects first and comes back by itself, joins what it is asked to read, asks who is there, and hands every line to
``inbound``. When a channel puts it out, it tries again, later each time; meanwhile a deputy reads if there is one. It is
also the voice of the relay and of the bridge (``sending``), and the one that helps puppets: watches for their nicks, and
invites them where it may.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from bridge.connector import Status
from bridge.core.events import Cause, RoomClosed
from bridge.core.ids import Person, PersonId, RoomId
from connectors.irc.config import sasl
from connectors.irc.connection.client import Connection, Failure, Identity, Kind, Line
from connectors.irc.connection.connects import LISTENER, Lives
from connectors.irc.connection.marks import MARKER
from connectors.irc.connection.overhearing import ENDS
from connectors.irc.connection.verdicts import JOIN_ERRORS, Refusal, join_refused
from connectors.irc.people.pardons import Pardons
from connectors.irc.people.sightings import TOLD
from connectors.irc.puppets.naming import Naming, rules_of, username
from connectors.irc.puppets.pool import Pool
from connectors.irc.puppets.seeking import Seeker
from connectors.irc.reading import pictures
from connectors.irc.reading.absence import Absence
from connectors.irc.reading.attendance import plain
from connectors.irc.reading.inbound import Batches
from connectors.irc.reading.places import Place, Step, is_key, is_usable
from connectors.irc.scene import Scene, command

_SAID = frozenset({"PRIVMSG", "NOTICE"})
_ASIDE = TOLD | {pictures.LATER}
_LINES_BETWEEN_LOOKS = 64
"""Lines after which it is asked whether the bridge can take more."""
_CHANTYPES = "#&+!"
_JOIN_ROOM = 400
"""Bytes of channels in one JOIN."""


class Listener:
    """The listener of one run."""

    rank = LISTENER
    spoke = 0.0

    def __init__(
        self,
        scene: Scene,
        pool: Pool,
        absence: Absence,
        *,
        wake: Callable[[RoomId], None],
        seen: Callable[[Line], None],
        gone: Callable[[str], None],
        is_known: Callable[[bytes], bool],
    ) -> None:
        """``wake``: something has changed for those who speak in a room; ``seen``, ``gone``: a puppet spoke, or went.

        ``is_known`` tells of a line as bytes that it is of no interest: what a puppet has said, and knows it has.
        """
        self.connection: Connection | None = None
        self.look: Callable[[], None] = _nothing
        """Called when the listener reads another channel than before."""
        self._scene = scene
        self._pool = pool
        self._absence = absence
        self._wake = wake
        self._seen = seen
        self._gone = gone
        self._is_known = is_known
        self._lives = Lives()
        self._batches = Batches()
        self._was_ready = False  # since this connection is up
        self._lines = 0
        self._held = False
        self._rejoins: dict[Place, asyncio.TimerHandle] = {}
        self._sightings = pool.sightings
        self._pardons = Pardons(scene, lambda: self.connection)
        me = Person(scene.network, PersonId(scene.settings.nick))
        naming = Naming(scene.settings.nick, person=me, template="{nick}", rules=rules_of(0, scene.view.fold))
        self._seeker = Seeker(naming, self._watch_nicks)
        self._contested: frozenset[str] = frozenset()

    def start(self) -> None:
        """Begin to connect, or leave everything to those who are shown."""
        if not self._scene.settings.listener:
            self._scene.connects.open()
            self._leave_to_puppets(self._scene.places)
            self.report()
            return
        self._scene.report(Status.CONNECTING)
        self._scene.connects.want(self)

    def stop(self) -> None:
        """Do nothing more by itself."""
        self._stop_timers()
        self._sightings.down(self.connection)
        self._seeker.down()
        self._absence.down()

    def listen(self, place: Place) -> None:
        """Read a room from now on."""
        if not self._scene.settings.listener:
            self._leave_to_puppets([place])
        if self.connection is not None and (place.is_ours or place.step is Step.WAITING):
            self._join([place] if place.step in (Step.WAITING, Step.OUT) else [])
        self.report()

    def unlisten(self, place: Place) -> None:
        """Read a room no more."""
        self._stop_rejoin(place)
        connection = self.connection
        if connection is not None and place.step in (Step.IN, Step.ASKED):
            command(connection, "PART", place.name, self._scene.settings.quit_message)
        self._scene.view.close(place.name)
        self.report()

    # what the connects ask

    def dial(self) -> Connection:
        """Return a new connection with everything that the configuration says of the listener."""
        scene, settings = self._scene, self._scene.settings
        naming = self._seeker.naming
        naming.adapt(rules_of(scene.view.isupport.nicklen, scene.view.fold))
        identity = Identity(
            nicks=naming.first(scene.time()),
            username=settings.username or username(settings.nick),
            realname=settings.realname or f"Linkspan {MARKER}",
            sasl=sasl(settings),
            nickserv=str(settings.nickserv_password),
            bot=settings.bot_mode,
            perform=tuple(settings.perform),
        )
        return scene.dial(self, identity, None)

    def refused(self, failure: Failure) -> None:
        """Give up: somebody has to change something."""
        if failure.kind is Kind.AUTH:
            self._scene.report(Status.NEEDS_LOGIN, failure.reason)
        else:
            self._scene.report(Status.DOWN, f"{failure.reason}; not trying again by itself")

    def waits(self, failure: Failure) -> None:
        """Take note why there is no connection yet."""
        self._scene.report(Status.DOWN, failure.reason)

    def dropped(self) -> None:
        """Take no notice: a listener is never unwanted."""

    # what the connection tells

    def up(self, connection: Connection) -> None:
        """Begin: join every room, and let the puppets come."""
        scene = self._scene
        self.connection = connection
        connection.passes = partial(self._passes, connection)
        self._lives.began(scene.time())
        self._batches = Batches()
        self._was_ready = False
        scene.places.refold(connection.isupport.fold)
        scene.view.begin(connection.isupport, connection.nick)
        self._pool.deputies.listener_is(connection.nick)
        self._seeker.up(connection)
        self._sightings.up(connection)
        self._absence.up()
        self._join(scene.places)
        self.report()
        scene.connects.open()

    def down(self, connection: Connection, failure: Failure) -> None:
        """Come back, unless we are not wanted."""
        scene = self._scene
        self.connection = None
        self._seeker.down()
        self._sightings.down(connection)
        self._absence.down()
        self._stop_timers()
        scene.connects.shut()
        for place in scene.places:
            was_in, place.step = place.step is Step.IN, Step.WAITING
            if was_in and not self._pool.deputies.has(place.id):
                self._absence.left(place)
                scene.emit(scene.inbound.closed(place.name, Cause.LOST, failure.reason, scene.now()))
            self._wake(place.id)
        if failure.permanent:
            self.refused(failure)
        else:
            scene.report(Status.CONNECTING, failure.reason)
            scene.connects.again(self, failure, attempts=self._lives.ended(scene.time()))

    def nick(self, connection: Connection, old: str, new: str) -> None:  # noqa: ARG002 - as Owner says
        """Follow our own nick, whoever changed it."""
        self._scene.view.me = new
        self._seeker.nick(new)

    def _passes(self, connection: Connection, data: bytes) -> bool:
        """Take a raw line that need not be parsed: what is known already, and plain words."""
        if self._is_known(data):
            return True
        said = self._scene.inbound.words.read(data)
        if said is None:
            return False
        self._count(connection)
        self._absence.hear(said)
        return True

    def _count(self, connection: Connection) -> None:
        self._lines += 1
        if self._lines % _LINES_BETWEEN_LOOKS == 0:
            self._look_for_congestion(connection)

    def line(self, connection: Connection, line: Line) -> None:
        """Read."""
        self._count(connection)
        if line.command in _SAID and self._heard(connection, line):
            return
        match line.command:
            case "JOIN" if self._is_me(line.nick):
                self._entered(connection, line.param(0))
            case "KICK" if self._is_me(line.param(1)):
                self._put_out(line.param(0), f"kicked by {line.nick}: {plain(line.param(2))}", Cause.KICKED)
            case "PART" if self._is_me(line.nick):
                self._put_out(line.param(0), "removed from the channel by the network", Cause.LEFT)
            case "INVITE" if self._is_me(line.param(0)):
                self._invited(line.param(1))
            case numeric if numeric in _ASIDE:
                self._aside(connection, line)
            case numeric if numeric in ENDS and self._scene.overhearing.line(connection, line):
                pass
            case numeric if numeric in JOIN_ERRORS:
                self._refused(line)
                self._seeker.line(line)
            case _:
                self._seeker.line(line)
                self._read(line)
                self._sightings.line(connection, line)

    def _aside(self, connection: Connection, line: Line) -> None:
        """Take what is about no channel."""
        if line.command == pictures.LATER:
            self._scene.syncs.line(connection, line)
        else:
            self._sightings.line(connection, line)

    def _heard(self, connection: Connection, line: Line) -> bool:
        """Take what is said to us alone, asked of us, or said by a puppet; tells whether that is all about it."""
        if "batch" in line.tags and self._absence.recalls(connection, line, self._batches):
            return True
        if self._scene.view.is_ours(line.nick):
            self._seen(line)
            return True
        if self._scene.manners.answer(connection, line):
            return True
        if self._is_me(line.param(0)):
            self._scene.manners.introduce(connection, line)
            return True
        return False

    def _read(self, line: Line) -> None:
        scene = self._scene
        if line.command == "QUIT" and scene.view.is_ours(line.nick):
            self._gone(line.nick)
        self._absence.pass_on(scene.inbound.read(line, scene.now(), self._batches))
        if line.command == "QUIT" or (line.command == "NICK" and not self._is_same(line.nick, line.param(0))):
            self.nick_freed(line.nick)
        elif line.command == "TOPIC":
            scene.note_topic(line.param(0))
        elif line.command in ("MODE", "366"):
            self._look_for_pardons(line)

    def _look_for_pardons(self, line: Line) -> None:
        place = self._scene.places.named(line.param(0) if line.command == "MODE" else line.param(1))
        if place is None:
            return
        if line.command == "MODE":
            self._pardons.changed(place, line)
        else:
            self._pardons.entered(place)

    # channels

    def _join(self, places: Iterable[Place]) -> None:
        """Ask for channels, many in a line."""
        connection = self.connection
        if connection is None:
            return
        asked = []
        for place in places:
            impossible = _impossible(place, connection)
            if impossible:
                place.is_impossible = True
                self._out(place, Refusal(impossible, final=True))
                continue
            if not place.is_ours:
                self._leave_to_puppets([place])
                continue
            place.step = Step.ASKED
            asked.append(place)
        for channels, keys in joins(asked, connection.isupport.targets("JOIN")):
            command(connection, "JOIN", channels, *([keys] if keys else []))

    def _leave_to_puppets(self, places: Iterable[Place]) -> None:
        """Stay out of channels: whoever is shown there reads."""
        for place in places:
            place.is_impossible = not (is_usable(place.name, _CHANTYPES) and is_key(place.password))
            place.step, place.reason = Step.OUT, ""
            self._decided(place)

    def _entered(self, connection: Connection, name: str) -> None:
        scene = self._scene
        place = scene.places.named(name)
        if place is None:
            command(connection, "PART", name)
            return
        self._stop_rejoin(place)
        place.step, place.reason, place.setbacks = Step.IN, "", 0
        self._absence.entered(connection, place, name=name)
        self._decided(place)

    def _refused(self, line: Line) -> None:
        place = self._scene.places.named(line.param(1))
        if place is not None and place.step is Step.ASKED:
            self._out(place, join_refused(place.name, line))

    def _put_out(self, name: str, reason: str, cause: Cause) -> None:
        place = self._scene.places.named(name)
        if place is None or place.step is not Step.IN:
            return
        self._out(place, Refusal(f"{place.name}: {reason}"), cause)

    def _out(self, place: Place, refusal: Refusal, cause: Cause = Cause.REFUSED) -> None:
        """Be out of a channel: tell, and try again later."""
        scene = self._scene
        place.step, place.reason = Step.OUT, refusal.reason
        is_final = refusal.final and not refusal.is_ban
        if self._pool.deputies.has(place.id):
            scene.view.part(place.name, scene.view.me)
        else:
            self._absence.left(place)
            scene.view.close(place.name)
            origin = scene.origin(place.id)
            cause = Cause.BANNED if refusal.is_ban else cause
            scene.emit([RoomClosed(origin=origin, cause=cause, reason=refusal.reason, final=is_final)])
        if not is_final:
            self._rejoin_later(place, is_banned=refusal.is_ban)
        self._decided(place)

    def _rejoin_later(self, place: Place, *, is_banned: bool) -> None:
        pauses = self._scene.pace.rejoin
        pause = pauses[-1] if is_banned else pauses[min(place.setbacks, len(pauses) - 1)]
        place.setbacks += 1
        self._stop_rejoin(place)
        self._rejoins[place] = self._scene.later(pause, lambda: self._join([place]))

    def _invited(self, name: str) -> None:
        place = self._scene.places.named(name)
        if place is not None and place.is_ours and place.step is Step.OUT:
            self._stop_rejoin(place)
            self._join([place])

    def _decided(self, place: Place) -> None:
        """Let those who wait for it act: puppets join only where it is clear who reads."""
        self._pool.enter()
        self._wake(place.id)
        self.look()
        self.report()

    def report(self) -> None:
        """Say how the network is."""
        if self.connection is None and self._scene.settings.listener:
            return
        places = list(self._scene.places)
        if not self._was_ready and not all(place.is_decided for place in places):
            self._scene.report(Status.CONNECTING, "joining")
            return
        self._was_ready = True
        details = [self._detail(place) for place in places if place.reason]
        if self._scene.connects.trouble:
            details.append(f"puppets cannot connect: {self._scene.connects.trouble}")
        if details:
            self._scene.report(Status.DEGRADED, "; ".join(details))
        else:
            self._scene.report(Status.READY)

    def _detail(self, place: Place) -> str:
        deputy = self._pool.deputies.reader(place.id)
        return f"{place.reason} ({deputy} reads it meanwhile)" if deputy else place.reason

    def forgive(self, room: RoomId, person: PersonId) -> None:
        """Take off the ban that the bridge has set on somebody, once it may."""
        self._pardons.forgive(room, person)

    # helping puppets

    def invite(self, nick: str, place: Place) -> None:
        """Let a puppet into a channel that needs an invitation, where we may."""
        connection = self.connection
        if connection is not None and self._scene.view.has_op(place.name, connection.nick):
            command(connection, "INVITE", nick, place.name)

    def watch_for(self, nicks: frozenset[str]) -> None:
        """Tell the puppets when one of these nicks is free."""
        self._contested = nicks
        self._watch_nicks()

    def _watch_nicks(self) -> None:
        fold = self._scene.view.fold
        own = {fold(nick) for nick in self._seeker.naming.better()} if self.connection is not None else set()
        self._sightings.contest(self._contested | own)

    def nick_freed(self, nick: str) -> None:
        """Let whoever wants a nick have it: nobody has it any more."""
        self._seeker.freed(nick)
        self._pool.freed(nick)

    # ourselves

    def _look_for_congestion(self, connection: Connection) -> None:
        """Leave lines with the server while the bridge cannot take more."""
        if not self._held and self._scene.hub.congested():
            self._held = True
            connection.hold(on=True)
            self._scene.spawn(self._go_on(connection))

    async def _go_on(self, connection: Connection) -> None:
        await self._scene.hub.drained()
        self._held = False
        connection.hold(on=False)

    def _is_me(self, nick: str) -> bool:
        return self._scene.view.is_me(nick)

    def _is_same(self, one: str, other: str) -> bool:
        return self._scene.view.fold(one) == self._scene.view.fold(other)

    def _stop_rejoin(self, place: Place) -> None:
        timer = self._rejoins.pop(place, None)
        if timer is not None:
            timer.cancel()

    def _stop_timers(self) -> None:
        for place in list(self._rejoins):
            self._stop_rejoin(place)


def joins(places: Iterable[Place], most: int) -> Iterable[tuple[str, str]]:
    """Yield (channels, keys) of as few JOINs as possible; ``most`` targets in each, 0 is no limit."""
    row: list[Place] = []
    size = 0
    for place in sorted(places, key=lambda place: not place.password):  # keys belong to the first channels
        needed = len(place.name.encode()) + len(place.password.encode()) + 2
        if row and (len(row) == most or size + needed > _JOIN_ROOM):
            yield _joined(row)
            row, size = [], 0
        row.append(place)
        size += needed
    if row:
        yield _joined(row)


def _nothing() -> None:
    pass


def _impossible(place: Place, connection: Connection) -> str:
    """Say why a place can never be joined, "" if it can."""
    if not is_usable(place.name, connection.isupport.chantypes):
        return f"{place.name!r} is not the name of a channel"
    return "" if is_key(place.password) else f"the password of {place.name} cannot be a channel key"


def _joined(row: list[Place]) -> tuple[str, str]:
    return ",".join(place.name for place in row), ",".join(place.password for place in row if place.password)
