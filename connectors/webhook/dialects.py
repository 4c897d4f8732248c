"""In whose words an endpoint is told: our own JSON, or what Slack, Discord and Mattermost take, or a template.

A message is said under its sender's name. What those services have no word for is said in words: that somebody joined, that a
message was taken back. Discord's own messages are edited and deleted by the ids that it gave them. Pure; called by
:mod:`.outbound`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Content
from bridge.core.degrade import described
from bridge.core.deliveries import Delivery, Edit, Post
from bridge.core.splitting import clip
from bridge.core.styling import plain
from connectors.webhook.endpoints import Dialect, EndpointSettings, trigger
from connectors.webhook.happenings import Data, Happening, Told
from connectors.webhook.marking import discord, markdown, mrkdwn
from connectors.webhook.templates import Template, TemplateFailed

_JSON: Final = "application/json"
_DISCORD_TEXT: Final = Limit(2_000, Unit.CODE_POINTS)
_SLACK_TEXT: Final = Limit(40_000, Unit.CODE_POINTS)
_MATTERMOST_TEXT: Final = Limit(16_383, Unit.CODE_POINTS)
_FORBIDDEN_NAMES: Final = ("discord", "clyde")
DISCORD_ID: Final = "discord "
"""What stands before an id that Discord gave."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request to an endpoint."""

    method: str
    url: str
    body: bytes
    content_type: str = _JSON


class Unsayable(Exception):
    """A template that makes nothing of this; one line."""


def call(settings: EndpointSettings, happening: Happening, delivery: Delivery) -> Call:
    """Return the request that tells an endpoint what happened. Raises: Unsayable."""
    write = _template if settings.template else _WRITERS[settings.dialect]
    return write(settings, happening, delivery)


def discord_id(body: bytes) -> str:
    """Return the id of the message that Discord has made, "" where it says none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    number = found.get("id") if isinstance(found, dict) else None
    return f"{DISCORD_ID}{number}" if isinstance(number, str) and number.isascii() and number.isdigit() else ""


def _standard(settings: EndpointSettings, happening: Happening, _: Delivery) -> Call:
    return Call(method="POST", url=settings.url, body=msgspec.json.encode(happening))


def _slack(settings: EndpointSettings, happening: Happening, delivery: Delivery) -> Call:
    text = clip(_line(happening, delivery, mrkdwn, bold="*"), limit=_SLACK_TEXT, ellipsis="…")
    return _post(settings, {"text": text})


def _mattermost(settings: EndpointSettings, happening: Happening, delivery: Delivery) -> Call:
    sender = happening.data.sender
    fields: dict[str, Any] = {}
    if happening.type is Told.MESSAGE and sender is not None:
        fields["username"] = sender.name[:80]
        if sender.avatar:
            fields["icon_url"] = sender.avatar
    named = happening.type is not Told.MESSAGE
    text = _line(happening, delivery, markdown, bold="**", named=named)
    return _post(settings, {"text": clip(text, limit=_MATTERMOST_TEXT, ellipsis="…")} | fields)


def _discord(settings: EndpointSettings, happening: Happening, delivery: Delivery) -> Call:
    base, _, query = settings.url.partition("?")
    known = next((each for each in _ids(delivery) if each.startswith(DISCORD_ID)), "")
    if known and happening.type in {Told.EDIT, Told.RETRACTION}:
        url = f"{base}/messages/{known.removeprefix(DISCORD_ID)}" + (f"?{query}" if query else "")
        if happening.type is Told.RETRACTION:
            return Call(method="DELETE", url=url, body=b"")
        text = _line(happening, delivery, discord, bold="**", named=False, marked=False)
        content = clip(text, limit=_DISCORD_TEXT, ellipsis="…")
        return Call(method="PATCH", url=url, body=msgspec.json.encode({"content": content} | _NO_MENTIONS))
    sender = happening.data.sender
    fields: dict[str, Any] = {}
    if sender is not None:
        fields["username"] = _discord_name(sender.name)
        if sender.avatar:
            fields["avatar_url"] = sender.avatar
    named = sender is None or happening.type is not Told.MESSAGE
    text = clip(_line(happening, delivery, discord, bold="**", named=named), limit=_DISCORD_TEXT, ellipsis="…")
    url = f"{base}?{query}&wait=true" if query else f"{base}?wait=true"
    return Call(method="POST", url=url, body=msgspec.json.encode({"content": text} | fields | _NO_MENTIONS))


_NO_MENTIONS: Final[dict[str, Any]] = {"allowed_mentions": {"parse": []}}


def _outgoing(settings: EndpointSettings, happening: Happening, delivery: Delivery) -> Call:
    """Write what outgoing webhooks of Mattermost and Slack send."""
    data = happening.data
    text = data.content.text if data.content is not None else _line(happening, delivery, _plain, bold="")
    fields = {
        "token": str(settings.token or ""),
        "team_id": data.room.network,
        "team_domain": data.room.network,
        "channel_id": data.room.id,
        "channel_name": data.room.id,
        "timestamp": delivery.head.at,
        "user_id": "" if data.sender is None else data.sender.id,
        "user_name": "" if data.sender is None else data.sender.name,
        "post_id": happening.id,
        "text": text,
        "trigger_word": trigger(settings, text),
    }
    return _post(settings, fields)


def _template(settings: EndpointSettings, happening: Happening, _: Delivery) -> Call:
    values = msgspec.to_builtins(happening)
    try:
        body = _compiled(settings.template).render(values | {"event": values})
    except TemplateFailed as failure:
        msg = f"its template fails: {failure}"
        raise Unsayable(msg) from None
    if settings.content_type.partition(";")[0].strip() == _JSON:
        try:
            msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            msg = f"its template makes no JSON ({error})"
            raise Unsayable(msg) from None
    return Call(method="POST", url=settings.url, body=body.encode(), content_type=settings.content_type)


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    return Template(source)


_WRITERS: Final[dict[Dialect, Callable[[EndpointSettings, Happening, Delivery], Call]]] = {
    Dialect.STANDARD: _standard,
    Dialect.SLACK: _slack,
    Dialect.DISCORD: _discord,
    Dialect.MATTERMOST: _mattermost,
    Dialect.OUTGOING: _outgoing,
}


def _post(settings: EndpointSettings, fields: dict[str, Any]) -> Call:
    return Call(method="POST", url=settings.url, body=msgspec.json.encode(fields))


def _plain(content: Content) -> str:
    return plain(content).text


def _ids(delivery: Delivery) -> Sequence[str]:
    return getattr(delivery, "ids", ())


def _discord_name(name: str) -> str:
    """Return a name that Discord takes: 1 to 80 characters, and neither of two words in it."""
    for word in _FORBIDDEN_NAMES:
        at = name.lower().find(word)
        if at >= 0:
            name = f"{name[: at + 1]}\u200b{name[at + 1 :]}"
    return name.strip()[:80] or "somebody"


def _line(
    happening: Happening,
    delivery: Delivery,
    write: Callable[[Content], str],
    *,
    bold: str,
    named: bool = True,
    marked: bool = True,
) -> str:
    """Return what happened as text; ``named``: with who did it, ``marked``: with a sign that it is a correction."""
    data = happening.data
    who = "somebody" if data.sender is None else write(Content(text=data.sender.name))
    if isinstance(delivery, Post | Edit):
        said = _said(delivery.content, write)
        name = f"{bold}{who}{bold}: " if named and data.sender is not None else ""
        sign = "✎ " if marked and happening.type is Told.EDIT else ""
        return f"{name}{sign}{said}"
    return _told(happening.type, data, who, write)


def _said(content: Content, write: Callable[[Content], str]) -> str:
    lines = [write(content)] if content.text else []
    return "\n".join([*lines, *(described(each) for each in content.attachments if each.url not in content.text)])


def _told(told: Told, data: Data, who: str, write: Callable[[Content], str]) -> str:
    def words(text: str) -> str:
        return write(Content(text=text))

    because = f": {words(data.reason)}" if data.reason else ""
    match told:
        case Told.RETRACTION:
            return f"{who} took back a message{because}"
        case Told.REACTION:
            return f"{who} reacted with {' '.join(data.reactions)}" if data.reactions else f"{who} took back a reaction"
        case Told.TOPIC:
            return f"{who} set the topic: {words(data.topic or '')}"
        case Told.JOIN:
            return f"{who} joined {words(data.room.id)}"
        case Told.LEAVE:
            return f"{who} left {words(data.room.id)}{because}"
        case Told.RENAME:
            return f"{words(data.renamed_from)} is now {who}"
        case Told.FAILURE if data.failure is not None:
            return f"not told to {words(data.failure.room.id)}: {words(data.failure.reason)}"
        case Told.STATE if data.state is not None:
            detail = f": {words(data.state.detail)}" if data.state.detail else ""
            return f"{words(data.state.network)} is {data.state.status}{detail}"
        case _:
            return words(data.content.text if data.content is not None else told.value)
