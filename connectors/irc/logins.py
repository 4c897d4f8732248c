"""Users' own services accounts: tried once when they are given, then used by each connection that is theirs.

SASL PLAIN where the server offers it, which also tells at once whether the password is right; else NickServ is told after
connecting, and what it answers nobody can be sure of. Kept by the bridge, as a text that only this module reads; it never gets
into a log, a listing or a sentence.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from bridge.connector import Login, LoginField, LoginForm, LoginRefused, Secret, Setup
from bridge.core.ids import Person, digest
from connectors.irc.appearance import servers_for, webirc
from connectors.irc.client import Connection, Failure, Identity, Kind, Line, Reads, Refused
from connectors.irc.config import IrcSettings, flood
from connectors.irc.registration import NO_SASL, Sasl

PATIENCE = 45.0
"""Seconds for one try."""
FORM = LoginForm(
    title="Log in to your account on this network",
    instructions=(
        "The account that NickServ or the network's website gave you. It is tried at once, and used whenever you are on this "
        "network. The bridge keeps the password, since it has to show it again at every connection."
    ),
    fields=(
        LoginField(name="account", label="Account (mostly your registered nick)"),
        LoginField(name="password", label="Its password", secret=True),
    ),
)
_LONGEST = 200


class Account(msgspec.Struct, frozen=True):
    """What a user has given."""

    name: str
    password: str
    sasl: bool  # it was found good by SASL

    def __repr__(self) -> str:
        """Leave out the password."""
        return f"Account({self.name!r})"


class Logins:
    """The accounts of one network's users."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._accounts: dict[Person, Account] = {}

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

    def sasl(self, person: Person) -> Sasl | None:
        """Return how somebody's connection logs in while it registers; it goes on without where that fails."""
        account = self._accounts.get(person)
        if account is None:
            return None
        return Sasl(mechanism="PLAIN", username=account.name, password=account.password, required=False)

    def nickserv(self, person: Person) -> str:
        """Return what NickServ is told where SASL has not logged in, "" for nothing."""
        account = self._accounts.get(person)
        return f"{account.name} {account.password}" if account is not None else ""

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Try an account on a connection of its own. Raises: LoginRefused."""
        name, password = given.get("account", ""), given.get("password", "")
        for what, text in (("account", name), ("password", password)):
            if not text or len(text) > _LONGEST or not text.isprintable() or " " in text:
                msg = f"{what}: expected up to {_LONGEST} characters without blanks"
                raise LoginRefused(msg)
        sasl = await self._try(person, name, password)
        account = Account(name, password, sasl)
        return Login(person=person, name=name, credentials=Secret(msgspec.json.encode(account).decode()))

    async def _try(self, person: Person, name: str, password: str) -> bool:
        """Tell whether SASL has found an account good; False where there is no SASL. Raises: LoginRefused."""
        settings: IrcSettings = self._setup.settings
        identity = Identity(
            nicks=tuple(f"u{digest('try', name, number)[:8]}" for number in range(3)),
            username="linkspan",
            realname="login",
            sasl=(Sasl(mechanism="PLAIN", username=name, password=password),),
            webirc=webirc(self._setup, person),
        )
        connection = Connection(
            _Nobody(),
            servers_for(self._setup, person),
            identity,
            flood=flood(settings),
            encoding=settings.encoding,
            reads=Reads.OWN,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.connect()
                await connection.quit(settings.quit_message)
        except Refused as refused:
            if refused.reason in NO_SASL:
                return False
            if refused.kind is Kind.AUTH:
                msg = f"{self._setup.network} does not accept this account and password: {refused.reason}"
            else:
                msg = f"it could not be tried: {refused.reason}"
            raise LoginRefused(msg) from None
        except TimeoutError:
            msg = f"it could not be tried: {self._setup.network} does not answer"
            raise LoginRefused(msg) from None
        return True


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
