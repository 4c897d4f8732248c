"""What came of a line that was sent: labels where the server has them, a PING behind it where it has not.

Called by :mod:`connectors.irc.connection.client`, which hands in every line that was read. IRC answers in order, so a PONG proves
that everything written before its PING was processed, and an error or echo before it belongs to the oldest line for
that target. Specification: IRCv3 labeled-response, batch, echo-message.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from connectors.irc.connection.wire import Line, tagged

_OF_SOMEBODY = frozenset({"KICK", "MODE", "INVITE"})
"""Their errors may name somebody and no channel (401)."""
_SAID = frozenset({"PRIVMSG", "NOTICE", "TAGMSG"})


_ECHOED = frozenset({"PRIVMSG", "NOTICE"})
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

    def processed(self, place: int) -> None:
        """Note that the server has processed everything up to a place."""


class Request:
    """One line that somebody wants to know about; the stream tells it when it is written."""

    __slots__ = ("_requests", "answers", "born", "command", "future", "label", "place", "targets", "words", "written")

    def __init__(self, requests: "Requests", command: str, targets: Sequence[str], words: str, label: str) -> None:
        self._requests = requests
        self.command = command
        self.targets = targets  # what an error may name
        self.words = words  # its last parameter, which an echo repeats
        self.label = label
        self.answers: list[Line] = []
        self.future: asyncio.Future[list[Line]] = asyncio.get_running_loop().create_future()
        self.written = False
        self.born = 0
        self.place = 0  # what an answer proves to be processed

    def wrote(self) -> None:
        """Learn that the line is on its way."""
        self.written = True
        self._requests.wrote(self)

    def settle(self) -> None:
        """Give the answers to whoever waits."""
        self._requests.processed(self.place)
        if not self.future.done():
            self.future.set_result(self.answers)

    def fail(self) -> None:
        """Give up."""
        self._requests.forget(self)
        if not self.future.done():
            self.future.set_exception(Lost(written=self.written))
            self.future.exception()  # it is no mistake if nobody waits


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
        "_beats",
        "_labels",
        "_last",
        "_line",
        "_owed",
        "_rounds",
        "_turn",
        "is_echoing",
        "is_shared",
        "processed",
    )

    def __init__(self, line: "OutgoingLine") -> None:
        self.processed = line.processed
        self._line = line
        self._asking = False
        self._last = 0
        self._beats = 0
        self._labels: dict[str, Request] = {}
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

    def new(self, command: str, params: Sequence[str], *, labeled: bool) -> Request:
        """Return a request; one without label is proven by a PING behind it."""
        label = self._next() if labeled else ""
        targets = params if command in _OF_SOMEBODY else params[:1]
        request = Request(self, command, targets, params[-1] if params else "", label)
        if label:
            self._labels[label] = request
        return request

    def wrote(self, request: Request) -> None:
        """Have a PING follow what is written in this turn of the loop."""
        request.born = self._beats
        if request.label:
            request.place = self._line.asked()
            return
        self._turn.append(request)
        self.ask()

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
        self._beats += 1
        self._labels = self._labels or {}
        oldest = next(iter(self._labels.values()), None)
        if oldest is not None and oldest.written and self._beats - oldest.born > patience:
            oldest.fail()  # the server forgot this label; nothing else is wrong
            self.ask()
        return bool(self._rounds) and self._beats - self._rounds[0].born > patience

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
            self.processed(round_.place)
            if round_.token == token:
                return

    def line(self, line: Line, nick: str, fold: Callable[[str], str]) -> bool:
        """Find out whom a line answers; False: nobody."""
        label = line.tags.get("label", "")
        if label in self._labels:
            self._labeled(line, self._labels[label])
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
        section, _, rest = data.partition(b" ")
        if b"label=" not in section:
            return False
        tags = tagged(section)
        request = self._labels.get(tags.get("label", ""))
        if request is None or request.command not in _ECHOED or "batch" in tags:
            return False
        words = rest.split(b" ", 2)
        if len(words) < 3 or words[1] != request.command.encode():
            return False
        self._labeled(Line(tags, "", request.command, []), request)
        return True

    def _labeled(self, line: Line, request: Request) -> None:
        if line.command == "BATCH":
            self._batches[line.param(0)[1:]] = request
            return
        if line.command != "ACK":
            request.answers.append(line)
        del self._labels[request.label]
        request.settle()

    def _inside(self, line: Line, request: Request) -> None:
        if line.command == "BATCH":
            self._batches[line.param(0)[1:]] = request
        request.answers.append(line)

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
                request.answers.append(line)
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
            request.answers.append(line)
            return True
        return self._was_owed(line, fold)

    def _owe(self, request: Request) -> None:
        """Take note that an echo may be late."""
        if self._owed is None:
            self._owed = deque(maxlen=_OWED)
        self._owed.append((self._beats, request))

    def _was_owed(self, line: Line, fold: Callable[[str], str]) -> bool:
        owed, target = self._owed, fold(line.param(0))
        while owed and self._beats - owed[0][0] > _LATE:
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
        self._rounds.append(_Round(token, turn, self._beats, self._line.asked()))

    def _next(self) -> str:
        self._last += 1
        return f"{self._last:x}"


def _is_echo(request: Request, line: Line) -> bool:
    """Tell whether words are those of a request, as the network may have changed them on their way."""
    return request.words == line.text or _CODES.sub("", request.words) == _CODES.sub("", line.text)
