"""IQs that others ask us: who answers which, and how a refusal is written.

Every request gets exactly one answer, an answer never does (RFC 6120 section 8.2.3). Addresses of ours behind which
nothing stands say item-not-found, whatever they are asked. Called by ``component``; the answers themselves are in
``disco`` and wherever else somebody registered one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from xml.etree.ElementTree import Element

from bridge.xmpp.ports import Answer, Describes, IqRefused, Request
from bridge.xmpp.wire import errors, stanzas

_log = logging.getLogger(__name__)


class Answers:
    """The table of answers, and the ones that are still being worked on."""

    def __init__(self, *, domain: str, describes: Describes, say: Callable[[str], None]) -> None:
        self._domain = domain
        self._describes = describes
        self._say = say
        self._table: dict[tuple[str, str], Answer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

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
        for task in self._tasks:
            task.cancel()

    def _request(self, element: Element) -> Request | None:
        """Read a request; None: it is not one that can be answered. Raises: IqRefused."""
        to = element.get("to", self._domain)
        localpart, _, domain = to.partition("/")[0].rpartition("@")
        id_ = element.get("id")
        if id_ is None or domain.lower() != self._domain:
            return None
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
        task = asyncio.ensure_future(self._finish(element, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
