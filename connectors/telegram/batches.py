"""What of an answer to getUpdates may be taken now: albums whole, everything in order, nothing before it is there.

An album comes as separate messages with one ``media_group_id``, and nothing says how many. So from the first album that
may have more to come, everything is left with Telegram, which sends what is not confirmed again. That way an album is
also whole after a restart, and there is nothing to keep. Pure; called by :mod:`connectors.telegram.connector`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from connectors.telegram.updates import Message, Update

MOST: Final = 100
"""Updates in one answer, at most."""
SETTLED: Final = 5
"""Seconds after which an album's messages are all on Telegram's side."""
_NEAR_THE_END: Final = 20

Group = tuple[int, str]
"""An album: its chat, and its ``media_group_id``."""


def grouped(updates: Sequence[Update]) -> list[tuple[Update, ...]]:
    """Return the updates in order, the messages of an album together in the place of its first."""
    found: dict[object, list[Update]] = {}
    for update in updates:
        found.setdefault(group_of(update) or update.update_id, []).append(update)
    return [tuple(each) for each in found.values()]


def ripe(updates: Sequence[Update], *, now: float | None, seen: Callable[[Group], bool]) -> Sequence[Update]:
    """Return the updates that may be taken, from the first on; the rest comes again when it is not confirmed.

    ``seen``: whether an album was in an answer a moment ago too. ``now``: seconds since the epoch, for what had waited for
    us: an album of some time ago is whole. None: they come as they are sent, whatever our clock says.
    """
    first: dict[Group, int] = {}
    last: dict[Group, Message] = {}
    ends: dict[Group, int] = {}
    for index, update in enumerate(updates):
        group = group_of(update)
        if group is not None and update.posted is not None:
            first.setdefault(group, index)
            last[group], ends[group] = update.posted, index
    for group, start in first.items():  # by their first message
        cut_off = len(updates) >= MOST and start > 0 and ends[group] >= len(updates) - _NEAR_THE_END
        fresh = (now is None or now - last[group].date < SETTLED) and not seen(group)
        if cut_off or fresh:
            return updates[:start]
    return updates


def albums(updates: Sequence[Update]) -> set[Group]:
    """Return the albums in an answer."""
    return {group for update in updates if (group := group_of(update)) is not None}


def group_of(update: Update | None) -> Group | None:
    """Return the album that an update is a message of."""
    message = None if update is None else update.posted
    if message is None or not message.media_group_id:
        return None
    return message.chat.id, message.media_group_id
