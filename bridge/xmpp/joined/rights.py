"""What the listener may do beyond speaking, where the room has made it moderator, admin or owner (XEP-0045 sections 8, 9).

Members-only rooms get our ghosts as members, people are kicked because their puppet was, messages of others are removed
(XEP-0425). Each is one question to the room; the answer settles it. Without the right nothing is asked. Called by the room.
"""

import asyncio
from typing import Protocol

from bridge.core.deliveries import Kick, Retract, Sent
from bridge.core.failures import Permanent, Retry
from bridge.xmpp.joined.ghost import Ghost
from bridge.xmpp.joined.ghosts import Ghosts
from bridge.xmpp.joined.muc import Sighting
from bridge.xmpp.joined.occupants import Occupant
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_PRIVILEGED = frozenset({"admin", "owner"})


class Place(Protocol):
    """What rights need of their room."""

    address: str
    around: Surroundings
    ghosts: Ghosts

    def voice(self) -> str | None:
        """Return the listener's address while it is in the room itself."""

    def has(self, feature: str) -> bool:
        """Whether the room announces this."""

    def has_banned(self, bare: str) -> None:
        """Learn that the bridge has banned an address."""


class Rights:
    """The listener's rights in one room."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._around = place.around
        self._role = self._affiliation = ""

    def seen(self, seen: Sighting) -> None:
        """Take what the room says about the listener."""
        self._role, self._affiliation = seen.role, seen.affiliation

    def moderates(self) -> bool:
        """Whether the listener is a moderator."""
        return self._place.voice() is not None and self._role == "moderator"

    def administers(self) -> bool:
        """Whether the listener may change affiliations."""
        return self._place.voice() is not None and self._affiliation in _PRIVILEGED

    def admit(self, ghost: Ghost) -> bool:
        """Try to make a ghost a member (section 9.3); False if the listener may not."""
        return self.administers() and self._around.spawn(self._admit(ghost))

    def take_back(self, retract: Retract, done: "asyncio.Future[Sent]") -> bool:
        """Try to remove a message of somebody else (XEP-0425); False if the listener or the room cannot."""
        able = self.moderates() and self._place.has(ns.MODERATE)
        return able and self._around.spawn(self._take_back(retract, done))

    def kick(self, kick: Kick, occupant: Occupant, done: "asyncio.Future[Sent]") -> None:
        """Remove an occupant (section 8.2), or ban them where their address is known (section 9.1)."""
        if not self.moderates():
            done.set_exception(Permanent("the bridge has no right to remove people from this room"))
        elif not self._around.spawn(self._kick(kick, occupant, done)):
            done.set_exception(Retry("the bridge is stopping"))

    async def _admit(self, ghost: Ghost) -> None:
        bare = ghost.address.partition("/")[0]
        try:
            await self._administer({"affiliation": "member", "jid": bare}, "")
        except IqRefused as refused:
            self._place.ghosts.forbid(ghost, f"the room admits its members only ({refused.text or refused.condition})")
        else:
            self._place.ghosts.admitted(ghost)

    async def _kick(self, kick: Kick, occupant: Occupant, done: "asyncio.Future[Sent]") -> None:
        bare = occupant.jid.partition("/")[0]
        if kick.ban and bare and self.administers():
            attrs = {"affiliation": "outcast", "jid": bare}
        else:
            attrs = {"role": "none", "nick": occupant.nick}
        try:
            await self._administer(attrs, kick.reason)
        except IqRefused as refused:
            _fail(done, refused, "remove them")
        else:
            if "affiliation" in attrs:
                self._place.has_banned(bare)
            _succeed(done)

    async def _take_back(self, retract: Retract, done: "asyncio.Future[Sent]") -> None:
        reason = stanzas.element("reason", words=retract.reason) if retract.reason else ""
        inner = stanzas.element("retract", ns.RETRACT) + reason
        payload = stanzas.element("moderate", ns.MODERATE, attrs={"id": retract.ids[0]}, children=inner)
        try:
            await self._ask(payload)
        except IqRefused as refused:
            _fail(done, refused, "remove the message")
        else:
            _succeed(done)

    async def _administer(self, attrs: dict[str, str], reason: str) -> None:
        words = stanzas.element("reason", words=reason) if reason else ""
        item = stanzas.element("item", attrs=attrs, children=words)
        await self._ask(stanzas.element("query", ns.MUC_ADMIN, children=item))

    async def _ask(self, payload: str) -> None:
        """Ask the room. Raises: IqRefused."""
        component = self._around.component
        await component.iq("set", to=self._place.address, payload=payload, sender=self._around.listener)


def _succeed(done: "asyncio.Future[Sent]") -> None:
    if not done.done():
        done.set_result(Sent())


def _fail(done: "asyncio.Future[Sent]", refused: IqRefused, what: str) -> None:
    if done.done():
        return
    if refused.condition.startswith("remote-server-"):
        done.set_exception(Retry(f"the room does not answer: {refused.condition}"))
    else:
        done.set_exception(Permanent(f"the room does not let the bridge {what}: {refused.text or refused.condition}"))
