"""Commands by chat: a line to one of our addresses that offers commands, ``links add dev irc:#dev xmpp:…``, and the answer to it.

The same commands as by forms (``adhoc``), for clients that have none. What is missing is asked for, one thing after the other, and
the next line is the answer; ``cancel`` ends that. Called by ``directs`` with messages to the bridge's address and to networks'.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from bridge.core import lines
from bridge.core.commands import Answer, Caller, Field, Form, Offer, Place, Sort, Step, written
from bridge.core.dialogue import Commands, Stuck, follow_line, may, outline, proceed, usage
from bridge.xmpp.commands.reception import Reception

log = logging.getLogger(__name__)

HELP: Final = "help"
CANCEL: Final = "cancel"
LONGEST: Final = 16_384
"""Characters of a line that is looked at, and of an answer."""
LASTS: Final = 600.0
"""Seconds until a question that nobody answers is forgotten."""
MOST: Final = 500
OFTEN: Final = 5
"""So many lines a minute that call nothing are answered: two programs must not talk for ever."""

_NETWORK: Final = "I am a network's own address, and no person."
_BRIDGE: Final = "I am a bridge between chat networks, and no person. Write to the people whom you see in a room."

Answering = Callable[[], Awaitable[str]]


class _Asked(NamedTuple):
    """A question to somebody, whose next line is the answer."""

    name: str
    form: Form
    given: Mapping[str, object]
    field: Field
    again: bool  # after an answer that was wrong
    until: float


class Console:
    """Understands lines."""

    def __init__(self, reception: Reception, *, now: Callable[[], float]) -> None:
        self._reception = reception
        self._now = now
        self._busy: set[str] = set()  # callers who wait for an answer: one command each at a time
        self._asked: OrderedDict[tuple[str, str], _Asked] = OrderedDict()  # by caller, and by the address that asked
        self._puzzled: dict[str, deque[float]] = {}

    def listens(self, address: str) -> bool:
        """Tell whether commands are understood at an address."""
        return self._reception.place(address) is not None

    def called(self, address: str, line: str, sender: str) -> Answering | None:
        """Return what answers a line, to be called; None where nothing shall be said to it."""
        commands, place = self._reception.commands, self._reception.place(address)
        caller = self._reception.caller(sender)
        line = line.strip()
        if commands is None or place is None or caller is None or not line:
            return None
        if caller.user in self._busy:
            return self._puzzle(caller, "One after the other: your last command is still under way.")
        if len(line) > LONGEST:
            return self._puzzle(caller, f"That has {len(line)} characters; {LONGEST} are the most that I read.")
        asked = self._asked.pop((caller.user, address), None)
        found = lines.words(line)
        if asked is not None and asked.until >= self._now() and not _turns_away(asked, found, commands, place):
            return self._answered(asked, address, line, caller)
        if found[0].text.casefold() == HELP:
            return partial(_say, self._help(commands, found[1:], place, caller))
        if found[0].text.casefold() == CANCEL:
            return self._puzzle(caller, "There is nothing to cancel.")
        called = commands.called(found, place)
        if called is None:
            return self._puzzle(caller, self._meant(commands, found, place, caller))
        offer, rest = called
        if not may(offer, caller):
            return self._puzzle(caller, f'You may not do this; say "{HELP}" for what you may.')
        form = commands.first(offer, place, caller)
        return partial(self._run, offer.command.name, address, caller, partial(follow_line, form, rest))

    def _answered(self, asked: _Asked, address: str, line: str, caller: Caller) -> Answering:
        if line.casefold() == CANCEL:
            return partial(_say, "Nothing is done.")
        several = asked.field.sort in {Sort.LIST, Sort.JIDS}
        value: object = [word.text for word in lines.words(line)] if several else line
        given = {**asked.given, asked.field.name: value}
        return partial(self._run, asked.name, address, caller, partial(_through, asked.form, given))

    async def _run(self, name: str, address: str, caller: Caller, work: Callable[[], Awaitable[Answer | Stuck]]) -> str:
        self._busy.add(caller.user)
        try:
            done = await work()
        except Exception:
            log.exception("command.fault command=%s", name)
            return "The bridge failed at this; its log says why."
        finally:
            self._busy.discard(caller.user)
        return written(done, most=LONGEST) if isinstance(done, Answer) else self._ask(name, address, caller, done)

    def _ask(self, name: str, address: str, caller: Caller, stuck: Stuck) -> str:
        """Say what is wrong, and ask for the first thing that is missing or wrong."""
        form = stuck.form
        field = next((field for each in stuck.wrong for field in form.fields if field.name == each.field), None)
        if field is None:
            return f"{stuck}\n{usage(name, form.fields)}"
        told = [str(each) for each in stuck.wrong if not each.missing]
        again = any(each.field == field.name and not each.missing for each in stuck.wrong)
        self._asked[caller.user, address] = _Asked(name, form, stuck.given, field, again, self._now() + LASTS)
        if len(self._asked) > MOST:
            self._asked.popitem(last=False)
        if form.instructions and not told:
            told = [form.instructions]
        return "\n".join([*told, f"{_question(field)} (or: {CANCEL})"])

    def _help(self, commands: Commands, rest: Sequence[lines.Word], place: Place, caller: Caller) -> str:
        if not rest:
            return self._everything(commands, place, caller)
        called = commands.called(rest, place)
        if called is None or not may(called[0], caller):
            return self._meant(commands, rest, place, caller)
        return _about(called[0], commands.first(called[0], place, caller))

    def _meant(self, commands: Commands, said: Sequence[lines.Word], place: Place, caller: Caller) -> str:
        return commands.meant(said, place, caller) or self._everything(commands, place, caller)

    def _everything(self, commands: Commands, place: Place, caller: Caller) -> str:
        offers = commands.at(place, caller)
        told = [f"{_NETWORK if place.network else _BRIDGE} I understand:"]
        for offer in offers:
            needed = [field for field in commands.first(offer, place, caller).fields if field.required]
            said = usage(offer.command.name, needed, more=offer.command.more)
            told.append(f"{said}: {offer.command.title}")
        return "\n".join([*told, f"{HELP}: this list; {HELP} COMMAND: how that is said"])

    def _puzzle(self, caller: Caller, words: str) -> Answering | None:
        """Answer what calls nothing, but not for ever."""
        now = self._now()
        if len(self._puzzled) > MOST:
            self._puzzled.clear()
        lately = self._puzzled.setdefault(caller.user, deque(maxlen=OFTEN))
        if len(lately) == OFTEN and now - lately[0] < 60.0:
            return None
        lately.append(now)
        return partial(_say, words)


def _turns_away(asked: _Asked, said: Sequence[lines.Word], commands: Commands, place: Place) -> bool:
    """Tell whether somebody whose answer was wrong says a command now, such as the one that lists what would be right.

    Never where a secret is asked for, which may be any word.
    """
    if not asked.again or asked.field.hidden or asked.field.sort is Sort.SECRET:
        return False
    return said[0].text.casefold() == HELP or commands.called(said, place) is not None


async def _through(form: Form, given: Mapping[str, object]) -> Answer | Stuck:
    """Go on with what was given, until something else has to be."""
    step: Step | Stuck = await proceed(form, given)
    while isinstance(step, Form):
        step = await proceed(step, {})
    return step


def _question(field: Field) -> str:
    words = f"{field.label}?"
    if field.choices:
        words += f" One of {', '.join(field.choices)}."
    return f"{words} {field.description}." if field.description else words


def _about(offer: Offer, form: Form) -> str:
    command = offer.command
    told = [f"{command.name}: {command.title}", usage(command.name, form.fields, more=command.more)]
    return "\n".join(part for part in (*told, outline(form)) if part)


async def _say(words: str) -> str:
    return words
