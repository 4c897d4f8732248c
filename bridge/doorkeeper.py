"""Who may use the gateway, how much of it, and how fast: the configuration and what is held now, made into answers.

Everything that a user can begin asks here: joins, messages, contacts, commands. An answer is a sentence that names what stands in the way,
or "". It counts what it refuses. Built by :mod:`bridge.gateway`; a new configuration takes effect with the next question.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from bridge.config import GatewaySettings, rate
from bridge.core import access
from bridge.core.ids import Network, Room
from bridge.core.rates import Buckets
from bridge.core.wording import counted
from bridge.xmpp.hosted.ports import Doing

DENIED, FULL, FAST = "denied", "full", "fast"
REASONS: Final = (DENIED, FULL, FAST)
"""Why somebody is refused, for the metrics."""
_MANY: Final = {Doing.JOIN: "joins", Doing.SPEAK: "messages", Doing.COMMAND: "commands", Doing.ASK: "questions"}
_NOT_HERE: Final = "you may not use this gateway"


class Doorkeeper:
    """Answers for one gateway."""

    def __init__(self, settings: GatewaySettings, *, now: Callable[[], float]) -> None:
        """``now`` gives seconds that never go backwards."""
        self._now = now
        self._refused: Counter[str] = Counter()
        self.outcasts: Callable[[str], bool] = lambda _: False
        """Tells whether an administrator has cast a user out; set by the application."""
        self._settings = settings
        self._apply(settings)

    @property
    def settings(self) -> GatewaySettings:
        """What the operator says."""
        return self._settings

    @settings.setter
    def settings(self, settings: GatewaySettings) -> None:
        if settings != self._settings:
            self._settings = settings
            self._apply(settings)

    def _apply(self, settings: GatewaySettings) -> None:
        self._buckets = {
            Doing.JOIN: Buckets(rate(settings.rate_joins)),
            Doing.SPEAK: Buckets(rate(settings.rate_messages)),
            Doing.COMMAND: Buckets(rate(settings.rate_commands)),
            Doing.ASK: Buckets(rate(settings.rate_questions)),
        }
        self._rooms = Buckets(rate(settings.rate_room))

    @property
    def refused(self) -> Mapping[str, int]:
        """How many were refused, by reason."""
        return {reason: self._refused[reason] for reason in REASONS}

    # -- who

    def knows(self, user: str) -> bool:
        """Tell whether somebody may use the gateway at all, without counting the question."""
        allow, deny = self._settings.allow, self._settings.deny
        return access.is_allowed(user, allow, deny) and not self.outcasts(user)

    def denies(self, user: str) -> str:
        """Return why somebody may use nothing at all."""
        denied = access.is_named(user, self._settings.deny) or self.outcasts(user)
        return self._noted(DENIED, _NOT_HERE) if denied else ""

    def refuses(self, user: str, network: Network, *, allow: Collection[str] = (), is_open: bool = False) -> str:
        """Return why somebody may not use a network; ``allow`` stands in where the operator names nobody.

        ``is_open``: it is an IRC server that no configuration names.
        """
        settings = self._settings
        if why := self.denies(user):
            return why
        if not access.is_allowed(user, settings.allow or allow, ()):
            return self._noted(DENIED, _NOT_HERE)
        if not access.is_allowed(user, settings.allow_on.get(network, ()), ()):
            return self._noted(DENIED, f"you may not use {network} here")
        if is_open and not access.is_allowed(user, settings.open_irc_users, ()):
            return self._noted(DENIED, "you may use the networks of this gateway, and no server of your choice")
        return ""

    # -- how much

    def bounds(self, remote: Room, held: Collection[Room], users: int) -> str:
        """Return why somebody cannot be in one more room: they hold these, and so many others use the gateway now."""
        settings = self._settings
        if remote in held:
            return ""
        if not held and 0 < settings.max_users <= users:
            return self._noted(FULL, f"the gateway has its {counted(settings.max_users, 'user')}: try again later")
        networks = {room.network for room in held}
        if remote.network not in networks and 0 < settings.max_networks <= len(networks):
            return self._noted(
                FULL, f"you are on {counted(len(networks), 'network')}, and may be on {settings.max_networks}"
            )
        rooms = sum(room.network == remote.network for room in held)
        if 0 < settings.max_rooms <= rooms:
            return self._noted(
                FULL, f"you are in {counted(rooms, 'room')} of {remote.network}, and may be in {settings.max_rooms}"
            )
        return ""

    def bounds_stays(self, held: int) -> str:
        """Return why somebody cannot stay without a client in one room more than so many."""
        most = self._settings.max_stays
        return (
            self._noted(FULL, f"you stay in {counted(held, 'room')}, and may stay in {most}")
            if 0 < most <= held
            else ""
        )

    def full(self, words: str) -> str:
        """Refuse somebody for a bound that is not the gateway's own."""
        return self._noted(FULL, words)

    # -- how fast

    def hurries(self, user: str, doing: Doing, room: str = "") -> str:
        """Return why somebody has to wait before they do one more of something; ``room`` is where they speak."""
        if why := self._paced(self._buckets[doing], user, _MANY[doing]):
            return why
        return self._paced(self._rooms, room, "messages in this room") if room else ""

    def _paced(self, buckets: Buckets, key: str, what: str) -> str:
        wait, bound = buckets.take(key, self._now()), buckets.rate
        if not wait or bound is None:
            return ""
        words = f"too many {what}: {bound.many} in {bound.seconds:g} s; try again in {max(1, round(wait))} s"
        return self._noted(FAST, words)

    def _noted(self, reason: str, words: str) -> str:
        self._refused[reason] += 1
        return words
