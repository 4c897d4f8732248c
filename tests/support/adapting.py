"""A network whose users log in and say how they want to be, without anything behind it."""

from collections.abc import Mapping

from bridge.connector import Login, LoginForm, LoginRefused, Secret
from bridge.core.capabilities import Representation
from bridge.core.commands import Field, Sort, Values
from bridge.core.ids import Person, RoomId
from connectors.irc.puppets import preferences
from connectors.irc.puppets.naming import rules_of
from connectors.irc.puppets.preferences import NAMES, USUAL, Preferences
from tests.support.connectors import HandConnector, capabilities

NETWORK = preferences.Network(rules=rules_of(30, str.lower), chantypes="#", fold=str.lower)


class AdaptingConnector(HandConnector):
    """Takes the password "right" of every account; what may be preferred, and how it is kept, is IRC's own."""

    login_form = LoginForm(
        title="Log in",
        instructions="Give your account.",
        fields=(
            Field(name="account", label="Account"),
            Field(name="password", label="Password", sort=Sort.SECRET, required=False),
        ),
    )

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.SESSION))
        self.used: dict[Person, str] = {}
        self.preferred: dict[Person, Preferences] = {}
        self.connected: set[Person] = set()

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        if given["password"] != "right":
            raise LoginRefused("it is not accepted", field="password")
        return Login(person=person, name=given["account"], credentials=Secret("x"), remark="now reconnect")

    def use(self, login: Login) -> None:
        self.used[login.person] = login.name

    def drop(self, person: Person) -> None:
        self.used.pop(person, None)

    def preference_fields(self, person: Person) -> tuple[Field, ...]:
        return preferences.fields(self.preferred.get(person, USUAL), NAMES)

    def choose(self, person: Person, given: Values) -> Secret:
        before = self.preferred.get(person, USUAL)
        return preferences.written(preferences.chosen(before, given, person=person, network=NETWORK))

    def adapt(self, person: Person, chosen: Secret) -> str:
        before, now = self.preferred.pop(person, USUAL), preferences.read(chosen)
        if chosen:
            self.preferred[person] = now
        return preferences.waiting(before, now, ()) if person in self.connected else ""

    def rooms_at_start(self, person: Person) -> Mapping[RoomId, str]:
        return preferences.rooms(self.preferred.get(person, USUAL), str.lower)

    def reconnect(self, person: Person) -> bool:
        return person in self.connected
