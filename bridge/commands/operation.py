"""The running process: ``reload``. It is stopped and started by whoever runs it, not from here."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from bridge.core.commands import Answer, Call, Command, CommandRefused, Offer, Values, Who, Why

RELOAD: Final = Command(
    name="reload",
    title="Read the configuration anew and apply what differs, as SIGHUP does",
    who=Who.ADMIN,
    help="A configuration with a mistake changes nothing.",
)
COMMANDS: Final = (RELOAD,)

Reload = Callable[[], Awaitable[Sequence[str]]]
"""Reads the configuration anew, and returns the keys that only a restart changes. Raises: CommandRefused."""


def offers(reload: Reload | None) -> tuple[Offer, ...]:
    """Return the commands with what runs them; there may be no file to read."""
    return (Offer(command=RELOAD, run=partial(_reload, reload)),)


async def _reload(reload: Reload | None, _: Call, __: Values) -> Answer:
    if reload is None:
        msg = "this bridge was started without a configuration file"
        raise CommandRefused(msg, why=Why.AWAY)
    left = await reload()
    remark = f"only a restart changes {', '.join(left)}" if left else ""
    return Answer(text="the configuration is in force", remark=remark)
