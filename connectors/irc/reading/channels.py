"""The listener's view of its channels: who is in them, under what nick, with what modes and topic.

Only state and its transitions; no events, no sockets. Written by :mod:`connectors.irc.reading.inbound` from what the listener
reads, and looked at by everybody else (has the listener op here? is this nick ours? may anybody set the topic?).

A channel is known for as long as somebody of us reads it. Users are kept once, however many channels they share with us.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from bridge.core.events import Member, Presence, Rank, Show
from bridge.core.ids import Network, Person, PersonId, Room, RoomId
from connectors.irc.connection.isupport import Isupport, ModeChange
from connectors.irc.connection.marks import MARKER
from connectors.irc.connection.wire import Source, split_source

AWAY = "away"
"""Stands for the words of somebody of whom it is only known that they are away."""
_RANKS = {"q": Rank.OWNER, "a": Rank.OWNER, "o": Rank.ADMIN, "h": Rank.MODERATOR, "v": Rank.SPEAKER}
"""What the status modes of channels mean (of servers that have more of them than operators and voices, too)."""


_MOST_BANS = 100
"""Bans of a channel's members that are kept."""
_MOST_PICTURES = 5_000
"""People whose pictures are known."""


def covers(mask: str, source: str) -> bool:
    """Tell whether a ban, with ``*`` and ``?``, is meant for ``nick!user@host``; both folded. Never slow, whatever it says."""
    at, star, resumed = 0, -1, 0
    i = 0
    while i < len(source):
        if at < len(mask) and mask[at] == "*":
            star, resumed = at, i
            at += 1
        elif at < len(mask) and mask[at] in ("?", source[i]):
            at, i = at + 1, i + 1
        elif star >= 0:
            resumed += 1
            at, i = star + 1, resumed
        else:
            return False
    return mask[at:].strip("*") == ""


_HERE = Presence()


class User(msgspec.Struct, eq=False):
    """Somebody whom the listener sees."""

    nick: str
    user: str = ""
    host: str = ""
    account: str = ""
    realname: str = ""
    away: str | None = None  # None: here; "": away without a known word
    bot: bool = False
    ours: bool = False  # the listener or a puppet of ours
    channels: tuple[str, ...] = ()  # folded names; few each, for which a set is large
    shown: Member | None = None  # what :meth:`View.member` made of it last

    def is_stand_in(self) -> bool:
        """Tell whether this is another bridge's puppet."""
        return self.realname.endswith(MARKER)


class Channel(msgspec.Struct, eq=False):
    """One channel that the listener is in."""

    name: str  # as the server writes it
    members: dict[str, str] = msgspec.field(default_factory=dict)  # folded nick to status symbols, highest first
    modes: dict[str, str | None] = msgspec.field(default_factory=dict)  # letter to parameter; no lists, no statuses
    bans: dict[str, frozenset[str]] = msgspec.field(
        default_factory=dict
    )  # seen being set: mask to folded nicks in its reach
    topic: str = ""
    topic_by: str = ""  # nick or mask
    topic_at: int = 0  # seconds since the epoch
    picture: str = ""  # a URL
    named: bool = False  # NAMES is complete
    listed: bool = False  # the members were told to the bridge: from now on changes are


class View:
    """Everything that the listener sees of channels and their members."""

    def __init__(
        self,
        network: Network,
        isupport: Isupport,
        *,
        me: str,
        rooms: Callable[[str], RoomId | None],
        owns: Callable[[str], bool],
    ) -> None:
        """``me`` is the listener's nick; ``rooms`` gives the room for a channel's name.

        ``owns`` tells of a folded nick that is new here whether it is a puppet's.
        """
        self.network = network
        self.rooms = rooms
        self.isupport = isupport
        self.fold = isupport.fold
        self.me = me
        self.owns = owns
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self._pictures: dict[str, str] = {}  # by folded nick: URLs, also of those who are not seen yet

    @property
    def me(self) -> str:
        """The listener's nick."""
        return self._me

    @me.setter
    def me(self, nick: str) -> None:
        self._me, self._me_key = nick, self.fold(nick)

    def begin(self, isupport: Isupport, me: str) -> None:
        """Go on with another connection; what is known stays, unless this server compares names in another way."""
        if isupport.casemapping != self.isupport.casemapping:
            self.users.clear()
            self.channels.clear()
            self._pictures.clear()
        self.isupport, self.fold = isupport, isupport.fold
        self.me = me

    def channel(self, name: str) -> Channel | None:
        """Return a channel by its name in any case."""
        return self.channels.get(self.fold(name))

    def room(self, name: str) -> Room | None:
        """Return the room that a channel is, None for one that nobody asked for."""
        room = self.rooms(name)
        return Room(self.network, room) if room is not None else None

    def find(self, name: str) -> tuple[Room, Channel] | None:
        """Return a channel that is a room, and is read."""
        channel = self.channel(name)
        room = self.room(name)
        return (room, channel) if channel is not None and room is not None else None

    def shown_in(self, user: User) -> Iterator[tuple[Room, Channel]]:
        """Yield the rooms in which the bridge knows of somebody."""
        for key in sorted(user.channels):
            channel = self.channels[key]
            room = self.room(channel.name)
            if room is not None and channel.listed:
                yield room, channel

    def user(self, nick: str) -> User | None:
        """Return a user by their nick in any case."""
        return self.users.get(self.fold(nick))

    def is_me(self, nick: str) -> bool:
        """Tell whether a nick is the listener's."""
        return self.fold(nick) == self._me_key

    def is_ours(self, nick: str) -> bool:
        """Tell whether a nick is a connection of ours: as it was when the view first saw it, else as ``owns`` says."""
        folded = self.fold(nick)
        user = self.users.get(folded)
        return user.ours if user is not None else self._owned(folded)

    def statuses(self, channel: str, nick: str) -> str:
        """Return the status symbols of a member, highest first: ``"@+"``, ``""``."""
        found = self.channel(channel)
        return found.members.get(self.fold(nick), "") if found else ""

    def rank_of(self, channel: str, nick: str) -> Rank:
        """Return how much a member may do in a channel."""
        statuses = self.statuses(channel, nick)
        return self._rank(statuses) if statuses else Rank.MEMBER

    def _rank(self, statuses: str) -> Rank:
        return _RANKS.get(self.isupport.prefix.get(statuses[0], ""), Rank.MEMBER)

    def has_op(self, channel: str, nick: str) -> bool:
        """Tell whether a member may kick and set the topic here: half-operators and above."""
        powers = {symbol for symbol, mode in self.isupport.prefix.items() if mode != "v"}
        return any(symbol in powers for symbol in self.statuses(channel, nick))

    def open(self, name: str) -> Channel:
        """Begin with a channel that the listener has just come into."""
        channel = self.channels[self.fold(name)] = Channel(name)
        return channel

    def close(self, name: str) -> None:
        """Forget a channel that is not read any more."""
        key = self.fold(name)
        channel = self.channels.pop(key, None)
        for nick in channel.members if channel else ():
            self._leave(nick, key)

    def meet(self, source: str) -> User:
        """Return the user who is the source of a line, kept up to date; somebody unknown is made, but not kept."""
        parts = split_source(source)
        user = self.users.get(self.fold(parts.nick))
        if user is None:
            return self._new(parts)
        self._update(user, parts)
        return user

    def join(self, channel: Channel, source: str) -> User:
        """Put somebody into a channel."""
        user = self.meet(source)
        nick = self.fold(user.nick)
        key = self.fold(channel.name)
        self.users[nick] = user
        if key not in user.channels:
            user.channels = (*user.channels, key)
        channel.members[nick] = ""
        if channel.bans:  # whoever is let in again is banned no more
            channel.bans = {mask: reach - {nick} for mask, reach in channel.bans.items()}
        return user

    def part(self, name: str, nick: str) -> User | None:
        """Take somebody out of a channel; returns who it was."""
        folded = self.fold(nick)
        channel = self.channel(name)
        if channel is None or channel.members.pop(folded, None) is None:
            return None
        user = self.users.get(folded)
        self._leave(folded, self.fold(name))
        return user

    def quit(self, nick: str) -> None:
        """Take somebody out of everything."""
        folded = self.fold(nick)
        user = self.users.pop(folded, None)
        self._pictures.pop(folded, None)
        if user is None:
            return
        for key in user.channels:
            self.channels[key].members.pop(folded, None)
        user.channels = ()

    def rename(self, old: str, new: str) -> User | None:
        """Give somebody another nick; a user object keeps who it is."""
        was, now = self.fold(old), self.fold(new)
        user = self.users.pop(was, None)
        if user is None:
            return None
        if now != was:
            self.quit(new)  # cannot be, and yet: who we thought had this nick is gone
        self.users[now] = user
        if was in self._pictures:
            self._pictures[now] = self._pictures.pop(was)
        user.nick, user.shown = new, None
        for key in user.channels:
            members = self.channels[key].members
            members[now] = members.pop(was, "")
        return user

    def name(self, channel: Channel, entry: str) -> None:
        """Take one word of a NAMES reply: status symbols, then a nick or (userhost-in-names) a whole source."""
        source = entry.lstrip("".join(self.isupport.prefix))
        if not source:
            return
        statuses = entry[: len(entry) - len(source)]
        user = self.join(channel, source)
        channel.members[self.fold(user.nick)] = statuses

    def member(self, user: User) -> Member:
        """Return a user as the bridge knows members."""
        if user.shown is None:
            folded = self.fold(user.nick)
            user.shown = Member(
                person=Person(self.network, PersonId(folded)),
                name=user.nick,
                account=user.account,
                address=f"{user.nick}!{user.user}@{user.host}" if user.host else "",
                bot=user.bot,
                stand_in=user.is_stand_in(),
                presence=_HERE if user.away is None else Presence(Show.AWAY, user.away),
                avatar=self._pictures.get(folded, ""),
            )
        return user.shown

    def member_in(self, channel: Channel, user: User) -> Member:
        """Return a user as the bridge knows members, with the rank that they have in a channel."""
        member = self.member(user)
        statuses = channel.members.get(self.fold(user.nick))
        return msgspec.structs.replace(member, rank=self._rank(statuses)) if statuses else member

    def members(self, channel: Channel) -> Iterator[Member]:
        """Yield everybody in a channel who is not ours."""
        for nick in channel.members:
            user = self.users[nick]
            if not user.ours:
                yield self.member_in(channel, user)

    def mode(self, channel: Channel, changes: Iterable[ModeChange]) -> None:
        """Apply changes of a channel's modes and its members' statuses; of its lists only bans of members are kept."""
        symbols = {mode: symbol for symbol, mode in self.isupport.prefix.items()}
        lists = self.isupport.chanmodes[0]
        for sign, letter, parameter in changes:
            if letter in symbols:
                self._status(channel, symbols[letter], parameter or "", held=sign == "+")
            elif letter in lists:
                if letter == "b":
                    self._ban(channel, parameter or "", banned=sign == "+")
            elif sign == "+":
                channel.modes[letter] = parameter
            else:
                channel.modes.pop(letter, None)

    def is_banned(self, channel: Channel, nick: str) -> bool:
        """Tell whether a member, or who was one, has been banned before our eyes."""
        return bool(self.masks_on(channel, nick))

    def masks_on(self, channel: Channel, nick: str) -> list[str]:
        """Return by which masks a member, or who was one, has been banned before our eyes."""
        folded = self.fold(nick)
        return [mask for mask, reach in channel.bans.items() if folded in reach]

    def _source(self, user: User) -> str:
        return self.fold(f"{user.nick}!{user.user}@{user.host}")

    def _ban(self, channel: Channel, mask: str, *, banned: bool) -> None:
        channel.bans.pop(mask, None)
        if banned and len(channel.bans) < _MOST_BANS:
            folded = self.fold(mask)
            reach = frozenset(nick for nick in channel.members if covers(folded, self._source(self.users[nick])))
            if reach:
                channel.bans[mask] = reach

    def claim(self, user: User) -> bool:
        """Note that somebody is a connection of ours; tells whether they were taken for a stranger until now."""
        was_ours, user.ours = user.ours, True
        return not was_ours

    def refresh(self, user: User) -> bool:
        """Tell, after fields of a user were set, whether they are another :class:`Member` now."""
        before, user.shown = user.shown, None
        return self.member(user) != before

    def dress(self, nick: str, picture: str) -> None:
        """Keep where somebody's picture is, "" for none; it may be told before they are seen."""
        folded = self.fold(nick)
        if not picture:
            self._pictures.pop(folded, None)
        elif folded in self._pictures or len(self._pictures) < _MOST_PICTURES:
            self._pictures[folded] = picture

    def _status(self, channel: Channel, symbol: str, nick: str, *, held: bool) -> None:
        folded = self.fold(nick)
        if folded not in channel.members:
            return
        now = set(channel.members[folded]) - {symbol} | ({symbol} if held else set())
        channel.members[folded] = "".join(known for known in self.isupport.prefix if known in now)

    def _leave(self, nick: str, key: str) -> None:
        user = self.users.get(nick)
        if user is None:
            return
        user.channels = tuple([other for other in user.channels if other != key])
        if not user.channels:
            del self.users[nick]
            self._pictures.pop(nick, None)

    def _new(self, parts: Source) -> User:
        return User(parts.nick, parts.user, parts.host, ours=self._owned(self.fold(parts.nick)))

    def _owned(self, folded: str) -> bool:
        return folded == self._me_key or self.owns(folded)

    def _update(self, user: User, parts: Source) -> None:
        if parts.host and (parts.host != user.host or parts.user != user.user or parts.nick != user.nick):
            user.nick, user.user, user.host, user.shown = parts.nick, parts.user, parts.host, None
