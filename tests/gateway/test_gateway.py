"""The gateway: which addresses are rooms, who may use them, and the links that hosted rooms are put into."""

import asyncio

import pytest

from bridge.config import GatewaySettings, History, OpenIrcTls
from bridge.connector import PuppetMode, PuppetSettings, Secret
from bridge.core.addresses import parse_range
from bridge.core.capabilities import Representation
from bridge.core.ids import XMPP, Network, Room, RoomId
from bridge.engine.hub import Hub, Link
from bridge.gateway import VISIT, Gateway, Hosted, is_host_allowed
from bridge.storage.memory import MemoryStore
from tests.support.clock import VirtualClock, quiet
from tests.support.connectors import HandConnector, capabilities

HOSTED = RoomId("#dev%irc@bridge.example.org")
FREE = Network("irc.example.net")


ANYWHERE = (parse_range("0.0.0.0/0"), parse_range("::/0"))
THIS_MACHINE = (parse_range("127.0.0.0/8"), parse_range("::1"))


class Stage:
    """A gateway over a hub without networks."""

    def __init__(self, *, domain: str = "bridge.capulet.net", **settings: object) -> None:
        self.clock = VirtualClock()
        self.hub = Hub(store=MemoryStore(now=self.clock.now), clock=self.clock, instance="test")
        self.configured: list[Link] = []
        self.introduced = 0
        self.now = 0.0
        self.gateway = Gateway(
            self.hub,
            GatewaySettings(**settings),  # type: ignore[arg-type]
            instance="test",
            domain=domain,
            relink=lambda: self.hub.set_links(self.gateway.amended(self.configured)),
            known=self._introduce,
            now=lambda: self.now,
        )

    def _introduce(self) -> None:
        self.introduced += 1

    def links(self) -> list[tuple[str, list[str], bool]]:
        return [(link.name, [str(room) for room in link.rooms], link.attended) for link in self.hub.links()]


async def test_open_mode_names_any_server_and_only_channels() -> None:
    stage = Stage(open_irc=True, open_irc_deny=("evil.example", ".internal"))
    found = {
        ("#dev", "irc.example.net"): True,
        ("&local", "irc.example.net"): True,
        ("#dev", "irc.example.net:7000"): True,
        ("#dev", "irc.example.net:994"): True,
        ("#dev", "irc.example.net:25"): False,
        ("#dev", "irc.example.net:0"): False,
        ("#dev", "127.0.0.1"): True,
        ("bob", "irc.example.net"): False,
        ("#dev", "evil.example"): False,
        ("#dev", "db.internal"): False,
        ("#dev", "db.internal:6667"): False,
        ("#dev", "-x"): False,
        ("#dev", "a b"): False,
        ("#dev", "xmpp"): False,
        ("", "irc.example.net"): False,
    }
    for (name, network), is_there in found.items():
        assert (stage.gateway.find(name, Network(network)) is not None) is is_there, (name, network)


@pytest.mark.parametrize("settings", [{}, {"open_irc": True, "enabled": False}])
async def test_without_open_mode_there_are_only_configured_networks(settings: dict[str, object]) -> None:
    assert Stage(**settings).gateway.find("#dev", FREE) is None


async def test_an_allow_list_of_servers_leaves_out_all_others() -> None:
    stage = Stage(open_irc=True, open_irc_allow=(".example.net",))
    assert stage.gateway.find("#dev", FREE) == Room(FREE, RoomId("#dev"))
    assert stage.gateway.find("#dev", Network("example.net")) is None
    assert stage.gateway.find("#dev", Network("example.org")) is None


async def test_the_fixed_server_is_meant_where_no_network_is_named() -> None:
    stage = Stage(fixed_server="irc.example.net")
    assert stage.gateway.find("#dev", None) == Room(FREE, RoomId("#dev"))
    assert Stage(open_irc=True).gateway.find("#dev", None) is None


async def test_a_hosted_room_makes_a_link_of_its_own_that_nobody_of_ours_listens_to() -> None:
    stage = Stage(open_irc=True, open_irc_tls=OpenIrcTls.PREFERRED)
    stage.gateway.open(HOSTED, Room(FREE, RoomId("#dev")), password="secret")
    assert stage.links() == [("hosted irc.example.net:#dev", [f"xmpp:{HOSTED}", "irc.example.net:#dev"], True)]
    assert stage.hub.links()[0].passwords == {Room(FREE, RoomId("#dev")): "secret"}
    assert stage.gateway.opened == {FREE: "irc"}
    assert stage.gateway.title(Room(FREE, RoomId("#dev"))) == "#dev"
    assert stage.gateway.sessions(FREE)
    assert stage.introduced == 1
    stage.gateway.close(HOSTED)
    await quiet()
    assert stage.links() == []
    assert stage.gateway.opened == {}
    await asyncio.sleep(0)
    assert stage.hub.networks() == {}


async def test_a_server_stays_open_while_one_of_its_rooms_is() -> None:
    stage = Stage(open_irc=True)
    other = RoomId("#other%irc.example.net@bridge.example.org")
    stage.gateway.open(HOSTED, Room(FREE, RoomId("#dev")))
    stage.gateway.open(other, Room(FREE, RoomId("#other")))
    stage.gateway.close(HOSTED)
    assert stage.gateway.opened == {FREE: "irc"}
    stage.gateway.close(other)
    assert stage.gateway.opened == {}
    await quiet()


async def test_a_server_is_there_for_a_while_for_what_users_set_there_and_nothing_is_connected() -> None:
    stage = Stage(open_irc=True, open_irc_deny=("evil.example",))
    gateway = stage.gateway
    for network in ("evil.example", "evil.example:7000", "xmpp"):
        gateway.visit(Network(network))
    assert gateway.opened == {}
    gateway.visit(FREE)
    assert gateway.opened == {FREE: "irc"}
    assert (stage.links(), stage.introduced) == ([], 1)
    assert stage.hub.preferences.able(FREE)
    assert FREE in stage.hub.logins.forms()
    gateway.open(HOSTED, Room(FREE, RoomId("#dev")))
    gateway.close(HOSTED)
    gateway.tidy()
    assert gateway.opened == {FREE: "irc"}  # a moment ago somebody was setting something
    stage.now += VISIT
    gateway.visit(FREE)
    gateway.tidy()
    assert gateway.opened == {FREE: "irc"}
    stage.now += VISIT
    gateway.tidy()
    assert gateway.opened == {}
    with pytest.raises(ValueError, match="just being left"):
        gateway.open(HOSTED, Room(FREE, RoomId("#dev")))
    gateway.visit(FREE)
    assert gateway.opened == {}
    await quiet()
    gateway.visit(FREE)
    assert gateway.opened == {FREE: "irc"}
    await stage.hub.close()


async def test_a_server_where_nobody_is_makes_room_for_another() -> None:
    stage = Stage(open_irc=True)
    for number in range(60):
        stage.gateway.visit(Network(f"irc{number}.example.net"))
    assert len(stage.gateway.opened) == 50
    assert Network("irc59.example.net") in stage.gateway.opened
    stage.gateway.open(HOSTED, Room(FREE, RoomId("#dev")))
    assert FREE in stage.gateway.opened
    await quiet()
    await stage.hub.close()


async def test_servers_are_not_opened_without_end() -> None:
    stage = Stage(open_irc=True)
    for number in range(50):
        host = Network(f"irc{number}.example.net")
        stage.gateway.open(RoomId(f"#dev%{host}@bridge.example.org"), Room(host, RoomId("#dev")))
    with pytest.raises(ValueError, match="too many servers"):
        stage.gateway.open(HOSTED, Room(FREE, RoomId("#dev")))
    assert len(stage.links()) == 50
    await stage.hub.close()


async def test_where_the_channel_is_linked_the_hosted_room_joins_the_link() -> None:
    stage = Stage()
    dev = Room(Network("irc"), RoomId("#dev"))
    muc = Room(XMPP, RoomId("dev@conference.example.org"))
    stage.configured = [Link(name="dev", rooms=(muc, dev))]
    put = stage.gateway.amended(stage.configured)
    assert put == stage.configured
    stage.gateway._hosted[HOSTED] = Hosted(id=HOSTED, remote=dev)
    (link,) = stage.gateway.amended(stage.configured)
    assert link.rooms == (muc, dev, Room(XMPP, HOSTED))
    assert not link.attended
    stage.configured = [Link(name="dev", rooms=(Room(XMPP, HOSTED), dev))]
    assert stage.gateway.amended(stage.configured) == stage.configured


@pytest.mark.parametrize(
    ("settings", "network", "reach"),
    [
        ({}, "irc.example.net", ()),
        ({"open_irc_private": ("10.0.0.0/8",)}, "irc.example.net", (parse_range("10.0.0.0/8"),)),
        ({"open_irc_allow": (".example.net",)}, "irc.example.net", ()),
        ({"open_irc_allow": ("irc.example.net",)}, "irc.example.net", ANYWHERE),
        ({"open_irc_allow": ("127.0.0.1",)}, "127.0.0.1:6667", ANYWHERE),
        ({"domain": "bridge.localhost"}, "127.0.0.1:6667", THIS_MACHINE),
        ({"domain": "bridge.example.org"}, "localhost", THIS_MACHINE),
        ({"domain": "bridge.localhost.capulet.net"}, "localhost", ()),
        ({"domain": "myexample.org"}, "localhost", ()),
        ({"fixed_server": "irc.example.net"}, "irc.example.net", None),
    ],
)
async def test_a_server_that_a_user_names_is_on_the_public_internet_unless_the_operator_knows_it(
    settings: dict[str, object], network: str, reach: object
) -> None:
    stage = Stage(open_irc=True, **settings)  # type: ignore[arg-type]
    stage.gateway.key = Secret("k")
    stage.gateway.open(HOSTED, Room(Network(network), RoomId("#dev")))
    connector = stage.hub.networks()[Network(network)]
    assert connector._setup.reach == reach  # type: ignore[attr-defined]
    assert connector._setup.key == "k"  # type: ignore[attr-defined]
    await stage.hub.close()


@pytest.mark.parametrize(
    ("fixed", "network"),
    [
        ("libera", "libera"),
        ("irc.libera.example", "libera"),
        ("irc.other.example", "irc.other.example"),
        ("irc.both.example", "irc.both.example"),
    ],
)
async def test_the_fixed_server_is_the_configured_network_of_this_name_or_with_this_server(
    fixed: str, network: str
) -> None:
    stage = Stage(fixed_server=fixed)
    stage.gateway.kinds = {Network("libera"): "irc", Network("irc.both.example"): "irc"}
    stage.gateway.hosts = {"irc.libera.example": Network("libera"), "irc.both.example": Network("libera")}
    assert stage.gateway.fixed == network


async def test_contacts_are_for_those_who_may_use_the_network_or_are_shown_there() -> None:
    stage = Stage(open_irc=True, allow=("a.example",), deny=("bad@a.example",), open_irc_users=("good@a.example",))
    gateway = stage.gateway
    gateway.kinds = {Network("irc"): "irc"}
    for user, network, may in (
        ("good@a.example", "irc", True),
        ("bad@a.example", "irc", False),
        ("good@b.example", "irc", False),
        ("good@a.example", "irc.example.net", True),
        ("other@a.example", "irc.example.net", False),
    ):
        assert (not gateway.refuses_contact(user, Network(network))) is may, (user, network)
    assert gateway.refuses("bad@a.example", None)
    assert not gateway.refuses("good@b.example", None)
    await stage.hub.close()


def test_hosts_are_named_whole_or_by_what_they_are_below() -> None:
    assert is_host_allowed("a.example", ("a.example",), ())
    assert not is_host_allowed("xa.example", ("a.example",), ())
    assert is_host_allowed("b.a.example", (".a.example",), ())
    assert not is_host_allowed("b.a.example", (), (".a.example",))


async def test_where_users_are_not_there_as_themselves_strangers_are_not_let_in() -> None:
    stage = Stage(domain="bridge.example.org")
    family, irc = Network("family"), Network("irc")
    await stage.hub.open()
    stage.hub.add_network(family, HandConnector(capabilities(Representation.RELAY)), PuppetSettings())
    stage.hub.add_network(irc, HandConnector(capabilities(Representation.SESSION)), PuppetSettings())
    assert stage.gateway.refuses("juliet@example.org", family) == ""
    assert stage.gateway.refuses("juliet@elsewhere.example", family) != ""
    assert stage.gateway.refuses("juliet@elsewhere.example", irc) == ""
    stage.gateway.settings = GatewaySettings(allow=("elsewhere.example",))
    assert stage.gateway.refuses("juliet@elsewhere.example", family) == ""
    stage.gateway.settings = GatewaySettings()
    stage.gateway.modes = {irc: PuppetMode.RELAY}
    assert stage.gateway.refuses("juliet@elsewhere.example", irc) != ""
    await stage.hub.close(deadline=0)


async def test_a_hosted_room_is_kept_as_its_network_says() -> None:
    stage = Stage(history="5 messages", fixed_server="fixed")
    stage.gateway.histories = {Network("irc"): History(messages=0), Network("fixed"): History(seconds=60.0)}
    kept = {
        "#dev%irc@bridge.example.org": History(messages=0),
        "#dev@bridge.example.org": History(seconds=60.0),
        "#dev%irc.example.net@bridge.example.org": History(messages=5),
    }
    assert {room: stage.gateway.kept(RoomId(room)) for room in kept} == kept
    assert [stage.gateway.keeps(Network(name)) for name in ("irc", "fixed", "other")] == [False, True, True]
