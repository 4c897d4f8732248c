"""A hosted room as a value: what clients and the remote room do to it, and what follows. Pure: no clock, nothing is sent.

Every method takes a fact and returns what follows, in order: stanzas as text, and what the other rooms of the link have to
know (:class:`Came`, :class:`Went`). A user is an occupant from the moment when the remote room has let them in; until
then they are a newcomer, and the service says when it has taken too long. The remote room's members are occupants as soon
as they are shown.

Specification: XEP-0045 sections 7 and 8. Reading stanzas is in ``requests``, presences are written in ``occupants``,
messages in ``speech``. Called by ``service`` alone.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from sys import intern

import msgspec

from bridge.core.events import Cause, Member, Presence, Rank
from bridge.core.ids import Network, Person
from bridge.core.nicks import MUC_RULES, choose, clean, muc_candidates, nick_key
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.occupants import Occupant, Removal
from bridge.xmpp.hosted.requests import Join, Refused, user
from bridge.xmpp.hosted.speech import MOST, Line, told
from bridge.xmpp.messages import inbound
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

LONGEST_WAIT = 60.0
"""Seconds that the remote room may take to let somebody in."""
LONGEST_TRIES = 15.0
"""The same where it is known that they have no connection to its network, and why."""
MOST_RESHOWN = 5_000
"""Presences that one change of the room may cost; beyond that, only our own users are shown anew."""


class Came(msgspec.Struct, frozen=True):
    """Show this user in the other rooms, or what has changed of them."""

    member: Member


class Went(msgspec.Struct, frozen=True):
    """Show this user in the other rooms no more."""

    member: Member
    reason: str = ""


class Seated(msgspec.Struct, frozen=True):
    """The user is in the room from now on."""

    person: Person


class Moved(msgspec.Struct, frozen=True):
    """The user is here with other clients than before, or under another nick."""

    person: Person


Out = str | Came | Went | Seated | Moved


class Subject(msgspec.Struct, frozen=True):
    """What the room is about."""

    text: str = ""
    nick: str = ""  # of who has set it, "" where that is not known
    at: int = 0
    by: Person | None = None  # who has set it, under whatever nick


class _Newcomer(msgspec.Struct, eq=False):
    """A user on their way in."""

    person: Person
    nick: str  # asked for
    since: float  # monotonic seconds
    joins: dict[str, Join] = msgspec.field(default_factory=dict)  # by full JID
    name: str = ""  # the nick that the remote room gave them
    rank: Rank = Rank.MEMBER
    trouble: str = ""  # why they have no connection there, so far


class HostedRoom:
    """One room."""

    def __init__(
        self, address: str, *, remote: Network, instance: str, sessions: bool = True, logged: bool = False
    ) -> None:
        """``remote`` is the network behind it.

        ``sessions``: users are in the remote room as themselves, which therefore has to let them in.
        ``logged``: what is said here is kept (status 170).
        """
        self.address = address
        self._remote = remote
        self._domain = intern(address.rpartition("@")[2])  # one for all rooms
        self.sessions = sessions
        self.logged = logged
        self.moderated = False  # who has no rank may not speak
        self.subject = Subject()
        self._lines: deque[Line] | None = None  # what was said last; most rooms are silent
        self._instance = instance
        self._occupants: dict[Person, Occupant] = {}
        self._users: tuple[Occupant, ...] = ()  # those of them who are here with clients, or without
        self._nicks: dict[str, Occupant] = {}  # by nick_key
        self._newcomers: dict[Person, _Newcomer] = {}
        self._listed = not sessions

    # -- who is here

    def __iter__(self) -> Iterator[Occupant]:
        """Yield everybody, in the order of their coming."""
        return iter(list(self._occupants.values()))

    def find(self, person: Person) -> Occupant | None:
        """Return somebody who is here."""
        return self._occupants.get(person)

    def called(self, nick: str) -> Occupant | None:
        """Return who has a nick."""
        return self._nicks.get(nick_key(nick))

    def at(self, client: str) -> Occupant | None:
        """Return the user who is here with this client."""
        occupant = self._occupants.get(user(client))
        return occupant if occupant is not None and client in occupant.clients else None

    def awaits(self, client: str) -> bool:
        """Tell whether this client is on its way in."""
        newcomer = self._newcomers.get(user(client))
        return newcomer is not None and client in newcomer.joins

    def clients(self) -> Iterator[str]:
        """Yield every client that is here."""
        for occupant in self._users:
            yield from occupant.clients

    def members(self) -> list[Member]:
        """Return the users who are here or on their way in, as the other rooms shall see them."""
        here = [self._member(occupant) for occupant in self if occupant.is_user]
        return here + [self._coming(newcomer) for newcomer in self._newcomers.values()]

    def clients_of(self, person: Person) -> dict[str, Presence]:
        """Return the clients of a user who is here, or on the way in, with how they are."""
        newcomer, occupant = self._newcomers.get(person), self._occupants.get(person)
        if newcomer is not None:
            return {client: join.presence for client, join in newcomer.joins.items()}
        return dict(occupant.clients) if occupant is not None else {}

    def user_as_member(self, person: Person) -> Member | None:
        """Return a user who is here, or on the way in, as the other rooms shall see them."""
        newcomer, occupant = self._newcomers.get(person), self._occupants.get(person)
        if newcomer is not None:
            return self._coming(newcomer)
        return self._member(occupant) if occupant is not None and occupant.is_user else None

    @property
    def is_deserted(self) -> bool:
        """Whether no user is here, nor on the way."""
        return not self._newcomers and not self._users

    # -- users come

    def enter(self, join: Join, now: float) -> list[Out]:
        """Let a client in, or ask the remote room to (XEP-0045 section 7.2)."""
        person = user(join.client)
        occupant = self._occupants.get(person)
        if occupant is not None and occupant.is_user:
            return self._enter_again(occupant, join)
        newcomer = self._newcomers.get(person)
        if newcomer is not None:
            if not newcomer.joins:
                newcomer.since = now
            newcomer.joins[join.client] = join
            return self._reconsider(newcomer, join.nick)
        if not self.sessions and (refused := self._is_taken(join.nick)) is not None:
            return [refusal(self.address, join, refused)]
        newcomer = self._newcomers[person] = _Newcomer(person, join.nick, now, {join.client: join})
        if not self.sessions:
            newcomer.name = join.nick
        return [Came(self._coming(newcomer)), *self._admit(newcomer)]

    def _reconsider(self, newcomer: _Newcomer, nick: str) -> list[Out]:
        """Ask for another nick, where the only client that waits has thought better of it."""
        if nick == newcomer.nick or len(newcomer.joins) > 1 or not self.sessions:
            return []
        newcomer.nick = nick
        return [Came(self._coming(newcomer))]

    def await_absent(self, person: Person, nick: str, now: float) -> list[Out]:
        """Have a user in the room who has no client at the moment; the remote room may take its time."""
        if person in self._occupants or person in self._newcomers:
            return []
        newcomer = self._newcomers[person] = _Newcomer(person, nick, now)
        if not self.sessions:
            newcomer.name = nick
        return [Came(self._coming(newcomer)), *self._admit(newcomer)]

    def expects(self, person: Person) -> bool:
        """Tell whether a user is on the way in."""
        return person in self._newcomers

    def is_absent(self, person: Person) -> bool:
        """Tell whether a newcomer has no client who waits."""
        newcomer = self._newcomers.get(person)
        return newcomer is not None and not newcomer.joins

    def _is_taken(self, nick: str, *, but: Occupant | None = None) -> Refused | None:
        """Refuse a nick that somebody else has; networks on which users are as themselves know no case."""
        others = [self.called(nick)]
        if self.sessions:
            others = [other for other in self if other.nick.lower() == nick.lower()]
        is_taken = any(other is not None and other is not but for other in others)
        return Refused("conflict", "this nick is taken") if is_taken else None

    def _enter_again(self, occupant: Occupant, join: Join) -> list[Out]:
        """Let one more client of a user in, or tell one everything anew that has lost its way."""
        before = occupant.presence
        occupant.clients[join.client] = join.presence
        occupant.presence = occupants.best(occupant.clients.values())
        out: list[Out] = []
        if occupant.presence != before:
            out = self._shown(occupant, but=join.client)
            out.append(Came(self._member(occupant)))
        return [*out, Moved(occupant.person), *self._welcome(occupant, join)]

    def let_in(self, person: Person, name: str, rank: Rank) -> list[Out]:
        """Take note that a user is in the remote room, under which nick and with which rank; or that these changed."""
        newcomer = self._newcomers.get(person)
        if newcomer is not None:
            newcomer.name, newcomer.rank = name, rank
            return self._admit(newcomer)
        occupant = self._occupants.get(person)
        if occupant is None or not occupant.is_user:
            return []
        out: list[Out] = []
        if occupant.nick != name and name:
            out += self._rename(occupant, name)
        if occupant.rank is not rank:
            occupant.rank = rank
            out += self._shown(occupant)
        return out

    def listed(self) -> list[Out]:
        """Take note that everybody in the remote room is shown: whoever waited for that comes in."""
        self._listed = True
        return [out for newcomer in list(self._newcomers.values()) for out in self._admit(newcomer)]

    def unlisted(self) -> None:
        """Take note that it is not known who is in the remote room, until :meth:`listed`."""
        self._listed = not self.sessions

    def keep_out(self, person: Person, refused: Refused) -> list[Out]:
        """Refuse a newcomer."""
        newcomer = self._newcomers.get(person)
        if newcomer is None:
            return []
        self._comes_no_more(newcomer)
        out: list[Out] = [refusal(self.address, join, refused) for join in newcomer.joins.values()]
        return [*out, Went(self._coming(newcomer))]

    def cannot_connect(self, person: Person, trouble: str) -> None:
        """Take note why somebody has no connection to the network so far, "" when that is over."""
        newcomer = self._newcomers.get(person)
        if newcomer is not None:
            newcomer.trouble = trouble

    def overdue(self, now: float) -> list[Out]:
        """Refuse whoever has waited for too long."""
        out: list[Out] = []
        for newcomer in list(self._newcomers.values()):
            waited = now - newcomer.since
            if not newcomer.joins or waited <= (LONGEST_TRIES if newcomer.trouble else LONGEST_WAIT):
                continue
            if newcomer.name:
                self._listed = True  # better an incomplete list than none
                out += self._admit(newcomer)
            else:
                why = newcomer.trouble or "the network does not answer"
                out += self.keep_out(newcomer.person, Refused("remote-server-timeout", why))
        return out

    def _comes_no_more(self, newcomer: _Newcomer) -> None:
        del self._newcomers[newcomer.person]
        if not self._newcomers:
            self._newcomers = {}  # one that was emptied is as large as it was full

    def _admit(self, newcomer: _Newcomer) -> list[Out]:
        if not newcomer.name or not self._listed:
            return []
        self._comes_no_more(newcomer)
        occupant = Occupant(
            person=newcomer.person,
            nick=self._free(newcomer.name, newcomer.person),
            id=occupants.occupant_id(self._instance, newcomer.person),
            rank=newcomer.rank,
            is_user=True,
            wanted=newcomer.nick,
            clients={client: join.presence for client, join in newcomer.joins.items()},
        )
        occupant.presence = occupants.best(occupant.clients.values())
        is_first = not self._occupants and occupant.rank in (Rank.OWNER, Rank.ADMIN)
        out: list[Out] = [Seated(occupant.person), *self._seated(occupant)]
        for join in newcomer.joins.values():
            out += self._welcome(occupant, join, is_new=is_first)
        return out

    def _welcome(self, occupant: Occupant, join: Join, *, is_new: bool = False) -> list[Out]:
        """Tell a client everything, in the order of XEP-0045 section 7.1: people, itself, history, subject."""
        out: list[Out] = [
            occupants.available(other, self.address, join.client, moderated=self.moderated)
            for other in self._occupants.values()
            if other is not occupant
        ]
        codes = [occupants.NON_ANONYMOUS, occupants.SELF]
        codes += [occupants.LOGGED] if self.logged else []
        codes += [occupants.CREATED] if is_new else []
        codes += [occupants.ASSIGNED] if occupant.nick != join.nick else []
        out.append(self._available(occupant, join.client, *codes))
        lines = self.lines if join.past is None else join.past
        out += [line.from_history(join.client, self.address) for line in told(lines, join.history)]
        out.append(self._subject(join.client, is_news=False))
        return out

    # -- users change and go

    def change(self, client: str, presence: Presence) -> list[Out]:
        """Take a client's new presence (section 7.7)."""
        occupant = self.at(client)
        if occupant is None:
            return []
        occupant.clients[client] = presence
        new = occupants.best(occupant.clients.values())
        if new == occupant.presence:
            return []
        occupant.presence = new
        return [*self._shown(occupant), Came(self._member(occupant))]

    def call(self, client: str, nick: str, *, id_: str = "") -> list[Out]:
        """Ask for another nick (section 7.6); where the remote room has to agree, its answer comes by :meth:`let_in`."""
        occupant = self.at(client)
        if occupant is None:
            return []
        if (refused := self._is_taken(nick, but=occupant)) is not None:
            return [presence_error(f"{self.address}/{nick}", client, refused, id_=id_)]
        if not self.sessions:
            occupant.wanted = nick
            out = self._rename(occupant, nick)
            return [*out, Came(self._member(occupant))]
        occupant.wanted = nick
        return [Came(self._member(occupant))]

    def part(self, person: Person) -> list[Out]:
        """Take a user out with all clients, as they wish."""
        occupant = self._occupants.get(person)
        return [] if occupant is None or not occupant.is_user else self.removed(person, Removal())

    def leave(self, client: str, status: str = "", *, stays: bool = False, lost: bool = False) -> list[Out]:
        """Let a client go (section 7.14); with the last one the user goes, unless they stay here without.

        ``lost``: it did not say so, it cannot be reached any more (section 10.11).
        """
        person = user(client)
        newcomer = self._newcomers.get(person)
        if newcomer is not None and client in newcomer.joins:
            return self._give_up(newcomer, client)
        occupant = self.at(client)
        if occupant is None:
            return []
        removal = Removal(status=status, codes=(occupants.TECHNICAL,) if lost else ())
        del occupant.clients[client]
        farewell = occupants.unavailable(occupant, self.address, client, removal, own=client)
        if occupant.clients or stays:
            return [farewell, Moved(person), *self._with_less(occupant)]
        return [farewell, *self._gone(occupant, removal), Went(self._member(occupant), status)]

    def _with_less(self, occupant: Occupant) -> list[Out]:
        new = occupants.best(occupant.clients.values())
        if new == occupant.presence:
            return []
        occupant.presence = new
        return [*self._shown(occupant), Came(self._member(occupant))]

    def _give_up(self, newcomer: _Newcomer, client: str) -> list[Out]:
        del newcomer.joins[client]
        if newcomer.joins:
            return []
        self._comes_no_more(newcomer)
        return [Went(self._coming(newcomer))]

    def removed(self, person: Person, removal: Removal) -> list[Out]:
        """Take somebody out whom others have removed: users are told, too (sections 8.2 and 9.1)."""
        occupant = self._occupants.get(person)
        if occupant is None:
            return []
        out: list[Out] = [
            occupants.unavailable(occupant, self.address, client, removal, own=client) for client in occupant.clients
        ]
        occupant.clients.clear()
        out += self._gone(occupant, removal)
        return [*out, Went(self._member(occupant))] if occupant.is_user else out

    def close(self, removal: Removal) -> list[Out]:
        """Send every user out."""
        out: list[Out] = []
        for newcomer in list(self._newcomers.values()):
            out += self.keep_out(newcomer.person, Refused("service-unavailable", removal.reason or removal.status))
        for occupant in self:
            if occupant.is_user:
                out += self.removed(occupant.person, removal)
        return out

    # -- the remote room's members

    def show(self, member: Member, photo: str = "") -> list[Out]:
        """Show somebody of the remote room, or what has changed of them; ``photo`` is the SHA-1 of their picture, if it is here."""
        occupant = self._occupants.get(member.person)
        if occupant is not None:
            return self._update(occupant, member, photo)
        occupant = Occupant(
            person=member.person,
            nick=self._free(member.name, member.person),
            wanted=member.name,
            id=occupants.occupant_id(self._instance, member.person),
            address=occupants.address(member.person.id, member.person.network, self._domain),
            rank=member.rank,
            presence=member.presence,
            avatar=member.avatar,
            photo=photo,
        )
        return self._seated(occupant)

    def dress(self, person: Person, photo: str) -> list[Out]:
        """Show a picture that has just come."""
        occupant = self._occupants.get(person)
        if occupant is None or occupant.is_user or occupant.photo == photo:
            return []
        occupant.photo = photo
        return self._shown(occupant)

    def _update(self, occupant: Occupant, member: Member, photo: str) -> list[Out]:
        if occupant.is_user:
            return []
        out: list[Out] = []
        before, occupant.avatar = occupant.photo, member.avatar
        if photo or not member.avatar:  # else the old one is shown until the new one is here
            occupant.photo = photo
        if clean(member.name, rules=MUC_RULES, person=member.person) != occupant.wanted:
            out += self._rename(occupant, member.name)
        if (occupant.rank, occupant.presence, before) != (member.rank, member.presence, occupant.photo):
            occupant.rank, occupant.presence = member.rank, member.presence
            out += self._shown(occupant)
        return out

    def hide(self, person: Person, reason: str = "") -> list[Out]:
        """Show somebody of the remote room no more."""
        occupant = self._occupants.get(person)
        if occupant is None or occupant.is_user:
            return []
        return self._gone(occupant, Removal(status=reason))

    def replace(self, old: Person, member: Member, photo: str = "") -> list[Out]:
        """Show ``member`` in the place of ``old``, whom they were (section 7.6)."""
        occupant = self._occupants.get(old)
        if occupant is None or occupant.is_user or member.person in self._occupants:
            return [*self.hide(old), *self.show(member, photo)]
        del self._occupants[old]
        occupant.person = member.person
        self._occupants[member.person] = occupant
        out = self._rename(occupant, member.name)
        occupant.address = occupants.address(member.person.id, member.person.network, self._domain)
        return out + self._update(occupant, member, photo)

    # -- what is said

    @property
    def lines(self) -> Sequence[Line]:
        """What was said last."""
        return tuple(self._lines or ())

    def remember(self, line: Line) -> None:
        """Keep a line for those who come later."""
        if self._lines is None:
            self._lines = deque(maxlen=MOST)
        self._lines.append(line)

    def name(self, subject: Subject) -> list[Out]:
        """Give the room a subject (section 8.1), unless it has just this one."""
        if (subject.text, subject.at) == (self.subject.text, self.subject.at):
            return []
        self.subject = subject
        return [self._subject(client, is_news=True) for client in self.clients()]

    def _subject(self, client: str, *, is_news: bool) -> str:
        subject = self.subject
        setter = self.find(subject.by) if subject.by is not None else self.called(subject.nick)
        nick = subject.nick or (setter.nick if setter is not None else "")
        sender = f"{self.address}/{nick}" if nick else self.address
        extra = occupants.identity(setter.id) if setter is not None else ""
        if subject.at and not is_news:
            extra += stanzas.delay(inbound.stamp(subject.at), sender=self.address)
        return stanzas.message(sender, client, kind="groupchat", subject=subject.text, extra=extra)

    def reconfigured(self, *, moderated: bool, told: bool) -> list[Out]:
        """Take note that the room is something else (section 10.2.1): newcomers know it, others are ``told``."""
        out: list[Out] = []
        if told:
            out += [occupants.told(occupants.CONFIGURED, self.address, client) for client in self.clients()]
        if moderated is self.moderated:
            return out
        self.moderated = moderated
        speechless = [occupant for occupant in self if occupant.rank is Rank.MEMBER]
        if len(speechless) * sum(1 for _ in self.clients()) > MOST_RESHOWN:
            speechless = [occupant for occupant in speechless if occupant.clients]
        return out + [stanza for occupant in speechless for stanza in self._shown(occupant)]

    # -- presences

    def _member(self, occupant: Occupant) -> Member:
        """Return a user as the other rooms know them."""
        return _as_member(occupant.person, occupant.wanted or occupant.nick, occupant.presence, occupant.clients)

    def _coming(self, newcomer: _Newcomer) -> Member:
        presence = occupants.best(join.presence for join in newcomer.joins.values())
        return _as_member(newcomer.person, newcomer.nick, presence, newcomer.joins)

    def _free(self, name: str, person: Person) -> str:
        wanted = clean(name, rules=MUC_RULES, person=person)
        return choose(muc_candidates(wanted, person=person), taken=self._nicks, rules=MUC_RULES)

    def _seated(self, occupant: Occupant) -> list[Out]:
        """Put somebody into the room, and tell all who are here."""
        others = list(self.clients())
        self._occupants[occupant.person] = occupant
        if occupant.is_user:
            self._users = (*self._users, occupant)
        self._nicks[nick_key(occupant.nick)] = occupant
        self._named(occupant)
        return [self._available(occupant, client) for client in others if client not in occupant.clients]

    def _shown(self, occupant: Occupant, *, but: str = "", codes: tuple[str, ...] = ()) -> list[Out]:
        """Tell all who are here how somebody is; ``codes`` is for themselves."""
        out: list[Out] = []
        for client in self.clients():
            if client == but:
                continue
            own = (occupants.SELF, *codes) if client in occupant.clients else ()
            out.append(self._available(occupant, client, *own))
        return out

    def _available(self, occupant: Occupant, client: str, *codes: str) -> str:
        own = client if client in occupant.clients else ""
        return occupants.available(occupant, self.address, client, codes=codes, own=own, moderated=self.moderated)

    def _rename(self, occupant: Occupant, name: str) -> list[Out]:
        """Give somebody another nick: unavailable with 303, then available under the new one (section 7.6)."""
        self._nicks.pop(nick_key(occupant.nick), None)
        nick = self._free(name, occupant.person)
        if nick == occupant.nick:
            self._nicks[nick_key(nick)] = occupant
            return []
        removal = Removal(codes=(occupants.RENAMED,), new_nick=nick)
        out: list[Out] = [
            occupants.unavailable(
                occupant, self.address, client, removal, own=client if client in occupant.clients else ""
            )
            for client in self.clients()
        ]
        occupant.nick = nick
        self._named(occupant, name)
        self._nicks[nick_key(nick)] = occupant
        is_as_wished = not occupant.is_user or nick == occupant.wanted
        out += [Moved(occupant.person)] if occupant.clients else []
        return out + self._shown(occupant, codes=() if is_as_wished else (occupants.ASSIGNED,))

    def _named(self, occupant: Occupant, name: str = "") -> None:
        """Keep what goes with a nick: a user is written to as whom others see them, not at their real address."""
        if not occupant.is_user:
            occupant.wanted = clean(name or occupant.nick, rules=MUC_RULES, person=occupant.person)
        elif self.sessions:
            occupant.address = occupants.address(occupant.nick.lower(), self._remote, self._domain)

    def _gone(self, occupant: Occupant, removal: Removal) -> list[Out]:
        """Take somebody out of the room, and tell all who are left."""
        del self._occupants[occupant.person]
        if occupant.is_user:
            self._users = tuple([user for user in self._users if user is not occupant])
        self._nicks.pop(nick_key(occupant.nick), None)
        return [occupants.unavailable(occupant, self.address, client, removal) for client in self.clients()]


def refusal(room: str, join: Join, refused: Refused) -> str:
    """Return the answer to a join that is refused."""
    return presence_error(f"{room}/{join.nick}", join.client, refused, id_=join.id)


def presence_error(sender: str, to: str, refused: Refused, *, id_: str = "") -> str:
    """Return the presence that refuses another (section 7.2)."""
    x = f"<x xmlns='{ns.MUC}'/>"
    return stanzas.presence(sender, to, kind="error", id_=id_, extra=x + refused.written(sender.partition("/")[0]))


def cause_of(cause: Cause) -> tuple[str, ...]:
    """Return the status codes that say why somebody is not in the room any more (section 15.6)."""
    return {Cause.KICKED: (occupants.KICKED,), Cause.BANNED: (occupants.BANNED,)}.get(cause, ())


def removal_of(cause: Cause, reason: str, actor: str) -> Removal:
    """Return why somebody was removed, as others are told."""
    affiliation = "outcast" if cause is Cause.BANNED else ""
    return Removal(codes=cause_of(cause), reason=reason, actor=actor, affiliation=affiliation)


def _as_member(
    person: Person, name: str, presence: Presence, clients: "dict[str, Presence] | dict[str, Join]"
) -> Member:
    return Member(
        person=person,
        name=name,
        account=person.id,
        address=next(iter(clients), person.id),
        presence=presence,
        session=True,
    )
