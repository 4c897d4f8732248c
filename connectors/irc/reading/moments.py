"""Times as servers tell them (IRCv3 server-time): ``2023-11-14T22:13:20.123Z``. Pure; called by all that reads lines."""

from datetime import UTC, datetime
from functools import lru_cache


def moment(stamp: str, now: int) -> int:
    """Read a time as milliseconds since the epoch; ``now`` for what is none, or not told."""
    at = exact(stamp)
    if at is not None:
        return at
    try:
        when = datetime.fromisoformat(stamp)
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return now


def exact(stamp: str) -> int | None:
    """Read a time that is written as the specification wants it, None for any other."""
    thousandths = stamp[20:23]
    if (
        len(stamp) != 24
        or stamp[19] != "."
        or stamp[23] != "Z"
        or not (thousandths.isascii() and thousandths.isdigit())
    ):
        return None
    began = second(stamp[:19])
    return None if began is None else began + int(thousandths)


@lru_cache(maxsize=16)
def second(stamp: str) -> int | None:
    """Read a time without its fraction (``2023-11-14T22:13:20``), None for what is none."""
    try:
        when = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(when.timestamp()) * 1000
