"""Users as their administrator knows them: who is where, whose session is ended, who is told something."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from bridge.commands import operation, users
from bridge.connector import Wire
from bridge.core.capabilities import Representation
from bridge.core.commands import OPERATOR, Answer, CommandRefused, Place, Why
from bridge.core.deliveries import Announce, AsBridge
from bridge.core.dialogue import Stuck, pass_through
from bridge.core.ids import Person, Room
from bridge.storage.memory import MemoryStore
from bridge.userdesk import Users
from bridge.xmpp.hosted.service import Guest
from tests.support.build import joined, member, person, puppet_joined, room
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works, works

ANN, BOB = "ann@example.org", "bob@example.org"
HIDDEN = "dev@conference.example.org/eve"
LINK = ("xmpp:dev@conference.example.org", "libera:#dev")


class Host:
    """An XMPP side with one hosted room, in which bob is with two clients and carol stays without."""

    def __init__(self) -> None:
        remote = room("family:-100")
        self.here = [guest(BOB, remote, clients=(f"{BOB}/desk", f"{BOB}/phone")), guest("carol@example.org", remote)]
        self.told: list[tuple[str, str]] = []
        self.connected = True

    def guests(self) -> Sequence[Guest]:
        return list(self.here)

    def put_out(self, address: str, user: str, reason: str) -> None:
        assert reason
        self.here = [each for each in self.here if (each.address, each.user) != (address, user)]

    def tell(self, users: Iterable[str], text: str) -> bool:
        self.told += [(user, text) for user in users if self.connected]
        return self.connected


def guest(user: str, remote: Room, *, clients: tuple[str, ...] = ()) -> Guest:
    return Guest(user=user, address="-100%family@bridge", remote=remote, nick=user.partition("@")[0], clients=clients)


@asynccontextmanager
async def stage() -> AsyncIterator["Stage"]:
    """Give a desk over a hub that runs."""
    async with works(link=LINK) as w:
        for name in ("xmpp", "libera"):
            w.add(name, able=capabilities(Representation.ADDRESS))
        await quiet()
        yield Stage(w)


class Stage:
    """A desk over a hub with XMPP and IRC, on which ann is present, bob on the way, and somebody whose address is hidden."""

    def __init__(self, w: Works) -> None:
        self.works, self.host = w, Host()
        self.desk = Users(w.hub, lambda: [self.host])
        self.commands = known(*users.offers(self.desk))
        where = LINK[0]
        for who in (ANN, BOB, HIDDEN):
            name = who.partition("@")[0] if "/" not in who else "eve"
            w.networks["xmpp"].emit(joined(msgspec.structs.replace(member(who, "xmpp"), name=name), where=where))
        w.networks["libera"].emit(joined(member("dave", "libera"), where=LINK[1]))
        w.networks["libera"].emit(puppet_joined(person(ANN, "xmpp"), "ann_", where=LINK[1]))

    async def do(self, name: str, **given: object) -> Answer | Stuck:
        offer = self.commands.find(name, Place())
        assert offer is not None
        return await pass_through(self.commands.first(offer, Place(), OPERATOR), given)


async def test_users_are_listed_with_how_they_are_there() -> None:
    async with stage() as here:
        answer = await here.do("users list")
        assert isinstance(answer, Answer)
        assert answer.table is not None
        assert answer.table.rows == (
            (ANN, "libera:#dev", "ann_", "present", ""),
            (BOB, "family:-100", "bob", "through the bridge", "2"),
            (BOB, "libera:#dev", "bob", "on the way", ""),
            ("carol@example.org", "family:-100", "carol", "through the bridge", ""),
            (HIDDEN, "libera:#dev", "eve", "on the way", ""),
        )
        assert answer.form == {"onlineuserjids": (ANN, BOB, "carol@example.org", HIDDEN)}


async def test_of_one_network_and_no_more_than_asked_for() -> None:
    async with stage() as here:
        answer = await here.do("users list", network="libera", limit=1)
        assert isinstance(answer, Answer)
        assert (answer.form["onlineuserjids"], answer.remark) == ((ANN,), "2 more are not shown")
        assert str(await here.do("users list", network="libra")) == 'network: found "libra", did you mean "libera"?'
        count = await here.do("users count")
        assert isinstance(count, Answer)
        assert (count.text, count.form) == ("4 users", {"onlineusersnum": ("4",)})


async def test_one_user() -> None:
    async with stage() as here:
        answer = await here.do("users show", who=f"{BOB}/somewhere")
        assert isinstance(answer, Answer)
        assert answer.form == {"onlineresources": ("desk", "phone")}
        assert len(answer.data) == 2
        nobody = await here.do("users show", who="nobody@example.org")
        assert nobody == Answer(text="nobody@example.org is on no network now", why=Why.MISSING)


class Marked(HandConnector):
    """A network that knows people by a hash."""

    def user_of(self, wire: Wire) -> str:
        raise AssertionError("no server asks here")

    def marks(self, person: Person) -> tuple[str, ...]:
        return (f"x{person.id.partition('@')[0]}0000", "2001:db8::7")


@pytest.mark.parametrize(
    ("mark", "found"),
    [
        ("xann0000", [ANN]),
        ("~XANN0000", [ANN]),
        ("xann000", []),
        ("xcarol00", ["carol@example.org"]),
        ("2001:db8::7", [ANN, BOB, "carol@example.org", HIDDEN]),
    ],
)
async def test_whose_connection_a_network_complains_of(mark: str, found: list[str]) -> None:
    async with stage() as here:
        here.works.add("oftc", Marked(capabilities(Representation.ADDRESS)))
        answer = await here.do("users whose", mark=mark)
        assert isinstance(answer, Answer)
        assert [each.user for each in answer.data or ()] == found
        assert (answer.why is Why.MISSING) is not bool(found)


async def test_a_session_is_ended_everywhere_or_on_one_network() -> None:
    async with stage() as here:
        answer = await here.do("users disconnect", users=[BOB, "nobody@example.org"], network="libera")
        assert isinstance(answer, Answer)
        assert (answer.text, answer.remark, answer.why) == (
            "1 session ended",
            "not there: nobody@example.org",
            Why.MISSING,
        )
        assert here.works.networks["libera"].wishes[-1] == f"leave #dev {BOB} (an administrator has ended your session)"
        assert [each.user for each in here.host.here] == [BOB, "carol@example.org"]
        await here.do("users disconnect", users=[BOB])
        assert [each.user for each in here.host.here] == ["carol@example.org"]
        assert here.desk.sessions(user=BOB) == []


async def test_an_announcement_goes_to_everybody_who_is_there_and_whose_address_is_known() -> None:
    async with stage() as here:
        answer = await here.do("announce", text="down\nat noon")
        assert isinstance(answer, Answer)
        assert answer.text == "told 3 users"
        assert here.host.told == [(user, "down\nat noon") for user in (ANN, BOB, "carol@example.org")]
        here.host.told.clear()
        await here.do("announce", text="irc only", network="libera")
        assert [user for user, _ in here.host.told] == [ANN, BOB]
        here.host.connected = False
        away = await here.do("announce", text="x")
        assert away == Answer(text="there is no connection to the XMPP server", why=Why.AWAY)


async def test_an_announcement_in_a_room_is_the_bridge_s_own_word() -> None:
    async with stage() as here:
        await here.do("announce", text="down at noon", room="libera:#dev")
        [said] = [each for each in here.works.networks["libera"].sent if isinstance(each, Announce)]
        assert (said.text, said.head.voice, str(said.head.room)) == ("down at noon", AsBridge(), "libera:#dev")
        await here.do("announce", text="again", room="dev@conference.example.org")
        assert [each.text for each in here.works.networks["xmpp"].sent if isinstance(each, Announce)] == ["again"]
        assert str(await here.do("announce", text="x", room="libera:#other")) == (
            'room: found "libera:#other", expected a room of a link'
        )
        both = await here.do("announce", text="x", room="libera:#dev", network="libera")
        assert both == Answer(text="expected a room or a network, not both", why=Why.WRONG)


async def test_reading_the_configuration_anew() -> None:
    async def reload() -> Sequence[str]:
        return left

    async def refuse() -> Sequence[str]:
        msg = "networks.x.port: found 0, expected a whole number from 1 to 65535"
        raise CommandRefused(msg, why=Why.WRONG)

    async def said(reading: operation.Reload | None) -> Answer | Stuck:
        commands = known(*operation.offers(reading, MemoryStore()))
        offer = commands.find("reload", Place())
        assert offer is not None
        return await pass_through(commands.first(offer, Place(), OPERATOR), {})

    left: tuple[str, ...] = ()
    assert await said(reload) == Answer(text="the configuration is in force")
    left = ("store.url",)
    assert await said(reload) == Answer(text="the configuration is in force", remark="only a restart changes store.url")
    wrong = await said(refuse)
    assert isinstance(wrong, Answer)
    assert (wrong.why, wrong.text.partition(":")[0]) == (Why.WRONG, "networks.x.port")
    nothing = await said(None)
    assert isinstance(nothing, Answer)
    assert nothing.why is Why.AWAY


@pytest.mark.parametrize("network", ["xmpp", "none"])
async def test_a_network_that_is_none_is_named(network: str) -> None:
    async with stage() as here:
        with pytest.raises(CommandRefused, match=f'found "{network}"'):
            here.desk.sessions(network=network)
