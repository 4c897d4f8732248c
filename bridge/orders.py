"""The commands of the running bridge on the command line: each definition becomes a parser, and what was given a call.

``links add`` of the catalogue is ``linkspan links add``: what is required comes in order, everything else as an option. Only what
administrators do is here; all else goes by ``linkspan do``. Nothing is read here: values go as they were given, and the bridge says what
is wrong. Called by :mod:`bridge.cli`, which prints.
"""

import argparse
from collections.abc import Callable
from typing import Any, Final

from bridge.commands.catalogue import for_operators
from bridge.core.commands import Command, Field, Sort
from bridge.web.ports import FieldProblem

Make = Callable[[Any, str, Command, str], argparse.ArgumentParser]
"""Makes a parser for a command below others, under a name, with a line of help."""

_GROUPS: Final = {
    "links": "list, add and remove links of the running bridge",
    "hooks": "make, list and take back URLs at which programs say something in a room",
    "logins": "list and remove users' logins on networks",
    "keys": "change the key of the secrets in the store of the running bridge",
    "optouts": "list who wants nothing more from us (STOP)",
    "deliveries": "list what is not delivered yet, or what became of one message",
    "users": "list users who are on some network now, and end their sessions",
    "deadletters": "list, retry and discard deliveries that were given up",
}
_OPTIONS: Final = {"settings": "set", "expires_in": "expires-in"}
_SEVERAL: Final = frozenset({Sort.LIST, Sort.JIDS})
_METAVARS: Final = {Sort.DURATION: "TIME", Sort.NUMBER: "N", Sort.JID: "JID", Sort.JIDS: "JID", Sort.FLAG: "YES-OR-NO"}
_ONE_MESSAGE: Final = ("room", "message")
"""Two fields that go together: ``deliveries list --message NETWORK:ROOM ID``."""


_EITHER: Final = ("keys", "all")
"""Two fields of which exactly one has to be given: ``deadletters retry KEY…`` or ``--all``."""


def add_to(commands: Any, make: Make) -> None:
    """Add a parser for every command that administrators have, each in the group of its first word."""
    groups: dict[str, Any] = {}
    for command in for_operators():
        first, _, rest = command.name.partition(" ")
        parent = commands
        if rest:
            if first not in groups:
                words = _GROUPS.get(first, f"{first} of the running bridge")
                group = commands.add_parser(first, help=words, description=words)
                groups[first] = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
            parent = groups[first]
        parser = make(parent, rest or first, command, command.title[0].lower() + command.title[1:])
        names = {field.name for field in command.fields}
        either = parser.add_mutually_exclusive_group(required=True) if names >= set(_EITHER) else parser
        one_message = names >= set(_ONE_MESSAGE)
        for field in command.fields:
            if not one_message or field.name not in _ONE_MESSAGE:
                _add(either if field.name in _EITHER else parser, field)
        if one_message:
            both = "one message instead, by what a room calls it: its copies in all other rooms"
            parser.add_argument("--message", nargs=2, metavar=("NETWORK:ROOM", "ID"), help=both)
        parser.add_argument("--json", action="store_true", help="print JSON")


def given(command: Command, args: argparse.Namespace) -> dict[str, object]:
    """Return what was given, for each field that was."""
    values = {field.name: getattr(args, field.name, None) for field in command.fields}
    if isinstance(both := values.get("message"), list):
        values["room"], values["message"] = both
    return {name: value for name, value in values.items() if value not in (None, [], False)}


def complaint(command: Command, problems: tuple[FieldProblem, ...]) -> str:
    """Return what is wrong, a line for each field, by the name that it has here."""
    fields = {field.name: field for field in command.fields}
    lines = []
    for problem in problems:
        field = fields.get(problem.field)
        name = problem.field if field is None or _is_in_order(field) else _option(field)
        lines.append(f"{name}: {problem.detail}" if name else problem.detail)
    return "\n".join(lines)


def _is_in_order(field: Field) -> bool:
    return (field.required and not field.named) or field.sort in _SEVERAL


def _option(field: Field) -> str:
    return f"--{_OPTIONS.get(field.name, field.name).replace('_', '-')}"


def _add(parser: argparse._ActionsContainer, field: Field) -> None:
    words = field.description or field.label
    help_ = words[0].lower() + words[1:] + (f"; default: {field.default}" if field.default else "")
    help_ = help_.replace("%", "%%")
    metavar = _METAVARS.get(field.sort, field.name.upper())
    if field.sort in _SEVERAL:
        if field.required:
            parser.add_argument(field.name, metavar=metavar, nargs="+", help=help_)
        else:
            parser.add_argument(field.name, metavar=metavar, nargs="*", default=[], help=help_)
    elif _is_in_order(field):
        parser.add_argument(field.name, metavar=metavar, help=help_)
    elif field.sort is Sort.FLAG and not field.default:
        parser.add_argument(_option(field), dest=field.name, action="store_true", help=help_)
    elif field.sort is Sort.TABLE:
        parser.add_argument(_option(field), dest=field.name, metavar="KEY=VALUE", action="append", help=help_)
    else:
        parser.add_argument(_option(field), dest=field.name, metavar=metavar, required=field.required, help=help_)
