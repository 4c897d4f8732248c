"""Commands by chat: a line to one of our addresses that offers commands, ``login TOKEN``, and the answer to it.

The same commands as by forms (``adhoc``), for clients that have none. Called by ``directs`` with messages to the addresses
of networks.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from bridge.xmpp.commands import Ask, Command, CommandsAt, Step

HELP: Final = "help"
LONGEST: Final = 4_096
"""Characters of a line that is looked at."""

Answering = Callable[[], Awaitable[str]]


class Console:
    """Understands lines."""

    def __init__(self, commands: CommandsAt) -> None:
        self._commands = commands
        self._busy: set[str] = set()  # callers who wait for an answer: one command each at a time

    def help(self, localpart: str) -> str:
        """Return what can be said to an address, "" where there are no commands."""
        commands = self._commands(localpart)
        if not commands:
            return ""
        lines = ["I am a network's own address, and no person. I understand:"]
        lines += [f"{command.node}: {command.name}" for command in commands]
        return "\n".join([*lines, f"{HELP}: this list"])

    def called(self, localpart: str, line: str, caller: str) -> Answering | None:
        """Return what answers a line, to be called; None where it calls no command. ``caller`` is a bare JID."""
        word, _, rest = line[:LONGEST].strip().partition(" ")
        word = word.casefold()
        if word == HELP and self.help(localpart):
            return partial(_say, self.help(localpart))
        command = next((each for each in self._commands(localpart) if each.node == word), None)
        if command is None:
            return None
        if caller in self._busy:
            return partial(_say, "One after the other: your last command is still under way.")
        return partial(self._run, command, rest.strip(), caller)

    async def _run(self, command: Command, rest: str, caller: str) -> str:
        self._busy.add(caller)
        try:
            step = await command.begin(caller)
            if isinstance(step, Ask) and (given := _filled(step, rest)):
                step = await step.then(given)
            return _words(command, step)
        finally:
            self._busy.discard(caller)


def _filled(ask: Ask, rest: str) -> dict[str, str]:
    """Return the inputs as the words of a line, the last with all that is left; {} where some are missing."""
    words = rest.split(maxsplit=len(ask.inputs) - 1) if ask.inputs else []
    if len(words) != len(ask.inputs):
        return {}
    return {one.name: word for one, word in zip(ask.inputs, words, strict=True)}


def _words(command: Command, step: Step) -> str:
    if not isinstance(step, Ask):
        return step.words
    usage = " ".join([command.node, *(one.name.upper() for one in step.inputs)])
    return f"{step.instructions}\nThen: {usage}"


async def _say(words: str) -> str:
    return words
