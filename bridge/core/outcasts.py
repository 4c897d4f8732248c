"""Who is cast out: masks of people whom no other room shall see or hear.

Pure. On XMPP a mask is a user, a domain, or a pattern of one (:mod:`bridge.core.access`). Elsewhere it is the id by which the network
knows somebody, their name, their ``@handle``, or ``nick!user@host``; in all of these ``*`` is anything and ``?`` any one character, and
case makes no difference. Called by ``bridge.engine.outcasts``.
"""

import re
from collections.abc import Collection
from functools import lru_cache

import msgspec

from bridge.core import access
from bridge.core.events import Member
from bridge.core.ids import XMPP, Network

LONGEST = 500
"""Characters of a mask."""


class Outcast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the list."""

    network: Network
    mask: str
    reason: str = ""
    by: str = ""  # the bare JID of the administrator, "" through the admin API
    at: int = 0  # milliseconds since the epoch

    def __str__(self) -> str:
        """Write it as commands do: ``libera:*!*@evil.example``."""
        return f"{self.network}:{self.mask}"


def parsed(text: str) -> tuple[Network, str] | None:
    """Read ``NETWORK:MASK``; None if it is none, or would be everybody."""
    network, colon, mask = text.strip().partition(":")
    good = bool(network) and bool(mask) and len(mask) <= LONGEST and mask.isprintable() and " " not in mask
    if not (colon and good) or not mask.strip("*?!@."):
        return None
    if network == XMPP and not access.is_entry(mask):
        return None
    return Network(network), mask


def is_cast_out(member: Member, masks: Collection[str]) -> bool:
    """Tell whether masks of the member's own network mean them."""
    if member.person.network == XMPP:
        jids = (member.account, str(member.person.id))
        return any(access.is_named(jid.partition("/")[0], masks) for jid in jids if "@" in jid or "." in jid)
    rule = _compiled(tuple(masks))
    known = (member.person.id, member.name, member.handle, member.address)
    return any(rule.fullmatch(name.casefold()) for name in known if name)


@lru_cache(maxsize=64)
def _compiled(masks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_written, masks)))


def _written(mask: str) -> str:
    return re.escape(mask.casefold()).replace(r"\*", ".*").replace(r"\?", ".")
