"""The documents list the commands that there are, in the words of their definitions."""

from pathlib import Path

import pytest

from bridge.commands import catalogue

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "commands"),
    [("docs/users/commands.md", catalogue.for_users()), ("docs/operators/commands.md", catalogue.for_operators())],
)
def test_every_command_has_its_line_in_the_documents(page, commands) -> None:
    written = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| `")]
    rows = catalogue.table(commands)[2:]
    assert sorted(written) == sorted(rows), f"{page} should say:\n" + "\n".join(rows)


def test_commands_are_named_apart() -> None:
    names = [command.name for command in catalogue.COMMANDS]
    assert len({name.replace(" ", "-") for name in names}) == len(names)
    for command in catalogue.COMMANDS:
        fields = [field.name for field in command.fields]
        assert len(set(fields)) == len(fields), command.name
        assert command.name == command.name.casefold(), "a line is compared without case"
        assert not command.title.endswith("."), command.name
        assert not (command.personal and "user" in fields), "user= says whose it is"
