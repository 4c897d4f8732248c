"""All commands that there are, as definitions, and the tables of the documents that tell of them.

What runs each is beside its definition; which are offered is put together by :mod:`bridge.app`.
"""

from collections.abc import Iterable
from typing import Final

from bridge.commands import (
    abuse,
    hooks,
    links,
    logins,
    networks,
    operation,
    outcasts,
    people,
    preferences,
    rooms,
    state,
    users,
)
from bridge.core.commands import About, Command, Field, Who
from bridge.core.dialogue import usage

COMMANDS: Final = (
    *state.COMMANDS,
    *links.COMMANDS,
    *hooks.COMMANDS,
    *users.COMMANDS,
    *operation.COMMANDS,
    *logins.COMMANDS,
    *people.COMMANDS,
    *preferences.COMMANDS,
    *networks.COMMANDS,
    *rooms.COMMANDS,
    *outcasts.COMMANDS,
    *abuse.COMMANDS,
)

_WHERE: Final = {About.BRIDGE: "the bridge", About.NETWORK: "a network", About.ROOM: "a room"}


def for_users() -> tuple[Command, ...]:
    """Return what users may do."""
    return tuple(command for command in COMMANDS if command.who is not Who.ADMIN)


def for_operators() -> tuple[Command, ...]:
    """Return what administrators may do besides."""
    return tuple(command for command in COMMANDS if command.who is Who.ADMIN)


def table(commands: Iterable[Command]) -> list[str]:
    """Return a Markdown table of commands, line by line."""
    head = ["| command | at the address of | does |", "|---|---|---|"]
    return head + [_row(command) for command in sorted(commands, key=lambda command: command.name)]


def _row(command: Command) -> str:
    said = usage(command.name, command.fields, more=command.more)
    told = ". ".join(part.rstrip(".") for part in (command.title, command.help, *map(_told, command.fields)) if part)
    told = told.replace("|", "\\|")
    return f"| `{said}` | {_WHERE[command.about]} | {told} |"


def _told(field: Field) -> str:
    return f"`{field.name}`: {field.description}" if field.description else ""
