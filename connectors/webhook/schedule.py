"""When an endpoint is tried again, and when it is given up. Pure: the caller brings time and randomness."""

from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

WAITS: Final = (5.0, 30.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds after the first, second … failure in a row of one delivery; the last for all further ones."""
SPREAD: Final = 0.2
LONGEST_WAIT: Final = 86_400.0
FAILING_FOR: Final = 5 * 86_400.0
"""Seconds of nothing but failures after which an endpoint is off."""
FAILURES: Final = 100
"""Failures in a row after which it is off."""
_AGAIN: Final = frozenset({408, 425, 429})


class Meaning(Enum):
    """What an answer means for a delivery."""

    TAKEN = "taken"
    AGAIN = "again"
    NEVER = "never"
    GONE = "gone"  # and for all further ones: the endpoint wants nothing any more


def meaning(status: int) -> Meaning:
    """Return what a status means (Standard Webhooks, "Webhook delivery"): a redirect is a failure, and so is 1xx."""
    if 200 <= status < 300:
        return Meaning.TAKEN
    if status == 410:
        return Meaning.GONE
    return Meaning.AGAIN if status in _AGAIN or status >= 500 else Meaning.NEVER


def wait(failures: int, jitter: float, *, retry_after: float | None = None) -> float:
    """Return seconds until the next try after so many failures (1 is the first); ``jitter`` from 0 to 1.

    A ``Retry-After`` is kept to, and never shortens the wait.
    """
    planned = WAITS[min(failures, len(WAITS)) - 1] * (1 - SPREAD + 2 * SPREAD * jitter)
    return max(planned, min(retry_after or 0.0, LONGEST_WAIT))


def retry_after(header: str, now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, None where it says nothing (RFC 9110, section 10.2.3)."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError):
        return None


def is_off(*, failures: int, since: float, now: float) -> bool:
    """Tell whether an endpoint has failed for so long that it is not asked any more; ``since`` the first failure."""
    return failures >= FAILURES or now - since >= FAILING_FOR
