"""How the running bridge is: ``status``, what is not delivered, who wants nothing more, whose logins there are."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final, Protocol

from bridge import listing
from bridge.core.commands import Answer, Call, Command, CommandRefused, Field, Offer, Sort, Values, Who, Why
from bridge.web.ports import (
    DeadLetterDocument,
    DeliveryDocument,
    Done,
    LoginDocument,
    OptOutDocument,
    StatusDocument,
)

MOST_LISTED: Final = 1_000
_LIMIT: Final = Field(
    name="limit",
    label="How many at most",
    sort=Sort.NUMBER,
    required=False,
    default=str(MOST_LISTED),
    least=1,
    most=MOST_LISTED,
    named=True,
)
_WHICH: Final = (
    Field(name="keys", label="Keys", sort=Sort.LIST, required=False, description="As listed"),
    Field(name="all", label="All of them", sort=Sort.FLAG, required=False),
)

STATUS: Final = Command(
    name="status",
    title="Networks, links, puppets and queues of the running bridge",
    who=Who.ADMIN,
    result=StatusDocument,
)
DELIVERIES: Final = Command(
    name="deliveries list",
    title="List what waits, is under way or failed, or what became of one message",
    who=Who.ADMIN,
    fields=(
        Field(
            name="room",
            label="Room",
            required=False,
            description="Of one message: where it was said, as NETWORK:ROOM",
        ),
        Field(name="message", label="Message", required=False, description="What that room calls it: its id"),
        _LIMIT,
    ),
    result=list[DeliveryDocument],
)
LETTERS: Final = Command(
    name="deadletters list",
    title="List deliveries that were given up, oldest first",
    who=Who.ADMIN,
    fields=(_LIMIT,),
    result=list[DeadLetterDocument],
)
RETRY: Final = Command(name="deadletters retry", title="Try them again", who=Who.ADMIN, fields=_WHICH, result=Done)
DISCARD: Final = Command(name="deadletters discard", title="Delete them", who=Who.ADMIN, fields=_WHICH, result=Done)
OPT_OUTS: Final = Command(
    name="optouts list",
    title="List who wants nothing more from us (STOP), oldest first",
    who=Who.ADMIN,
    fields=(Field(name="history", label="Every change of mind, for an audit", sort=Sort.FLAG, required=False),),
    result=list[OptOutDocument],
)
LOGINS: Final = Command(
    name="logins list",
    title="List users' logins, oldest first; what they consist of is not shown",
    who=Who.ADMIN,
    result=list[LoginDocument],
)
REMOVE_LOGIN: Final = Command(
    name="logins remove",
    title="Forget a login: its user is relayed again",
    who=Who.ADMIN,
    fields=(
        Field(name="network", label="Network"),
        Field(name="user", label="User", sort=Sort.JID, description="The user's bare JID"),
    ),
)
COMMANDS: Final = (STATUS, DELIVERIES, LETTERS, RETRY, DISCARD, OPT_OUTS, LOGINS, REMOVE_LOGIN)


class State(Protocol):
    """Who knows: :class:`bridge.administration.Administration`."""

    async def status(self) -> StatusDocument:
        """Return everything at a glance."""

    def opt_outs(self, *, history: bool) -> Sequence[OptOutDocument]:
        """Return who wants nothing from us now, or every change of mind, oldest first."""

    def logins(self) -> Sequence[LoginDocument]:
        """Return all logins, oldest first."""

    async def remove_login(self, network: str, user: str) -> None:
        """Forget a login. Raises: CommandRefused."""

    async def deliveries(self, limit: int) -> Sequence[DeliveryDocument]:
        """Return what is not confirmed: what waits or is under way, oldest first, then what failed."""

    async def fate(self, room: str, message: str) -> Sequence[DeliveryDocument]:
        """Return what has become of one message in each other room. Raises: CommandRefused when nobody knows it."""

    async def dead_letters(self, limit: int) -> Sequence[DeadLetterDocument]:
        """Return deliveries that were given up, oldest first."""

    async def retry(self, keys: Collection[str] | None) -> int:
        """Put dead letters back into the outbox, all if None; returns how many."""

    async def discard(self, keys: Collection[str] | None) -> int:
        """Delete dead letters, all if None; returns how many."""


def offers(state: State) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=STATUS, run=partial(_status, state)),
        Offer(command=DELIVERIES, run=partial(_deliveries, state)),
        Offer(command=LETTERS, run=partial(_letters, state)),
        Offer(command=RETRY, run=partial(_retry, state)),
        Offer(command=DISCARD, run=partial(_discard, state)),
        Offer(command=OPT_OUTS, run=partial(_opt_outs, state)),
        Offer(command=LOGINS, run=partial(_logins, state)),
        Offer(command=REMOVE_LOGIN, run=partial(_remove_login, state)),
    )


async def _status(state: State, _: Call, __: Values) -> Answer:
    found = await state.status()
    return Answer(text=listing.status(found), data=found)


async def _deliveries(state: State, _: Call, values: Values) -> Answer:
    room, message = values.text("room"), values.text("message")
    if bool(room) != bool(message):
        msg = "expected both room and message, or neither"
        raise CommandRefused(msg, why=Why.WRONG)
    found = await (state.fate(room, message) if room else state.deliveries(values.number("limit")))
    return Answer(table=listing.deliveries(found), data=found)


async def _letters(state: State, _: Call, values: Values) -> Answer:
    found = await state.dead_letters(values.number("limit"))
    return Answer(table=listing.dead_letters(found), data=found)


async def _retry(state: State, _: Call, values: Values) -> Answer:
    keys = _keys(values)
    return _counted(await state.retry(keys), keys, "put back into the outbox")


async def _discard(state: State, _: Call, values: Values) -> Answer:
    keys = _keys(values)
    return _counted(await state.discard(keys), keys, "discarded")


def _keys(values: Values) -> Sequence[str] | None:
    """Return which are meant, None for all. Raises: CommandRefused."""
    keys = values.texts("keys")
    if values.flag("all") == bool(keys):
        msg = "expected either keys or all"
        raise CommandRefused(msg, why=Why.WRONG)
    return tuple(dict.fromkeys(keys)) or None


def _counted(count: int, keys: Sequence[str] | None, done: str) -> Answer:
    answer = Answer(text=f"{count} {done}", data=Done(count=count))
    if keys is None or count == len(keys):
        return answer
    several = f"{len(keys) - count} of these keys name no dead letter"
    remark = several if len(keys) > 1 else f'there is no dead letter "{keys[0]}"'
    return Answer(text=answer.text, data=answer.data, remark=remark, why=Why.MISSING)


async def _opt_outs(state: State, _: Call, values: Values) -> Answer:
    found = state.opt_outs(history=values.flag("history"))
    return Answer(table=listing.opt_outs(found), data=found)


async def _logins(state: State, _: Call, __: Values) -> Answer:
    found = state.logins()
    return Answer(table=listing.logins(found), data=found)


async def _remove_login(state: State, _: Call, values: Values) -> Answer:
    network, user = values.text("network"), values.text("user")
    await state.remove_login(network, user)
    return Answer(text=f"forgot the login of {user} on {network}")
