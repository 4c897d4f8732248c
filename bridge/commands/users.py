"""Users and their sessions, as administrators see them and end them: XEP-0133, where it has the same; and ``announce``."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from bridge import listing
from bridge.core.commands import Answer, Call, Command, CommandRefused, Field, Offer, Sort, Table, Values, Who, Why
from bridge.core.wording import counted
from bridge.web.ports import Done, SessionDocument, WhoseDocument

_ADMIN: Final = "http://jabber.org/protocol/admin"
_NETWORK: Final = Field(name="network", label="Network", required=False, named=True, description="Only on this one")
_USERS: Final = Field(
    name="users", label="Users", sort=Sort.JIDS, least=1, var="accountjids", description="Their bare JIDs"
)

LIST: Final = Command(
    name="users list",
    title="List users who are on some network now, and how they are there",
    who=Who.ADMIN,
    fields=(
        _NETWORK,
        Field(
            name="limit",
            label="How many at most",
            sort=Sort.NUMBER,
            required=False,
            default="1000",
            least=1,
            most=1_000,
            named=True,
            var="max_items",
        ),
    ),
    node=f"{_ADMIN}#get-online-users-list",
    form_type=_ADMIN,
    result=list[SessionDocument],
)
COUNT: Final = Command(
    name="users count",
    title="How many users are on some network now",
    who=Who.ADMIN,
    node=f"{_ADMIN}#get-online-users-num",
    form_type=_ADMIN,
    result=Done,
)
SHOW: Final = Command(
    name="users show",
    title="How a user is on networks now",
    who=Who.ADMIN,
    fields=(Field(name="who", label="User", sort=Sort.JID, var="accountjid", description="Their bare JID"),),
    node=f"{_ADMIN}#user-stats",
    form_type=_ADMIN,
    result=list[SessionDocument],
)
DISCONNECT: Final = Command(
    name="users disconnect",
    title="End users' sessions on networks, and take them out of hosted rooms",
    who=Who.ADMIN,
    fields=(_USERS, _NETWORK),
    help="It keeps nobody away: they may come again, and whoever is in a linked room does with their next message.",
    node=f"{_ADMIN}#end-user-session",
    form_type=_ADMIN,
    result=Done,
)
WHOSE: Final = Command(
    name="users whose",
    title="Find out whose connection a network complains of",
    who=Who.ADMIN,
    fields=(Field(name="mark", label="User name (ident), address or host", description="x1a2b3c4d"), _NETWORK),
    help="Of those who are somewhere now, and those who have a login.",
    result=list[WhoseDocument],
)
ANNOUNCE: Final = Command(
    name="announce",
    title="Tell something to all users who are on some network now, or to a room",
    who=Who.ADMIN,
    fields=(
        Field(name="text", label="Announcement", sort=Sort.LINES, var="announcement"),
        _NETWORK,
        Field(
            name="room",
            label="Room",
            required=False,
            named=True,
            description="Say it there instead: NETWORK:ROOM, or the address of a hosted room",
        ),
    ),
    node=f"{_ADMIN}#announce",
    form_type=_ADMIN,
    result=Done,
)
COMMANDS: Final = (LIST, COUNT, SHOW, WHOSE, DISCONNECT, ANNOUNCE)


class Users(Protocol):
    """Who knows them: :class:`bridge.userdesk.Users`. A network that is not there raises CommandRefused."""

    def sessions(self, *, network: str = "", user: str = "") -> Sequence[SessionDocument]:
        """Return who is where, by user; "" is all."""

    def whose(self, mark: str, *, network: str = "") -> Sequence[WhoseDocument]:
        """Return whose connections a network may know by this."""

    def disconnect(self, user: str, *, network: str = "") -> int:
        """End a user's sessions; returns how many there were."""

    def tell(self, users: Iterable[str], text: str) -> int:
        """Tell users something in private; returns how many could be told. Raises: CommandRefused while nobody can."""

    def announce(self, room: str, text: str) -> None:
        """Say something in a room of a link. Raises: CommandRefused."""


def offers(users: Users) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=LIST, run=partial(_list, users)),
        Offer(command=COUNT, run=partial(_count, users)),
        Offer(command=SHOW, run=partial(_show, users)),
        Offer(command=WHOSE, run=partial(_whose, users)),
        Offer(command=DISCONNECT, run=partial(_disconnect, users)),
        Offer(command=ANNOUNCE, run=partial(_announce, users)),
    )


async def _list(users: Users, _: Call, values: Values) -> Answer:
    found = users.sessions(network=values.text("network"))
    names = _names(found)
    limit = values.number("limit")
    shown = set(names[:limit])
    listed = [each for each in found if each.user in shown]
    remark = f"{len(names) - limit} more are not shown" if len(names) > limit else ""
    form = {"onlineuserjids": names[:limit]}
    if not listed:
        return Answer(text="Nobody is on a network now.", data=listed, form=form)
    return Answer(table=listing.sessions(listed), data=listed, form=form, remark=remark)


async def _count(users: Users, _: Call, __: Values) -> Answer:
    count = len(_names(users.sessions()))
    return Answer(text=counted(count, "user"), data=Done(count=count), form={"onlineusersnum": (str(count),)})


async def _show(users: Users, _: Call, values: Values) -> Answer:
    user = values.text("who")
    found = users.sessions(user=user)
    if not found:
        msg = f"{user} is on no network now"
        raise CommandRefused(msg, why=Why.MISSING)
    clients = dict.fromkeys(client.partition("/")[2] for each in found for client in each.clients)
    return Answer(table=listing.sessions(found), data=found, form={"onlineresources": tuple(clients)})


async def _whose(users: Users, _: Call, values: Values) -> Answer:
    found = users.whose(values.text("mark"), network=values.text("network"))
    if not found:
        msg = f"{values.text('mark')} is nobody's who is known now"
        raise CommandRefused(msg, why=Why.MISSING)
    rows = tuple((each.user, each.network, ", ".join(each.marks)) for each in found)
    return Answer(table=Table(columns=("USER", "NETWORK", "KNOWN BY"), rows=rows), data=found)


async def _disconnect(users: Users, _: Call, values: Values) -> Answer:
    named, network = values.texts("users"), values.text("network")
    ended = {user: users.disconnect(user, network=network) for user in named}
    absent = [user for user, count in ended.items() if not count]
    count = sum(ended.values())
    return Answer(
        text=f"{counted(count, 'session')} ended",
        data=Done(count=count),
        remark=f"not there: {', '.join(absent)}" if absent else "",
        why=Why.MISSING if absent else None,
    )


async def _announce(users: Users, _: Call, values: Values) -> Answer:
    text, room, network = values.text("text"), values.text("room"), values.text("network")
    if room and network:
        msg = "expected a room or a network, not both"
        raise CommandRefused(msg, why=Why.WRONG)
    if room:
        users.announce(room, text)
        return Answer(text=f"said in {room}", data=Done(count=1))
    count = users.tell(_names(users.sessions(network=network)), text)
    return Answer(text=f"told {counted(count, 'user')}", data=Done(count=count))


def _names(sessions: Iterable[SessionDocument]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.user for each in sessions))
