"""How long to wait before the next attempt: exponential, capped, with jitter that the caller brings.

Without jitter everybody who lost the same server comes back at the same moment; the randomness is given from outside so
that this stays a function.
"""


def delay(attempt: int, jitter: float, *, base: float = 1.0, cap: float = 300.0) -> float:
    """Return the seconds to wait before attempt number ``attempt`` (1 is the first repeat).

    ``jitter`` is a number from 0 to 1; the result lies between half of ``base * 2 ** (attempt - 1)``, at most ``cap``,
    and the whole of it, so that repeats spread but none comes at once.
    """
    doublings = min(max(attempt, 1) - 1, 62)  # beyond that every sensible cap is reached
    whole = min(cap, base * 2.0**doublings)
    return whole * (0.5 + 0.5 * jitter)
