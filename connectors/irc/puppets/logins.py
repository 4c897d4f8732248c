"""Users' own services accounts: tried once when they are given, then used by each connection that is theirs.

SASL PLAIN where the server offers it, which also tells at once whether the password is right; else NickServ is told after
connecting, and what it answers nobody can be sure of. Kept by the bridge, as a text that only this module reads; it never gets
into a log, a listing or a sentence.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from bridge.connector import Login, LoginForm, LoginRefused, Secret, Setup
from bridge.core.commands import Field, Sort
from bridge.core.ids import Person, digest
from connectors.irc.config import IrcSettings, flood
from connectors.irc.connection.appearance import servers_for, webirc
from connectors.irc.connection.client import Connection, Failure, Identity, Kind, Line, Reads, Refused
from connectors.irc.connection.dialing import Server, Tls
from connectors.irc.connection.registration import NO_SASL, Sasl
from connectors.irc.connection.sts import Policies
from connectors.irc.puppets.preferences import USUAL, Preferences

PATIENCE = 45.0
"""Seconds for one try."""
FORM = LoginForm(
    title="Log in to your account on this network",
    instructions=(
        "The account that NickServ or the network's website gave you. It is tried at once, and used whenever you are on this "
        "network. The bridge keeps the password, encrypted, since it has to show it again at every connection. With a certificate "
        "you can do without a password."
    ),
    fields=(
        Field(name="account", label="Account (mostly your registered nick)"),
        Field(name="password", label="Its password", sort=Sort.SECRET, required=False),
        Field(
            name="certificate",
            label="Client certificate",
            sort=Sort.CHOICE,
            required=False,
            named=True,
            default="keep",
            choices={
                "keep": "The one that the bridge has of you, if any",
                "make": "One that the bridge makes for you",
                "paste": "The one below",
                "none": "None any more",
            },
            description="Logs you in without a password (SASL EXTERNAL), once the network knows its fingerprint",
        ),
        Field(
            name="pem",
            label="Certificate and key (PEM)",
            sort=Sort.LINES,
            required=False,
            named=True,
            hidden=True,
            longest=32_768,
            description="Of a certificate of your own: both, without passphrase",
        ),
    ),
)
_LONGEST = 200
_UNTRIED = "The network has no SASL: whether the password is right, only NickServ will say, once you are connected."


class Account(msgspec.Struct, frozen=True):
    """What a user has given."""

    name: str
    password: str
    sasl: bool  # it was found good by SASL
    pem: str = ""  # a client certificate and its key

    def __repr__(self) -> str:
        """Leave out the password."""
        return f"Account({self.name!r})"

    def ways(self, *, required: bool = False) -> tuple[Sasl, ...]:
        """Return how it logs in while registering, best first; where ``required``, one of these has to do."""
        external = Sasl(mechanism="EXTERNAL", required=required)
        plain = Sasl(mechanism="PLAIN", username=self.name, password=self.password, required=required)
        return tuple(way for way, is_there in ((external, self.pem), (plain, self.password)) if is_there)


class Logins:
    """The accounts of one network's users."""

    def __init__(
        self,
        setup: Setup,
        preferences: Mapping[Person, Preferences] | None = None,
        policies: Policies | None = None,
    ) -> None:
        """``preferences`` is how users want to be: a try shows the server's password that is theirs."""
        self._setup = setup
        self._accounts: dict[Person, Account] = {}
        self._servers: tuple[Server, ...] = ()  # as the last one who asked reaches them
        self.preferences = preferences if preferences is not None else {}
        self._policies = policies or Policies()

    def use(self, login: Login) -> Account:
        """Use an account from the next connection on."""
        account = msgspec.json.decode(str(login.credentials), type=Account)
        self._accounts[login.person] = account
        return account

    def drop(self, person: Person) -> None:
        """Use somebody's account no more."""
        self._accounts.pop(person, None)

    def of(self, person: Person) -> Account | None:
        """Return somebody's account."""
        return self._accounts.get(person)

    def sasl(self, person: Person) -> tuple[Sasl, ...]:
        """Return how somebody's connection logs in while it registers; it goes on without where that fails."""
        account = self._accounts.get(person)
        return () if account is None else account.ways()

    def nickserv(self, person: Person) -> str:
        """Return what NickServ is told where SASL has not logged in, "" for nothing."""
        account = self._accounts.get(person)
        if account is None or not account.password or " " in account.password:
            return ""
        return f"{account.name} {account.password}"

    def servers(self, person: Person) -> tuple[Server, ...]:
        """Return the network's servers as one person reaches them: with their certificate, and the password that they know."""
        account, own = self._accounts.get(person), self.preferences.get(person, USUAL)
        found = _personal(servers_for(self._setup, person), own.server_password, "" if account is None else account.pem)
        if found != self._servers:
            self._servers = found
        return self._servers  # those of the last one, where they are equal: a connection keeps them

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Try an account on a connection of its own. Raises: LoginRefused."""
        name, password = given.get("account", ""), given.get("password", "")
        pem = self._certificate(person, given)
        _judge(name, password, pem)
        account = Account(name, password, sasl=True, pem=pem)
        made = given.get("certificate") == "make"
        found = await self._try(person, account, ways=account.ways(required=True)[1 if made else 0 :])
        if found is None and not password:
            msg = "this network has no SASL, and a certificate cannot be tried without: give the password, too"
            raise LoginRefused(msg, field="password")
        if found is None and " " in password:
            msg = "this network has no SASL, and NickServ takes no password with blanks"
            raise LoginRefused(msg, field="password")
        account = Account(name, password, sasl=found is not None, pem=pem)
        return Login(
            person=person,
            name=found or name,
            credentials=Secret(msgspec.json.encode(account).decode()),
            remark=_about(pem, made=made) if pem else _UNTRIED if found is None else "",
        )

    def inherit(self, person: Person, name: str, password: str) -> Login:
        """Return the login of an account that nobody has tried. Raises: LoginRefused."""
        _judge(name, password, "")
        account = Account(name, password, sasl=True)
        return Login(person=person, name=name, credentials=Secret(msgspec.json.encode(account).decode()))

    def _certificate(self, person: Person, given: Mapping[str, str]) -> str:
        """Return the certificate that somebody means, "" for none. Raises: LoginRefused."""
        which, text = given.get("certificate", "keep"), given.get("pem", "")
        before = self._accounts.get(person)
        if which in ("keep", "none") and not text:
            return before.pem if before is not None and which == "keep" else ""
        if not self._setup.settings.tls:
            raise LoginRefused(
                "this network is reached without TLS, where no certificate is shown", field="certificate"
            )
        if which == "make":
            if not given.get("password"):
                raise LoginRefused(
                    "the network does not know a new certificate yet: log in with the password, too", field="password"
                )
            from connectors.irc.connection import certificates  # noqa: PLC0415 - 4 MB, and few have one

            return certificates.made(given.get("account", ""), certificates.today())
        from connectors.irc.connection import certificates  # noqa: PLC0415 - as above

        try:
            return certificates.read(text, certificates.today())
        except ValueError as error:
            raise LoginRefused(str(error), field="pem") from None

    async def _try(self, person: Person, account: Account, *, ways: tuple[Sasl, ...]) -> str | None:
        """Return who SASL says that somebody is; None where there is no SASL. Raises: LoginRefused."""
        settings: IrcSettings = self._setup.settings
        identity = Identity(
            nicks=tuple(f"u{digest('try', person.id, number)[:8]}" for number in range(3)),
            username="linkspan",
            realname="login",
            sasl=ways,
            webirc=webirc(self._setup, person),
        )
        own = self.preferences.get(person, USUAL)
        connection = Connection(
            _Nobody(),
            _personal(servers_for(self._setup, person), own.server_password, account.pem),
            identity,
            flood=flood(settings),
            encoding=settings.encoding,
            reads=Reads.OWN,
        )
        connection.policies = self._policies
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.connect()
                found = connection.account
                await connection.quit(settings.quit_message)
        except Refused as refused:
            if refused.reason in NO_SASL:
                return None
            raise LoginRefused(self._refusal(refused, account)) from None
        except TimeoutError:
            msg = f"it could not be tried: {self._setup.network} does not answer"
            raise LoginRefused(msg) from None
        return found

    def _refusal(self, refused: Refused, account: Account) -> str:
        if refused.kind is not Kind.AUTH:
            return f"it could not be tried: {refused.reason}"
        what = "account and password" if account.password else "certificate"
        return f"{self._setup.network} does not accept this {what}: {refused.reason}"


def _judge(name: str, password: str, pem: str) -> None:
    """See that an account can be one. Raises: LoginRefused."""
    if not name or len(name) > _LONGEST or not name.isprintable() or " " in name:
        raise LoginRefused(f"expected up to {_LONGEST} characters without blanks", field="account")
    if (not password and not pem) or len(password) > _LONGEST or not password.isprintable():
        raise LoginRefused(f"expected up to {_LONGEST} characters", field="password")


def _personal(servers: tuple[Server, ...], password: str, pem: str) -> tuple[Server, ...]:
    """Return servers as somebody reaches them who has a password or a certificate of their own."""
    return tuple(
        msgspec.structs.replace(
            server,
            password=password or server.password,
            tls=_shown(server.tls, pem),
            strictly=_shown(server.strictly, pem),
        )
        for server in servers
    )


def _shown(tls: Tls | None, pem: str) -> Tls | None:
    return tls if tls is None or not pem else msgspec.structs.replace(tls, pem=Secret(pem))


def _about(pem: str, *, made: bool) -> str:
    """Say what somebody has to do for their certificate to log them in."""
    from connectors.irc.connection import certificates  # noqa: PLC0415 - as above

    sha256, sha512 = certificates.fingerprints(pem)
    whose = "The certificate that the bridge has made for you" if made else "Your certificate"
    return (
        f"{whose} has the fingerprint {sha256} (SHA-256), {sha512} (SHA-512). Once your connection shows it (reconnect), tell the "
        "network once: NickServ takes CERT ADD. From then on it logs you in."
    )


class _Nobody:
    """Owns the connection of a try: nothing that it is told matters."""

    def up(self, connection: Connection) -> None:
        """Take no notice."""

    def down(self, connection: Connection, failure: Failure) -> None:
        """Take no notice."""

    def nick(self, connection: Connection, old: str, new: str) -> None:
        """Take no notice."""

    def line(self, connection: Connection, line: Line) -> None:
        """Take no notice."""
