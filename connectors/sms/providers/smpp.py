"""SMPP 3.4: a connection to the network's own message centre. The one module that imports ``aiosmpplib``.

The library has the session: binding, PDUs, keep-alive. It gets parts that are cut and coded already, through codecs that change nothing,
since its own cutting counts wrongly. What it does when things go wrong is not relied on: every connection is one life of the
library (it may not come back by itself, with what it still held), every request has a time-out, and a message that it has not
taken from our hand yet is withdrawn. Receipts and messages are read from the PDU (:mod:`connectors.sms.providers.pdu`).
"""

import asyncio
import contextlib
import logging
from codecs import CodecInfo, latin_1_decode, latin_1_encode
from collections import deque
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import Final
from urllib.parse import urlsplit

import aiosmpplib
from aiosmpplib import ESME, NPI, TON, PhoneNumber, SmppCommandStatus, SmppMessage, SubmitSm, SubmitSmResp
from aiosmpplib.hook import AbstractHook

from bridge.connector import StoreAway
from bridge.core import backoff
from bridge.core.failures import DeliveryFailure, Permanent, Retry, Uncertain
from connectors.sms.carrier import News, Outgoing, Report, Unreadable
from connectors.sms.config import SmsSettings
from connectors.sms.providers import pdu as pdus
from connectors.sms.segments import Coding

log = logging.getLogger(__name__)

ANSWER: Final = 30.0
"""Seconds in which the centre has to answer a request."""
ENQUIRE: Final = 30.0
_DELIVER: Final = 0x0000_0005
_BOUND: Final = 0x8000_0009
_BUSY: Final = frozenset({SmppCommandStatus.ESME_RTHROTTLED, SmppCommandStatus.ESME_RMSGQFUL})
_PASSING: Final = _BUSY | {SmppCommandStatus.ESME_RSYSERR, SmppCommandStatus.ESME_RINVBNDSTS}
_REMEMBERED: Final = 10_000
_EARLY: Final = 5.0
"""Seconds that a report waits for the answer that it came before."""
_NOTED: Final = 0.1
"""Seconds in which whoever got an answer has written it down."""
_jitter = SystemRandom().random


def _as_it_is(name: str) -> CodecInfo:
    """Return a codec that makes bytes of a text of bytes."""
    return CodecInfo(latin_1_encode, latin_1_decode, name=name)


_CODECS: Final = {name: _as_it_is(name) for name in ("gsm0338", "ucs2")}


class _Over(Exception):
    """The library would connect again by itself."""


class _Job:
    """A part on its way."""

    def __init__(self, message: SubmitSm) -> None:
        self.message = message
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.handed_over = False


class _Hand(aiosmpplib.AbstractBroker):
    """From which the library takes what it is to send."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.news = asyncio.Event()

    async def enqueue(self, message: SmppMessage) -> None:
        """Nobody calls this."""

    async def dequeue(self) -> SmppMessage:
        """Return the next part that is still wanted."""
        while True:
            while self.jobs:
                job = self.jobs.popleft()
                if not job.done.done():
                    job.handed_over = True
                    return job.message
            self.news.clear()
            await self.news.wait()


class _Once(aiosmpplib.AbstractRetryTimer):
    """Lets no connection follow upon the first."""

    async def wait(self) -> None:
        """End. Raises: _Over."""
        raise _Over

    def reset(self) -> None:
        """Do nothing."""

    def next_delay(self) -> float:
        """Return no delay."""
        return 0.0


class _Unhindered(aiosmpplib.AbstractThrottleHandler):
    """Leaves it to the outbox how fast things go."""

    async def throttled(self) -> None:
        """Do nothing."""

    async def not_throttled(self) -> None:
        """Do nothing."""

    async def allow_request(self) -> bool:
        """Allow."""
        return True

    async def throttle_delay(self) -> float:
        """Return no delay."""
        return 0.0


class Smpp(AbstractHook):
    """A :class:`connectors.sms.carrier.Carrier`, and what the library calls."""

    cuts = False
    unique = False

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        split = urlsplit(settings.url)
        self._host, self._port = split.hostname or "", split.port or 2775
        self._hand = _Hand()
        self._jobs: dict[str, _Job] = {}  # by our name for the part
        self._esme: ESME | None = None
        self._stream: asyncio.StreamWriter | None = None
        self._bound = False
        self._why = "not connected yet"
        self._take: Callable[[News], Awaitable[None]] | None = None
        self._ready: Callable[[str], None] | None = None
        self._early: dict[str, Report] = {}
        self._known: dict[str, None] = {}  # the centre's ids for what it has taken
        self._tasks: set[asyncio.Task[None]] = set()

    # -- a Carrier

    async def run(self, take: Callable[[News], Awaitable[None]], ready: Callable[[str], None]) -> None:
        """Stay bound, until cancelled."""
        self._take, self._ready = take, ready
        failures = 0
        while True:
            self._why = f"{self._host}:{self._port} cannot be reached"
            was_bound = await self._live()
            self._lost()
            ready(self._why)
            failures = 1 if was_bound else failures + 1
            await asyncio.sleep(backoff.delay(failures, _jitter(), cap=60.0))

    async def _live(self) -> bool:
        """Live through one connection; return whether it came up."""
        self._hand = _Hand()
        settings = self._settings
        esme = self._esme = ESME(
            smsc_host=self._host,
            smsc_port=self._port,
            system_id=settings.username,
            password=str(settings.password),
            system_type=settings.service,
            enquire_link_interval=ENQUIRE,
            log_level="CRITICAL",
            hook=self,
            broker=self._hand,
            throttle_handler=_Unhindered(),
            retry_timer=_Once(),
            socket_timeout=ANSWER,
            custom_codecs=_CODECS,
        )
        life = asyncio.ensure_future(esme.start())
        try:
            await life
        except _Over:
            pass
        except StoreAway:
            self._why = "the store takes nothing: what comes is left with the network"
        except Exception as error:  # noqa: BLE001 - the boundary: whatever the library does, it ends here
            log.warning("sms.smpp: the library failed: %s", type(error).__name__)
            self._why = f"the connection failed: {type(error).__name__}"
        finally:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await life
            await self._close()
        return self._bound

    async def _close(self) -> None:
        """Close the connection: the library only ends our half of it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            with contextlib.suppress(OSError):
                await stream.wait_closed()

    def _lost(self) -> None:
        """Answer everybody who still waits."""
        self._bound = False
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            _fail(job, _unanswered(job))

    async def submit(self, outgoing: Outgoing) -> str:
        """Send a part. Raises: a DeliveryFailure."""
        if not self._bound:
            raise Retry(self._why)
        job = self._jobs[outgoing.ref] = _Job(self._message(outgoing))
        self._hand.jobs.append(job)
        self._hand.news.set()
        try:
            async with asyncio.timeout(ANSWER):
                return await asyncio.shield(job.done)
        except TimeoutError:
            failure = _unanswered(job)
            _fail(job, failure)
            raise failure from None
        finally:
            self._jobs.pop(outgoing.ref, None)

    async def check(self) -> str:
        """Return "" if the centre can be reached; whether it lets us in, only a connection can tell, and there may be but one."""
        if self._bound:
            return ""
        try:
            async with asyncio.timeout(5):
                _, writer = await asyncio.open_connection(self._host, self._port)
            writer.close()
        except (OSError, TimeoutError):
            return f"{self._host}:{self._port} cannot be reached"
        return ""

    def _message(self, outgoing: Outgoing) -> SubmitSm:
        segment = outgoing.segment
        assert segment is not None, "whoever does not cut gets segments"
        return SubmitSm(
            sequence_num=0,
            short_message=(segment.header + segment.body).decode("latin-1") or " ",
            source=_number(self._settings.number),
            destination=_number(outgoing.to),
            esm_class=0b0100_0000 if segment.header else 0,
            registered_delivery=1,
            encoding="ucs2" if segment.coding is Coding.UCS2 else None,
            extra_data=outgoing.ref,
        )

    # -- what the library calls

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:  # noqa: ARG002
        """Take note of the connection that this goes out on."""
        self._stream = self._esme._writer if self._esme is not None else None  # noqa: SLF001 - there is no other way to it

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:  # noqa: ARG002
        """Take what the centre says; it is acknowledged when this returns. Raises: StoreAway."""
        command = int.from_bytes(pdu[4:8])
        if command == _DELIVER:
            await self._delivered(pdu)
        elif command == _BOUND:  # a refusal has no body, which the library does not understand
            self._answered_bind(int.from_bytes(pdu[8:12]))
        elif isinstance(smpp_message, SubmitSmResp):
            job = self._jobs.get(smpp_message.extra_data)
            if job is not None and not job.done.done():
                self._answered(job, smpp_message)

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:  # noqa: ARG002
        """Take note of a part that the library could not send."""
        job = self._jobs.get(smpp_message.extra_data) if isinstance(smpp_message, SubmitSm) else None
        if job is not None:
            unfit = isinstance(error, ValueError)
            _fail(job, Permanent("this cannot be sent over SMPP") if unfit else _unanswered(job))

    def _answered_bind(self, status: int) -> None:
        self._bound = status in {SmppCommandStatus.ESME_ROK, SmppCommandStatus.ESME_RALYBND}
        named = {one.value: one.name for one in SmppCommandStatus}.get(status, f"status {status:#x}")
        self._why = "the connection was lost" if self._bound else f"the network does not let us in: {named}"
        if self._bound and self._ready is not None:
            self._ready("")

    def _answered(self, job: _Job, answer: SubmitSmResp) -> None:
        status = answer.command_status
        if status == SmppCommandStatus.ESME_ROK:
            self._known[answer.message_id] = None
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
            job.done.set_result(answer.message_id)
            asyncio.get_running_loop().call_later(_NOTED, self._give_out_known)
        elif status in _PASSING:
            _fail(job, Retry(f"the network takes no more for the moment: {status.name}", after=1.0))
        else:
            _fail(job, Permanent(f"the network refused the message: {status.name}"))

    async def _delivered(self, pdu: bytes) -> None:
        try:
            news = pdus.read(pdu)
        except Unreadable as error:
            log.warning("sms.smpp: %s", error)
            return
        assert self._take is not None
        if isinstance(news, Report):
            news = self._same_base(news)
        if isinstance(news, Report) and news.id not in self._known and self._jobs:
            self._early[news.id] = news  # ahead of the answer that will name it
            asyncio.get_running_loop().call_later(_EARLY, self._give_out, news.id)
            return
        await self._take(news)

    def _give_out_known(self) -> None:
        for id_, report in list(self._early.items()):
            if self._same_base(report).id in self._known:
                self._give_out(id_)

    def _give_out(self, id_: str) -> None:
        """Let a report go that came too early."""
        report = self._early.pop(id_, None)
        if report is not None:
            task = asyncio.get_running_loop().create_task(self._tell(self._same_base(report)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, report: Report) -> None:
        assert self._take is not None
        with contextlib.suppress(StoreAway):
            await self._take(report)

    def _same_base(self, report: Report) -> Report:
        """Return a report under the id that the answer had: some centres write one in hexadecimal and the other in decimal."""
        if report.id in self._known:
            return report
        for base, form in ((10, "x"), (10, "X"), (16, "d")):
            with contextlib.suppress(ValueError):
                other = format(int(report.id, base), form)
                if other in self._known:
                    return Report(state=report.state, id=other, reason=report.reason)
        return report


def _number(address: str) -> PhoneNumber:
    """Return an address as SMPP writes it (section 5.2.5)."""
    if address.startswith("+"):
        return PhoneNumber(address[1:], TON.INTERNATIONAL, NPI.ISDN)
    return PhoneNumber(address, TON.UNKNOWN if address.isdecimal() else TON.ALPHANUMERIC, NPI.UNKNOWN)


def _unanswered(job: _Job) -> DeliveryFailure:
    if job.handed_over:
        return Uncertain("the network gave no answer")
    return Retry("the connection to the network was lost")


def _fail(job: _Job, failure: DeliveryFailure) -> None:
    if not job.done.done():
        job.done.set_exception(failure)
        job.done.exception()  # whoever waits has it; nobody else need be told
