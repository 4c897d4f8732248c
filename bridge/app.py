"""The composition root: the only module that knows everybody. Builds the bridge, starts it, changes it, stops it.

Start: store, listeners, hub, networks; stop: the other way round. A new configuration is read and checked whole,
and every connector that it needs is built, before anything of the old one is touched. What an administrator sees is in
:mod:`bridge.administration`; signals and the ready line are here, at the end. Called by :mod:`bridge.cli`, and in parts
by :mod:`bridge.checkup`.
"""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from bridge import __version__, config, logs, registry
from bridge.administration import Administration, as_link, merged
from bridge.allowance import Allowance
from bridge.commands import (
    abuse,
    logins,
    networks,
    operation,
    outcasts,
    people,
    preferences,
    rooms,
    users,
)
from bridge.commands.administering import administering
from bridge.config import Config, ConfigError, HttpSettings, UnknownConnector, hosts_of
from bridge.connector import Connector, Identifies, Opens, PuppetMode, PuppetSettings, Serves, Setup, Wire
from bridge.core.addresses import parse_range
from bridge.core.commands import CommandRefused, Place, Who, Why
from bridge.core.dialogue import Commands
from bridge.core.ids import XMPP, Network, Person, PersonId, digest
from bridge.engine.clock import SystemClock
from bridge.engine.complaints import Complaint, Complaints
from bridge.engine.hub import Hub, Link
from bridge.engine.limits import Limits
from bridge.engine.ports import Archive, Clock, Keeper, StoredLink, StoreError
from bridge.gateway import Gateway
from bridge.identd import CannotIdentify, Identd
from bridge.people import People
from bridge.settings import Problem, join
from bridge.storage.store import SqlStore
from bridge.systemd import Notify
from bridge.userdesk import Users
from bridge.vigil import watch_store
from bridge.web.admin import Admin
from bridge.web.fetch import Web
from bridge.web.media import MediaSite
from bridge.web.ports import CannotListen, GatewayDocument
from bridge.web.proxies import Proxies
from bridge.web.public import PublicSite
from bridge.web.server import Listener
from bridge.xmpp.connector import XmppConnector
from bridge.xmpp.messages.uploads import Puts
from bridge.xmpp.people.blocking import Report

T = TypeVar("T")
log = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds after which the ready line is printed although something is not up."""
LEAVE: Final = 4.0
"""Seconds that networks get to leave; with the rest, the end comes within 5."""
KEEP_DAYS: Final = 30
KEEP_MESSAGES: Final = 100_000
_PRUNE_EVERY: Final = 6 * 3_600.0
_TIDY_EVERY: Final = 600.0
"""Seconds between two looks whether archives are older or larger than they may be, and which servers are there for nobody."""
_LOOK_EVERY: Final = 0.05
"""Seconds between two looks whether everything is up, while somebody waits for that."""


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading the configuration anew."""

    problems: tuple[str, ...] = ()  # with any of them nothing has changed
    restart_needed: tuple[str, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be done to get from one configuration to another."""

    stop: tuple[Network, ...]
    start: tuple[Network, ...]
    listener: bool
    restart_needed: tuple[str, ...]  # keys that only a restart changes


def instance_id(domain: str) -> str:
    """Return the id of the bridge with this component domain: the same after every restart, and for nobody else."""
    return digest("linkspan", domain)[:16]


def networks_of(configured: Config) -> dict[Network, Any]:
    """Return what each network, XMPP included, is built from: equal values need no restart."""
    return {XMPP: configured.xmpp, **configured.networks}


def changes(old: Config, new: Config) -> Changes:
    """Compare two configurations; links and logging are always applied, since that disturbs nobody."""
    before, after = networks_of(old), networks_of(new)
    changed = [name for name in before if before[name] != after.get(name)]
    keys = (
        ("store.url", old.store.url, new.store.url),
        ("store.key_file", old.store.key_file, new.store.key_file),
        ("xmpp.domain", old.xmpp.domain, new.xmpp.domain),
        ("delivery.max_age", old.delivery.max_age, new.delivery.max_age),
    )
    return Changes(
        stop=tuple(changed),
        start=tuple(name for name in after if name in changed or name not in before),
        listener=old.http != new.http,
        restart_needed=tuple(key for key, was, becomes in keys if was != becomes),
    )


def _without_restart(old: Config, new: Config) -> Config:
    """Return the new configuration as far as a running bridge can have it: of another domain everything is another."""
    same_domain = old.xmpp.domain == new.xmpp.domain
    xmpp = new.xmpp if same_domain else old.xmpp
    return msgspec.structs.replace(new, store=old.store, delivery=old.delivery, xmpp=xmpp)


def build(
    configured: Config, names: Sequence[Network], clock: Clock, puts: Puts | None = None
) -> dict[Network, Connector]:
    """Build the connectors of these networks. Raises: ConfigError for settings that a connector refuses."""
    connectors: dict[Network, Connector] = {}
    problems: list[Problem] = []
    instance = instance_id(configured.xmpp.domain)
    for name in names:
        if name == XMPP:
            connectors[name] = XmppConnector(
                configured.xmpp, instance=instance, version=__version__, clock=clock, puts=puts
            )
            continue
        network = configured.networks[name]
        setup = Setup(
            network=name,
            settings=network.settings,
            puppets=network.puppets,
            instance=instance,
            version=__version__,
            public_url=configured.public_url,
            announced=bool(configured.http.public_url),
            key=configured.people_key,
        )
        path = join("networks", name)
        try:
            connectors[name] = registry.build(network.connector, setup)
        except ValueError as error:
            key, colon, rest = str(error).partition(": ")
            named = colon and key in type(network.settings).__struct_fields__
            problems.append(Problem(join(path, key), rest) if named else Problem(path, str(error)))
        except (UnknownConnector, registry.ConnectorUnusableError) as error:
            problems.append(Problem(join(path, "connector"), str(error)))
    if problems:
        raise ConfigError(problems)
    return connectors


def kinds_of(configured: Config) -> dict[Network, str]:
    """Return the kind of connector of each network, XMPP included."""
    return {XMPP: "xmpp", **{name: network.connector for name, network in configured.networks.items()}}


def admins_of(configured: Config) -> tuple[Person, ...]:
    """Return the administrators, who are users on XMPP."""
    return tuple(Person(XMPP, PersonId(jid)) for jid in configured.xmpp.admins)


class _Around:
    """What commands can be about: a :class:`bridge.core.dialogue.Around`."""

    def __init__(self, hub: Hub, bars: Callable[[str, Network], str]) -> None:
        self._hub = hub
        self.bars = bars

    def networks(self) -> Sequence[Network]:
        """Return the networks that there are, but for XMPP."""
        return [network for network in self._hub.networks() if network != XMPP]

    def room(self, text: str, network: Network | None) -> Place | None:
        """Return the hosted room that is meant."""
        found = (
            each.room_named(text, network) for each in self._hub.networks().values() if isinstance(each, XmppConnector)
        )
        return next(found, None)


class App:
    """A running bridge."""

    def __init__(self, configured: Config, *, store: Keeper, clock: Clock) -> None:
        self._config = configured
        self._archive: Archive = store
        self._store = store
        self._clock = clock
        self._web = Web()
        self._hub = Hub(
            store=store,
            clock=clock,
            instance=instance_id(configured.xmpp.domain),
            limits=Limits(age=configured.delivery.max_age),
            fetch=self._web,
        )
        self._hub.admins = admins_of(configured)
        self.administration = Administration(hub=self._hub, store=store, clock=clock, apply=self._apply_links)
        self._links: list[Link] = []  # configured ones
        self._gateway = Gateway(
            self._hub,
            configured.gateway,
            instance=instance_id(configured.xmpp.domain),
            domain=configured.xmpp.domain,
            relink=self._relink,
            known=self._introduce,
            now=clock.monotonic,
        )
        self._complaints = Complaints(store, clock)
        self._allowance = Allowance(now=clock.monotonic)
        self._gateway.key = configured.people_key
        self._gateway.door.outcasts = self._hub.outcasts.names_user
        self._hub.outcasts.also = lambda _: self._review_users()
        self.administration.gateway = self._gateway_document
        self._people = People(self._hub, self._gateway)
        self._commands = Commands(_Around(self._hub, self._gateway.refuses))
        self._users = Users(self._hub, self._hosts)
        self.reload: operation.Reload | None = None
        """Reads the file anew; set by whoever has one."""
        self._listener: Listener | None = None
        self._identd = Identd(self._user_of)
        self._public = PublicSite()
        self._public_listener: Listener | None = None
        self._pruning: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring everything up, connections aside: those come in their own time.

        Raises: ConfigError, StoreError, CannotListen, CannotIdentify; then nothing is left running.
        """
        connectors = build(self._config, list(networks_of(self._config)), self._clock, self._web)
        await self._store.open()
        self._introduce()
        try:
            await self._listen(self._config.http)
            await self._serve(connectors)
            await self._identify()
        except (CannotListen, CannotIdentify):
            await self._stop_listening()
            await self._store.close()
            raise
        await self._archive.all_departed(self._clock.now())
        await self._complaints.open()
        await self._hub.open()
        await self._apply_links()
        self._add(connectors)
        self._pruning = [_beside(self._prune()), _beside(self._tidy())]
        self._watching = _beside(watch_store(self._store.healthy, self._clock, tell=self._tell_admins))

    async def stop(self) -> None:
        """Leave everywhere, write what is left, and end."""
        for task in (*self._pruning, self._watching):
            if task is not None:
                task.cancel()
        await self._stop_listening()
        await self._hub.close(deadline=LEAVE)
        await self._web.close()
        await self._store.close()

    async def broken(self) -> str:
        """Return why the store has ended by itself, once it has; from then on nothing is sent, and the admins know."""
        why = await self._store.broken()
        self._hub.halt()
        self._tell_admins(f"{why}. The bridge ends now; started again, it goes on from what is stored")
        return why

    def _tell_admins(self, words: str) -> bool:
        return any(each.tell_admins(words) for each in self._hosts())

    async def change(self, new: Config) -> tuple[str, ...]:
        """Apply another configuration: only what differs is touched; returns the keys that only a restart changes.

        Raises: ConfigError, StoreError before anything is.
        """
        todo = self._with_called(changes(self._config, new), new)
        restart_needed = todo.restart_needed
        for key in restart_needed:
            log.warning("configuration.restart-needed key=%s: it stays as it was until then", key)
        if todo.restart_needed:
            new = _without_restart(self._config, new)
            todo = self._with_called(changes(self._config, new), new)
        connectors = build(new, todo.start, self._clock, self._web)
        stored = await self._store.links()
        old, self._config = self._config, new
        named = [network for network in todo.start if network in self._gateway.opened]
        for network in named:
            del self._gateway.opened[network]
        await asyncio.gather(*(self._hub.remove_network(network) for network in (*todo.stop, *named)))
        self._hub.admins = admins_of(new)
        self._link(stored)
        self._add(connectors)
        self._review_users()
        if todo.listener:
            await self._relisten(old.http, new.http)
        if old.identd != new.identd:
            await self._identify_anew(old)
        await self._serve_anew(old.http)
        log.info(
            "configuration.applied stopped=%s started=%s links=%d",
            ",".join(todo.stop),
            ",".join(todo.start),
            len(new.links),
        )
        return restart_needed

    def _with_called(self, todo: Changes, new: Config) -> Changes:
        """Add the networks that others call, where these have another URL from now on: it was told to providers."""
        if new.http.public_url == self._config.http.public_url:
            return todo
        called = [
            name
            for name, connector in self._hub.networks().items()
            if isinstance(connector, Serves) and name in new.networks and name not in todo.stop
        ]
        return msgspec.structs.replace(todo, stop=(*todo.stop, *called), start=(*todo.start, *called))

    def unready(self) -> list[str]:
        """Return the names of what is not up: store, networks, and links whose networks are up."""
        return sorted([*self.administration.unready(), *self.administration.unlinked()])

    async def settled(self, patience: float) -> list[str]:
        """Wait until everything is up, for some seconds at most; returns the names of what is not."""
        deadline = self._clock.monotonic() + patience
        while (names := self.unready()) and self._clock.monotonic() < deadline:
            await self._clock.sleep(_LOOK_EVERY)
        return names

    async def _apply_links(self) -> None:
        self._link(await self._store.links())

    def _link(self, stored: Sequence[StoredLink]) -> None:
        links, trouble = merged(self._config.links, stored, networks_of(self._config))
        for sentence in trouble:
            log.warning("%s", sentence)
        self._links = [as_link(link) for link in links]
        self._relink()

    def _relink(self) -> None:
        self._hub.set_links(self._gateway.amended(self._links))

    def _add(self, connectors: Mapping[Network, Connector]) -> None:
        for network, connector in connectors.items():
            self._hub.add_network(network, connector, self._puppets(network))
        self._introduce()

    def _puppets(self, network: Network) -> PuppetSettings:
        if network == XMPP:
            return PuppetSettings(mode=PuppetMode.FULL)
        return self._config.networks[network].puppets

    def _introduce(self) -> None:
        """Tell everybody who has to know it which networks and links there are."""
        kinds = kinds_of(self._config)
        self.administration.kinds = kinds
        self._gateway.settings = self._config.gateway
        self._allowance.bound(self._config.media)
        self._gateway.kinds = kinds
        self._gateway.hosts = hosts_of(self._config)
        kept = {name: network.history for name, network in self._config.networks.items()}
        self._gateway.histories = {name: each for name, each in kept.items() if each is not None}
        self._gateway.modes = {name: network.puppets.mode for name, network in self._config.networks.items()}
        self.administration.written = self._config.links
        self.administration.hook_desk.public_url = self._config.public_url
        for connector in self._hosts():
            connector.know_networks({**kinds, **self._gateway.opened}, fixed=self._gateway.fixed)
            connector.know_commands(self._commands, self._judge)
            connector.host(self._gateway, self._archive)
            connector.know_people(self._people)
            connector.know_registrations(self._hub.registrations)
            connector.hosting.staying.at_start = self._hub.preferences.rooms_at_start
            self._hub.preferences.bring = connector.hosting.staying.bring
            connector.blocking.complain = partial(self._reported, connector)
            connector.bound_uploads(self._allowance)
        self.offer()

    def _heard(self, user: str, network: Network) -> None:
        """Note that somebody has written to a network, and wants to hear what it says."""
        for connector in self._hosts():
            connector.words.talked(user, network)

    def offer(self) -> None:
        """Offer every command that there is, with what runs it."""
        hosts = self._hosts()
        addressed = hosts[0].hosting.address_of if hosts else lambda _, __: ""
        hosted = (offer for each in hosts for offer in rooms.offers(each.hosting.stays, each.hosting.exports))
        against = (
            offer
            for each in hosts
            for offer in abuse.offers(each.blocking, self._complaints, partial(self._complain, each))
        )
        self._commands.offer(
            (
                *administering(self.administration),
                *users.offers(self._users),
                *operation.offers(self.reload, self._store),
                *logins.offers(self._hub.logins),
                *people.offers(self._people, self._heard),
                *preferences.offers(self._hub.preferences),
                *networks.offers(self._gateway, self._users, address=addressed),
                *hosted,
                *outcasts.offers(self._hub.outcasts, self._hub.networks),
                *against,
            )
        )

    async def _reported(self, xmpp: XmppConnector, report: Report) -> None:
        """Keep what a client or a server reports. Raises: StoreError."""
        with contextlib.suppress(ValueError):
            await self._complain(xmpp, Complaint(id="", **msgspec.structs.asdict(report)))

    async def _complain(self, xmpp: XmppConnector, complaint: Complaint) -> None:
        """Keep a complaint, and tell the administrators. Raises: StoreError, ValueError for what is no address of ours."""
        person = xmpp.who_is(complaint.about)
        if person is None:
            msg = f"{complaint.about} is nobody's address here"
            raise ValueError(msg)
        if await self._complaints.file(msgspec.structs.replace(complaint, person=person)):
            words = f" in these words: {complaint.text}" if complaint.text else ""
            whom = f"{person.network}:{person.id}"
            told = f"{complaint.by} reports {complaint.about} ({whom}) for {complaint.reason}{words}"
            xmpp.tell_admins(f"{told}\n“outcasts add {whom}” casts them out; “reports list” shows all that is open.")

    def _judge(self, user: str) -> Who:
        """Tell what somebody may, by their bare JID."""
        if user.casefold() in {admin.casefold() for admin in self._config.xmpp.admins}:
            return Who.ADMIN
        return Who.USER if self._gateway.door.knows(user) else Who.ANYONE

    def _hosts(self) -> list[XmppConnector]:
        return [each for each in self._hub.networks().values() if isinstance(each, XmppConnector)]

    def _review_users(self) -> None:
        for connector in self._hosts():
            connector.review_users()

    def _gateway_document(self) -> GatewayDocument:
        return GatewayDocument(
            users=sum(each.hosting.users for each in self._hosts()),
            max_users=self._config.gateway.max_users,
            rooms=self._gateway.size,
            refused=dict(self._gateway.door.refused),
        )

    async def _listen(self, http: HttpSettings) -> None:
        host, port = config.address(http.admin_listen) or ("", 0)
        admin = Admin(
            self.administration,
            commands=self._commands,
            token=lambda: self._config.admin_token,
            version=__version__,
        )
        listener = Listener(key="http.admin_listen", host=host, port=port, application=admin.application())
        await listener.start()
        self._listener = listener

    async def _relisten(self, old: HttpSettings, new: HttpSettings) -> None:
        """Move the admin listener; where the new address cannot be had, the old one stays."""
        if old.admin_listen == new.admin_listen:
            return
        if self._listener is not None:
            await self._listener.stop()
        try:
            await self._listen(new)
        except CannotListen as error:
            log.error("%s; it stays at %s", error, old.admin_listen)
            kept = msgspec.structs.replace(self._config.http, admin_listen=old.admin_listen)
            self._config = msgspec.structs.replace(self._config, http=kept)  # so that the next SIGHUP tries again
            await self._listen(old)

    async def _serve(self, connectors: Mapping[Network, Connector]) -> None:
        """Serve on the public listener what there is; it is open only while there is something. Raises: CannotListen."""
        http = self._config.http
        self._public.proxies = Proxies(trusted=tuple(map(parse_range, http.trusted_proxies)), header=http.proxy_header)
        self._public.serve({name: each for name, each in connectors.items() if isinstance(each, Serves)})
        media, shares = self._config.media, any(_has_files(*each) for each in connectors.items())
        self._web.allowed = tuple(map(parse_range, media.allow))
        self._hub.media.bound(largest=lambda network: media.largest_to(network or ""), keep=media.keep)
        self._public.media = MediaSite(self._hub.media) if shares or http.public_url else None
        if self._public.wanted and self._public_listener is None:
            host, port = config.address(http.listen) or ("", 0)
            listener = Listener(key="http.listen", host=host, port=port, application=self._public.server())
            await listener.start()
            self._public_listener = listener
        elif not self._public.wanted and self._public_listener is not None:
            await self._public_listener.stop()
            self._public_listener = None
        self._hub.media.publish(self._public_url() if self._public.media is not None else "", self._config.media_key)

    def _public_url(self) -> str:
        """Return how others reach the public listener, also when it has taken whatever port was free."""
        if self._public_listener is None or self._config.http.public_url:
            return self._config.public_url
        host, _, _ = self._config.http.listen.rpartition(":")
        return f"http://{host}:{self._public_listener.port}"

    async def _serve_anew(self, old: HttpSettings) -> None:
        """Serve what there is now, where the new configuration says; where that cannot be had, the old address stays."""
        connectors = self._hub.networks()
        if self._public_listener is not None and old.listen != self._config.http.listen:
            await self._public_listener.stop()
            self._public_listener = None
        try:
            await self._serve(connectors)
        except CannotListen as error:
            log.error("%s; it stays at %s", error, old.listen)
            self._config = msgspec.structs.replace(
                self._config, http=msgspec.structs.replace(self._config.http, listen=old.listen)
            )
            with contextlib.suppress(CannotListen):
                await self._serve(connectors)

    async def _identify(self) -> None:
        """Answer IRC servers, where the configuration says so. Raises: CannotIdentify."""
        place = config.address(self._config.identd.listen)
        if place is not None:
            await self._identd.listen(*place)

    async def _identify_anew(self, old: Config) -> None:
        """Move identd; where the new address cannot be had, the old one stays."""
        await self._identd.close()
        try:
            await self._identify()
        except CannotIdentify as error:
            log.error("%s; it stays as it was", error)
            self._config = msgspec.structs.replace(self._config, identd=old.identd)
            with contextlib.suppress(CannotIdentify):
                await self._identify()

    def _user_of(self, wire: Wire) -> str:
        known = (each.user_of(wire) for each in self._hub.networks().values() if isinstance(each, Identifies))
        return next(filter(None, known), "")

    async def _stop_listening(self) -> None:
        await self._identd.close()
        for listener in (self._public_listener, self._listener):
            if listener is not None:
                await listener.stop()

    async def _prune(self) -> None:
        while True:
            await self._clock.sleep(_PRUNE_EVERY)
            before = self._clock.now() - KEEP_DAYS * 86_400_000
            rows = await self._store.prune(before=before, keep=KEEP_MESSAGES)
            log.info("store.pruned rows=%d", rows)

    async def _tidy(self) -> None:
        """Let servers go that nobody uses, and what hosted rooms have kept for longer, or more of, than they are to."""
        while True:
            await self._clock.sleep(_TIDY_EVERY)
            self._gateway.tidy()
            await self._prune_archives()
            most = self._config.gateway.max_archive
            rows = await self._archive.prune_archives(keep=most) if most else 0
            if rows:
                log.info("archive.bounded rows=%d", rows)

    async def _prune_archives(self) -> None:
        """Delete what each hosted room has kept for longer than its network is to, or is too much of it."""
        for room in await self._archive.archived_rooms():
            kept = self._gateway.kept(room)
            before = 0 if kept.seconds is None else self._clock.now() - int(kept.seconds * 1000)
            rows = await self._archive.prune_archive(room, before=before, keep=kept.messages)
            if rows:
                log.info("archive.pruned rows=%d", rows)


def _has_files(network: Network, connector: Connector) -> bool:
    """Tell whether a network has files that only it can open, and others want; XMPP's own are put where everybody can."""
    return network != XMPP and isinstance(connector, Opens)


def run(path: Path) -> int:
    """Run the bridge until it is told to stop; returns the exit status.

    Raises: ConfigError, StoreError, CannotListen, CannotIdentify.
    """
    configured = config.load(path, registry.settings_of)
    _set_up_logs(configured)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(path, configured))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return uvloop.new_event_loop


def _calm_collector() -> None:
    """Let the garbage collector look less often, and not at what stays for good: it is a quarter of the cost of a message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _set_up_logs(configured: Config, *older: Config) -> None:
    secrets = set().union(*map(logs.secrets_of, (configured, *older)))
    logs.set_up(configured.log, logs.Redaction(secrets))


async def _serve(path: Path, configured: Config) -> None:
    notify = Notify()
    clock = SystemClock()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, signals.put_nowait, sign)
    app = App(configured, store=SqlStore(configured.store.url, key_file=configured.store.key_file), clock=clock)
    await app.start()
    _calm_collector()
    tasks = [_beside(_announce(app, notify, clock)), _beside(_stay_alive(notify, clock))]
    reloading = Reloading(path, configured, change=app.change, notify=notify)
    app.reload = reloading.asked
    app.offer()
    breaking = _beside(_until_broken(app, signals))
    while await signals.get() == signal.SIGHUP:
        await reloading.now()
    broken = breaking.result() if breaking.done() else ""
    log.info("stopping")
    notify.stopping()
    for task in (*tasks, breaking):
        task.cancel()
    await app.stop()
    if broken:
        raise StoreError(broken)


async def _until_broken(app: App, signals: asyncio.Queue[signal.Signals]) -> str:
    """Wait until the bridge cannot go on in this process, and let it end as if it had been told to."""
    why = await app.broken()
    signals.put_nowait(signal.SIGABRT)
    return why


def _beside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Do something beside the bridge's own work, and do not keep it a secret if that ends badly."""

    def ended(task: asyncio.Task[T]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended", task.get_name(), exc_info=error)

    task = asyncio.create_task(work, name=getattr(work, "__qualname__", ""))
    task.add_done_callback(ended)
    return task


async def _announce(app: App, notify: Notify, clock: Clock) -> None:
    """Print the ready line, once; and log when what was missing has come up."""
    names = await app.settled(PATIENCE)
    state = f"ready (degraded: {', '.join(names)})" if names else "ready"
    with contextlib.suppress(OSError):  # whoever started us may have closed the pipe
        print(f"linkspan: {state}", flush=True)  # noqa: T201 - the one line that others wait for
    notify.ready(state)
    if names:
        log.warning("not everything is up yet: %s", ", ".join(names))
        while app.unready():
            await clock.sleep(1.0)
        log.info("everything is up")
        notify.ready("ready")


class Reloading:
    """Reads the configuration file anew, one time after the other: for a SIGHUP, or for the command ``reload``."""

    def __init__(
        self, path: Path, current: Config, *, change: Callable[[Config], Awaitable[tuple[str, ...]]], notify: Notify
    ) -> None:
        self._change = change
        self._path = path
        self._current = current
        self._notify = notify
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Reloaded]] = set()

    async def asked(self) -> Sequence[str]:
        """Do it for somebody who waits for what comes of it. Raises: CommandRefused.

        It goes on when they are gone: the door through which they have asked may be one that it takes down.
        """
        task = asyncio.create_task(self.now())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        reloaded = await asyncio.shield(task)
        if reloaded.problems:
            raise CommandRefused("\n".join(reloaded.problems), why=Why.WRONG)
        return reloaded.restart_needed

    async def now(self) -> Reloaded:
        """Do it; a file that cannot be used changes nothing."""
        async with self._turn:
            self._notify.reloading()
            try:
                return await self._apply()
            finally:
                self._notify.ready("running")

    async def _apply(self) -> Reloaded:
        try:
            new = config.load(self._path, registry.settings_of)
            restart_needed = await self._change(new)
        except ConfigError as error:
            problems = tuple(map(str, error.problems))
        except StoreError as error:
            problems = (f"store: {error}",)
        else:
            _set_up_logs(new, self._current)
            self._current = new
            return Reloaded(restart_needed=restart_needed)
        for problem in problems:
            log.error("configuration.refused %s", problem)
        return Reloaded(problems=problems)


async def _stay_alive(notify: Notify, clock: Clock) -> None:
    while notify.watchdog:
        notify.alive()
        await clock.sleep(notify.watchdog)


__all__ = ["App", "Changes", "build", "changes", "instance_id", "networks_of", "run"]
