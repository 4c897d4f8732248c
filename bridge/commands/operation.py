"""The running process: ``reload``, ``keys rotate``. It is stopped and started by whoever runs it, not from here."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from bridge.commands.refusals import in_words
from bridge.core.commands import Answer, Call, Command, CommandRefused, Field, Offer, Sort, Values, Who, Why
from bridge.core.wording import counted
from bridge.engine.ports import Vault

RELOAD: Final = Command(
    name="reload",
    title="Read the configuration anew and apply what differs, as SIGHUP does",
    who=Who.ADMIN,
    help="A configuration with a mistake changes nothing.",
)
ROTATE: Final = Command(
    name="keys rotate",
    title="Make a new key for the secrets in the store, and encrypt all of them with it",
    who=Who.ADMIN,
    fields=(
        Field(
            name="drop_old",
            label="Remove the keys before from the key file",
            sort=Sort.FLAG,
            required=False,
            named=True,
            description="Copies of the store from before can be read with a copy of the old key file only",
        ),
    ),
    help="Everything goes on meanwhile. Keep a copy of the key file, apart from copies of the store.",
)
COMMANDS: Final = (RELOAD, ROTATE)

Reload = Callable[[], Awaitable[Sequence[str]]]
"""Reads the configuration anew, and returns the keys that only a restart changes. Raises: CommandRefused."""


def offers(reload: Reload | None, vault: Vault) -> tuple[Offer, ...]:
    """Return the commands with what runs them; there may be no file to read."""
    return (
        Offer(command=RELOAD, run=partial(_reload, reload)),
        Offer(command=ROTATE, run=partial(_rotate, vault)),
    )


async def _rotate(vault: Vault, _: Call, values: Values) -> Answer:
    with in_words():
        rotated = await vault.rotate_key(drop_old=values.flag("drop_old"))
    which = counted(rotated.lost, "secret opens", "secrets open")
    lost = f"{which} with no key of the key file, and nothing is changed there: restore it from a copy"
    return Answer(
        text=f"{counted(rotated.sealed, 'secret is', 'secrets are')} encrypted with a new key",
        why=Why.MISSING if rotated.lost else None,
        remark=lost if rotated.lost else "",
    )


async def _reload(reload: Reload | None, _: Call, __: Values) -> Answer:
    if reload is None:
        msg = "this bridge was started without a configuration file"
        raise CommandRefused(msg, why=Why.AWAY)
    left = await reload()
    remark = f"only a restart changes {', '.join(left)}" if left else ""
    return Answer(text="the configuration is in force", remark=remark)
