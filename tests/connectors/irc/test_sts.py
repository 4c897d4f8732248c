"""Strict transport security: what a server may ask for, when it is believed, for how long, and what is never said in plain text."""

import asyncio
import ssl

import msgspec
import pytest

from bridge.connector import PuppetSettings, Setup
from bridge.core.ids import Network
from connectors.irc.config import IrcSettings, servers
from connectors.irc.connection import client
from connectors.irc.connection.client import Connection, Flood, Identity, Kind, Refused, Server, Tls
from connectors.irc.connection.sts import Advert, Policies, demand, read, strict
from connectors.irc.connector import build
from tests.support.irc_diary import Diary
from tests.support.irc_stage import Diary as Hub
from tests.support.irc_stage import stage
from tests.support.ircd import Ircd
from tests.support.servers import InspIRCd, certificate

DAY = 86_400
SURE = Tls()
PLAIN = Server(host="irc.test", port=6667, strictly=SURE)
SECURE = Server(host="irc.test", port=6697, tls=SURE, strictly=SURE)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("port=6697", Advert(6697, None)),
        ("duration=15552000", Advert(None, 15_552_000)),
        ("unknown,duration=31536000,foo=bar", Advert(None, 31_536_000)),
        ("duration=0,port=6697,preload", Advert(6697, 0)),
        ("port=6697,port=1", Advert(6697, None)),
        ("", Advert()),
        ("port,duration", Advert()),
        ("port=0,duration=-1", Advert()),
        ("port=65536,duration=1e9", Advert()),
        ("port=٦,duration=²", Advert()),
        ("duration=9999999999999999999", Advert(None, 10 * 365 * DAY)),
        ("duration=" + "9" * 5000, Advert()),
    ],
)
def test_what_a_server_says(value, said):
    assert read(value) == said


class Times:
    """Policies with a clock, and what was written of them."""

    def __init__(self, kept=None):
        self.now = 1_000_000.0
        self.writes = []
        self.kept = dict(kept or {})
        self.policies = Policies(lambda: self.now)
        self.policies.remember = self._write

    def _write(self, name, value):
        self.writes.append(name)
        self.kept[name] = value

    async def again(self):
        """Return the same after a restart."""
        later = Times(self.kept)
        later.now = self.now
        hub = Hub()
        hub.kept = later.kept
        await later.policies.recall(hub)
        return later

    def reached(self, *servers):
        return [(server.port, server.tls is not None) for server in self.policies.ways(servers)]


async def test_a_policy_holds_over_restarts_until_it_ends():
    times = Times()
    assert times.reached(PLAIN) == [(6667, False)]
    times.policies.heard(SECURE, 10 * DAY)
    for _ in range(2):
        assert times.reached(PLAIN) == [(6697, True)]
        times = await times.again()
    times.now += 10 * DAY - 1
    assert times.reached(PLAIN) == [(6697, True)]
    times.now += 1
    assert times.reached(PLAIN) == [(6667, False)]


async def test_it_counts_from_the_end_of_the_last_connection():
    times = Times()
    times.policies.heard(SECURE, 10 * DAY)
    times.now += 40 * DAY
    times.policies.left(SECURE)
    times = await times.again()
    times.now += 9 * DAY
    assert times.reached(PLAIN) == [(6697, True)]


async def test_a_duration_of_nothing_ends_it_for_good():
    times = Times()
    times.policies.heard(SECURE, DAY)
    times.policies.heard(SECURE, 0)
    times.policies.left(SECURE)
    assert times.reached(PLAIN) == [(6667, False)]
    assert (await times.again()).reached(PLAIN) == [(6667, False)]


def test_a_thousand_connections_are_not_a_thousand_writes():
    times = Times()
    for _ in range(1000):
        times.policies.heard(SECURE, 30 * DAY)
        times.now += 1
        times.policies.left(SECURE)
    assert len(times.writes) == 1


@pytest.mark.parametrize(
    ("speaker", "asked", "strictly"),
    [
        (Server(host="irc.test", port=6697, tls=Tls(verify=False), strictly=Tls(verify=False)), PLAIN, False),
        (Server(host="irc.test", port=6697, tls=Tls(verify=False, fingerprint="0" * 64), strictly=SURE), PLAIN, True),
        (PLAIN, PLAIN, False),
        (SECURE, Server(host="other.test", port=6667, strictly=SURE), False),
        (SECURE, Server(host="IRC.Test", port=6667, strictly=SURE), True),
        (SECURE, Server(host="irc.test", port=7000, strictly=SURE), True),
        (SECURE, Server(host="irc.test", port=6667), False),  # the operator wants none of it
        (Server(host="irc.test", port=6697, tls=SURE), PLAIN, False),
    ],
)
def test_who_is_believed_and_about_whom(speaker, asked, strictly):
    times = Times()
    times.policies.heard(speaker, DAY)
    assert times.reached(asked) == [(6697, True) if strictly else (asked.port, False)]


def test_no_way_falls_back_to_plain_text():
    times = Times()
    times.policies.heard(SECURE, DAY)
    ways = servers(IrcSettings(host=["irc.test", "other.test"], tls_required=False), certificate=False)
    assert [(way.host, way.port, way.tls is not None) for way in times.policies.ways(ways)] == [
        ("irc.test", 6697, True),
        ("other.test", 6697, True),
        ("other.test", 6667, False),
    ]


@pytest.mark.parametrize("value", ["", "x", "1 2", "6697 -1 5", "6697 86400 9999999999 1"])
async def test_what_cannot_be_read_was_not_kept(value):
    assert (await Times({"sts irc.test": value}).again()).reached(PLAIN) == [(6667, False)]


# on the wire


@pytest.fixture
def secure(tmp_path):
    certificate(tmp_path, "irc.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return Tls(ca=str(tmp_path / "cert.pem")), context


def link_to(server, *, policies=None, password=""):
    who = Identity(nicks=("link",), username="user", realname="A Bridge")
    link = Connection(Diary(), (server,), who, flood=Flood(rate=0))
    link.policies = policies or Policies()
    return link


async def test_a_server_in_plain_text_that_asks_for_tls_gets_it_and_no_password_before(secure):
    tls, context = secure
    async with Ircd() as plain, Ircd(tls=context) as safe:
        server = Server(host="127.0.0.1", port=plain.port, password="sesame", strictly=tls)
        link = link_to(server)
        connecting = asyncio.create_task(link.connect())
        peer = await plain.accept()
        await peer.expect("CAP LS 302")
        peer.send(f":irc.test CAP * LS :batch sts=port={safe.port},duration=0")
        assert await peer.closed() == ["CAP REQ batch"]
        peer = await safe.accept()
        await peer.expect("PASS sesame", "CAP LS 302")
        peer.send(":irc.test CAP * LS :sts=duration=86400,port=1")
        await peer.welcome()
        await connecting
        assert (link.server.port, link.server.tls) == (safe.port, tls)
        assert link.policies.ways([server]) == (strict(server, safe.port),)
        peer.send(":irc.test CAP link DEL :sts", ":irc.test PING fence")
        await peer.find("PONG fence")
        assert link.policies.ways([server])[0].tls is tls
        peer.send(":irc.test CAP link NEW :sts=duration=0", ":irc.test PING fence")
        await peer.find("PONG fence")
        assert link.policies.ways([server]) == (server,)
        link.abort()


async def test_whoever_asks_for_tls_and_has_no_good_certificate_is_not_connected_to(secure):
    _, context = secure
    async with Ircd() as plain, Ircd(tls=context) as safe:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's end of a refused handshake
        link = link_to(Server(host="127.0.0.1", port=plain.port, strictly=Tls()))
        connecting = asyncio.create_task(link.connect())
        peer = await plain.accept()
        peer.send(f":irc.test CAP * LS :sts=port={safe.port}")
        with pytest.raises(
            Refused, match="self-signed certificate; it has asked to be reached with TLS only"
        ) as raised:
            await connecting
        assert raised.value.kind is Kind.TLS
        assert plain.idle


@pytest.mark.parametrize(
    ("port", "kind"), [(25, Kind.FORBIDDEN), (194, Kind.FORBIDDEN), (994, Kind.TLS), (6697, Kind.TLS)]
)
def test_a_server_that_a_user_has_named_leads_to_no_other_service(port, kind):
    assert demand(msgspec.structs.replace(PLAIN, reach=()), port).kind is kind
    assert demand(PLAIN, port).kind is Kind.TLS


async def test_a_server_that_begins_to_ask_later_is_left(secure):
    tls, _ = secure
    async with Ircd() as plain:
        link = link_to(Server(host="127.0.0.1", port=plain.port, strictly=tls))
        connecting = asyncio.create_task(link.connect())
        peer = await plain.accept()
        await peer.welcome()
        await connecting
        peer.send(":irc.test CAP link NEW :sts=duration=60")
        await peer.silence()
        peer.send(":irc.test CAP link NEW :sts=port=6697")
        assert (await link._owner.told("down"))[1] is Kind.TLS


@pytest.mark.parametrize(
    "answer",
    [":irc.test CAP * LS :", ":irc.test CAP * LS :sts=duration=60", ":irc.test 421 * CAP :Unknown command", ""],
    ids=["no policy", "not for plain text", "no capabilities", "not a word"],
)
async def test_a_server_that_asks_for_nothing_gets_the_password(answer, monkeypatch):
    monkeypatch.setattr(client, "WARY", 60.0 if answer else 0.0)
    async with Ircd() as plain:
        link = link_to(Server(host="127.0.0.1", port=plain.port, password="sesame", strictly=Tls()))
        connecting = asyncio.create_task(link.connect())
        peer = await plain.accept()
        await peer.expect("CAP LS 302")
        if answer:
            peer.send(answer)
        await peer.expect("PASS sesame", "NICK link", "USER user 0 * :A Bridge")
        peer.nick = "link"
        peer.introduce()
        await connecting
        link.abort()


async def test_an_operator_may_want_none_of_it():
    async with Ircd() as plain, stage(plain.port, rooms=(), sts=False) as play:
        peer = await plain.accept()
        await peer.welcome(caps="sts=port=1")
        await play.ready()


async def test_a_bridge_keeps_what_a_server_asked_for(secure):
    tls, context = secure
    hub = Hub()
    async with Ircd(tls=context) as safe:
        async with Ircd() as plain, stage(plain.port, rooms=(), hub=hub, tls_ca=tls.ca) as play:
            (await plain.accept()).send(f":irc.test CAP * LS :sts=port={safe.port}")
            await (await safe.accept()).welcome(caps="sts=duration=86400")
            await play.ready()
            port = plain.port
        async with stage(port, rooms=(), hub=hub, tls_ca=tls.ca) as play:  # where nobody listens any more
            await (await safe.accept()).welcome(caps="sts=duration=86400")
            await play.ready()


@pytest.mark.server
async def test_an_inspircd_that_wants_tls(monkeypatch):
    server = InspIRCd(tls=True)
    server.modules = (*server.modules, "ircv3_sts")
    server.more = f'<sts host="localhost" duration="1d" port="{server.tls_port}">'
    async with server:
        tls = Tls(ca=str(server.folder / "cert.pem"))
        asked = Server(host="localhost", port=server.port, strictly=tls)
        policies = Policies()
        link = link_to(asked, policies=policies)
        await link.connect()
        assert link.server.port == server.tls_port
        await link.quit()
        (way,) = policies.ways([asked])
        assert (way.port, way.tls) == (server.tls_port, tls)
        settings = IrcSettings(host="localhost", port=server.port, tls=False, tls_ca=tls.ca)
        setup = Setup(network=Network("irc"), settings=settings, puppets=PuppetSettings(), instance="test", version="0")
        (finding,) = await build(setup).check([])
        assert finding.ok
        assert finding.hint == f"set tls = true and port = {server.tls_port}"
