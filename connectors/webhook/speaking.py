"""What a hook says, as facts for the hub: something new, a correction of an earlier message, an answer to it, a retraction.

Which of these it is, is decided by the edit key and by how much was said lately. Everything is reported in the order of
calls and without waiting, so that what is decided here stays true; what is returned is awaited until it is durable.
Called by :mod:`.inbound`.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from bridge.connector import Hub, StoreAway
from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Content
from bridge.core.events import (
    Cause,
    Member,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
)
from bridge.core.ids import EventKey, MessageId, Network, Room, RoomId, digest
from bridge.core.spans import prefixed
from bridge.core.splitting import clip
from connectors.webhook.answers import Taken
from connectors.webhook.config import Update, WebhookSettings
from connectors.webhook.editions import Edition, Editions
from connectors.webhook.gathering import Gathering
from connectors.webhook.hooks import Hooks, Kept
from connectors.webhook.pace import Pace
from connectors.webhook.posting import Posting
from connectors.webhook.voices import Gone, Voices, speaker

_LINE: Final = Limit(200, Unit.CODE_POINTS)
_DAY: Final = 86_400_000


class Speech:
    """Says what hooks have to say."""

    def __init__(self, network: Network, hooks: Hooks, settings: WebhookSettings, *, now: Callable[[], int]) -> None:
        self._network = network
        self._hooks = hooks
        self._rate = settings.rate
        self._now = now
        self._voices = Voices(most=settings.voices, idle=settings.idle)
        self._editions = Editions()
        self._gathering = Gathering()
        self._pace = Pace()

    async def load(self, hub: Hub) -> None:
        """Read what the hub keeps."""
        await self._editions.load(hub)
        await self._gathering.load(hub)

    def say(self, hub: Hub, hook: Kept, said: Posting, key: str) -> tuple[Taken, list[Awaitable[None]]]:
        """Say it in the way that fits; return what became of it, and what to await until it is durable.

        Raises: StoreAway, and then nothing was said.
        """
        if why := hub.congested():
            raise StoreAway(why)
        earlier = self._edition(hook, said)
        if earlier is not None and hook.settings.update is Update.EDIT and self._is_young(hook, earlier):
            what, stored = self._correct(hub, hook, said, key, earlier)
        elif earlier is None and (wait := self._too_many(hook)):
            what, stored = self._gather(hub, hook, said, wait=wait)
        else:
            what, stored = self._new(hub, hook, said, key, earlier)
        if said.closes and said.edit_key:
            stored += self._editions.close(hub, hook.id, said.edit_key)
        return what, stored

    def _correct(
        self, hub: Hub, hook: Kept, said: Posting, key: str, earlier: Edition
    ) -> tuple[Taken, list[Awaitable[None]]]:
        """Put this in the place of what the earlier message says; where that is wanted, tell that it was the last time."""
        content = prefixed(said.content, earlier.prefix) if earlier.prefix else said.content
        stored = [self.edit(hub, hook, earlier.sender, earlier.id, content, key)]
        if said.closes and hook.settings.tell_end:
            line = clip(said.content.text.partition("\n")[0], limit=_LINE, ellipsis="…")
            end = msgspec.structs.replace(said, content=Content(text=line))
            stored.append(
                self._post(
                    hub,
                    hook,
                    end,
                    f"{hook.id}.{digest(key, 'end')}",
                    sender=earlier.sender,
                    prefix=earlier.prefix,
                    answers=earlier.id,
                )
            )
        return Taken(id=earlier.id, room=earlier.room, outcome="edited"), stored

    def _new(
        self, hub: Hub, hook: Kept, said: Posting, key: str, earlier: Edition | None
    ) -> tuple[Taken, list[Awaitable[None]]]:
        """Say something new, as an answer where there is an earlier message; let it stand for its edit key."""
        sender, prefix = self._speaker(hook, said)
        answers = earlier.id if earlier is not None else None
        stored = [self._post(hub, hook, said, key, sender=sender, prefix=prefix, answers=answers)]
        stands = earlier is not None and self._is_young(hook, earlier)
        room = hook.settings.room
        if said.edit_key and not said.closes and not stands:
            new = Edition(room=room, id=MessageId(key), sender=sender, prefix=prefix, at=self._now())
            stored.append(self._editions.keep(hub, hook.id, said.edit_key, new))
        return Taken(id=key, room=room), stored

    def _gather(self, hub: Hub, hook: Kept, said: Posting, *, wait: float) -> tuple[Taken, list[Awaitable[None]]]:
        """Count this, to be said with others after so many seconds."""
        room, now = RoomId(hook.settings.room), self._now()
        due = now + int(wait * 1000)
        stored = self._gathering.add(hub, hook.id, room, said.content.text, due=due, now=now)
        why = "too many at once: it is counted"
        return Taken(id=None, room=room, outcome="gathered", skipped=why), [stored]

    def _is_young(self, hook: Kept, earlier: Edition) -> bool:
        return self._now() - earlier.at <= hook.settings.update_within * 1000

    def _edition(self, hook: Kept, said: Posting) -> Edition | None:
        """Return the earlier message that this is about."""
        if not said.edit_key or hook.settings.update is Update.OFF:
            return None
        found = self._editions.find(hook.id, said.edit_key)
        return found if found is not None and found.room == hook.settings.room else None

    def _too_many(self, hook: Kept) -> float:
        """Return the seconds until this hook, and all hooks of its room, may say something new."""
        now = self._now()
        own = self._pace.take(f"hook {hook.id}", hook.settings.rate, now)
        return own or self._pace.take(f"room {hook.settings.room}", self._rate, now)

    # -- single facts

    def post(self, hub: Hub, hook: Kept, said: Posting, key: str) -> Awaitable[None]:
        """Say something new."""
        sender, prefix = self._speaker(hook, said)
        return self._post(hub, hook, said, key, sender=sender, prefix=prefix)

    def _post(
        self,
        hub: Hub,
        hook: Kept,
        said: Posting,
        key: str,
        *,
        sender: Member,
        prefix: str,
        answers: MessageId | None = None,
    ) -> Awaitable[None]:
        room = RoomId(hook.settings.room)
        self._leave(hub, self._voices.spoke(hook.id, room, sender, self._now()))
        posted = MessagePosted(
            origin=self._origin(room, key),
            sender=sender,
            id=MessageId(key),
            content=prefixed(said.content, prefix) if prefix else said.content,
            reply_to=answers,
            thread=said.thread,
        )
        return hub.emit(posted)

    def edit(
        self, hub: Hub, hook: Kept, sender: Member, target: MessageId, content: Content, key: str
    ) -> Awaitable[None]:
        """Correct an earlier message, as who said it."""
        room = RoomId(hook.settings.room)
        self._show(hub, hook, sender)
        origin = self._origin(room, key)
        return hub.emit(MessageEdited(origin=origin, sender=sender, target=target, content=content))

    def retract(self, hub: Hub, hook: Kept, sender: Member, target: MessageId) -> Awaitable[None]:
        """Take an earlier message back, as who said it."""
        self._show(hub, hook, sender)
        origin = self._origin(RoomId(hook.settings.room), f"{hook.id}.{digest(target, 'retracted')}")
        return hub.emit(MessageRetracted(origin=origin, sender=sender, target=target))

    def _speaker(self, hook: Kept, said: Posting) -> tuple[Member, str]:
        """Return who speaks: as the message says, as the hook says, or the service; and what has to stand before the text.

        A name for which there is no room any more is spoken for by the hook, which is always there.
        """
        settings = hook.settings
        given = said.name if not settings.names or said.name in settings.names else ""
        own = speaker(self._network, hook.id, name=settings.name or said.service, avatar=settings.avatar or said.avatar)
        if not given:
            return own, ""
        named = speaker(self._network, hook.id, name=given, avatar=said.avatar or settings.avatar)
        admitted = named.person == own.person or self._voices.admits(hook.id, named.person, self._now())
        return (named, "") if admitted else (own, f"{named.name}: ")

    def _show(self, hub: Hub, hook: Kept, member: Member) -> None:
        """Let somebody be in the room, also after a restart: a message is corrected from where it was said."""
        room = RoomId(hook.settings.room)
        if not self._voices.there(hook.id, member.person):
            hub.emit(MemberJoined(origin=self._origin(room), member=member))
        self._leave(hub, self._voices.spoke(hook.id, room, member, self._now()))

    def _leave(self, hub: Hub, gone: list[Gone]) -> None:
        for each in gone:
            hub.emit(MemberLeft(origin=self._origin(each.room), member=each.member, cause=Cause.LEFT))

    def _origin(self, room: RoomId, key: str = "") -> Origin:
        return Origin(room=Room(self._network, room), key=EventKey(key), at=self._now())

    # -- what goes on by itself

    @property
    def waits(self) -> bool:
        """Whether something was gathered."""
        return self._gathering.waits

    async def release(self, hub: Hub) -> float:
        """Say what was gathered and is due; return the seconds until more is, 0 when nothing waits. Raises: StoreAway."""
        now = self._now()
        for hook_id, heap in self._gathering.due(now):
            hook = self._hooks.get(hook_id)
            if hook is not None:
                await self.post(hub, hook, Posting(content=heap.content()), heap.key(hook_id))
            await self._gathering.forget(hub, hook_id)
        return self._gathering.next(now)

    async def tidy(self, hub: Hub) -> None:
        """Let silent voices leave, and forget keys that are too old to matter."""
        now = self._now()
        self._leave(hub, self._voices.silent(now))
        longest = max((hook.settings.update_within for hook in self._hooks), default=0.0)
        for stored in self._editions.outdated(hub, now - _DAY - int(longest * 1000)):
            await stored
        self._pace.tidy(now)

    def silence(self, hub: Hub, hook: str) -> None:
        """Let all voices of a hook leave."""
        self._leave(hub, self._voices.leave(hook))
