"""How long to wait before the next try. Pure: the caller brings the randomness, and does the waiting."""


def delay(attempt: int, jitter: float, *, base: float = 1.0, cap: float = 300.0) -> float:
    """Return seconds to wait after ``attempt`` failures in a row (1 is the first).

    The longest possible wait doubles from ``base`` up to ``cap``; ``jitter``, from 0 to 1, picks one between half of
    ``base`` and that. So a thousand puppets that fell together do not come back together, and nobody hammers.
    """
    longest = min(cap, base * 2.0 ** min(max(attempt - 1, 0), 64))
    least = min(base / 2, longest)
    return least + (longest - least) * jitter
