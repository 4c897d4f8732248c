"""Speaking on a network as oneself: ``login``, ``logout``, ``whoami``.

What has to be given is the connector's form; what is kept of it, and used, is the engine's (:mod:`bridge.engine.logins`).
"""

from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol

from bridge.commands.refusals import in_words
from bridge.connector import Login, LoginForm, LoginRefused
from bridge.core.commands import (
    About,
    Answer,
    Call,
    Command,
    CommandRefused,
    Form,
    Offer,
    Place,
    Values,
    Why,
)
from bridge.core.ids import Network, Person
from bridge.engine.ports import StoredLogin

LOGIN: Final = Command(
    name="login",
    title="Speak here as yourself",
    about=About.NETWORK,
    personal=True,
    more=True,
    help="What has to be given depends on the network. A form is safer than a line of chat, which stays in archives.",
)
LOGOUT: Final = Command(name="logout", title="Forget your login here", about=About.NETWORK, personal=True)
WHOAMI: Final = Command(name="whoami", title="Who you are here", about=About.NETWORK, personal=True)
COMMANDS: Final = (LOGIN, LOGOUT, WHOAMI)


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


def offers(desk: Desk) -> tuple[Offer, ...]:
    """Return the commands with what runs them, for the networks that take logins."""

    def takes_logins(place: Place) -> bool:
        return place.network in desk.forms()

    return (
        Offer(command=LOGIN, run=partial(_login, desk), on=takes_logins),
        Offer(command=LOGOUT, run=partial(_logout, desk), on=takes_logins),
        Offer(command=WHOAMI, run=partial(_whoami, desk), on=takes_logins),
    )


async def _login(desk: Desk, call: Call, _: Values) -> Form:
    form = desk.forms()[call.network]
    stored = desk.of(call.network, call.person)
    known = "" if stored is None else f"\nYou are {stored.login.name} here; this replaces it."

    async def give(values: Values) -> Answer:
        given = {field.name: values.text(field.name) for field in form.fields}
        try:
            with in_words():
                login = await desk.log_in(call.network, call.person, given)
        except LoginRefused as refused:
            raise CommandRefused(str(refused), field=refused.field) from None
        return Answer(text=f"From now on you speak on {call.network} as {login.name}.", remark=login.remark)

    return Form(title=form.title, instructions=form.instructions + known, fields=form.fields, then=give)


async def _logout(desk: Desk, call: Call, _: Values) -> Answer:
    with in_words():
        found = await desk.log_out(call.network, call.person)
    if not found:
        msg = f"You have no login on {call.network}."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(text=f"Your login on {call.network} is forgotten.")


async def _whoami(desk: Desk, call: Call, _: Values) -> Answer:
    stored = desk.of(call.network, call.person)
    if stored is None:
        return Answer(text=f"You have no login on {call.network}.")
    if stored.trouble:
        return Answer(text=f"You were {stored.login.name} on {call.network}, until this happened: {stored.trouble}")
    return Answer(text=f"You are {stored.login.name} on {call.network}.")
