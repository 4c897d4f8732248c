"""Taking over from a biboumi: what its database holds becomes archives, stays and settings of ours (``linkspan import``).

biboumi keeps a channel once for each of its users; here a hosted room has one archive, and it is written down who was there.
So what several users got is laid together: a message is the same if nick, words and time agree, the time within
:data:`CLOSE`; and a user was there from the first to the last of messages in a row that they got. Read by
:mod:`bridge.storage.biboumi`, called by the command line while the bridge does not run. Nothing is ever deleted, and what was
taken over is not taken over again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import cast

import msgspec

from bridge import registry
from bridge.config import Config, fixed_network, hosts_of
from bridge.connector import Adapts, Inherits, LoginRefused, PuppetSettings, Secret, Setup, Unsuitable
from bridge.core.commands import Values
from bridge.core.ids import XMPP, Network, Person, PersonId, RoomId
from bridge.core.jids import TooLong, to_localpart
from bridge.engine.ports import SEQ_OF_MILLISECOND, ArchivedLine, Attended, StoredLogin, StoredPreferences
from bridge.storage.biboumi import Heard, ServerOptions, Source, opened
from bridge.storage.rules import wall_clock
from bridge.storage.store import SqlStore
from bridge.xmpp.hosted.speech import remembered
from bridge.xmpp.hosted.stays import Stay

CLOSE = 2
"""Seconds by which the copies of one message differ at most: each user's came over a connection of their own."""
_SECOND = 1000
_BATCH = 5000


class Outcome(msgspec.Struct):
    """What was taken over, and what was not."""

    rooms: int = 0
    messages: int = 0
    stays: int = 0
    settings: int = 0
    logins: int = 0
    remarks: list[str] = []


class Said(msgspec.Struct, eq=False):
    """A message of a channel, and who got it."""

    at: int  # seconds
    nick: str
    body: str
    id: str
    owners: set[str] = msgspec.field(default_factory=set)


def together(heard: Iterable[Heard]) -> list[Said]:
    """Lay together what the users of one channel got, each in their own order, and return it by time."""
    found: list[Said] = []
    by_words: dict[tuple[str, str, int], list[Said]] = defaultdict(
        list
    )  # and by second: some words are said very often
    for each in heard:
        near = (by_words.get((each.nick, each.body, at), ()) for at in range(each.at - CLOSE, each.at + CLOSE + 1))
        fitting = (said for second in near for said in second if each.owner not in said.owners)
        said = min(fitting, key=lambda said: abs(said.at - each.at), default=None)
        if said is None:
            said = Said(each.at, each.nick, each.body, each.id)
            by_words[each.nick, each.body, each.at].append(said)
            found.append(said)
        said.owners.add(each.owner)
    return sorted(found, key=lambda said: said.at)  # keeps the order of those of one second


def archived(said: Sequence[Said], room: RoomId) -> tuple[list[ArchivedLine], list[Attended]]:
    """Return an archive's lines, oldest first, and who was there when.

    biboumi counts seconds; the messages of one second become milliseconds apart, so that it can be told who got which.
    """
    lines: list[ArchivedLine] = []
    present: dict[str, Attended] = {}
    done: list[Attended] = []
    moment = 0
    for each in said:
        moment = max(moment + 1, each.at * _SECOND)
        line = remembered(each.body, room=room, id_=each.id, at=each.at * _SECOND, nick=each.nick)
        lines.append(
            ArchivedLine(
                seq=moment * SEQ_OF_MILLISECOND,
                room=room,
                id=line.id,
                at=line.at,
                nick=line.nick,
                head=line.head,
                tail=line.tail,
            )
        )
        done.extend(present.pop(gone) for gone in present.keys() - each.owners)
        for owner in each.owners:
            since = present[owner].since if owner in present else moment
            present[owner] = Attended(PersonId(owner), since, moment)
    return lines, [*done, *present.values()]


class Names:
    """What biboumi's servers and channels are called here."""

    def __init__(self, config: Config, source: Source, given: Mapping[str, str]) -> None:
        """``given`` are networks of biboumi's names for servers, by the operator. Raises: ValueError for one that is not configured."""
        for server, network in given.items():
            if network not in config.networks:
                msg = f"{server}={network}: no network {network!r} is configured"
                raise ValueError(msg)
        self._domain = config.xmpp.domain
        hosts = hosts_of(config)
        self._fixed = fixed_network(config.gateway, config.networks, hosts)
        self._networks = {host.lower(): name for host, name in hosts.items()}
        self._networks.update((server.lower(), Network(network)) for server, network in given.items())
        for options in source.servers():
            if options.address in self._networks:
                self._networks.setdefault(options.server, self._networks[options.address])

    def network(self, server: str) -> Network:
        """Return the network that a server is: a configured one, or one of the open mode under its host name."""
        return self._networks.get(server.lower(), Network(server.lower()))

    def room(self, server: str, channel: str) -> RoomId:
        """Return the address of a channel. Raises: TooLong."""
        network = self.network(server)
        local = to_localpart(channel.lower(), None if network == self._fixed else network)
        return RoomId(f"{local}@{self._domain}")


async def take_over(config: Config, place: str, given: Mapping[str, str]) -> Outcome:
    """Take over a database into the store of a configuration. Raises: StoreError, ValueError, in one sentence."""
    outcome = Outcome()
    with opened(place) as source:
        names = Names(config, source, given)
        store = SqlStore(config.store.url, key_file=config.store.key_file)
        await store.open()
        try:
            members = await _archives(source, names, store, outcome)
            await _stays(source, names, store, members, outcome)
            await _settings(source, names, store, Judges(config), outcome)
        finally:
            await store.close()
    return outcome


async def _archives(source: Source, names: Names, store: SqlStore, outcome: Outcome) -> set[tuple[RoomId, str]]:
    """Take over what was said; returns who was ever in which room."""
    members: set[tuple[RoomId, str]] = set()
    for server, channel in source.channels():
        try:
            room = names.room(server, channel)
        except TooLong as why:
            outcome.remarks.append(f"{channel} on {server}: {why}")
            continue
        lines, attended = archived(together(source.heard(server, channel)), room)
        members |= {(room, stay.user) for stay in attended}
        outcome.rooms += 1
        for start in range(0, len(lines), _BATCH):  # small transactions; all but the first know nobody new
            outcome.messages += await store.adopt(lines[start : start + _BATCH], () if start else attended)
    return members


async def _stays(
    source: Source, names: Names, store: SqlStore, members: Iterable[tuple[RoomId, str]], outcome: Outcome
) -> None:
    """Take over who stays without a client: from the next time on that they come, for biboumi does not say under which nick."""
    everywhere = source.persistent()
    wished = {(room, user) for room, user in members if user in everywhere}
    for options in source.channel_options():
        if options.persistent and options.channel:
            with suppress(TooLong):
                wished.add((names.room(options.server, options.channel), options.owner))
    for room, user in sorted(wished):
        name, value = Stay(room=room, user=user, wished=True).kept()
        if await store.recall(XMPP, name) is None:
            await store.remember(XMPP, name, value)
            outcome.stays += 1


class Judges:
    """The connectors of networks, which are asked what they can do with what users have set; none of them ever runs."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[Network, Inherits | None] = {}

    def of(self, network: Network) -> Inherits | None:
        """Return the connector of a network, of one of the open mode too; None for one that takes no settings."""
        if network not in self._known:
            configured = self._config.networks.get(network)
            kind = "irc" if configured is None else configured.connector
            given = {"host": network} if configured is None else None
            settings = configured.settings if configured else msgspec.convert(given, registry.settings_of(kind))
            setup = Setup(network=network, settings=settings, puppets=PuppetSettings(), instance="", version="")
            connector = registry.build(kind, setup)
            able = isinstance(connector, Adapts) and isinstance(connector, Inherits)
            self._known[network] = cast("Inherits", connector) if able else None
        return self._known[network]


async def _settings(source: Source, names: Names, store: SqlStore, judges: Judges, outcome: Outcome) -> None:
    """Take over how users want to be on servers, and their accounts; not where they have said so here already."""
    known = {(kept.network, kept.person) for kept in await store.preferences()}
    accounts = {(kept.network, kept.login.person) for kept in await store.logins()}
    for options in source.servers():
        network, person = names.network(options.server), Person(XMPP, PersonId(options.owner))
        judge = judges.of(network)
        if judge is None:
            continue
        if (network, person) not in known and (chosen := _chosen(judge, person, options, outcome)):
            await store.keep_preferences(
                StoredPreferences(network=network, person=person, chosen=chosen, at=wall_clock())
            )
            outcome.settings += 1
        if options.sasl_password and (network, person) not in accounts:
            try:
                login = judge.inherit(person, options.nick, options.sasl_password)
            except LoginRefused as refused:
                outcome.remarks.append(_left_out(options, f"the account: {refused.field}: {refused}"))
                continue
            await store.keep_login(StoredLogin(network=network, login=login, at=wall_clock()))
            outcome.logins += 1


def _chosen(judge: Inherits, person: Person, options: ServerOptions, outcome: Outcome) -> Secret:
    """Return what the connector keeps of somebody's options: all but what cannot be."""
    given: Mapping[str, str | tuple[str, ...]] = {
        "nick": options.nick,
        "username": options.username,
        "realname": options.realname,
        "server_password": options.password,
        "encoding": options.encoding_out or options.encoding_in,
        "commands": options.commands,
    }
    assert isinstance(judge, Adapts)
    chosen = Secret("")
    for name, value in given.items():
        if not value:
            continue
        try:
            chosen = judge.choose(person, Values({name: value}))
        except Unsuitable as why:
            outcome.remarks.append(_left_out(options, f"{name}: {why}"))
        else:
            judge.adapt(person, chosen)  # the next choice is made beside this one
    return chosen


def _left_out(options: ServerOptions, what: str) -> str:
    return f"{options.owner} on {options.server}, left out: {what}"
