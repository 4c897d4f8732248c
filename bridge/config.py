"""The configuration: one TOML file, read once into frozen structs, every mistake in it reported at once.

What is here are the keys of ``[xmpp] [store] [http] [networks.NAME] [[links]] [delivery] [gateway] [log]`` and what they mean
together. How types are read and mistakes are worded is in :mod:`bridge.settings`; the keys of a network belong to its
connector. Nothing here opens a socket or a database. Called by :mod:`bridge.cli` and :mod:`bridge.app`; ``bridge.xmpp``
takes its settings type from here.
"""

import hashlib
import hmac
import os
import re
import tomllib
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec

from bridge.connector import PuppetSettings, Secret
from bridge.core import access, wording
from bridge.core.addresses import parse_range
from bridge.core.ids import XMPP, Network, Room, RoomId
from bridge.core.rates import Rate
from bridge.settings import Problem, Reader, did_you_mean, join, nearest, quoted, seconds, show

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]

SettingsOf = Callable[[str], type[msgspec.Struct]]
"""The settings type of a kind of connector. Raises: UnknownConnector."""

DEFAULT_PLACES: Final = ("config.toml", "/etc/linkspan/config.toml")
_NETWORK_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_DOMAIN: Final = re.compile(r"[^\s@/:\"'&<>\x00-\x20\x7f]{1,1023}")
_BARE_JID: Final = re.compile(r"(?:[^\s@/\"&'<>:\x00-\x20\x7f]{1,1023}@)?[^\s@/:\"'&<>\x00-\x20\x7f]{1,1023}")
_ROOM_JID: Final = re.compile(r"[^\s@/\"&'<>:\x00-\x20\x7f]{1,1023}@[^\s@/:\"'&<>\x00-\x20\x7f]{1,1023}")
_STORES: Final = ("sqlite", "postgresql", "postgres")


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has a line for each mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class UnknownConnector(LookupError):
    """There is no connector of this kind, or what it needs is not installed; the text is the second half of a sentence.

    ``found "ircc", expected one of echo, irc; did you mean "irc"?``
    """


def address(text: str) -> tuple[str, int] | None:
    """Return host and port of ``127.0.0.1:8080`` or ``[::1]:8080``; None if it is not one. Port 0 is any free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    return (host, int(port)) if host and host.isprintable() and " " not in host else None


def room(text: str) -> Room | None:
    """Return the room that ``NETWORK:ROOM`` names; None if it is not one. A MUC's JID is folded: JIDs know no case."""
    network, colon, rest = text.partition(":")
    if not colon or not _NETWORK_NAME.fullmatch(network):
        return None
    if not rest or rest != rest.strip() or not rest.isprintable():
        return None
    if network == XMPP:
        return Room(XMPP, RoomId(rest.lower())) if _ROOM_JID.fullmatch(rest) else None
    return Room(Network(network), RoomId(rest))


def room_expected(text: str) -> str:
    """Say what a room should look like, to somebody who wrote ``text``."""
    if text.startswith(f"{XMPP}:"):
        return 'a room\'s address such as "xmpp:dev@conference.example.org"'
    return 'NETWORK:ROOM such as "libera:#dev"'


def rate(text: str) -> Rate | None:
    """Return what ``30/1m`` means, None for what is no rate."""
    many, slash, time = text.partition("/")
    if not slash or not (many.isascii() and many.isdigit()) or len(many) > 6 or not int(many):
        return None
    return Rate(int(many), seconds(time)) if seconds(time) > 0 else None


def is_domain(text: str) -> bool:
    """Whether an XMPP component can be called this."""
    return _DOMAIN.fullmatch(text) is not None


def link_name(text: str) -> bool:
    """Whether a link can be called this: it is typed on command lines and shown in listings."""
    return bool(text) and len(text) <= 64 and text.isprintable() and text == text.strip() and "/" not in text


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False


def _has_host(url: str) -> bool:
    """Whether a database URL can be taken apart. A "/", "#" or "?" in a password ends the host too early."""
    try:
        urlsplit(url).port  # noqa: B018 - raises for what is no number
    except ValueError:
        return False
    return True


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    """Shape of all tables: immutable, written with names."""


class XmppSettings(_Table, frozen=True):
    """``[xmpp]``: how the component reaches the XMPP server."""

    domain: str
    secret: Secret
    host: str = "127.0.0.1"
    port: Port = 5347
    nick: str = "linkspan"  # the bridge's own occupant in linked rooms
    admins: tuple[str, ...] = ()  # bare JIDs
    upload: str = ""  # the upload service; default: the one that the server lists

    def __post_init__(self) -> None:
        """Refuse what the server would refuse, in words that name the key."""
        if not is_domain(self.domain):
            msg = f'domain: found {quoted(self.domain)}, expected a domain name such as "bridge.example.org"'
            raise ValueError(msg)
        if not self.host.strip():
            msg = f"host: found {quoted(self.host)}, expected a host name or an IP address"
            raise ValueError(msg)
        if not self.nick.strip() or not self.nick.isprintable():
            msg = f"nick: found {quoted(self.nick)}, expected a nick without control characters"
            raise ValueError(msg)
        if self.upload and not is_domain(self.upload):
            msg = f'upload: found {quoted(self.upload)}, expected an address such as "upload.example.org"'
            raise ValueError(msg)
        for jid in self.admins:
            if not _BARE_JID.fullmatch(jid):
                msg = f'admins: found {quoted(jid)}, expected bare JIDs such as "admin@example.org"'
                raise ValueError(msg)


class StoreSettings(_Table, frozen=True):
    """``[store]``: the database, by URL. A secret, since a URL may hold a password."""

    url: Secret = Secret("sqlite:///linkspan.db")
    key_file: str = ""  # default: beside an SQLite file, with .key in the place of .db

    def __post_init__(self) -> None:
        """Check the scheme; whether the database is there is for the store to say."""
        scheme, colon, _ = self.url.partition(":")
        if not colon or scheme.partition("+")[0] not in _STORES:
            found = f"a URL of scheme {quoted(scheme)}" if colon else "no URL"
            msg = f'url: found {found}, expected "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/NAME"'
            raise ValueError(msg)
        file = self.url.partition(":///")[2].partition("?")[0]
        if scheme.startswith("sqlite") and (not file or file.startswith(":memory:")):
            msg = 'url: found a store in memory, which would be gone with the process, expected "sqlite:///FILE"'
            raise ValueError(msg)
        if not scheme.startswith("sqlite") and not _has_host(self.url):  # a SQLite URL is a path, with any characters
            wanted = '"postgresql://USER:PASSWORD@HOST:PORT/NAME" with %XX for "/#?@:"'
            msg = f"url: found no usable host and port, expected {wanted}"
            raise ValueError(msg)


class ProxyHeader(StrEnum):
    """Where proxies in front of the public listener tell whom they ask for."""

    X_FORWARDED_FOR = "x-forwarded-for"
    FORWARDED = "forwarded"


class HttpSettings(_Table, frozen=True):
    """``[http]``: the public listener (hooks, media) and the administration's own."""

    listen: str = "127.0.0.1:8080"
    public_url: str = ""  # default: http:// and ``listen``
    trusted_proxies: tuple[str, ...] = ()  # addresses and CIDR ranges
    proxy_header: ProxyHeader = ProxyHeader.X_FORWARDED_FOR
    admin_listen: str = "127.0.0.1:8081"
    admin_token: Secret | None = None  # default: derived from the component's secret

    def __post_init__(self) -> None:
        """Refuse addresses that cannot be listened on, and URLs that nobody could call."""
        for key in ("listen", "admin_listen"):
            if address(getattr(self, key)) is None:
                msg = f'{key}: found {quoted(getattr(self, key))}, expected HOST:PORT such as "127.0.0.1:8080"'
                raise ValueError(msg)
        if self.listen == self.admin_listen and not self.listen.endswith(":0"):
            msg = f"admin_listen: found {quoted(self.admin_listen)}, expected another address than http.listen"
            raise ValueError(msg)
        if self.public_url and not _is_url(self.public_url):
            msg = f'public_url: found {quoted(self.public_url)}, expected a URL such as "https://bridge.example.org"'
            raise ValueError(msg)
        for text in self.trusted_proxies:
            try:
                parse_range(text)
            except ValueError as error:
                msg = f"trusted_proxies: {error}"
                raise ValueError(msg) from None


class MediaSettings(_Table, frozen=True):
    """``[media]``: files that cross, and the bridge's own URLs for them."""

    largest_mb: Annotated[int, msgspec.Meta(ge=1)] = 100  # of 1,000,000 bytes
    largest_mb_to: Mapping[str, Annotated[int, msgspec.Meta(ge=1)]] = msgspec.field(default_factory=dict)  # by network
    keep: float = 604_800.0  # seconds for which a URL is good
    allow: tuple[str, ...] = ()  # addresses and ranges that files may be read from although they are not public
    rate_uploads: str = ""  # "500/1d": MB of one person's files that are put to the upload service; "": without end
    rate_uploads_total: str = ""  # of everybody's

    def __post_init__(self) -> None:
        """Refuse ranges and rates that are none."""
        for key in ("rate_uploads", "rate_uploads_total"):
            if (text := getattr(self, key)) and rate(text) is None:
                msg = f'{key}: found {quoted(text)}, expected MB/TIME such as "500/1d"'
                raise ValueError(msg)
        for text in self.allow:
            try:
                parse_range(text)
            except ValueError as error:
                msg = f"allow: {error}"
                raise ValueError(msg) from None

    def largest_to(self, network: str) -> int:
        """Return the bytes of the largest file that a network is given."""
        return min(self.largest_mb, self.largest_mb_to.get(network, self.largest_mb)) * 1_000_000


class OpenIrcTls(StrEnum):
    """Whether rooms of any IRC server may be joined without TLS."""

    REQUIRED = "required"
    PREFERRED = "preferred"


class History(_Table, frozen=True):
    """How much is kept of what is said in hosted rooms."""

    seconds: float | None = None  # None: for ever
    messages: int | None = None  # of a room, None: any number; 0: nothing is kept


def history(text: str) -> History:
    """Read ``30d``, ``5000 messages``, both with a comma between them, ``forever`` or ``off``. Raises: ValueError."""
    if text.strip() in ("forever", "off"):
        return History(messages=0 if text.strip() == "off" else None)
    bounds = [_bound(part.split()) for part in text.split(",", 1)]
    seconds = [bound.seconds for bound in bounds if bound is not None and bound.seconds is not None]
    messages = [bound.messages for bound in bounds if bound is not None and bound.messages is not None]
    if None in bounds or len(seconds) > 1 or len(messages) > 1:
        msg = (
            f'history: found {quoted(text)}, expected "30d", "5000 messages", "30d, 5000 messages", "forever" or "off"'
        )
        raise ValueError(msg)
    return History(seconds=next(iter(seconds), None), messages=next(iter(messages), None))


def _bound(words: list[str]) -> History | None:
    """Read how long, or how many; None for neither."""
    match words:
        case [number, "messages"] if number.isascii() and number.isdigit() and 0 < int(number) < 1_000_000_000:
            return History(messages=int(number))
        case [duration] if (kept := wording.seconds(duration)) > 0:
            return History(seconds=kept)
        case _:
            return None


USUAL_HISTORY: Final = "30d"


class GatewaySettings(_Table, frozen=True):
    """``[gateway]``: rooms that the component itself hosts."""

    enabled: bool = True
    open_irc: bool = False
    open_irc_tls: OpenIrcTls = OpenIrcTls.REQUIRED
    open_irc_allow: tuple[str, ...] = ()  # host names, ".example.org" for all below it; empty: every server
    open_irc_deny: tuple[str, ...] = ()
    open_irc_private: tuple[
        str, ...
    ] = ()  # addresses and ranges that such a server may have although they are not public
    open_irc_users: tuple[str, ...] = ()  # as ``allow``; empty: everybody who may use the gateway
    open_irc_max: Annotated[int, msgspec.Meta(ge=1)] = 200  # users on one such server
    fixed_server: str = ""
    persistent: bool = False
    history: str = USUAL_HISTORY  # of networks that do not say
    detach: float = 0.0  # seconds for which users stay in a room after they have gone offline
    allow: tuple[str, ...] = ()  # bare JIDs and domains, with "*"; empty: everybody
    deny: tuple[str, ...] = ()
    allow_on: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)  # the same by network
    max_users: Annotated[int, msgspec.Meta(ge=0)] = 0  # 0: as many as come
    max_networks: Annotated[int, msgspec.Meta(ge=0)] = 20  # of one user, who has a connection to each
    max_rooms: Annotated[int, msgspec.Meta(ge=0)] = 100  # of one user on one network
    max_stays: Annotated[int, msgspec.Meta(ge=0)] = 0  # rooms in which one user stays without a client; 0: any number
    max_archive: Annotated[int, msgspec.Meta(ge=0)] = 0  # messages of all hosted rooms that are kept; 0: any number
    rate_joins: str = ""  # "30/1m": so many in such a time; "": without end
    rate_messages: str = ""
    rate_room: str = ""  # messages of all users in one room
    rate_commands: str = ""
    rate_questions: str = ""  # IQs of whatever kind

    def __post_init__(self) -> None:
        """Refuse lists, rates and a history that say nothing."""
        history(self.history)
        lists = [("allow", self.allow), ("deny", self.deny), ("open_irc_users", self.open_irc_users)]
        for key, entries in (*lists, *(("allow_on", entries) for entries in self.allow_on.values())):
            for entry in entries:
                if not access.is_entry(entry):
                    msg = f'{key}: found {quoted(entry)}, expected a bare JID or a domain, with "*" for any part'
                    raise ValueError(msg)
        for text in self.open_irc_private:
            try:
                parse_range(text)
            except ValueError as error:
                msg = f"open_irc_private: {error}"
                raise ValueError(msg) from None
        for key in ("rate_joins", "rate_messages", "rate_room", "rate_commands", "rate_questions"):
            if (text := getattr(self, key)) and rate(text) is None:
                msg = f'{key}: found {quoted(text)}, expected HOW MANY/TIME such as "30/1m"'
                raise ValueError(msg)


class IdentdSettings(_Table, frozen=True):
    """``[identd]``: tells IRC servers under which user names our connections come (RFC 1413)."""

    listen: str = ""  # "": nobody is told

    def __post_init__(self) -> None:
        """Refuse what cannot be listened on."""
        if self.listen and address(self.listen) is None:
            msg = f'listen: found {quoted(self.listen)}, expected HOST:PORT such as "0.0.0.0:113"'
            raise ValueError(msg)


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"


class DeliverySettings(_Table, frozen=True):
    """``[delivery]``: what becomes of messages that wait for a network."""

    max_age: float = 0.0  # seconds after which nobody wants to hear them any more; 0: they wait for as long as it takes


class LogSettings(_Table, frozen=True):
    """``[log]``: what goes to stderr."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT


class Flow(StrEnum):
    """Whether a link carries something between its rooms."""

    BOTH = "both"
    OFF = "off"


class LinkSettings(_Table, frozen=True):
    """One of ``[[links]]``: rooms that are joined."""

    name: str
    rooms: tuple[Room, ...]
    topic: Flow = Flow.BOTH
    kicks: Flow = Flow.BOTH
    passwords: Mapping[Room, Secret] = msgspec.field(default_factory=dict)


class NetworkSettings(_Table, frozen=True):
    """``[networks.NAME]``: a connector's own settings, and its puppets."""

    connector: str
    settings: Any  # an instance of the type that the connector's manifest names
    puppets: PuppetSettings = PuppetSettings()
    history: History | None = None  # None: as the gateway has it


class Config(_Table, frozen=True):
    """Everything that an operator decides."""

    xmpp: XmppSettings
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    media: MediaSettings = MediaSettings()
    networks: Mapping[Network, NetworkSettings] = msgspec.field(default_factory=dict)
    links: tuple[LinkSettings, ...] = ()
    delivery: DeliverySettings = DeliverySettings()
    gateway: GatewaySettings = GatewaySettings()
    identd: IdentdSettings = IdentdSettings()
    log: LogSettings = LogSettings()

    @property
    def admin_token(self) -> Secret:
        """The admin API's bearer token: the configured one, or one that bridge and command line derive alike."""
        if self.http.admin_token is not None:
            return self.http.admin_token
        key = hmac.new(self.xmpp.secret.encode(), b"linkspan admin token", hashlib.sha256)
        return Secret(key.hexdigest())

    @property
    def media_key(self) -> bytes:
        """What signs the bridge's own media URLs."""
        return hmac.new(self.xmpp.secret.encode(), b"linkspan media", hashlib.sha256).digest()

    @property
    def people_key(self) -> Secret:
        """With which networks are shown ids of people that nobody else can make."""
        return Secret(hmac.new(self.xmpp.secret.encode(), b"linkspan people", hashlib.sha256).hexdigest())

    @property
    def public_url(self) -> str:
        """The public listener as others reach it, without a slash at the end."""
        return (self.http.public_url or f"http://{self.http.listen}").rstrip("/")


class _Link(_Table, frozen=True):
    """A link as it is written."""

    name: str
    rooms: tuple[str, ...]
    topic: Flow = Flow.BOTH
    kicks: Flow = Flow.BOTH
    passwords: dict[str, Secret] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the name; rooms need to know the networks."""
        if not link_name(self.name):
            msg = f"name: found {quoted(self.name)}, expected up to 64 characters without slash or control characters"
            raise ValueError(msg)


def hosts_of(config: Config) -> dict[str, Network]:
    """Return the IRC network that each configured server belongs to, by host name as it is written; the first that has it."""
    hosts: dict[str, Network] = {}
    for name, network in config.networks.items():
        host = getattr(network.settings, "host", ()) if network.connector == "irc" else ()
        for each in [host] if isinstance(host, str) else host:
            hosts.setdefault(each, name)
    return hosts


def fixed_network(settings: GatewaySettings, known: Container[Network], hosts: Mapping[str, Network]) -> Network | None:
    """Return the network of ``fixed_server``: the configured one of this name, or with this server; None where none is fixed."""
    named = settings.fixed_server
    if not named:
        return None
    return Network(named) if named in known else hosts.get(named, Network(named))


def find(given: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file to read: the given one, else the first default that there is.

    The defaults are ``./config.toml``, ``$LINKSPAN_CONFIG`` and ``/etc/linkspan/config.toml``.


    Raises: ConfigError when none of the default ones exists.
    """
    if given is not None:
        return Path(given)
    here, system = map(Path, DEFAULT_PLACES)
    if here.exists():
        return here
    if environ.get("LINKSPAN_CONFIG"):
        return Path(environ["LINKSPAN_CONFIG"])
    if system.exists():
        return system
    msg = (
        'found none, expected ./config.toml, $LINKSPAN_CONFIG or /etc/linkspan/config.toml; "linkspan init" writes one'
    )
    raise ConfigError([Problem("configuration file", msg)])


def load(path: Path, settings_of: SettingsOf, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a file. Raises: ConfigError with every mistake in it."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found = f"found a byte that is not UTF-8 in line {line}, expected TOML in UTF-8"
        raise ConfigError([Problem(str(path), found)]) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = '; "linkspan init" writes one' if isinstance(error, FileNotFoundError) else ""
        raise ConfigError([Problem(str(path), f"cannot be read: {why.lower()}{hint}")]) from None
    return parse(text, name=str(path), folder=path.parent, settings_of=settings_of, environ=environ)


def parse(text: str, *, name: str, folder: Path, settings_of: SettingsOf, environ: Mapping[str, str]) -> Config:
    """Read a file's text; relative paths in it start at ``folder``. Raises: ConfigError with every mistake in it."""
    raw = _toml(text, name)
    reader = Reader(folder=folder, environ=environ)
    meant = reader.unknown_keys(raw, [field.name for field in msgspec.structs.fields(Config)], "")
    xmpp = None if "xmpp" in meant else reader.struct(raw.get("xmpp", {}), XmppSettings, "xmpp")
    store = reader.struct(raw.get("store", {}), StoreSettings, "store")
    http = reader.struct(raw.get("http", {}), HttpSettings, "http")
    media = reader.struct(raw.get("media", {}), MediaSettings, "media")
    delivery = reader.struct(raw.get("delivery", {}), DeliverySettings, "delivery")
    gateway = reader.struct(raw.get("gateway", {}), GatewaySettings, "gateway")
    identd = reader.struct(raw.get("identd", {}), IdentdSettings, "identd")
    log = reader.struct(raw.get("log", {}), LogSettings, "log")
    networks = _networks(reader, raw.get("networks", {}), settings_of)
    names = raw["networks"] if isinstance(raw.get("networks"), dict) else {}
    links = _Links(reader, {XMPP, *names}).read(raw.get("links", []))
    _check_names(reader, "media.largest_mb_to", media.largest_mb_to if media else {}, [XMPP, *names])
    _check_names(reader, "gateway.allow_on", gateway.allow_on if gateway else {}, names)
    if reader.problems or not (xmpp and store and http and media and delivery and gateway and identd and log):
        raise ConfigError(reader.problems)
    return Config(
        xmpp=xmpp,
        store=_beside(store, folder),
        http=http,
        media=media,
        networks=networks,
        links=links,
        delivery=delivery,
        gateway=gateway,
        identd=identd,
        log=log,
    )


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # "Invalid value (at line 3, column 9)": the place first, as compilers write it
        what, _, place = str(error).removesuffix(")").rpartition(" (at ")
        where = f"{place}: found {what[:1].lower()}{what[1:]}" if place else str(error)
        raise ConfigError([Problem(name, f"{where}, expected TOML")]) from None


def _check_names(reader: Reader, path: str, table: Mapping[str, object], names: Collection[str]) -> None:
    for network in table:
        if network not in names:
            guess = did_you_mean(nearest(network, names), names)
            reader.wrong(join(path, network), f"found no network of this name, {guess}")


def _networks(reader: Reader, raw: object, settings_of: SettingsOf) -> dict[Network, NetworkSettings]:
    networks: dict[Network, NetworkSettings] = {}
    for name, entry in (reader.table(raw, "networks") or {}).items():
        path = join("networks", name)
        if name == XMPP:
            reader.wrong(path, f"found {quoted(name)}, expected another name: this one is the XMPP side")
        elif not _NETWORK_NAME.fullmatch(name):
            reader.wrong(path, f"found {quoted(name)}, expected a name of lower-case letters, digits, dots and dashes")
        network = _network(reader, entry, path, settings_of)
        if network is not None:
            networks[Network(name)] = network
    return networks


def _network(reader: Reader, raw: object, path: str, settings_of: SettingsOf) -> NetworkSettings | None:
    table = reader.table(raw, path)
    if table is None:
        return None
    own = dict(table)
    puppets = _puppets(reader, own.pop("puppets", {}), join(path, "puppets"))
    kept = _history(reader, own.pop("history", None), join(path, "history"))
    kind = own.pop("connector", None)
    if not isinstance(kind, str):
        found = "missing" if kind is None else f"found {show(kind)}"
        reader.wrong(join(path, "connector"), f'{found}, expected the kind of network, such as "irc"')
        return None
    try:
        settings_type = settings_of(kind)
    except UnknownConnector as unknown:
        reader.wrong(join(path, "connector"), str(unknown))
        return None
    settings = reader.struct(own, settings_type, path, also=("connector", "history", "puppets"))
    if settings is None or puppets is None:
        return None
    return NetworkSettings(connector=kind, settings=settings, puppets=puppets, history=kept)


def _history(reader: Reader, raw: object, path: str) -> History | None:
    if raw is None:
        return None
    try:
        return history(raw if isinstance(raw, str) else show(raw))
    except ValueError as error:
        reader.wrong(path, str(error).removeprefix("history: "))
        return None


def _puppets(reader: Reader, raw: object, path: str) -> PuppetSettings | None:
    puppets = reader.struct(raw, PuppetSettings, path)
    if puppets is None:
        return None
    if "{nick}" not in puppets.nick or not puppets.nick.isprintable():
        wanted = 'a template with {nick} in it, such as "{nick}[x]"'
        reader.wrong(join(path, "nick"), f"found {quoted(puppets.nick)}, expected {wanted}")
    if puppets.max < 0:
        reader.wrong(join(path, "max"), f"found {puppets.max}, expected a whole number from 0 upwards")
    return puppets


class _Links:
    """Reads ``[[links]]``, where what is right depends on everything else."""

    def __init__(self, reader: Reader, networks: Collection[str]) -> None:
        self._reader = reader
        self._networks = networks
        self._names: dict[str, str] = {}  # folded name -> where it was given first
        self._rooms: dict[tuple[Network, str], str] = {}  # folded room -> where it was given first

    def read(self, raw: object) -> tuple[LinkSettings, ...]:
        if not isinstance(raw, list):
            self._reader.wrong("links", f"found {show(raw)}, expected [[links]] tables")
            return ()
        links = [self._link(each, f"links[{index}]") for index, each in enumerate(raw)]
        return tuple(link for link in links if link is not None)

    def _link(self, raw: object, path: str) -> LinkSettings | None:
        link = self._reader.struct(raw, _Link, path)
        if link is None:
            return None
        self._once(self._names, link.name.casefold(), link.name, join(path, "name"), "a name that no other link has")
        rooms = [self._room(text, f"{path}.rooms[{index}]") for index, text in enumerate(link.rooms)]
        if len(rooms) < 2:
            count = "one room" if rooms else "no room"
            self._reader.wrong(join(path, "rooms"), f"found {count}, expected two or more")
        return LinkSettings(
            name=link.name,
            rooms=tuple(each for each in rooms if each is not None),
            topic=link.topic,
            kicks=link.kicks,
            passwords=self._passwords(link, join(path, "passwords")),
        )

    def _room(self, text: str, path: str) -> Room | None:
        place = room(text)
        if place is None:
            self._reader.wrong(path, f"found {quoted(text)}, expected {room_expected(text)}")
            return None
        if place.network not in self._networks:
            guess = nearest(place.network, self._networks)
            end = did_you_mean(guess, sorted(self._networks))
            self._reader.wrong(path, f"found {quoted(text)}, but there is no network {quoted(place.network)}: {end}")
        self._once(self._rooms, (place.network, place.id.casefold()), text, path, "a room that is in no other link")
        return place

    def _once(self, seen: dict[Any, str], key: object, text: str, path: str, wanted: str) -> None:
        first = seen.setdefault(key, path)
        if first != path:
            self._reader.wrong(path, f"found {quoted(text)} as in {first}, expected {wanted}")

    def _passwords(self, link: _Link, path: str) -> dict[Room, Secret]:
        passwords: dict[Room, Secret] = {}
        for text, secret in link.passwords.items():
            place = room(text)
            if place is None or text not in link.rooms:
                end = did_you_mean(nearest(text, link.rooms), link.rooms)
                self._reader.wrong(join(path, text), f"found a password for a room that is not in this link, {end}")
            else:
                passwords[place] = secret
        return passwords


def _beside(store: StoreSettings, folder: Path) -> StoreSettings:
    """Make relative paths start at the configuration's folder, wherever the command is called."""
    scheme, mark, rest = store.url.partition(":///")
    is_file = scheme.partition("+")[0] == "sqlite"
    key_file = store.key_file or ("" if is_file else "linkspan.key")
    keys = str((folder / Path(key_file).expanduser()).absolute()) if key_file else ""
    file, question, options = rest.partition("?")
    if not mark or not is_file or file.startswith(("file:", "/")):
        return StoreSettings(url=store.url, key_file=keys)
    return StoreSettings(url=Secret(f"{scheme}:///{(folder / file).absolute()}{question}{options}"), key_file=keys)
