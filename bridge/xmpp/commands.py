"""Commands that our addresses offer, as values: asked by forms (``adhoc``, XEP-0050) or by a line of chat (``console``).

A command is a small conversation of steps: a question with inputs, or an answer that ends it. Who offers commands builds
these; neither stanzas nor networks are here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One line to be filled in; all are required."""

    name: str
    label: str
    secret: bool = False


class Told(msgspec.Struct, frozen=True):
    """An answer, which ends the command; ``wrong`` when it did not do what it was to do."""

    words: str
    wrong: bool = False


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question; ``then`` is called with a text for each input."""

    title: str
    instructions: str
    inputs: tuple[Input, ...]
    then: Callable[[Mapping[str, str]], Awaitable["Step"]]


Step = Ask | Told


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do at one of our addresses."""

    node: str  # also the word by which it is called in a chat
    name: str  # a few words for a menu
    begin: Callable[[str], Awaitable[Step]]  # with the bare JID of who calls it


CommandsAt = Callable[[str], Sequence[Command]]
"""The commands of one of our addresses, by its localpart as on the wire."""
