"""The puppets of this network: whom the bridge wishes to show, and who has an account in the room by now.

A wish costs nothing and may be changed at any time; only :meth:`Puppets.work` acts, on what differs, when the connection is
up. That is the pattern for every network where coming into a room takes time: a later wish replaces an earlier one, so
whoever left while they were still to join never joins. Used by :mod:`connectors.echo.connector`.
"""

from collections.abc import Callable

import msgspec

from bridge.core.events import Cause, Event, Member, Origin, PuppetJoined, PuppetLeft, Show
from bridge.core.ids import EventKey, Network, Person, Room, RoomId, digest
from connectors.echo.network import Account, Connection, EchoNetwork, Verb


class Puppets:
    """All puppets of one connection."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._wishes: dict[tuple[RoomId, Person], Member] = {}
        self._accounts: dict[tuple[RoomId, Person], Account] = {}
        self._people: dict[str, Person] = {}  # by id of their account
        self._changed: dict[tuple[RoomId, Person], str] = {}  # to be looked at, and the reason to leave with

    def wish(self, room: RoomId, member: Member) -> None:
        """Show this member from now on."""
        self._wishes[room, member.person] = member
        self._changed[room, member.person] = ""

    def unwish(self, room: RoomId, person: Person, reason: str = "") -> None:
        """Show this person no more."""
        self._wishes.pop((room, person), None)
        self._changed[room, person] = reason

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        """Let a puppet be another person's from now on."""
        account = self._accounts.pop((room, old), None)
        if account is not None:
            self._accounts[room, member.person] = account
            self._people[account.id] = member.person
        self.unwish(room, old)
        self.wish(room, member)

    def leave_all(self, room: RoomId) -> None:
        """Show nobody in a room any more."""
        for there, person in list(self._wishes):
            if there == room:
                self.unwish(room, person)

    def lost(self) -> None:
        """Take note that the connection is gone, and every account with it; the wishes stay."""
        self._accounts.clear()
        self._changed.update(dict.fromkeys(self._wishes, ""))

    def thrown_out(self, room: RoomId, person: Person) -> None:
        """Take note that a puppet was kicked: it does not come back before it is wished for again."""
        self._accounts.pop((room, person), None)
        self._wishes.pop((room, person), None)

    def account(self, room: RoomId, person: Person) -> Account | None:
        """Return the account of a puppet that is in the room."""
        return self._accounts.get((room, person))

    def any_account(self, person: Person) -> Account | None:
        """Return the account of somebody's puppet in whatever room: to speak to one person, any will do."""
        return next((account for (_, who), account in self._accounts.items() if who == person), None)

    def is_coming(self, room: RoomId, person: Person) -> bool:
        """Tell whether a puppet is wished for, and not there yet."""
        return (room, person) in self._wishes and (room, person) not in self._accounts

    def person(self, account: Account) -> Person | None:
        """Return who stands behind one of our accounts."""
        return self._people.get(account.id)

    def work(self, network: EchoNetwork, connection: Connection, emit: Callable[[Event], object]) -> None:
        """Act on every wish that has changed."""
        changed, self._changed = self._changed, {}
        for (room, person), reason in changed.items():
            member = self._wishes.get((room, person))
            account = self._accounts.get((room, person))
            if member is None:
                if account is not None:
                    self._leave(connection, room, person, reason)
            elif account is None:
                self._join(network, connection, emit, room, member)
            else:
                self._update(connection, room, account, member)

    def _join(
        self,
        network: EchoNetwork,
        connection: Connection,
        emit: Callable[[Event], object],
        room: RoomId,
        member: Member,
    ) -> None:
        there = network.room(room)
        origin = Origin(room=Room(self._network, room), key=EventKey(digest(room, member.person.id)), at=network.now())
        refusal = there.barred.get(member.name.lower())
        if refusal is not None:
            del self._wishes[room, member.person]
            emit(PuppetLeft(origin=origin, person=member.person, cause=Cause.REFUSED, reason=refusal, final=True))
            return
        account = Account(
            id=digest(member.person.network, member.person.id),
            name=_free(member.name, {each.name.lower() for each in there.members.values()}),
            owner=connection.account.owner,
            away=_away(member),
        )
        self._accounts[room, member.person] = account
        self._people[account.id] = member.person
        connection.act(room, Verb.JOINED, by=account)
        emit(PuppetJoined(origin=origin, person=member.person, name=account.name))

    def _update(self, connection: Connection, room: RoomId, account: Account, member: Member) -> None:
        wanted = msgspec.structs.replace(account, name=member.name, away=_away(member))
        if wanted != account:
            self._accounts[room, member.person] = wanted
            connection.act(room, Verb.RENAMED, by=wanted, whom=account)

    def _leave(self, connection: Connection, room: RoomId, person: Person, reason: str) -> None:
        connection.act(room, Verb.LEFT, by=self._accounts.pop((room, person)), text=reason)


def _away(member: Member) -> str:
    presence = member.presence
    return "" if presence.show is Show.AVAILABLE else presence.status or presence.show.value


def _free(name: str, taken: set[str]) -> str:
    while name.lower() in taken:
        name += "_"
    return name
