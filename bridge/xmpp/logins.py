"""The commands of a network that takes logins: ``login``, ``logout``, ``whoami``, at the network's own address.

What has to be given is the connector's form; what is kept of it, and used, is the engine's (:mod:`bridge.engine.logins`).
A user is known by the bare JID that their server vouches for. Made by the connector.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from bridge.connector import Login, LoginForm, LoginRefused
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.engine.ports import StoredLogin, StoreError
from bridge.xmpp.commands import Ask, Command, Input, Step, Told


class Desk(Protocol):
    """Who keeps logins: :class:`bridge.engine.logins.Logins`."""

    def forms(self) -> Mapping[Network, LoginForm]:
        """Return the networks that take logins, and what each of them takes."""

    def of(self, network: Network, person: Person) -> StoredLogin | None:
        """Return somebody's login on a network."""

    async def log_in(self, network: Network, person: Person, given: Mapping[str, str]) -> Login:
        """Try credentials, keep and use them. Raises: LoginRefused, StoreError."""

    async def log_out(self, network: Network, person: Person) -> bool:
        """Forget a login; False if there was none. Raises: StoreError."""


class LoginCommands:
    """What a network's address offers."""

    def __init__(self, network_at: Callable[[str], Network | None]) -> None:
        self._network_at = network_at
        self.desk: Desk | None = None  # until the application has said who keeps logins

    def at(self, localpart: str) -> Sequence[Command]:
        """Return the commands of an address, none where it is no network's that takes logins."""
        network = self._network_at(localpart)
        desk = self.desk
        form = None if desk is None or network is None else desk.forms().get(network)
        if desk is None or network is None or form is None:
            return ()
        return (
            Command(node="login", name=form.title, begin=partial(_login, desk, network, form)),
            Command(node="logout", name="Forget your login here", begin=partial(_logout, desk, network)),
            Command(node="whoami", name="Who you are here", begin=partial(_whoami, desk, network)),
        )


async def _login(desk: Desk, network: Network, form: LoginForm, caller: str) -> Step:
    stored = desk.of(network, _person(caller))
    known = "" if stored is None else f"\nYou are {stored.login.name} here; this replaces it."

    async def give(given: Mapping[str, str]) -> Step:
        try:
            login = await desk.log_in(network, _person(caller), given)
        except (LoginRefused, StoreError) as refused:
            return Told(str(refused), wrong=True)
        return Told(f"From now on you speak on {network} as {login.name}.")

    inputs = tuple(Input(name=field.name, label=field.label, secret=field.secret) for field in form.fields)
    return Ask(title=form.title, instructions=form.instructions + known, inputs=inputs, then=give)


async def _logout(desk: Desk, network: Network, caller: str) -> Step:
    try:
        found = await desk.log_out(network, _person(caller))
    except StoreError as refused:
        return Told(str(refused), wrong=True)
    if not found:
        return Told(f"You have no login on {network}.", wrong=True)
    return Told(f"Your login on {network} is forgotten.")


async def _whoami(desk: Desk, network: Network, caller: str) -> Step:
    stored = desk.of(network, _person(caller))
    if stored is None:
        return Told(f"You have no login on {network}.")
    if stored.trouble:
        return Told(f"You were {stored.login.name} on {network}, until this happened: {stored.trouble}")
    return Told(f"You are {stored.login.name} on {network}.")


def _person(caller: str) -> Person:
    return Person(XMPP, PersonId(caller))
