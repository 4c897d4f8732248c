"""What the store and networks refuse, in a command's words. Called by what runs commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bridge.core.acts import ActRefused, Obstacle
from bridge.core.commands import CommandRefused, Why
from bridge.engine.ports import StoreError

_WHY: Final = {
    Obstacle.FORBIDDEN: Why.FORBIDDEN,
    Obstacle.ABSENT: Why.MISSING,
    Obstacle.IMPOSSIBLE: Why.WRONG,
    Obstacle.AWAY: Why.AWAY,
    Obstacle.ALREADY: Why.CONFLICT,
    Obstacle.BUSY: Why.CONFLICT,
}


@contextmanager
def in_words() -> Iterator[None]:
    """Let a StoreError or ActRefused be the command's refusal. Raises: CommandRefused."""
    try:
        yield
    except StoreError as refused:
        raise CommandRefused(str(refused), why=Why.AWAY) from None
    except ActRefused as refused:
        raise CommandRefused(str(refused), why=_WHY[refused.obstacle]) from None
