"""The keys of ``[networks.NAME]`` for ``connector = "webhook"``; the text below each key is its documentation.

Read by ``bridge.config`` through the manifest. A float is a duration: 2.5, "500ms", "1m". What an administrator chooses
for a hook while the bridge runs is :class:`HookSettings` too.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from bridge.connector import Secret
from bridge.core.addresses import parse_range
from connectors.webhook.authentication import Authentication
from connectors.webhook.custom import TemplateSettings
from connectors.webhook.endpoints import EndpointSettings, name_mistake
from connectors.webhook.filters import FilterSettings
from connectors.webhook.formats import FORMATS

LARGEST_BODY = 26_214_400
"""Bytes: GitHub sends no more than 25 MB."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Update(StrEnum):
    """What a delivery does that belongs to an earlier message: the same alert, run or pull request."""

    EDIT = "edit"  # correct it
    REPLY = "reply"  # answer it
    OFF = "off"  # say something new


class HookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be chosen for a hook."""

    room: str
    """The room in which it speaks, without the network: "builds"."""
    name: str = ""
    """Who speaks, where a message does not say so; default: the service's name."""
    avatar: str = ""
    """URL of their picture, likewise."""
    format: str = ""
    """What is sent: "github", "alertmanager" …; default: recognised by itself."""
    update: Update = Update.EDIT
    """What becomes of a delivery that belongs to an earlier message: edit, reply or off."""
    update_within: float = 86_400.0
    """How old that message may be; an older one is answered."""
    tell_end: bool = False
    """Answer the message, too, when what it is about is over: a correction wakes nobody."""
    names: tuple[str, ...] = ()
    """Names that messages may choose; default: any."""
    get: bool = False
    """Take GET requests too. Programs that preview links would call the hook."""
    allow: tuple[str, ...] = ()
    """Addresses and ranges that may call it; default: all."""
    largest: int = 0
    """Bytes that a body may have, where that is less than the network says; 0: as the network says."""
    limit: int = 60_000
    """Requests in a minute, beyond which senders are told to come later (429); 0: no limit."""
    rate: int = 0
    """Messages in a minute, beyond which they are gathered into one that counts the rest; 0: no limit."""
    authentication: Authentication = Authentication()
    """What senders have to show beside the secret URL."""
    filters: FilterSettings = FilterSettings()
    """What is let through."""
    template: TemplateSettings | None = None
    """What is said, in templates of your own instead of a format."""
    expires: str = ""
    """The time from which it is gone: "2027-01-31" or "2027-01-31T12:00:00Z"."""
    paused: bool = False
    """Take what comes, and say nothing."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        if not self.room or self.room != self.room.strip() or not self.room.isprintable():
            msg = f'room: found "{self.room}", expected the name of a room, such as "builds"'
            raise ValueError(msg)
        if self.avatar and not re.fullmatch(r"https?://\S+", self.avatar):
            msg = f'avatar: found "{self.avatar}", expected the URL of a picture'
            raise ValueError(msg)
        if self.format and self.format not in FORMATS:
            msg = f'format: found "{self.format}", expected one of {", ".join(FORMATS)}'
            raise ValueError(msg)
        for key in ("largest", "limit", "rate"):
            if getattr(self, key) < 0:
                msg = f"{key}: found {getattr(self, key)}, expected a whole number from 0 upwards"
                raise ValueError(msg)
        for text in self.allow:
            try:
                parse_range(text)
            except ValueError as error:
                msg = f"allow: {error}"
                raise ValueError(msg) from None
        if self.expires and moment(self.expires) is None:
            msg = f'expires: found "{self.expires}", expected a date such as "2027-01-31" or "2027-01-31T12:00:00Z"'
            raise ValueError(msg)


class WrittenHook(HookSettings, frozen=True, kw_only=True):
    """``[networks.NAME.hooks.ID]``: a hook that stands in the file."""

    token: Secret
    """The secret end of its URL, /hooks/ID/TOKEN: at least 16 letters, digits, dashes and underscores."""
    old_token: Secret | None = None
    """One that is good as well, while senders are told about the new one."""

    def __post_init__(self) -> None:
        """Refuse what anybody could guess, or nobody could call."""
        super(WrittenHook, self).__post_init__()  # noqa: UP008 - msgspec makes the class anew
        for key in ("token", "old_token"):
            secret = getattr(self, key)
            if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,200}", secret):
                msg = f"{key}: found something else, expected at least 16 letters, digits, dashes and underscores"
                raise ValueError(msg)


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network of webhooks; its rooms are just names."""

    largest: int = 1_048_576
    """Bytes that a body may have; a larger one is refused (413), before it is read."""
    rate: int = 0
    """Messages in a minute that all hooks of a room may say, beyond which they are gathered; 0: no limit."""
    keep: float = 604_800.0
    """How long bodies are kept for a replay; 0: not at all. The last 50 of each hook, up to 64 kB each."""
    voices: int = 20
    """Names under which one hook may be in a room at one time; with more, the hook says "name: text"."""
    idle: float = 86_400.0
    """Silence after which a name leaves the room."""
    hooks: dict[str, WrittenHook] = {}
    """Hooks that stand in the file; others are made by command."""
    endpoints: dict[str, EndpointSettings] = {}
    """URLs that are told what happens in the links of this network's rooms."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        if not 1 <= self.largest <= LARGEST_BODY:
            msg = f"largest: found {self.largest}, expected from 1 to {LARGEST_BODY}"
            raise ValueError(msg)
        if self.voices < 1:
            msg = f"voices: found {self.voices}, expected a whole number from 1 upwards"
            raise ValueError(msg)
        for name in self.hooks:
            if not _ID.fullmatch(name):
                msg = f'hooks: found "{name}", expected a name of letters, digits, dots, dashes and underscores'
                raise ValueError(msg)
        for name in self.endpoints:
            if mistake := name_mistake(name):
                msg = f"endpoints: {mistake}"
                raise ValueError(msg)


def moment(text: str) -> int | None:
    """Return a date or time as milliseconds since the epoch, None if it is none; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.timestamp() * 1000)
