"""The hooks of a network: which there are, whose secret is right, and what an administrator does to them.

Those of the file are read-only; those made by command are kept by the hub, under ``hook/ID``, with a hash of their secret.
The secret itself is shown once and nowhere else. What is sent to a hook is none of this module's business. Called by
:mod:`.connector` and :mod:`.inbound`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from bridge.connector import Hook, HookRefused, Hub, NewUrl, Secret
from bridge.core.ids import RoomId
from connectors.webhook.config import HookSettings, WrittenHook, moment
from connectors.webhook.memory import recollected

PREFIX: Final = "/hooks/"
FROM_FILE: Final = "file"
BY_COMMAND: Final = "command"
REMEMBERED: Final = 30 * 86_400_000
"""Milliseconds for which a hook that was taken back still says so (410); then it is as unknown as any (404)."""
_SOON: Final = 3 * 86_400_000
_USED_EVERY: Final = 60_000
"""Milliseconds between two notes of when a hook was used."""
_NOBODY: Final = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class State(StrEnum):
    """How a hook is."""

    ACTIVE = "active"
    PAUSED = "paused"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hook, as it is kept. Times are milliseconds since the epoch; 0: never."""

    id: str
    settings: HookSettings
    token: str  # SHA-256 of the secret, in hexadecimal
    old_token: str = ""  # of the secret before, ...
    old_until: int = 0  # ... which is good until then
    made: int = 0
    revoked: int = 0
    origin: str = BY_COMMAND

    def state(self, now: int) -> State:
        """Return how it is now."""
        expires = moment(self.settings.expires) if self.settings.expires else None
        if self.revoked:
            return State.REVOKED
        if expires is not None and now >= expires:
            return State.EXPIRED
        return State.PAUSED if self.settings.paused else State.ACTIVE

    def opens(self, token: str, now: int) -> bool:
        """Tell whether this is its secret, in a time that does not depend on how much of it is right."""
        given = _hash(token)
        right = hmac.compare_digest(given, self.token)
        old = hmac.compare_digest(given, self.old_token or _NOBODY)
        return right or (old and now < self.old_until)


class Hooks:
    """All hooks of a network."""

    def __init__(self, written: Mapping[str, WrittenHook]) -> None:
        self._written = {name: _from_file(name, hook) for name, hook in written.items()}
        self._made: dict[str, Kept] = {}
        self._used: dict[str, int] = {}
        self._noted: dict[str, int] = {}

    async def load(self, hub: Hub) -> None:
        """Read what the hub keeps."""
        self._made = await recollected(hub, "hook/", Kept, dec_hook=_from_json)
        self._noted = await recollected(hub, "used/", int)
        self._used = self._noted | self._used

    def __iter__(self) -> Iterator[Kept]:
        """Go through all, also those that were taken back."""
        return iter((*self._written.values(), *self._made.values()))

    def called(self, hook: str, token: str, now: int) -> Kept | None:
        """Return the hook with this id and secret; None for a wrong secret as for a hook that is not there."""
        kept = self.get(hook)
        if kept is None:
            hmac.compare_digest(_hash(token), _NOBODY)
            return None
        return kept if kept.opens(token, now) else None

    def get(self, hook: str) -> Kept | None:
        """Return a hook by its id."""
        return self._written.get(hook) or self._made.get(hook)

    def listed(self, now: int) -> list[Hook]:
        """Return all that were not taken back, as an administrator sees them."""
        return [
            Hook(
                id=kept.id,
                room=RoomId(kept.settings.room),
                name=kept.settings.name,
                origin=kept.origin,
                state=kept.state(now).value,
                made=kept.made,
                used=self._used.get(kept.id, 0),
                expires=(moment(kept.settings.expires) or 0) if kept.settings.expires else 0,
                rotating=bool(kept.old_token) and now < kept.old_until,
            )
            for kept in self
            if not kept.revoked
        ]

    def ending(self, now: int) -> str:
        """Return which hooks expire within three days, as a line for an operator; "" when none does."""
        soon = [
            f"{kept.id} on {kept.settings.expires[:10]}"
            for kept in self
            if not kept.revoked and kept.settings.expires and 0 < (moment(kept.settings.expires) or 0) - now <= _SOON
        ]
        return f"hooks that expire: {', '.join(soon)}" if soon else ""

    def used(self, hub: Hub, hook: str, now: int) -> None:
        """Take note that a hook was called; kept about once a minute, for it changes with every call."""
        self._used[hook] = now
        if now - self._noted.get(hook, 0) >= _USED_EVERY:
            self._noted[hook] = now
            hub.remember(f"used/{hook}", str(now))

    # -- what an administrator does; each is durable when it returns

    async def create(self, hub: Hub, settings: HookSettings, now: int) -> NewUrl:
        """Make a hook."""
        name = secrets.token_hex(6)
        token, hashed = _fresh()
        await self._keep(hub, Kept(id=name, settings=settings, token=hashed, made=now))
        return NewUrl(id=name, path=f"{PREFIX}{name}/{token}")

    async def rotate(self, hub: Hub, hook: str, *, until: int) -> NewUrl:
        """Give a hook another secret; the one before is good until then."""
        kept = self._own(hook)
        token, hashed = _fresh()
        await self._keep(hub, msgspec.structs.replace(kept, token=hashed, old_token=kept.token, old_until=until))
        return NewUrl(id=hook, path=f"{PREFIX}{hook}/{token}")

    async def pause(self, hub: Hub, hook: str, *, paused: bool) -> None:
        """Silence a hook, or let it speak again."""
        kept = self._own(hook)
        settings = msgspec.structs.replace(kept.settings, paused=paused)
        await self._keep(hub, msgspec.structs.replace(kept, settings=settings))

    async def revoke(self, hub: Hub, hook: str, now: int) -> None:
        """Take a hook back."""
        await self._keep(hub, msgspec.structs.replace(self._own(hook), revoked=now))

    async def tidy(self, hub: Hub, now: int) -> list[str]:
        """Forget hooks that were taken back long ago; returns their ids."""
        gone = [kept.id for kept in self._made.values() if kept.revoked and now - kept.revoked > REMEMBERED]
        for hook in gone:
            del self._made[hook]
            self._used.pop(hook, None)
            await hub.forget(f"hook/{hook}")
            await hub.forget(f"used/{hook}")
        return gone

    def present(self, hook: str) -> Kept:
        """Return a hook that an administrator names. Raises: HookRefused."""
        kept = self.get(hook)
        if kept is None or kept.revoked:
            msg = f'there is no hook "{hook}"'
            raise HookRefused(msg, missing=True)
        return kept

    def _own(self, hook: str) -> Kept:
        kept = self.present(hook)
        if kept.origin == FROM_FILE:
            msg = f'hook "{hook}" stands in the configuration file: change it there, and send SIGHUP'
            raise HookRefused(msg)
        return kept

    async def _keep(self, hub: Hub, kept: Kept) -> None:
        text = msgspec.json.encode(kept, enc_hook=str.__str__).decode()
        await hub.remember(f"hook/{kept.id}", Secret(text))  # what senders have to show is in it
        self._made[kept.id] = kept


def _from_file(name: str, written: WrittenHook) -> Kept:
    given = {field: getattr(written, field) for field in HookSettings.__struct_fields__}
    return Kept(
        id=name,
        settings=HookSettings(**given),
        token=_hash(written.token),
        old_token=_hash(written.old_token) if written.old_token else "",
        old_until=2**63 if written.old_token else 0,
        origin=FROM_FILE,
    )


def _fresh() -> tuple[str, str]:
    """Return a new secret of 192 bits, and its hash. Nobody guesses it, so a fast hash is enough."""
    token = secrets.token_urlsafe(24)
    return token, _hash(token)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _from_json(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError
