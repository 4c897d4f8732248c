"""Remote people in memory: a :class:`bridge.xmpp.people.profiles.People` whose network ``irc`` is asked by hand."""

from bridge.connector import Session
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import Network, Person, PersonId
from bridge.core.profiles import Profile, Question, Wanted

IRC = Network("irc")
BOB = Person(IRC, PersonId("bob"))


class Crowd:
    """Everybody on IRC, and nobody elsewhere."""

    def __init__(self, *profiles: Profile) -> None:
        self.profiles = {profile.person: profile for profile in profiles}
        self.sessions: dict[str, Session] = {}  # by bare JID
        self.denied: set[str] = set()
        self.looked_for: set[Person] = set()
        self.wanted: list[Wanted] = []
        self.lines: list[tuple[str, str]] = []  # (user, line)
        self.programs: dict[Question, str] = {}
        self.obstacle: Obstacle | None = None

    def may(self, user: str, network: Network) -> bool:
        return user not in self.denied

    def opens(self, network: Network) -> bool:
        return network == "irc.example.net"

    def informs(self, network: Network) -> bool:
        return network == IRC

    async def profile(self, person: Person, by: Person) -> Profile:
        self._look(person.network)
        if person not in self.profiles:
            raise ActRefused(Obstacle.ABSENT, "there is nobody of this name")
        return self.profiles[person]

    async def people(self, network: Network, wanted: Wanted, by: Person) -> list[Profile]:
        self._look(network)
        self.wanted.append(wanted)
        return list(self.profiles.values())

    async def ask(self, person: Person, question: Question, by: Person) -> str:
        self._look(person.network)
        if question not in self.programs:
            raise ActRefused(Obstacle.IMPOSSIBLE, "you are not there as yourself")
        return self.programs[question]

    def sight(self, person: Person, *, on: bool) -> bool:
        if person.network != IRC:
            return False
        (self.looked_for.add if on else self.looked_for.discard)(person)
        return True

    def session(self, user: Person, network: Network) -> Session | None:
        return self.sessions.get(user.id, Session()) if network == IRC or self.opens(network) else None

    async def raw(self, network: Network, user: Person, line: str) -> None:
        self._look(network)
        self.lines.append((user.id, line))

    def _look(self, network: Network) -> None:
        if self.obstacle is not None:
            raise ActRefused(self.obstacle, "no")
        if network != IRC:
            raise ActRefused(Obstacle.IMPOSSIBLE, "not on this network")


def profile(name: str = "Bob", **fields: object) -> Profile:
    """Return somebody on IRC."""
    return Profile(person=Person(IRC, PersonId(name.lower())), name=name, **fields)  # type: ignore[arg-type]
