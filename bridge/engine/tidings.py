"""What happens in a link besides what is said, told to those who pass it on: who comes and goes, what was given up, networks.

Only shares of divided rooms (:class:`bridge.connector.Divides`) are told, each in its lane. Tidings are passing: they are
retried like everything in a lane, and not kept over a restart, since they are news of a state that anybody can ask for.
Called by the hub, the puppets and the rosters.
"""

from collections.abc import Callable, Collection
from typing import Final, Protocol

from bridge.core.deliveries import About, Announce, AsBridge, Delivery, GivenUp, Head, NetworkIs
from bridge.core.events import Cause, Member, MemberJoined, MemberLeft, MemberRenamed, Origin
from bridge.core.ids import DeliveryKey, EventKey, Network, Person, Room, digest
from bridge.engine.desk import Desk
from bridge.engine.ports import Queued
from bridge.engine.supervisor import NetworkStatus

_MOST_NAMES: Final = 20_000


class Shown(Protocol):
    """What has to be known of members: :class:`bridge.engine.puppets.Puppets`."""

    def member(self, room: Room, person: Person) -> Member | None:
        """Return somebody who is in a room in person."""

    def is_only_heard(self, room: Room, person: Person) -> bool:
        """Tell whether somebody is known to be in a room only by what they say there."""


class Tidings:
    """Announces to shares; also a :class:`bridge.engine.rosters.Watches`."""

    def __init__(
        self,
        desk: Desk,
        *,
        post: Callable[[Delivery], None],
        shares: Callable[[Room], Collection[Room]],
        puppets: Callable[[], Shown],
    ) -> None:
        self._clock = desk.clock
        self._post = post
        self._shares = shares
        self._puppets = puppets
        self._known: dict[tuple[Room, Person], Member] = {}
        self._count = 0

    # -- who comes and goes, as the rosters tell

    def came(self, room: Room, member: Member, *, new: bool) -> None:
        """Tell of a new member; a change of presence is no news."""
        if not self._shares(room):
            return
        before = self._note(room, member)
        if new and not self._puppets().is_only_heard(room, member.person):
            about = MemberJoined(origin=self._origin(room), member=member)
            self._tell(room, f"{member.name} joined", about)
        elif before is not None and before.name != member.name:
            self._renamed(room, before, member)

    def went(self, room: Room, people: list[Person], reason: str) -> None:
        """Tell of people who are gone."""
        if not self._shares(room):
            return
        for person in people:
            member = self._known.pop((room, person), None) or Member(person=person, name=person.id)
            about = MemberLeft(origin=self._origin(room), member=member, cause=Cause.LEFT, reason=reason)
            self._tell(room, f"{member.name} left{f': {reason}' if reason else ''}", about)

    def renamed(self, room: Room, old: Person, member: Member) -> None:
        """Tell of a new name."""
        if not self._shares(room):
            return
        before = self._known.pop((room, old), None) or Member(person=old, name=old.id)
        self._note(room, member)
        self._renamed(room, before, member)

    def listed(self, room: Room, came: list[Person], went: list[Person]) -> None:
        """Note who is there: a list is what was already so, and no news."""
        if not self._shares(room):
            return
        for person in came:
            member = self._puppets().member(room, person)
            if member is not None:
                self._note(room, member)
        for person in went:
            self._known.pop((room, person), None)

    # -- what else

    def given_up(self, queued: Queued, reason: str, *, certain: bool) -> None:
        """Tell that something did not arrive; that something did not arrive at a share is for others to tell."""
        head = queued.delivery.head
        voice = head.voice
        sender = None if isinstance(voice, AsBridge) else voice.member
        about = GivenUp(room=head.room, event=head.event, reason=reason, certain=certain, sender=sender)
        self._tell(head.source, f"not told to {head.room}: {reason}", about, besides=head.room)

    def network_is(self, now: NetworkStatus, before: NetworkStatus | None, rooms: Collection[Room]) -> None:
        """Tell how a network of these rooms is, where that has changed."""
        if before is not None and (before.status, before.detail) == (now.status, now.detail):
            return
        about = NetworkIs(
            network=now.network,
            status=now.status.value,
            before="" if before is None else before.status.value,
            detail=now.detail,
        )
        told: set[Room] = set()
        for room in rooms:
            shares = {share for share in self._shares(room) if share.network != now.network}
            if told.isdisjoint(shares):
                told.update(shares)
                self._tell(room, f"{now.network} is {now.status.value}", about, besides=now.network)

    def _renamed(self, room: Room, before: Member, member: Member) -> None:
        about = MemberRenamed(origin=self._origin(room), old=before, member=member)
        self._tell(room, f"{before.name} is now {member.name}", about)

    def _note(self, room: Room, member: Member) -> Member | None:
        before = self._known.get((room, member.person))
        if before is not None or len(self._known) < _MOST_NAMES:
            self._known[room, member.person] = member
        return before

    def _origin(self, room: Room) -> Origin:
        self._count += 1
        now = self._clock.now()
        return Origin(room=room, key=EventKey(f"tiding {now} {self._count}"), at=now)

    def _tell(self, room: Room, text: str, about: About, *, besides: Room | Network | None = None) -> None:
        for share in self._shares(room):
            if besides not in (share, share.network):
                origin = self._origin(room)
                head = Head(
                    key=DeliveryKey(digest("tiding", share.network, share.id, origin.key)),
                    room=share,
                    voice=AsBridge(),
                    source=room,
                    event=origin.key,
                    at=origin.at,
                )
                self._post(Announce(head=head, text=text, about=about))
