"""What came of a line that was sent: labels where the server has them, a PING behind it where it has not.

Called by :mod:`connectors.irc.connection.client`, which hands in every line that was read. IRC answers in order, so a PONG proves
that everything written before its PING was processed, and an error or echo before it belongs to the oldest line for
that target. Specification: IRCv3 labeled-response, batch, echo-message.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from connectors.irc.connection.wire import Line, tag_of

_OF_SOMEBODY = frozenset({"KICK", "MODE", "INVITE"})
"""Their errors may name somebody and no channel (401)."""
_SAID = frozenset({"PRIVMSG", "NOTICE", "TAGMSG"})
_ECHOED = {"PRIVMSG": b"PRIVMSG ", "NOTICE": b"NOTICE "}
_CODES = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9a-fA-F]{6})?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
"""Formatting, which a channel may take out of what is said."""
_OWED = 100
"""Lines whose echo may yet come although the server has answered a PING behind them: a bouncer does that by itself."""
_LATE = 2
"""Beats after which no echo comes any more."""


class Lost(Exception):
    """The connection went before the answer came; ``written`` False means that the line was certainly not sent."""

    def __init__(self, *, written: bool) -> None:
        super().__init__("the connection was lost before the answer came" if written else "not sent")
        self.written = written


class OutgoingLine(Protocol):
    """What is needed of the connection."""

    def ping(self, token: str) -> None:
        """Write a PING, at once."""

    def asked(self) -> int:
        """Note that an answer to what was written last is under way; returns the place that it will prove."""


class Asker(Protocol):
    """Who wants to know what came of a line. Told once, in one of these ways, on the loop.

    What was answered is told while it is read: what is read after it, by other connections too, finds it known already.
    """

    def said(self, message: str) -> None:
        """Learn that words have come back as they were said, under this id, "" where the server gives none."""

    def answered(self, answers: list[Line]) -> None:
        """Learn all that the server has answered; nothing, if it has just done it."""

    def lost(self, *, written: bool) -> None:
        """Learn that the connection went before the answer came; ``written`` as in :class:`Lost`."""


class Answer:
    """An asker that is waited for."""

    __slots__ = ("_command", "future")

    def __init__(self, command: str) -> None:
        self._command = command
        self.future: asyncio.Future[list[Line]] = asyncio.get_running_loop().create_future()

    def said(self, message: str) -> None:
        """Take what came back for the answer."""
        self.answered([Line({"msgid": message} if message else {}, "", self._command, [])])

    def answered(self, answers: list[Line]) -> None:
        """Give the answers to whoever waits."""
        if not self.future.done():
            self.future.set_result(answers)

    def lost(self, *, written: bool) -> None:
        """Give up."""
        if not self.future.done():
            self.future.set_exception(Lost(written=written))
            self.future.exception()  # it is no mistake if nobody waits


class Request:
    """One line that somebody wants to know about; the stream tells it when it is written."""

    __slots__ = (
        "_requests",
        "answers",
        "asker",
        "born",
        "command",
        "is_over",
        "label",
        "params",
        "place",
        "written",
    )

    def __init__(self, requests: "Requests", asker: Asker, command: str, params: Sequence[str], label: bytes) -> None:
        self._requests = requests
        self.asker = asker
        self.command = command
        self.params = params
        self.label = label
        self.answers: list[Line] | None = None
        self.written = False
        self.born = 0
        self.place = 0  # what an answer proves to be processed
        self.is_over = False

    @property
    def targets(self) -> Sequence[str]:
        """What an error may name."""
        return self.params if self.command in _OF_SOMEBODY else self.params[:1]

    @property
    def words(self) -> str:
        """The last parameter, which an echo repeats."""
        return self.params[-1] if self.params else ""

    def wrote(self, place: int) -> bool:
        """Learn that the line is on its way."""
        self.written = True
        self.place = place
        self.born = self._requests.beats
        if self.label:
            return True
        self._requests.follow(self)
        return False

    def answer(self, line: Line) -> None:
        """Take one line of the answer."""
        if self.answers is None:
            self.answers = []
        self.answers.append(line)

    def settle(self) -> None:
        """Give the answers to whoever waits."""
        self._requests.prove(self.place)
        if not self.is_over:
            self.is_over = True
            self.asker.answered(self.answers or [])

    def fail(self) -> None:
        """Give up; told a moment later, when everybody knows what else is lost."""
        self._requests.forget(self)
        if not self.is_over:
            self.is_over = True
            asyncio.get_running_loop().call_soon(partial(self.asker.lost, written=self.written))


class _Round(NamedTuple):
    """A PING under way, and what its PONG will prove."""

    token: str
    requests: list[Request]
    born: int
    place: int


class Requests:
    """Everything that one connection still waits for."""

    __slots__ = (
        "_asking",
        "_batches",
        "_labels",
        "_last",
        "_line",
        "_owed",
        "_rounds",
        "_turn",
        "beats",
        "is_echoing",
        "is_shared",
        "proven",
    )

    def __init__(self, line: "OutgoingLine") -> None:
        self.proven = 0
        """The last place up to which the server is known to have processed everything."""
        self._line = line
        self._asking = False
        self._last = 0
        self.beats = 0
        self._labels: dict[bytes, Request] = {}
        self._batches: dict[str, Request] = {}  # open ones, by reference
        self._turn: list[Request] = []  # written, and not followed by a PING yet
        self._rounds: list[_Round] = []  # oldest first; hardly ever more than two
        self._owed: deque[tuple[int, Request]] | None = None  # (beat, request)
        self.is_shared = False
        """Whether others speak under our nick as well, behind a bouncer: only our very words are an echo, early or late."""
        self.is_echoing = False
        """Whether all that we say comes back."""

    @property
    def outstanding(self) -> bool:
        """Whether a line that was read could be an answer."""
        return bool(self._labels or self._rounds or self._turn or self._owed)

    def new(self, asker: Asker, command: str, params: Sequence[str], *, labeled: bool) -> Request:
        """Return a request; one without label is proven by a PING behind it."""
        if not labeled:
            return Request(self, asker, command, params, b"")
        self._last += 1
        label = b"%x" % self._last
        request = self._labels[label] = Request(self, asker, command, params, label)
        return request

    def follow(self, request: Request) -> None:
        """Have a PING follow what is written in this turn of the loop, this line among it."""
        self._turn.append(request)
        self.ask()

    def prove(self, place: int) -> None:
        """Take note that the server has processed everything up to a place."""
        if place <= self.proven:
            return
        self.proven = place

    def ask(self) -> None:
        """Have a PING follow what is written in this turn of the loop."""
        if not self._asking:
            self._asking = True
            asyncio.get_running_loop().call_soon(self._follow)

    def forget(self, request: Request) -> None:
        """Wait for this one no more."""
        self._labels.pop(request.label, None)

    def fail_all(self) -> None:
        """Fail everything: the connection is gone."""
        rounds = [request for round_ in self._rounds for request in round_.requests]
        for request in (*self._labels.values(), *self._batches.values(), *rounds, *self._turn):
            request.fail()
        self._batches.clear()
        self._rounds.clear()
        self._turn.clear()

    def beat(self, patience: int) -> bool:
        """Let time pass; returns whether a PING has waited for more than so many beats."""
        self.beats += 1
        self._labels = self._labels or {}
        oldest = next(iter(self._labels.values()), None)
        if oldest is not None and oldest.written and self.beats - oldest.born > patience:
            oldest.fail()  # the server forgot this label; nothing else is wrong
            self.ask()
        return bool(self._rounds) and self.beats - self._rounds[0].born > patience

    def pong(self, token: str) -> None:
        """Settle everything that was written before the PING with this token."""
        if all(round_.token != token for round_ in self._rounds):
            return
        while True:
            round_ = self._rounds.pop(0)
            for request in round_.requests:
                if self.is_shared and self.is_echoing and request.command in _ECHOED and not request.answers:
                    self._owe(request)
                request.settle()
            self.prove(round_.place)
            if round_.token == token:
                return

    def line(self, line: Line, nick: str, fold: Callable[[str], str]) -> bool:
        """Find out whom a line answers; False: nobody."""
        request = self._labels.get(line.tags["label"].encode(errors="replace")) if "label" in line.tags else None
        if request is not None:
            self._labeled(line, request)
        elif line.command == "BATCH" and line.param(0)[1:] in self._batches:
            self._batch_ended(line.param(0)[1:])
        elif line.tags.get("batch") in self._batches:
            self._inside(line, self._batches[line.tags["batch"]])
        else:
            return bool(self._rounds or self._turn or self._owed) and self._unlabeled(line, nick, fold)
        return True

    def echoed(self, data: bytes) -> bool:
        """Take a raw line that is the labelled echo of words of ours, tags alone: the rest of it we have said ourselves.

        False: it is anything else, or was not asked for.
        """
        if not self._labels or data[:1] != b"@":
            return False
        end = data.find(b" ")
        label = tag_of(data, b"label", end) if end > 0 else None
        request = self._labels.get(label.encode()) if label else None
        if request is None or request.command not in _ECHOED or data.find(b"batch", 1, end) > 0:
            return False
        message = tag_of(data, b"msgid", end)
        command = data.find(b" ", end + 1) + 1
        if message is None or not command or not data.startswith(_ECHOED[request.command], command):
            return False
        del self._labels[request.label]
        self.prove(request.place)
        request.is_over = True
        request.asker.said(message)
        return True

    def _labeled(self, line: Line, request: Request) -> None:
        if line.command == "BATCH":
            self._batches[line.param(0)[1:]] = request
            return
        if line.command != "ACK":
            request.answer(line)
        del self._labels[request.label]
        request.settle()

    def _inside(self, line: Line, request: Request) -> None:
        if line.command == "BATCH":
            self._batches[line.param(0)[1:]] = request
        request.answer(line)

    def _batch_ended(self, reference: str) -> None:
        request = self._batches.pop(reference)
        if request not in self._batches.values():
            self._labels.pop(request.label, None)
            self._batches, self._labels = (
                self._batches or {},
                self._labels or {},
            )  # an emptied one is as large as it was full
            request.settle()

    def _unlabeled(self, line: Line, nick: str, fold: Callable[[str], str]) -> bool:
        """Give an error or echo to the oldest request for the same target that has none yet."""
        if line.command in _SAID and fold(line.nick) == fold(nick):
            return self._echo(line, fold)
        if "400" <= line.command <= "599" and len(line.command) == 3:
            commands, targets = None, {fold(param) for param in line.params[1:-1]}
        elif line.command == "FAIL":
            commands, targets = {line.param(0)}, {fold(param) for param in line.params[2:-1]}
        else:
            return False
        for request in self._unanswered():
            if any(fold(each) in targets for each in request.targets) and (
                commands is None or request.command in commands
            ):
                request.answer(line)
                return True
        return False

    def _unanswered(self) -> Iterator[Request]:
        """Yield the requests without label and answer, oldest first."""
        for request in (*(r for round_ in self._rounds for r in round_.requests), *self._turn):
            if request.command and not request.answers:
                yield request

    def _echo(self, line: Line, fold: Callable[[str], str]) -> bool:
        """Give words under our nick to the request that has said them: the same ones, else the oldest for that target."""
        target = fold(line.param(0))
        asked = [r for r in self._unanswered() if r.command == line.command and fold(r.targets[0]) == target]
        request = next((each for each in asked if _is_echo(each, line)), None)
        if request is None and asked and not self.is_shared:
            request = asked[0]
        if request is not None:
            request.answer(line)
            return True
        return self._was_owed(line, fold)

    def _owe(self, request: Request) -> None:
        """Take note that an echo may be late."""
        if self._owed is None:
            self._owed = deque(maxlen=_OWED)
        self._owed.append((self.beats, request))

    def _was_owed(self, line: Line, fold: Callable[[str], str]) -> bool:
        owed, target = self._owed, fold(line.param(0))
        while owed and self.beats - owed[0][0] > _LATE:
            owed.popleft()
        for entry in owed or ():
            request = entry[1]
            if request.command == line.command and fold(request.targets[0]) == target and _is_echo(request, line):
                self._owed = deque((other for other in owed or () if other is not entry), maxlen=_OWED)
                return True
        return False

    def _follow(self) -> None:
        turn, self._turn = self._turn, []
        token = f"{'after' if turn else 'window'}-{self._next()}"
        self._line.ping(token)
        self._asking = False
        self._rounds.append(_Round(token, turn, self.beats, self._line.asked()))

    def _next(self) -> str:
        self._last += 1
        return f"{self._last:x}"


def _is_echo(request: Request, line: Line) -> bool:
    """Tell whether words are those of a request, as the network may have changed them on their way."""
    return request.words == line.text or _CODES.sub("", request.words) == _CODES.sub("", line.text)
