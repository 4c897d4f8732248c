"""The hooks of all networks, as their administrator knows them: finds whose hook is meant, reads settings, tells the URL.

Which hooks there are and what they do is their connector's business (:class:`bridge.connector.TakesHooks`). Built by
:mod:`bridge.app`; called by :mod:`bridge.commands.hooks`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from bridge import config
from bridge.connector import Connector, HookRefused, NewUrl, StoreAway, TakesHooks
from bridge.core.commands import CommandRefused, Why
from bridge.core.ids import Network
from bridge.engine.ports import Clock
from bridge.settings import Reader, quoted
from bridge.web.ports import HookCallDocument, HookDocument, HookUrlDocument, NewHook, SaidDocument

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST: Final = 10 * 365 * 86_400.0
"""Seconds for which a hook, or an old secret of one, may be good."""


class Hooks:
    """A :class:`bridge.commands.hooks.HookDesk`."""

    def __init__(self, networks: Callable[[], Mapping[Network, Connector]], *, clock: Clock) -> None:
        self._networks = networks
        self._clock = clock
        self.public_url: str = ""
        """The public listener as others reach it; set by the application."""

    def hooks(self) -> Sequence[HookDocument]:
        """Return all hooks, a network after the other."""
        return [
            HookDocument(
                id=hook.id,
                room=f"{network}:{hook.room}",
                name=hook.name,
                origin=hook.origin,
                state=hook.state,
                made=hook.made,
                used=hook.used,
                expires=hook.expires,
                rotating=hook.rotating,
            )
            for network, takes in self._taking()
            for hook in takes.hooks()
        ]

    async def create(self, hook: NewHook) -> HookUrlDocument:
        """Make a hook. Raises: CommandRefused."""
        room = config.room(hook.room)
        if room is None:
            reason = f"found {quoted(hook.room)}, expected {config.room_expected(hook.room)}"
            raise CommandRefused(reason, why=Why.WRONG, field="room")
        takes = dict(self._taking()).get(room.network)
        if takes is None:
            able = ", ".join(sorted(network for network, _ in self._taking())) or "none is configured"
            reason = f"found a room of {quoted(room.network)}, expected one of a network that takes hooks: {able}"
            raise CommandRefused(reason, why=Why.WRONG, field="room")
        chosen = {**hook.settings, "room": room.id}
        if hook.expires_in:
            chosen["expires"] = self._in(hook.expires_in)
        reader = Reader(folder=Path(), environ={})
        settings = reader.struct(chosen, takes.hook_settings, "")
        if settings is None:
            raise CommandRefused("\n".join(map(str, reader.problems)), why=Why.WRONG)
        made = await _asked(takes.create_hook(settings))
        log.info("hook.created hook=%s", made.id)
        return self._url(made)

    async def rotate(self, hook: str, *, overlap: float) -> HookUrlDocument:
        """Give a hook another secret. Raises: CommandRefused."""
        if not 0 <= overlap <= LONGEST:
            reason = f"found {overlap:g}, expected seconds from 0 to {LONGEST:.0f}"
            raise CommandRefused(reason, why=Why.WRONG, field="overlap")
        takes, own = self._find(hook)
        made = await _asked(takes.rotate_hook(own, overlap=overlap))
        log.info("hook.rotated hook=%s", own)
        return self._url(made)

    async def pause(self, hook: str, *, paused: bool) -> None:
        """Silence a hook, or let it speak again. Raises: CommandRefused."""
        takes, own = self._find(hook)
        await _asked(takes.pause_hook(own, paused=paused))
        log.info("hook.%s hook=%s", "paused" if paused else "resumed", own)

    async def revoke(self, hook: str) -> None:
        """Take a hook back for good. Raises: CommandRefused."""
        takes, own = self._find(hook)
        await _asked(takes.revoke_hook(own))
        log.info("hook.revoked hook=%s", own)

    async def test(self, hook: str) -> SaidDocument:
        """Let a hook say something. Raises: CommandRefused."""
        takes, own = self._find(hook)
        return SaidDocument(id=await _asked(takes.test_hook(own)))

    async def calls(self, hook: str) -> Sequence[HookCallDocument]:
        """Return what was sent to a hook lately, newest first. Raises: CommandRefused."""
        takes, own = self._find(hook)
        calls = await _asked(takes.hook_calls(own))
        return [
            HookCallDocument(id=call.id, at=call.at, outcome=call.outcome, size=call.size, kept=call.kept)
            for call in calls
        ]

    async def replay(self, hook: str, call: str) -> SaidDocument:
        """Say once more what was sent. Raises: CommandRefused."""
        takes, own = self._find(hook)
        return SaidDocument(id=await _asked(takes.replay_hook(own, call)))

    def _taking(self) -> Iterator[tuple[Network, TakesHooks]]:
        for network, connector in self._networks().items():
            if isinstance(connector, TakesHooks):
                yield network, connector

    def _find(self, hook: str) -> tuple[TakesHooks, str]:
        """Return whose hook is meant by ``ID`` or ``NETWORK:ID``. Raises: CommandRefused."""
        network, colon, rest = hook.rpartition(":")
        found = [
            (name, takes)
            for name, takes in self._taking()
            if (not colon or name == network) and any(each.id == rest for each in takes.hooks())
        ]
        if not found:
            reason = f"there is no hook {quoted(hook)}"
            raise CommandRefused(reason, why=Why.MISSING)
        if len(found) > 1:
            several = ", ".join(f"{name}:{rest}" for name, _ in found)
            reason = f"there are several hooks {quoted(hook)}: {several}"
            raise CommandRefused(reason)
        return found[0][1], rest

    def _url(self, made: NewUrl) -> HookUrlDocument:
        return HookUrlDocument(id=made.id, url=f"{self.public_url}{made.path}")

    def _in(self, seconds: float) -> str:
        if not 0 < seconds <= LONGEST:
            reason = f"found {seconds:g}, expected seconds from 1 to {LONGEST:.0f}"
            raise CommandRefused(reason, why=Why.WRONG, field="expires_in")
        return datetime.fromtimestamp(self._clock.now() / 1000 + seconds, tz=UTC).isoformat(timespec="seconds")


async def _asked(asked: Awaitable[T]) -> T:
    """Return what a network answers; what it refuses, in the API's words."""
    try:
        return await asked
    except HookRefused as refused:
        why = Why.MISSING if refused.missing else Why.CONFLICT
        raise CommandRefused(refused.reason, why=why) from None
    except StoreAway as away:
        raise CommandRefused(str(away), why=Why.AWAY) from None
