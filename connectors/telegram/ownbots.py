"""Bots of people's own: whoever has registered one speaks through it, under its name and picture.

Such a bot only speaks. It is never asked for updates, so nothing is read twice, and what it says is known by its number
and dropped where the bridge's own bot is shown it (:mod:`connectors.telegram.inbound`). It speaks in supergroups alone: in
a basic group each bot counts messages for itself, and in a channel all posts are the channel's. Where it cannot speak, its
user is told once and relayed.

Called by :mod:`connectors.telegram.speaking` and, for logins, by :mod:`connectors.telegram.connector`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bridge.connector import Login, LoginForm, LoginRefused, Secret
from bridge.core.commands import Field, Sort
from bridge.core.failures import VoiceLost
from bridge.core.ids import Person
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.config import TOKEN
from connectors.telegram.pace import Pace, Rates
from connectors.telegram.refusals import TokenRefused, Trouble
from connectors.telegram.rooms import Rooms

SHUT_OUT: Final = 300.0
"""Seconds after which a bot tries again to speak in a chat that it is not in."""
FORM: Final = LoginForm(
    title="Speak through a Telegram bot of your own",
    instructions=(
        "Talk to @BotFather on Telegram: /newbot, give it your name, and /setuserpic for your picture. "
        "Give its token here, and add the bot to the group. It needs no rights there, and reads nothing."
    ),
    fields=(Field(name="token", label="The bot's token, as @BotFather gives it", sort=Sort.SECRET),),
)


class Misplaced(VoiceLost):
    """Somebody's own bot cannot speak in a chat of this kind."""


class Mouth:
    """Through whom something is said: a bot, and how fast it may."""

    def __init__(self, client: Client, pace: Pace, *, number: int, person: Person | None = None) -> None:
        self.client = client
        self.pace = pace
        self.number = number  # the bot's
        self.person = person  # whose own it is; None: the bridge's


class OwnBots:
    """Everybody's own bots."""

    def __init__(
        self, *, connect: Callable[[str], Client], rates: Rates, rooms: Rooms, clock: Clock, main: str
    ) -> None:
        self._connect = connect
        self._rates = rates
        self._rooms = rooms
        self._clock = clock
        self._main = number_of(main)
        self._tokens: dict[Person, str] = {}
        self._numbers: dict[int, Person] = {}
        self._mouths: dict[Person, Mouth] = {}
        self._shut: dict[tuple[Person, int], float] = {}  # out of which chats, until when not to try
        self._gone: list[Client] = []  # of bots that are used no more: to be closed

    # -- logins

    async def try_out(self, person: Person, given: Mapping[str, str]) -> Login:
        """Find out whose a token is. Raises: LoginRefused."""
        token = given.get("token", "").strip()
        if not TOKEN.fullmatch(token):
            raise LoginRefused("this is no token: expected digits, a colon and letters, as @BotFather gives it")
        if number_of(token) == self._main:
            raise LoginRefused("this is the bridge's own bot: have @BotFather make one for you (/newbot)")
        if self._numbers.get(number_of(token), person) != person:
            raise LoginRefused("somebody else speaks through this bot")
        client = self._connect(token)
        try:
            bot = await client.open()
        except TokenRefused:
            raise LoginRefused("Telegram does not accept this token") from None
        except Trouble:
            raise LoginRefused("Telegram cannot be reached just now: try again later") from None
        finally:
            await client.close()
        if not bot.can_join_groups:
            words = f"@{bot.username} may not be added to groups: tell @BotFather /setjoingroups, Enable"
            raise LoginRefused(words)
        return Login(person=person, name=f"@{bot.username}", credentials=Secret(token))

    def use(self, login: Login) -> None:
        """Speak for somebody through their bot from now on."""
        self.drop(login.person)
        self._tokens[login.person] = login.credentials
        self._numbers[number_of(login.credentials)] = login.person

    def drop(self, person: Person) -> None:
        """Speak for somebody through their bot no more."""
        token = self._tokens.pop(person, None)
        if token is None:
            return
        self._numbers.pop(number_of(token), None)
        self._shut = {place: until for place, until in self._shut.items() if place[0] != person}
        mouth = self._mouths.pop(person, None)
        if mouth is not None:
            self._gone.append(mouth.client)

    # -- speaking

    def is_one(self, number: int) -> bool:
        """Tell whether a bot is somebody's own, so that what it says was said by the bridge."""
        return number in self._numbers

    def mouth(self, person: Person, chat: int) -> Mouth:
        """Return through whom somebody speaks in a chat. Raises: VoiceLost."""
        token = self._tokens.get(person)
        if token is None:
            raise VoiceLost("they have no bot of their own")
        kind = self._rooms.kind(chat)
        if kind != "supergroup":
            raise Misplaced(f"bots of people's own speak in supergroups only, and this is a {kind or 'chat'}")
        if self._shut.get((person, chat), 0.0) > self._clock.monotonic():
            raise VoiceLost("their bot is not in the chat")
        found = self._mouths.get(person)
        if found is None:
            pace = Pace(self._rates)
            found = Mouth(self._connect(token), pace, number=number_of(token), person=person)
            self._mouths[person] = found
        return found

    def shut_out(self, person: Person, chat: int) -> None:
        """Take note that somebody's bot is not in a chat: for a while it is not tried there."""
        self._shut[person, chat] = self._clock.monotonic() + SHUT_OUT

    def let_in(self, number: int, chat: int) -> None:
        """Take note that a bot came into a chat."""
        person = self._numbers.get(number)
        if person is not None:
            self._shut.pop((person, chat), None)

    async def close(self) -> None:
        """End all connections; whoever speaks next has a new one."""
        clients = [*self._gone, *(mouth.client for mouth in self._mouths.values())]
        self._gone.clear()
        self._mouths.clear()
        for client in clients:
            await client.close()


def number_of(token: str) -> int:
    """Return which bot a token is for; 0 for what is no token."""
    match = TOKEN.fullmatch(token)
    return int(match[1]) if match is not None else 0
