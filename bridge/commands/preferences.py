"""Being on a network as one likes it: ``settings``, ``reconnect``.

What may be set is the connector's; what is kept of it, and used, is the engine's (:mod:`bridge.engine.preferences`).
"""

from functools import partial
from typing import Final, Protocol

from bridge.commands.refusals import in_words
from bridge.connector import Unsuitable
from bridge.core.commands import (
    About,
    Answer,
    Call,
    Command,
    CommandRefused,
    Field,
    Form,
    Offer,
    Place,
    Values,
    Why,
)
from bridge.core.ids import Network, Person

SETTINGS: Final = Command(
    name="settings",
    title="How you are here: nick, real name, encoding, commands after connecting, channels",
    about=About.NETWORK,
    personal=True,
    more=True,
    help='What is left out stays as it is; "-" makes it what it usually is. Which there are depends on the network.',
)
RESET: Final = Command(
    name="settings reset",
    title="Forget how you wanted to be here",
    about=About.NETWORK,
    personal=True,
)
RECONNECT: Final = Command(
    name="reconnect",
    title="Connect anew, with the settings of now",
    about=About.NETWORK,
    personal=True,
    help="You leave the network for a moment, and come back into all your rooms.",
)
COMMANDS: Final = (SETTINGS, RESET, RECONNECT)


class Desk(Protocol):
    """Who keeps preferences: :class:`bridge.engine.preferences.Preferences`."""

    def able(self, network: Network) -> bool:
        """Tell whether users may prefer anything on a network."""

    def fields(self, network: Network, person: Person) -> tuple[Field, ...]:
        """Return what somebody may prefer, with what it is now."""

    async def change(self, network: Network, person: Person, given: Values) -> str:
        """Keep and use what somebody prefers; returns what only comes later, in words. Raises: Unsuitable, StoreError."""

    async def reset(self, network: Network, person: Person) -> bool:
        """Forget what somebody prefers; False if there was nothing. Raises: StoreError."""

    def reconnect(self, network: Network, person: Person) -> bool:
        """Connect somebody anew; False where they have no connection of their own."""


def offers(desk: Desk) -> tuple[Offer, ...]:
    """Return the commands with what runs them, for the networks that can be adapted."""

    def is_able(place: Place) -> bool:
        return place.network is not None and desk.able(place.network)

    runs = ((SETTINGS, _settings), (RESET, _reset), (RECONNECT, _reconnect))
    return tuple(Offer(command=command, run=partial(run, desk), on=is_able) for command, run in runs)


async def _settings(desk: Desk, call: Call, _: Values) -> Form:
    fields = desk.fields(call.network, call.person)
    if not fields:
        msg = f"{call.network} leaves nothing to its users."
        raise CommandRefused(msg, why=Why.FORBIDDEN)

    async def give(values: Values) -> Answer:
        try:
            with in_words():
                later = await desk.change(call.network, call.person, values)
        except Unsuitable as refused:
            raise CommandRefused(str(refused), field=refused.field) from None
        return Answer(text=_told(desk.fields(call.network, call.person), call.network), remark=later)

    return Form(title=f"You on {call.network}", instructions=SETTINGS.help, fields=fields, then=give)


def _told(fields: tuple[Field, ...], network: Network) -> str:
    """Say how somebody is now, without secrets."""
    now = [f"{field.name}: {field.value.replace(chr(10), ', ')}" for field in fields if field.value]
    return "\n".join([f"On {network} you have set:", *now]) if now else f"On {network} everything is as usual."


async def _reset(desk: Desk, call: Call, _: Values) -> Answer:
    with in_words():
        found = await desk.reset(call.network, call.person)
    if not found:
        msg = f"You have set nothing on {call.network}."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(text=f"On {call.network} everything is as usual again.")


async def _reconnect(desk: Desk, call: Call, _: Values) -> Answer:
    if not desk.reconnect(call.network, call.person):
        msg = f"You are not connected to {call.network}."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(text=f"Connecting anew to {call.network}.")
