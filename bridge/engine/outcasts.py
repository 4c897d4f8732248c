"""The list of outcasts, kept in the store: what they say and do goes no further than the room where they do it.

Between the connectors and everything else: a fact about an outcast becomes none, or one in which they have gone. Called by the hub for each
fact, and by the administrators' commands.
"""

from collections.abc import Callable, Sequence

import msgspec

from bridge.core.events import (
    DirectPosted,
    Event,
    Member,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessageEdited,
    MessagePosted,
    ReactionsChanged,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.outcasts import Outcast, is_cast_out
from bridge.engine.counters import Count
from bridge.engine.desk import Desk

_PREFIX = "outcast "


class Outcasts:
    """Who is cast out."""

    def __init__(self, desk: Desk, *, changed: Callable[[Network], None]) -> None:
        """Have nobody yet; ``changed`` is told after somebody of a network was cast out: they may be shown somewhere."""
        self._store = desk.store
        self._clock = desk.clock
        self._counters = desk.counters
        self._changed = changed
        self.also: Callable[[Network], None] = lambda _: None
        """Told likewise; set by the application."""
        self._listed: dict[tuple[Network, str], Outcast] = {}
        self._masks: dict[Network, tuple[str, ...]] = {}

    async def open(self) -> None:
        """Read what is kept."""
        for text in (await self._store.recollect(XMPP, _PREFIX)).values():
            outcast = msgspec.json.decode(text, type=Outcast)
            self._listed[outcast.network, outcast.mask.casefold()] = outcast
        self._gather()

    def listed(self) -> Sequence[Outcast]:
        """Return all, oldest first."""
        return sorted(self._listed.values(), key=lambda each: each.at)

    async def cast(self, network: Network, mask: str, *, reason: str = "", by: str = "") -> Outcast:
        """Cast somebody out, from now on. Raises: StoreError."""
        outcast = Outcast(network=network, mask=mask, reason=reason, by=by, at=self._clock.now())
        await self._store.remember(XMPP, _name(network, mask), msgspec.json.encode(outcast).decode())
        self._listed[network, mask.casefold()] = outcast
        self._gather()
        self._changed(network)
        self.also(network)
        return outcast

    async def pardon(self, network: Network, mask: str) -> bool:
        """Let somebody in again; False if there was no such entry. Raises: StoreError."""
        if (network, mask.casefold()) not in self._listed:
            return False
        await self._store.forget(XMPP, _name(network, mask))
        del self._listed[network, mask.casefold()]
        self._gather()
        return True

    def names(self, member: Member) -> bool:
        """Tell whether somebody is cast out."""
        masks = self._masks.get(member.person.network)
        return masks is not None and is_cast_out(member, masks)

    def names_user(self, jid: str) -> bool:
        """Tell whether a user (a bare JID) is."""
        return self.names(Member(person=Person(XMPP, PersonId(jid)), name="", account=jid))

    @property
    def any(self) -> bool:
        """Whether anybody is cast out."""
        return bool(self._masks)

    def passed(self, event: Event) -> Event | None:
        """Return what is left of a fact, None for nothing."""
        left: Event | None
        match event:
            case (
                MessagePosted(sender=sender)
                | MessageEdited(sender=sender)
                | ReactionsChanged(sender=sender)
                | TopicChanged(sender=sender)
                | DirectPosted(sender=sender)
                | TypingChanged(sender=sender)
            ):
                left = None if sender is not None and self.names(sender) else event
            case MembersListed() | MemberJoined() | MemberRenamed():
                left = self._present(event)
            case _:
                return event  # whoever goes may go, and take back what they have said
        if left is None:
            self._counters.add(Count.CAST_OUT, event.origin.room.network)
        return left

    def _present(self, event: MembersListed | MemberJoined | MemberRenamed) -> Event | None:
        match event:
            case MembersListed():
                members = tuple(member for member in event.members if not self.names(member))
                return msgspec.structs.replace(event, members=members)
            case MemberJoined():
                return None if self.names(event.member) else event
            case MemberRenamed() if self.names(event.member):
                return MemberLeft(origin=event.origin, member=event.old)
            case MemberRenamed() if self.names(event.old):
                return MemberJoined(origin=event.origin, member=event.member)
            case MemberRenamed():
                return event

    def _gather(self) -> None:
        masks: dict[Network, list[str]] = {}
        for outcast in self._listed.values():
            masks.setdefault(outcast.network, []).append(outcast.mask)
        self._masks = {network: tuple(each) for network, each in masks.items()}


def _name(network: Network, mask: str) -> str:
    return f"{_PREFIX}{network}:{mask.casefold()}"
