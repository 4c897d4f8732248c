"""Endpoints: URLs that are told what happens in a room, and what of it. ``[networks.NAME.endpoints.ENDPOINT]``.

Pure: keys and their mistakes, and what an endpoint wants to hear. What it is told is :mod:`.happenings`, in which words
:mod:`.dialects`, and how it gets there :mod:`.outbound`.
"""

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bridge.connector import Secret
from bridge.core.addresses import is_public
from bridge.core.ids import Network
from connectors.webhook.authentication import standard_key
from connectors.webhook.happenings import Happening, Told
from connectors.webhook.templates import Template, TemplateMistake

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)
_OWN_HEADERS: Final = {"content-type", "content-length", "host", "connection", "transfer-encoding", "user-agent"}
_LONGEST_MATCHED: Final = 4_000
SAID: Final = frozenset({Told.MESSAGE, Told.EDIT})
"""What has words that can be looked into."""


class Dialect(StrEnum):
    """In whose words an endpoint is told."""

    STANDARD = "standard"  # our own JSON
    SLACK = "slack"
    DISCORD = "discord"
    MATTERMOST = "mattermost"
    OUTGOING = "outgoing"  # as Mattermost's and Slack's outgoing webhooks


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One URL that is told."""

    url: Secret
    """Where it is told: http or https. It may hold a token, so it is treated as a secret."""
    rooms: tuple[str, ...] = ()
    """The rooms of this network whose links it hears; empty: all."""
    events: tuple[Told, ...] = (Told.MESSAGE, Told.EDIT, Told.RETRACTION, Told.REACTION, Told.TOPIC)
    """What it is told of: message, edit, retraction, reaction, topic, join, leave, rename, failure, state, notice."""
    sources: tuple[str, ...] = ()
    """Globs of rooms where it has to happen: "xmpp:*", "libera:#dev"; empty: anywhere."""
    senders: tuple[str, ...] = ()
    """Globs of names or ids of who does it; empty: anybody."""
    exclude_senders: tuple[str, ...] = ()
    """Likewise, who is not told of."""
    matches: str = ""
    """A regular expression that has to be found in what is said."""
    triggers: tuple[str, ...] = ()
    """Words of which one has to be the first of what is said."""
    mentions: tuple[str, ...] = ()
    """Names of which one has to be spoken to: "@ci", "ci: …"."""
    own: bool = False
    """Tell it also what the hooks of this network say."""
    dialect: Dialect = Dialect.STANDARD
    """In whose words: standard, slack, discord, mattermost or outgoing."""
    template: str = ""
    """The body, in place of a dialect's: Jinja2 over the fields of the standard body."""
    content_type: str = "application/json"
    """What the template makes; JSON is looked at before it is sent."""
    secret: Secret | None = None
    """Signs by Standard Webhooks: "whsec_…"."""
    old_secret: Secret | None = None
    """Signs as well, while the endpoint is told about the new one."""
    token: Secret | None = None
    """For the dialect "outgoing": the field by which the endpoint knows us."""
    headers: dict[str, Secret] = {}
    """Further headers."""
    private: bool = False
    """It may be at an address that is not on the public Internet."""
    answers: bool = False
    """What it answers is said in the room; then nothing is tried again."""
    timeout: float = 0.0
    """Until it has answered; 0: 15 seconds, and 3 where it answers."""
    max_age: float = 86_400.0
    """How long a message is tried; then it is a dead letter."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        for key, mistake in (
            ("url", _url_mistake(self.url)),
            ("matches", _expression_mistake(self.matches)),
            ("secret", _secret_mistake(self.secret)),
            ("old_secret", _secret_mistake(self.old_secret)),
            ("headers", _headers_mistake(self.headers)),
            ("template", _template_mistake(self.template)),
            ("content_type", _type_mistake(self.content_type)),
            ("timeout", _range_mistake(self.timeout, 0, 60)),
            ("max_age", _range_mistake(self.max_age, 1, 604_800)),
        ):
            if mistake:
                msg = f"{key}: {mistake}"
                raise ValueError(msg)

    @property
    def patience(self) -> float:
        """Seconds until it has to have answered."""
        return self.timeout or (3.0 if self.answers else 15.0)


def name_mistake(name: str) -> str:
    """Return why this cannot be the name of an endpoint, "" if it can."""
    if _NAME.fullmatch(name):
        return ""
    return f'found "{name}", expected a name of letters, digits, dots, dashes and underscores'


def hears(settings: EndpointSettings, room: str) -> bool:
    """Tell whether an endpoint hears the links of a room of its network."""
    return not settings.rooms or room in settings.rooms


def leads_inside(settings: EndpointSettings) -> bool:
    """Tell whether a URL names an address, or this machine, that is not on the public Internet; of a name nothing is known."""
    host = urlsplit(settings.url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not is_public(host)


def unwanted(settings: EndpointSettings, happening: Happening, *, network: Network) -> str:
    """Return "" for what an endpoint wants to be told, else why it does not; ``network`` is its own."""
    data = happening.data
    if happening.type not in settings.events:
        return "its kind"
    if data.room.network == network and not settings.own:
        return "said by a hook"
    if settings.sources and not _fits(f"{data.room.network}:{data.room.id}", settings.sources):
        return "where it happened"
    names = () if data.sender is None else (data.sender.name, data.sender.id)
    if settings.senders and not any(_fits(name, settings.senders) for name in names):
        return "who did it"
    if any(_fits(name, settings.exclude_senders) for name in names):
        return "who did it"
    text = "" if data.content is None else data.content.text
    return _unwanted_words(settings, text) if happening.type in SAID else ""


def trigger(settings: EndpointSettings, text: str) -> str:
    """Return the trigger word with which a text begins, "" if there is none."""
    first = next(iter(text.split(maxsplit=1)), "").lower()
    return next((word for word in settings.triggers if word.lower() == first), "")


def _unwanted_words(settings: EndpointSettings, text: str) -> str:
    if settings.triggers and not trigger(settings, text):
        return "its first word"
    if settings.matches and not _compiled(settings.matches).search(text[:_LONGEST_MATCHED]):
        return "its words"
    if settings.mentions and not any(_speaks_to(name, text) for name in settings.mentions):
        return "to whom it speaks"
    return ""


def _speaks_to(name: str, text: str) -> bool:
    """Tell whether a text speaks to somebody: ``@name`` anywhere, or ``name:`` or ``name,`` in front."""
    text, name = text.lower(), name.lower().removeprefix("@")
    return text.startswith((f"{name}:", f"{name},")) or bool(_mention(name).search(text))


@lru_cache(maxsize=256)
def _mention(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)@{re.escape(name)}(?!\w)")


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _fits(value: str, globs: tuple[str, ...]) -> bool:
    """Tell whether a name fits a glob; ``#`` and ``[`` in names of rooms are what they are."""
    return any(fnmatchcase(value.lower(), glob.lower().replace("[", "[[]")) for glob in globs)


def _url_mistake(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return 'found something else, expected "https://HOST/…"'
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not url.isprintable() or " " in url:
        return 'found something else, expected "https://HOST/…"'
    return ""


def _expression_mistake(expression: str) -> str:
    try:
        _compiled(expression)
    except re.error as error:
        return f"{error.msg} at {error.pos}, expected a regular expression"
    return ""


def _secret_mistake(secret: Secret | None) -> str:
    if secret is None:
        return ""
    try:
        standard_key(secret)
    except ValueError as error:
        return str(error)
    return ""


def _headers_mistake(headers: dict[str, Secret]) -> str:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS or name.lower().startswith("webhook-"):
            return f'found "{name}", expected the name of a header that is not the bridge\'s own'
        if not value.isprintable() or not value.isascii():
            return f'found something else for "{name}", expected printable ASCII on one line'
    return ""


def _template_mistake(template: str) -> str:
    try:
        Template(template)
    except TemplateMistake as mistake:
        return str(mistake)
    return ""


def _type_mistake(content_type: str) -> str:
    if _TYPE.fullmatch(content_type):
        return ""
    return f'found "{content_type}", expected a media type such as "application/json"'


def _range_mistake(value: float, least: float, most: float) -> str:
    return "" if least <= value <= most else f"found {value:g}, expected from {least:g} to {most:g} seconds"
