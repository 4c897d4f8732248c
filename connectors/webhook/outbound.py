"""Telling endpoints what happens: one at a time for each endpoint and room, in order, until each has taken it.

An endpoint hears a link through a share of the room (``builds/ENDPOINT``), so it has a lane of its own in the bridge's outbox:
what waits survives a power cut, a dead endpoint delays nobody, and what is given up is a dead letter like any other. Here:
what is wanted, the request with its signatures, what the answer means, when it is tried again, and endpoints that are off.

A request is made again with the same ``webhook-id``, a fresh time and today's keys. After 410, and after five days or a hundred
tries of nothing but failures, an endpoint is off: the administrators are told, and what it is not told becomes a dead letter.
It is asked again by a dead letter that somebody brings back, every hour by something new, and at once when its settings change.
"""

import asyncio
import logging
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from bridge.connector import Hub, Status
from bridge.core.capabilities import Feature
from bridge.core.deliveries import Delivery, Edit, Kick, Post, React, Retract, Sent, Tell
from bridge.core.events import DirectPosted, MessagePosted
from bridge.core.failures import Permanent, Retry, Unsupported
from bridge.core.ids import DeliveryKey, MessageId, Network, RoomId, digest
from connectors.webhook.authentication import sign_standard, standard_key
from connectors.webhook.caller import Answer, Caller, Forbidden, Resolvers, Unreached
from connectors.webhook.dialects import Unsayable, call, discord_id
from connectors.webhook.endpoints import Dialect, EndpointSettings, hears, unwanted
from connectors.webhook.happenings import Happening, happening, identifier
from connectors.webhook.replies import reply
from connectors.webhook.schedule import Meaning, is_off, meaning, retry_after, wait

log = logging.getLogger(__name__)

PROBE: Final = 3_600.0
"""Seconds after which an endpoint that is off is asked again."""
_UNTOLD: Final = "untold "
"""What stands before the id of a message that an endpoint did not want: what becomes of it is not told either."""
_REMEMBERED: Final = 10_000


class Health(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How an endpoint fares; kept over restarts while something is wrong."""

    settings: str  # stands for the settings under which this was so
    failures: int = 0  # in a row
    since: float = 0.0  # of the first of them, in seconds since the epoch
    off: str = ""  # why it is not asked
    gone: bool = False  # it said itself that it wants nothing any more
    asked: float = 0.0  # when it was asked last while off


class _Tries:
    """What one delivery has gone through."""

    __slots__ = ("due", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self.due = 0.0


class Outbound:
    """All endpoints of one network."""

    def __init__(
        self,
        network: Network,
        endpoints: Mapping[str, EndpointSettings],
        *,
        version: str = "",
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        resolver: Resolvers | None = None,
    ) -> None:
        self._network = network
        self._endpoints = endpoints
        self._agent = f"Linkspan/{version}" if version else "Linkspan"
        self._now = now
        self._jitter = jitter
        self._resolver = resolver
        self._caller: Caller | None = None
        self._hub: Hub | None = None
        self._also = ""
        self._health: dict[str, Health] = {}
        self._tries: OrderedDict[DeliveryKey, _Tries] = OrderedDict()
        self.outcomes: Counter[str] = Counter()
        """How many requests were made, by what came of them."""
        self._answers: dict[DeliveryKey, MessagePosted | DirectPosted] = {}
        self._given_up: OrderedDict[DeliveryKey, None] = OrderedDict()

    # -- while the network runs

    async def open(self, hub: Hub) -> None:
        """Call endpoints from now on; read which are off."""
        for name, settings in self._endpoints.items():
            self._health[name] = _recalled(await hub.recall(f"endpoint {name}"), _standing(settings))
        self._caller = Caller() if self._resolver is None else Caller(resolver=self._resolver)
        self._hub = hub

    async def close(self) -> None:
        """Call nobody any more."""
        caller, self._caller, self._hub = self._caller, None, None
        if caller is not None:
            await caller.close()

    def report(self, *, also: str | None = None) -> None:
        """Say how the network is, as far as endpoints go; ``also`` is what is to be told from now on beside that."""
        self._also = self._also if also is None else also
        if self._hub is not None:
            off = [f"endpoint {name} is off: {health.off}" for name, health in self._health.items() if health.off]
            self._hub.report(Status.DEGRADED if off else Status.READY, "; ".join(filter(None, [*off, self._also])))

    def shares(self, room: RoomId) -> tuple[RoomId, ...]:
        """Return the shares of a room: one for each endpoint that hears it."""
        return tuple(RoomId(f"{room}/{name}") for name, settings in self._endpoints.items() if hears(settings, room))

    # -- one delivery

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Tell one endpoint. Raises (in the awaitable): Retry, Permanent, Unsupported."""
        telling = asyncio.ensure_future(self._send(delivery))
        telling.add_done_callback(partial(self._answered, delivery.head.key))
        return telling

    async def _send(self, delivery: Delivery) -> Sent:
        head = delivery.head
        if isinstance(delivery, Kick | Tell):
            raise Unsupported(Feature.KICK if isinstance(delivery, Kick) else Feature.DIRECT)
        if self._caller is None:
            msg = "the network does not run"
            raise Retry(msg, after=1.0)
        name = head.room.id.rpartition("/")[2]
        settings = self._endpoints.get(name)
        if settings is None:
            msg = f"there is no endpoint {name} any more"
            raise Permanent(msg)
        told = happening(delivery)
        if told is None or self._is_unwanted(settings, told, delivery):
            return Sent((MessageId(f"{_UNTOLD}{head.key}"),)) if isinstance(delivery, Post) else Sent()
        self._may_be_asked(name, head.key)
        answer = await self._asked(name, settings, told, delivery)
        return await self._taken(name, settings, delivery, answer)

    def _is_unwanted(self, settings: EndpointSettings, told: Happening, delivery: Delivery) -> bool:
        if isinstance(delivery, Edit | Retract | React) and any(each.startswith(_UNTOLD) for each in delivery.ids):
            return True
        return bool(unwanted(settings, told, network=self._network))

    def _may_be_asked(self, name: str, key: DeliveryKey) -> None:
        """Hold back what is not due, and what goes to an endpoint that is off. Raises: Retry, Permanent."""
        now = self._now()
        tries = self._tries.get(key)
        if tries is not None and tries.due > now:
            msg = "it is not time yet"
            raise Retry(msg, after=tries.due - now)
        health = self._health[name]
        if not health.off:
            return
        brought_back = key in self._given_up
        probe = not health.gone and now - health.asked >= PROBE
        if not brought_back and not probe:
            self._note_given_up(key)
            msg = f"the endpoint is off: {health.off}"
            raise Permanent(msg)
        health.asked = now

    async def _asked(self, name: str, settings: EndpointSettings, told: Happening, delivery: Delivery) -> Answer:
        """Make the request. Raises: Retry, Permanent."""
        caller = self._caller
        if caller is None:
            msg = "the bridge is stopping"
            raise Retry(msg, after=1.0)
        try:
            request = call(settings, told, delivery)
        except Unsayable as error:
            raise self._give_up(delivery, str(error)) from None
        except UnicodeEncodeError:
            reason = "half of a surrogate pair is in it, which no JSON can hold"
            raise self._give_up(delivery, reason) from None
        headers = self._headers(settings, request.body, delivery) | {"Content-Type": request.content_type}
        try:
            return await caller.call(request, headers, private=settings.private, patience=settings.patience)
        except Forbidden:
            self.outcomes["forbidden"] += 1
            reason = "its address is not on the public Internet"
            raise self._give_up(delivery, reason) from None
        except Unreached as error:
            self.outcomes["unreached"] += 1
            raise await self._failed(name, settings, delivery, str(error)) from None

    async def _taken(self, name: str, settings: EndpointSettings, delivery: Delivery, answer: Answer) -> Sent:
        """Act on an answer. Raises: Retry, Permanent."""
        head = delivery.head
        self.outcomes[f"{answer.status // 100}xx"] += 1
        match meaning(answer.status):
            case Meaning.TAKEN:
                await self._well(name)
                self._tries.pop(head.key, None)
                self._given_up.pop(head.key, None)
                return await self._done(name, settings, delivery, answer)
            case Meaning.GONE:
                await self._turn_off(name, settings, "it said that it is gone (410)", gone=True)
                raise self._give_up(delivery, "it said that it is gone (410)")
            case Meaning.NEVER:
                raise self._give_up(delivery, f"it refused this ({answer.status})")
            case Meaning.AGAIN:
                later = retry_after(answer.retry_after, self._now())
                raise await self._failed(name, settings, delivery, f"it answered {answer.status}", later=later)

    async def _done(self, name: str, settings: EndpointSettings, delivery: Delivery, answer: Answer) -> Sent:
        head = delivery.head
        here = MessageId(identifier(head))
        if not isinstance(delivery, Post):
            return Sent()
        if settings.dialect is Dialect.DISCORD and not settings.template and (given := discord_id(answer.body)):
            return Sent((MessageId(given),))
        if settings.answers:
            event = reply(delivery, answer, name=name, id_here=here, now=round(self._now() * 1000))
            if event is not None:
                self._answers[head.key] = event
        return Sent((here,))

    def _answered(self, key: DeliveryKey, _: "asyncio.Future[Sent]") -> None:
        """Say what an endpoint has answered, once the bridge knows under which id: it may be an answer to just that."""
        event = self._answers.pop(key, None)
        if event is not None:
            asyncio.get_running_loop().call_soon(self._say, event)

    def _say(self, event: MessagePosted | DirectPosted) -> None:
        if self._hub is not None:
            self._hub.emit(event)

    def _headers(self, settings: EndpointSettings, body: bytes, delivery: Delivery) -> dict[str, str]:
        name, at = identifier(delivery.head), int(self._now())
        headers = dict(settings.headers) | {
            "User-Agent": self._agent,
            "Accept-Encoding": "identity",
            "webhook-id": name,
            "webhook-timestamp": str(at),
        }
        keys = [standard_key(secret) for secret in (settings.secret, settings.old_secret) if secret is not None]
        if keys:
            signed = (sign_standard(key, identifier=name, timestamp=at, body=body) for key in keys)
            headers["webhook-signature"] = " ".join(signed)
        return headers

    # -- what fails

    async def _failed(
        self, name: str, settings: EndpointSettings, delivery: Delivery, reason: str, *, later: float | None = None
    ) -> Exception:
        """Return what a failed try comes to: another one in its time, or none."""
        now, head = self._now(), delivery.head
        health = self._health[name]
        health.failures += 1
        health.since = health.since or now
        if health.failures == 1 or health.failures % 10 == 0:
            await self._keep(name)
        if not health.off and is_off(failures=health.failures, since=health.since, now=now):
            await self._turn_off(name, settings, f"{health.failures} tries in a row have failed; at last {reason}")
        tries = self._tries.setdefault(head.key, _Tries())
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        tries.failures += 1
        pause = wait(tries.failures, self._jitter(), retry_after=later)
        if self._health[name].off or settings.answers or now + pause > head.at / 1000 + settings.max_age:
            return self._give_up(delivery, reason)
        tries.due = now + pause
        return Retry(reason, after=pause)

    def _give_up(self, delivery: Delivery, reason: str) -> Permanent:
        key = delivery.head.key
        self._tries.pop(key, None)
        self._note_given_up(key)
        return Permanent(reason)

    def _note_given_up(self, key: DeliveryKey) -> None:
        """Remember what became a dead letter: when it comes again, somebody wants it to be tried."""
        self._given_up[key] = None
        if len(self._given_up) > _REMEMBERED:
            self._given_up.popitem(last=False)

    async def _well(self, name: str) -> None:
        health = self._health[name]
        if not health.failures and not health.off:
            return
        was_off = health.off
        self._health[name] = Health(settings=health.settings)
        await self._keep(name)
        if was_off:
            log.info("webhook.endpoint-on network=%s endpoint=%s", self._network, name)
            self.report()

    async def _turn_off(self, name: str, settings: EndpointSettings, reason: str, *, gone: bool = False) -> None:
        health = self._health[name]
        first = not health.off
        now = self._now()
        self._health[name] = Health(
            settings=_standing(settings),
            failures=health.failures,
            since=health.since or now,
            off=reason,
            gone=gone,
            asked=now,
        )
        await self._keep(name)
        if first and self._hub is not None:
            log.warning("webhook.endpoint-off network=%s endpoint=%s: %s", self._network, name, reason)
            self._hub.alarm(f"the endpoint {name} is off: {reason}. What it is not told becomes a dead letter")
            self.report()

    async def _keep(self, name: str) -> None:
        if self._hub is not None:
            await self._hub.remember(f"endpoint {name}", msgspec.json.encode(self._health[name]).decode())


def _standing(settings: EndpointSettings) -> str:
    """Return what stands for where an endpoint is: another URL or key is another chance."""
    headers = (part for pair in sorted(settings.headers.items()) for part in pair)
    return digest(*map(str, (settings.url, settings.secret or "", *headers)))


def _recalled(kept: str | None, standing: str) -> Health:
    """Return how an endpoint fared when the bridge ran last, as far as that was about the same settings."""
    if kept:
        try:
            health = msgspec.json.decode(kept, type=Health)
        except msgspec.DecodeError:
            return Health(settings=standing)
        if health.settings == standing:
            health.asked = health.asked if health.gone else 0.0  # a start is a reason to ask again
            return health
    return Health(settings=standing)
