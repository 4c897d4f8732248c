"""Complaints of users about people of other networks: kept until an administrator has dealt with them.

Called by the application, which tells administrators of new ones, and by their commands.
"""

import logging
from collections.abc import Sequence

import msgspec

from bridge.core.ids import XMPP, Person, digest
from bridge.engine.ports import Clock, Store

log = logging.getLogger(__name__)

MOST = 500
"""Complaints that are kept; the oldest go."""
_PREFIX = "complaint "


class Complaint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody has to say about somebody."""

    id: str
    by: str  # the bare JID of a user, or a server's
    about: str  # the address under which they know them
    reason: str
    text: str = ""
    messages: tuple[str, ...] = ()
    person: Person | None = None  # who that is, as far as anybody knows
    at: int = 0  # milliseconds since the epoch


class Complaints:
    """All that nobody has dealt with yet."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, Complaint] = {}

    async def open(self) -> None:
        """Read what is kept."""
        found = (await self._store.recollect(XMPP, _PREFIX)).values()
        complaints = [msgspec.json.decode(text, type=Complaint) for text in found]
        self._kept = {each.id: each for each in sorted(complaints, key=lambda each: each.at)}

    def listed(self) -> Sequence[Complaint]:
        """Return all, oldest first."""
        return list(self._kept.values())

    async def file(self, complaint: Complaint) -> bool:
        """Keep a complaint, in the place of an earlier one by the same about the same; tells whether it is new. Raises: StoreError."""
        id_ = digest("complaint", complaint.by, complaint.about)[:8]
        is_new = id_ not in self._kept
        complaint = msgspec.structs.replace(complaint, id=id_, at=self._clock.now())
        await self._store.remember(XMPP, f"{_PREFIX}{id_}", msgspec.json.encode(complaint).decode())
        self._kept.pop(id_, None)
        self._kept[id_] = complaint
        log.info("complaint.filed id=%s", id_)
        if len(self._kept) > MOST:
            await self.settle(next(iter(self._kept)))
        return is_new

    async def settle(self, id_: str) -> bool:
        """Forget a complaint; False if there is none such. Raises: StoreError."""
        if id_ not in self._kept:
            return False
        await self._store.forget(XMPP, f"{_PREFIX}{id_}")
        self._kept.pop(id_, None)
        return True
