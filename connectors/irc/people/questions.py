"""Asking people's own clients by CTCP: VERSION, TIME, PING, over the connection of the user who wants to know.

The answer is a NOTICE that names nothing but the command, so one question of a kind to one nick is under way at a time, and
whoever asks the same meanwhile gets the same answer. Many clients answer nothing, or not to everybody. Called by the connector for its
ability ``Asks``, and by puppets with what they are told. Specification: modern IRC, "CTCP".
"""

import asyncio
from email.utils import parsedate_to_datetime

from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import Person
from bridge.core.profiles import Question
from connectors.irc.connection import ctcp
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.flood import Bucket
from connectors.irc.connection.requests import Lost
from connectors.irc.puppets.pool import Pool
from connectors.irc.reading.attendance import plain
from connectors.irc.scene import Scene

PATIENCE = 5.0
"""Seconds that somebody's client may take; whoever asks waits for them."""
_COMMANDS = {Question.SOFTWARE: "VERSION", Question.TIME: "TIME", Question.ECHO: "PING"}
_ASKERS = 500
_LONGEST = 300

Key = tuple[Connection, str, str]


class Questions:
    """What is being asked on one network."""

    def __init__(self, scene: Scene, pool: Pool) -> None:
        self._scene = scene
        self._pool = pool
        self._waiting: dict[Key, asyncio.Future[str]] = {}
        self._budgets: dict[Person, Bucket] = {}
        pool.answered = self.line

    async def ask(self, person: Person, question: Question, by: Person) -> str:
        """Ask, and return the answer. Raises: ActRefused."""
        puppet = self._pool.get(by)
        connection = puppet.connection if puppet is not None and puppet.member.session else None
        if connection is None:
            raise ActRefused(Obstacle.IMPOSSIBLE, f"you are not on {self._scene.network} as yourself")
        user = self._scene.view.user(person.id)
        nick, name = user.nick if user is not None else str(person.id), _COMMANDS[question]
        if not nick or "," in nick or connection.isupport.is_channel(nick) or nick[0] in "$@+~&%":
            raise ActRefused(Obstacle.ABSENT, f"there is nobody of this name on {self._scene.network}")
        key = (connection, connection.isupport.fold(nick), name)
        waiting = self._waiting.get(key)
        if waiting is None:
            self._charge(by)
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
            waiting.add_done_callback(lambda _: self._waiting.pop(key, None))
            await self._say(connection, nick, ctcp.write(name, "linkspan" if name == "PING" else ""), waiting)
        try:
            async with asyncio.timeout(PATIENCE):
                said = await asyncio.shield(waiting)
        except TimeoutError:
            waiting.cancel()
            raise ActRefused(Obstacle.AWAY, f"{nick}'s client does not answer") from None
        return _time(said) if question is Question.TIME else said

    async def _say(self, connection: Connection, nick: str, text: str, waiting: "asyncio.Future[str]") -> None:
        try:
            refusals = await connection.request("PRIVMSG", nick, text)
        except (Lost, Congested, ValueError):
            waiting.cancel()
            raise ActRefused(Obstacle.AWAY, f"{self._scene.network} does not answer") from None
        refusal = next((line for line in refusals if line.command[:1] in "45" or line.command == "FAIL"), None)
        if refusal is not None:
            waiting.cancel()
            gone = refusal.command in ("401", "402", "406")
            raise ActRefused(Obstacle.ABSENT if gone else Obstacle.FORBIDDEN, refusal.text)

    def line(self, connection: Connection, line: Line) -> bool:
        """Take what was said to a puppet, if it is an answer to a question."""
        said = ctcp.read(line.text) if line.command == "NOTICE" else None
        if said is None:
            return False
        name, words = said
        is_error = name == "ERRMSG"
        if is_error:
            name = words.partition(" ")[0].upper()
        waiting = self._waiting.get((connection, connection.isupport.fold(line.nick), name))
        if waiting is None or waiting.done():
            return False
        if is_error:
            waiting.set_exception(ActRefused(Obstacle.IMPOSSIBLE, f"{line.nick}'s client does not know {name}"))
            waiting.exception()  # it is no mistake if nobody waits any more
        else:
            waiting.set_result(plain(words)[:_LONGEST])
        return True

    def _charge(self, by: Person) -> None:
        """Let nobody flood others through us."""
        budget = self._budgets.pop(by, None) or Bucket(burst=5, rate=0.2)
        self._budgets[by] = budget
        if len(self._budgets) > _ASKERS:
            del self._budgets[next(iter(self._budgets))]
        if not budget.take(1, self._scene.time()):
            raise ActRefused(Obstacle.BUSY, "you have asked a lot: try again in a while")


def _time(said: str) -> str:
    """Return a time as ISO 8601 where it is written as mail writes it; many clients do, others have their own ways."""
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, IndexError, TypeError):
        return said
    return said if moment.tzinfo is None else moment.isoformat(timespec="seconds")
