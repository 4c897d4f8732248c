"""Who comes, goes and changes: the half of :mod:`connectors.irc.reading.inbound` that is about people, not about what they say.

Reads the lines that change the :class:`~connectors.irc.reading.channels.View`, and tells what the bridge has to know of it:
members whom it has been shown. That the listener itself comes and goes is not its business. Called by ``inbound`` alone;
replayed history never gets here.
"""

import re
from collections.abc import Callable, Sequence

from bridge.core.events import (
    Cause,
    Event,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    Origin,
    PuppetJoined,
    RoomChanged,
)
from bridge.core.ids import Person, Room
from bridge.core.text import clean_name
from connectors.irc.connection.wire import Line
from connectors.irc.reading import pictures
from connectors.irc.reading.channels import AWAY, Channel, User, View
from connectors.irc.speaking import formatting

WHOX = "%tcuhnfar,407"
"""What is asked about members: channel, user, host, nick, flags, account, real name; the number marks our question."""
_WHOX_MARK = "407"
_HOST = r"(?:\*|[\w-]+)(?:\.[\w*-]+)+"
_SPLIT = re.compile(rf"{_HOST} {_HOST}", re.ASCII)
"""The reason of a QUIT that a netsplit caused: two server names, and nothing else."""
_LOST = re.compile(
    r"ping time-?out|connection (?:reset|timed)|(?:read|write) error|broken pipe|sendq", re.IGNORECASE | re.ASCII
)
_CONTROLS = re.compile(r"[\x00\x01\x05-\x08\x0a-\x0e\x10\x12-\x15\x17-\x1c\x7f-\x9f\ufffe\uffff]")
"""Control characters that are no formatting codes."""

Stamp = Callable[[Room, int], Origin]
"""Makes the origin of a fact about state: from the room and the time."""


class Attendance:
    """Reads who is where."""

    def __init__(self, view: View, stamp: Stamp, puppet: Callable[[str], Person | None]) -> None:
        """``puppet`` gives the person behind a folded nick of ours."""
        self.view = view
        self._stamp = stamp
        self._puppet = puppet
        self.tells: dict[str, Callable[[Line, int], Sequence[Event]]] = {
            "JOIN": self._joined,
            "PART": self._parted,
            "KICK": self._kicked,
            "NICK": self._renamed,
            "AWAY": self._away,
            "MODE": self._moded,
            "324": self._modes_are,
            "ACCOUNT": self._account,
            "SETNAME": self._setname,
            "METADATA": self._metadata,
            "761": self._metadata_is,
            "766": self._metadata_is,
            "352": self._who,
            "354": self._whox,
        }
        self.notes: dict[str, Callable[[Line], None]] = {
            "CHGHOST": self._chghost,
            "353": self._names,
        }

    def listed(self, channel: Channel, room: Room, now: int) -> MembersListed:
        """Return everybody who is in a channel; from now on changes are told."""
        channel.listed = True
        return MembersListed(origin=self._stamp(room, now), members=tuple(self.view.members(channel)))

    def ranked(self, channel: Channel, room: Room, now: int) -> list[PuppetJoined]:
        """Return the puppets that may do more in a channel than others."""
        ours = [user for nick, statuses in channel.members.items() if statuses and (user := self.view.users[nick]).ours]
        return [told for user in ours if (told := self._stand_in(room, channel, user, now)) is not None]

    def claim(self, nick: str, now: int) -> list[Event]:
        """Note that a nick is ours: who was shown under it is taken back."""
        user = self.view.user(nick)
        if user is None or not self.view.claim(user):
            return []
        member = self.view.member(user)
        return [MemberLeft(origin=self._stamp(room, now), member=member) for room, _ in self.view.shown_in(user)]

    def quit(self, line: Line, now: int, *, split: bool) -> Sequence[Event]:
        """Read a QUIT; ``split`` says that the server calls it part of a netsplit."""
        user = self.view.user(line.nick)
        if user is None:
            return ()
        rooms = [room for room, _ in self.view.shown_in(user)]
        self.view.quit(line.nick)
        if user.ours:
            return ()
        reason = plain(line.param(0))
        is_lost = split or _SPLIT.fullmatch(reason) is not None or _LOST.search(reason) is not None
        cause = Cause.LOST if is_lost else Cause.QUIT
        member = self.view.member(user)
        return [MemberLeft(origin=self._stamp(r, now), member=member, cause=cause, reason=reason) for r in rooms]

    def _joined(self, line: Line, now: int) -> Sequence[Event]:
        room = self.view.room(line.param(0))
        if room is None:
            return ()
        channel = self.view.channel(line.param(0))
        if channel is None:
            return ()
        user = self.view.join(channel, line.source)
        if len(line.params) > 2:  # extended-join
            user.account, user.realname = line.param(1).removeprefix("*"), plain(line.text)
        user.bot = user.bot or "bot" in line.tags
        user.shown = None
        if user.ours or not channel.listed:
            return ()
        return (MemberJoined(origin=self._stamp(room, now), member=self.view.member(user)),)

    def _parted(self, line: Line, now: int) -> Sequence[Event]:
        found = self.view.find(line.param(0))
        if found is None:
            return ()
        user = self.view.part(line.param(0), line.nick)
        if user is None or user.ours or not found[1].listed:
            return ()
        member, reason = self.view.member(user), plain(line.param(1))
        return (MemberLeft(origin=self._stamp(found[0], now), member=member, cause=Cause.LEFT, reason=reason),)

    def _kicked(self, line: Line, now: int) -> Sequence[Event]:
        found = self.view.find(line.param(0))
        if found is None:
            return ()
        nick, actor, reason = line.param(1), line.nick, plain(line.param(2))
        user = self.view.part(line.param(0), nick)
        if user is None or user.ours or not found[1].listed:
            return ()
        cause = Cause.BANNED if self.view.is_banned(found[1], nick) else Cause.KICKED
        origin, member = self._stamp(found[0], now), self.view.member(user)
        return (MemberLeft(origin=origin, member=member, cause=cause, reason=reason, actor=actor),)

    def _renamed(self, line: Line, now: int) -> Sequence[Event]:
        user = self.view.user(line.nick)
        if user is None:
            return ()
        old = self.view.member(user)
        self.view.rename(line.nick, line.param(0))
        if user.ours:
            return ()
        return [
            MemberRenamed(origin=self._stamp(room, now), old=old, member=self.view.member_in(channel, user))
            for room, channel in self.view.shown_in(user)
        ]

    def _away(self, line: Line, now: int) -> Sequence[Event]:
        user = self.view.user(line.nick)
        if user is not None:
            user.away = (plain(line.text) or AWAY) if line.text else None
        return self._updated(user, now)

    def away_words(self, line: Line, now: int) -> Sequence[Event]:
        """Read ``301 me nick :words``: what somebody says who is away, told to who writes to them."""
        user = self.view.user(line.param(1))
        if user is not None:
            user.away = plain(line.text) or AWAY
        return self._updated(user, now)

    def _metadata(self, line: Line, now: int) -> Sequence[Event]:
        """Read ``METADATA target key visibility :value``, without a value where it is taken away."""
        return self._pictured(line.param(0), line.param(1), line.param(3), now)

    def _metadata_is(self, line: Line, now: int) -> Sequence[Event]:
        """Read ``761 me target key visibility :value``, or ``766 me target key :not set``."""
        return self._pictured(line.param(1), line.param(2), line.param(4) if line.command == "761" else "", now)

    def _pictured(self, target: str, key: str, value: str, now: int) -> Sequence[Event]:
        """Note the picture of somebody or of a channel."""
        if key != pictures.KEY:
            return ()
        picture, found = pictures.url(value), self.view.find(target)
        if found is None and self.view.isupport.is_channel(target):
            return ()
        if found is None:
            self.view.dress(target, picture)
            return self._updated(self.view.user(target), now)
        room, channel = found
        before, channel.picture = channel.picture, picture
        return () if before == picture else (RoomChanged(origin=self._stamp(room, now)),)

    def _account(self, line: Line, now: int) -> Sequence[Event]:
        user = self.view.user(line.nick)
        if user is not None:
            user.account = line.param(0).removeprefix("*")
        return self._updated(user, now)

    def _setname(self, line: Line, now: int) -> Sequence[Event]:
        user = self.view.user(line.nick)
        if user is not None:
            user.realname = plain(line.text)
        return self._updated(user, now)

    def _who(self, line: Line, now: int) -> Sequence[Event]:
        """Read ``352 me #chan user host server nick H@ :0 real name``."""
        if len(line.params) < 8:
            return ()
        return self._described(line.param(5), line.param(6), line.text.partition(" ")[2], account=None, now=now)

    def _whox(self, line: Line, now: int) -> Sequence[Event]:
        """Read ``354 me 407 #chan user host nick H@ account :real name``, as :data:`WHOX` asks."""
        if len(line.params) < 9 or line.param(1) != _WHOX_MARK:
            return ()
        account = "" if line.param(7) == "0" else line.param(7)
        return self._described(line.param(5), line.param(6), line.text, account=account, now=now)

    def _described(self, nick: str, flags: str, realname: str, *, account: str | None, now: int) -> Sequence[Event]:
        user = self.view.user(nick)
        if user is None:
            return ()
        bot = self.view.isupport.bot
        user.realname = plain(realname)
        user.bot = user.bot or (bot != "" and bot in flags)
        user.away = (user.away or AWAY) if "G" in flags else None
        user.account = user.account if account is None else account
        return self._updated(user, now)

    def _updated(self, user: User | None, now: int) -> Sequence[Event]:
        """Tell about somebody of whom something was learnt, where they are shown already."""
        if user is None or not self.view.refresh(user) or user.ours:
            return ()
        return [
            MemberJoined(origin=self._stamp(room, now), member=self.view.member_in(channel, user))
            for room, channel in self.view.shown_in(user)
        ]

    def _chghost(self, line: Line) -> None:
        user = self.view.user(line.nick)
        if user is not None and len(line.params) > 1:
            user.user, user.host, user.shown = line.param(0), line.param(1), None

    def _names(self, line: Line) -> None:
        channel = self.view.channel(line.param(2))
        if channel is not None:
            for entry in line.text.split(" "):
                self.view.name(channel, entry)

    def _moded(self, line: Line, now: int) -> Sequence[Event]:
        """Read a MODE: who has another rank now, and whether the channel is something else."""
        found = self.view.find(line.param(0))
        if found is None:
            return ()
        room, channel = found
        changes = list(self.view.isupport.mode_changes(line.params[1:]))
        statuses = set(self.view.isupport.prefix.values())
        nicks = {nick for _, letter, nick in changes if letter in statuses and nick}
        before = {nick: self.view.rank_of(channel.name, nick) for nick in sorted(nicks)}
        self.view.mode(channel, changes)
        changed = [nick for nick, rank in before.items() if self.view.rank_of(channel.name, nick) is not rank]
        told = (self._reranked(room, channel, nick, now) for nick in changed)
        events: list[Event] = [event for event in told if event is not None]
        if any(letter not in statuses and letter not in self.view.isupport.chanmodes[0] for _, letter, _ in changes):
            events.append(RoomChanged(origin=self._stamp(room, now)))
        return events

    def _reranked(self, room: Room, channel: Channel, nick: str, now: int) -> Event | None:
        user = self.view.user(nick)
        if user is None or not channel.listed:
            return None
        if user.ours:
            return self._stand_in(room, channel, user, now)
        return MemberJoined(origin=self._stamp(room, now), member=self.view.member_in(channel, user))

    def _stand_in(self, room: Room, channel: Channel, user: User, now: int) -> PuppetJoined | None:
        person = self._puppet(self.view.fold(user.nick))
        if person is None:
            return None  # the listener
        rank = self.view.rank_of(channel.name, user.nick)
        return PuppetJoined(origin=self._stamp(room, now), person=person, name=user.nick, rank=rank)

    def _modes_are(self, line: Line, now: int) -> Sequence[Event]:
        found = self.view.find(line.param(1))
        if found is None:
            return ()
        room, channel = found
        channel.modes.clear()
        self.view.mode(channel, self.view.isupport.mode_changes(line.params[2:]))
        return (RoomChanged(origin=self._stamp(room, now)),)


def readable(text: str) -> str:
    """Take out control characters that are no formatting codes."""
    return _CONTROLS.sub("", text) if _CONTROLS.search(text) else text


def plain(text: str) -> str:
    """Return a text without formatting codes and control characters."""
    return clean_name(formatting.strip(readable(text)))
