"""IQs that others ask us: who answers which, and how a refusal is written.

Every request gets exactly one answer, an answer never does (RFC 6120 section 8.2.3). Addresses of ours behind which
nothing stands say item-not-found, whatever they are asked. Called by ``component``; the answers themselves are in
``disco`` and wherever else somebody registered one.

However much somebody asks, others are answered meanwhile: of what takes time only a few questions of each are worked on at once, the
rest waits behind those. How much may be asked in a time is decided by whoever sets :attr:`Answers.hurries`.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from xml.etree.ElementTree import Element

from bridge.xmpp.ports import Answer, Describes, IqRefused, Request
from bridge.xmpp.wire import errors, stanzas
from bridge.xmpp.wire import namespaces as ns

_log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Questions of one asker that are worked on at one time."""
MOST_WAITING: Final = 500
"""Of those that wait behind them: a client that joins a hundred rooms asks each of them several things."""
_PING: Final = f"{{{ns.PING}}}ping"

_Question = tuple[Element, Awaitable[str]]


class _Asker:
    """Somebody with questions that are worked on, or wait for that."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[_Question] = deque()


class Answers:
    """The table of answers, and the ones that are still being worked on."""

    def __init__(self, *, domain: str, describes: Describes, say: Callable[[str], None]) -> None:
        self._domain = domain
        self._describes = describes
        self._say = say
        self._table: dict[tuple[str, str], Answer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._askers: dict[str, _Asker] = {}
        self.whose: Callable[[str], str] = _bare
        """Returns who an address is, for counting: a user with all clients, but each occupant of a room."""
        self.hurries: Callable[[str], str] = lambda _: ""
        """Says why somebody has to wait before they ask one more thing."""

    def register(self, kind: str, payload: str, answer: Answer) -> None:
        """Let ``answer`` answer the IQs of ``kind`` whose child is ``payload``, written ``{namespace}name``."""
        self._table[kind, payload] = answer

    def take(self, element: Element) -> bool:
        """Answer an IQ of type get or set, now or in a while; False: nobody here knows its payload."""
        try:
            request = self._request(element)
            if request is None:
                return True
            answer = self._table.get((request.kind, request.payload.tag))
            if answer is None:
                return False
            answered = answer(request)
        except IqRefused as refused:
            self._refuse(element, refused)
            return True
        if isinstance(answered, str):
            self._result(element, answered)
        else:
            self._work(element, answered)
        return True

    def abandon(self) -> None:
        """Stop working on answers: the stream that they belong to is gone."""
        for asker in self._askers.values():
            for _, answered in asker.waiting:
                _drop(answered)
            asker.waiting.clear()
        for task in self._tasks:
            task.cancel()

    def _slow_down(self, element: Element) -> None:
        """Refuse who asks too much in a time. Raises: IqRefused.

        But for pings: a client that is refused one would take it that it is not in its room any more (XEP-0410 section 3).
        """
        if len(element) == 1 and element[0].tag == _PING:
            return
        if why := self.hurries(self.whose(element.get("from", ""))):
            raise IqRefused("resource-constraint", why)

    def _request(self, element: Element) -> Request | None:
        """Read a request; None: it is not one that can be answered. Raises: IqRefused."""
        to = element.get("to", self._domain)
        localpart, _, domain = to.partition("/")[0].rpartition("@")
        id_ = element.get("id")
        if id_ is None or domain.lower() != self._domain:
            return None
        self._slow_down(element)
        if len(element) != 1:
            raise IqRefused("bad-request")
        described = self._describes.describe(localpart)
        if described is None:
            raise IqRefused("item-not-found")
        return Request(
            kind=element.get("type", ""),
            sender=element.get("from", ""),
            to=to,
            id=id_,
            payload=element[0],
            described=described,
        )

    def _work(self, element: Element, answered: Awaitable[str]) -> None:
        """Work on an answer, or let it wait until one of the same asker's is done."""
        who = self.whose(element.get("from", ""))
        asker = self._askers.setdefault(who, _Asker())
        if asker.under_way < AT_ONCE:
            self._begin(who, asker, (element, answered))
        elif len(asker.waiting) < MOST_WAITING:
            asker.waiting.append((element, answered))
        else:
            _drop(answered)
            self._refuse(element, IqRefused("resource-constraint", "too many questions at once: wait for the answers"))

    def _begin(self, who: str, asker: _Asker, question: _Question) -> None:
        asker.under_way += 1
        task = asyncio.ensure_future(self._finish(*question))
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            asker.under_way -= 1
            if asker.waiting:
                self._begin(who, asker, asker.waiting.popleft())
            elif not asker.under_way:
                self._askers.pop(who, None)

        task.add_done_callback(done)

    async def _finish(self, element: Element, answered: Awaitable[str]) -> None:
        try:
            self._result(element, await answered)
        except IqRefused as refused:
            self._refuse(element, refused)
        except Exception:  # noqa: BLE001  # whoever asked gets an answer, and the next question its turn
            _log.exception("an IQ could not be answered")
            self._refuse(element, IqRefused("internal-server-error"))

    def _result(self, element: Element, payload: str) -> None:
        self._reply(element, "result", payload)

    def _refuse(self, element: Element, refused: IqRefused) -> None:
        self._reply(element, "error", errors.written(refused))

    def _reply(self, element: Element, kind: str, payload: str) -> None:
        sender, to = element.get("to", self._domain), element.get("from", "")
        self._say(stanzas.iq(sender, to, kind=kind, id_=element.get("id", ""), payload=payload))


def _bare(address: str) -> str:
    return address.partition("/")[0]


def _drop(answered: Awaitable[str]) -> None:
    """Have nobody work on an answer."""
    if inspect.iscoroutine(answered):
        answered.close()
