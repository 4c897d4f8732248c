"""People of a network, and one's own connection to it: ``whois``, ``connection``, ``raw``.

Who knows all that is :class:`bridge.people.People`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from bridge.commands.refusals import in_words
from bridge.connector import Session, Status
from bridge.core.commands import About, Answer, Call, Command, Field, Offer, Place, Sort, Values
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.profiles import Profile, told

WHOIS: Final = Command(
    name="whois",
    title="Who somebody on this network is",
    about=About.NETWORK,
    personal=True,
    fields=(Field(name="nick", label="Nick", sort=Sort.NICK),),
)
CONNECTION: Final = Command(
    name="connection", title="How your own connection to this network is", about=About.NETWORK, personal=True
)
RAW: Final = Command(
    name="raw",
    title="Send a line in the network's own words",
    about=About.NETWORK,
    personal=True,
    fields=(Field(name="line", label="Line", description="COMMAND parameters, as the network's protocol has it"),),
    help="What the network says to it comes as messages from its address.",
)
COMMANDS: Final = (WHOIS, CONNECTION, RAW)


class People(Protocol):
    """Who knows the people of all networks."""

    def informs(self, network: Network) -> bool:
        """Tell whether a network says who its people are."""

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what a network tells of somebody. Raises: ActRefused."""

    def session(self, user: Person, network: Network) -> Session | None:
        """Return how somebody's own connection is, None where nobody has one."""

    async def raw(self, network: Network, user: Person, line: str) -> None:
        """Send a line over somebody's own connection. Raises: ActRefused."""


Heard = Callable[[str, Network], None]
"""Notes that somebody has written to a network, and wants to hear what it says."""


def offers(people: People, heard: Heard) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""

    def informs(place: Place) -> bool:
        return place.network is not None and people.informs(place.network)

    def connects(place: Place) -> bool:
        return place.network is not None and people.session(Person(XMPP, PersonId("")), place.network) is not None

    return (
        Offer(command=WHOIS, run=partial(_whois, people), on=informs),
        Offer(command=CONNECTION, run=partial(_connection, people), on=connects),
        Offer(command=RAW, run=partial(_raw, people, heard), on=connects),
    )


async def _whois(people: People, call: Call, values: Values) -> Answer:
    person = Person(call.network, PersonId(values.text("nick").lower()))
    with in_words():
        profile = await people.profile(person, call.person)
    name = [f"{profile.full_name}:"] if profile.full_name else []
    return Answer(text="\n".join([*name, *told(profile)]))


async def _connection(people: People, call: Call, _: Values) -> Answer:
    session = people.session(call.person, call.network) or Session()
    match session.status:
        case Status.READY | Status.DEGRADED:
            since = datetime.fromtimestamp(session.since / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            how = "connected to" if session.own else "shown by a linked room on"
            return Answer(text=f"You are {how} {call.network} as {session.name}, since {since}.")
        case Status.CONNECTING | Status.NEEDS_LOGIN | Status.DOWN:
            why = f": {session.detail}" if session.detail else ""
            how = "being connected" if session.status is Status.CONNECTING else "not connected"
            return Answer(text=f"You are {how} to {call.network}{why}.")


async def _raw(people: People, heard: Heard, call: Call, values: Values) -> Answer:
    heard(call.user, call.network)
    with in_words():
        await people.raw(call.network, call.person, values.text("line"))
    return Answer(text="Sent.")
