"""IQs that we asked and that wait for their answer. A stream that goes down refuses them all. Called by ``component``."""

import asyncio
import secrets
from xml.etree.ElementTree import Element

from bridge.engine.ports import Clock
from bridge.xmpp.ports import IqRefused


class Queries:
    """What was asked on one stream.

    An answer is known by its id alone: it is random, so nobody but the server and whom we asked can know it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Element]] = {}

    def new(self) -> str:
        """Return an id for a question, and wait for its answer from now on."""
        id_ = secrets.token_urlsafe(12)
        self._waiting[id_] = asyncio.get_running_loop().create_future()
        return id_

    async def answer(self, id_: str, *, patience: float) -> Element:
        """Return the answer, of whatever type. Raises: IqRefused (``remote-server-timeout``) when none comes in time."""
        waiting = self._waiting[id_]
        timer = self._clock.call_later(patience, lambda: _refuse(waiting, f"no answer within {patience:g} s"))
        try:
            return await waiting
        finally:
            timer.cancel()
            self._waiting.pop(id_, None)

    def settle(self, id_: str, element: Element) -> bool:
        """Take an answer; False: nobody waits for it."""
        waiting = self._waiting.get(id_)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(element)
        return True

    def refuse(self, why: str) -> None:
        """Refuse all that waits."""
        for waiting in self._waiting.values():
            _refuse(waiting, why)


def _refuse(waiting: asyncio.Future[Element], why: str) -> None:
    if not waiting.done():
        waiting.set_exception(IqRefused("remote-server-timeout", why))
