"""One connection on real servers: what test_client.py claims with a scripted one, InspIRCd and ngircd confirm."""

import asyncio
import hashlib
import ssl
from contextlib import asynccontextmanager

import pytest

from bridge.demo.processes import answers
from connectors.irc.connection import dialing
from connectors.irc.connection.client import Connection, Flood, Identity, Kind, Lost, Reads, Refused, Server, Tls
from connectors.irc.connection.pulse import shared
from tests.support.irc_diary import Diary
from tests.support.servers import InspIRCd, Ngircd

pytestmark = pytest.mark.server
both = pytest.mark.parametrize("make", [InspIRCd, Ngircd], ids=["inspircd", "ngircd"])


def link_to(port, nick="link", *, tls=None, password="", identity=None, **more):
    who = Identity(nicks=(nick, f"{nick}_", f"{nick}__"), username="user", realname="A Bridge", **(identity or {}))
    return Connection(Diary(), (Server(host="127.0.0.1", port=port, tls=tls, password=password),), who, **more)


def diary(link):
    return link._owner


@asynccontextmanager
async def up(port, *nicks, join="", **more):
    """Give registered connections, made in parallel."""
    links = [link_to(port, nick, **more) for nick in nicks]
    await asyncio.gather(*(link.connect() for link in links))
    for link in links if join else ():
        link.send("JOIN", join)
        await link.barrier()  # one by one: the first is the channel's operator, where there are such
    try:
        yield links
    finally:
        await asyncio.gather(*(link.quit() for link in links))


@both
async def test_two_talk_and_nothing_is_injected(make):
    async with make() as server, up(server.port, "alice", "bob", join="#dev") as (alice, bob):
        alice.send("PRIVMSG", "#dev", "grüße 😀 \x02bold\x02 \u2028\x85 :x  y")
        await diary(bob).told("PRIVMSG", "#dev", "grüße 😀 \x02bold\x02 \u2028\x85 :x  y")
        alice.send("PRIVMSG", "#dev", "one\r\nQUIT :two\0three\rQUIT")
        await diary(bob).told("PRIVMSG", "#dev", "one  QUIT :two three QUIT")
        alice.send("OPER", "oper", "oper")
        alice.send("SAMODE" if make is InspIRCd else "MODE", "#dev", "-t")
        alice.send("TOPIC", "#dev", "a\nPART #dev")
        await diary(bob).told("TOPIC", "#dev", "a PART #dev")
        await bob.quit("by\re\nJOIN #x")
        await diary(alice).told("QUIT")
        assert alice.is_up
        assert diary(bob).entries[-1][0] != "down"


@both
async def test_what_came_of_each_line(make):
    async with make() as server, up(server.port, "alice", "bob", join="#dev") as (alice, bob):
        bob.send("JOIN", "#closed")
        bob.send("MODE", "#closed", "+n")
        await bob.barrier()
        refused, nobody, fine = await asyncio.gather(
            alice.request("PRIVMSG", "#closed", "x"),
            alice.request("PRIVMSG", "nobody", "x"),
            alice.request("PRIVMSG", "#DEV", "x"),
        )
        assert [line.command for line in refused] == ["404"]
        assert [line.command for line in nobody] == ["401"]
        if "echo-message" in alice.caps:
            assert [line.command for line in fine] == ["PRIVMSG"]
            assert fine[0].tags["msgid"]
        else:
            assert fine == []


@both
async def test_the_text_that_fits_is_exactly_what_arrives(make):
    async with make() as server, up(server.port, "alice", "bob", join="#dev") as (alice, bob):
        fits = alice.available("#dev")
        assert 300 < fits < 500
        text = "x" * fits
        alice.send("PRIVMSG", "#dev", text)
        await diary(bob).told("PRIVMSG", "#dev", text)
        alice.send("PRIVMSG", "#dev", "y" * (fits + 1))
        alice.send("PRIVMSG", "#dev", "fence")
        await diary(bob).told("PRIVMSG", "#dev", "fence")
        (cut,) = (entry[2] for entry in diary(bob).entries if entry[0] == "PRIVMSG" and "y" in entry[2])
        assert cut != "y" * (fits + 1)  # one byte more does not get through


@both
async def test_a_taken_nick_and_a_changed_one(make):
    async with make() as server, up(server.port, "alice") as (alice,), up(server.port, "ALICE") as (second,):
        assert (alice.nick, second.nick) == ("alice", "ALICE_")
        second.send("NICK", "other")
        await diary(second).told("nick", "ALICE_", "other")
        assert second.nick == "other"
        answers = await second.request("NICK", "alice")
        assert [line.command for line in answers] == ["433"]


async def test_a_nick_forced_by_the_server():
    async with InspIRCd() as server, up(server.port, "alice", "oper") as (alice, oper):
        oper.send("OPER", "oper", "oper")
        oper.send("SANICK", "alice", "Guest1")
        await diary(alice).told("nick", "alice", "Guest1")
        assert alice.mask.startswith("Guest1!")


@both
async def test_bans_are_final(make):
    anybody = {"more": '<insane hostmasks="yes" ipmasks="yes" nickmasks="yes">'} if make is InspIRCd else {}
    async with make(**anybody) as server, up(server.port, "alice", "oper") as (alice, oper):
        oper.send("OPER", "oper", "oper")
        if make is InspIRCd:
            oper.send("KILL", "alice", "enough")
            assert (await diary(alice).told("down"))[1] is Kind.CLOSED
            oper.send("ZLINE", "127.0.0.1", "1h", "no bridges")
        else:
            oper.send("KLINE", "*!*@127.0.0.1", "3600", "no bridges")
        assert (await diary(oper).told("down"))[1] is Kind.BANNED
        with pytest.raises(Refused) as refused:
            await link_to(server.port, "alice2").connect()
        assert refused.value.kind is Kind.BANNED


async def test_too_many_from_one_address():
    async with Ngircd(more="[Limits]\nMaxConnectionsIP = 2\n") as server, up(server.port, "a", "b"):
        with pytest.raises(Refused) as refused:
            await link_to(server.port, "c").connect()
        assert refused.value.kind is Kind.FULL


class Guarded(InspIRCd):
    """Wants a password."""

    def _write(self):
        super()._write()
        config = self.folder / "inspircd.conf"
        config.write_text(config.read_text().replace('<connect allow="*"', '<connect allow="*" password="sesame"'))

    async def ready(self):
        return await answers(self.port, say=b"PASS sesame\r\nNICK probe\r\nUSER probe 0 * :probe\r\n", expect=b" 001 ")


async def test_a_server_with_a_password():
    async with Guarded() as server:
        for password in ("", "open"):
            with pytest.raises(Refused) as refused:
                await link_to(server.port, password=password).connect()
            assert refused.value.kind is Kind.AUTH
        link = link_to(server.port, password="sesame")
        await link.connect()
        await link.quit()


async def test_capabilities_modes_and_isupport_of_an_inspircd():
    async with InspIRCd() as server, up(server.port, "alice", identity={"deaf": True, "bot": True}) as (alice,):
        await alice.barrier()
        assert {"batch", "echo-message", "labeled-response", "message-tags", "server-time", "cap-notify"} <= alice.caps
        assert alice.deaf == "d"
        assert {"d", "B"} <= alice.modes
        assert (alice.isupport.network, alice.isupport.casemapping) == ("Test", "rfc1459")
        assert alice.isupport.targets("PRIVMSG") == 20


async def test_an_old_fashioned_ngircd():
    async with Ngircd() as server, up(server.port, "alice", identity={"deaf": True, "bot": True}) as (alice,):
        await alice.barrier()
        assert alice.caps == {"multi-prefix"}
        assert alice.deaf == ""
        assert alice.isupport.casemapping == "ascii"


async def test_a_hundred_deaf_puppets_come_up_together_and_hear_nothing(monkeypatch):
    nicks = [f"puppet{n}" for n in range(100)]
    deaf = {"identity": {"deaf": True}, "reads": Reads.OWN}
    async with (
        InspIRCd() as server,
        up(server.port, "alice", join="#dev") as (alice,),
        up(server.port, *nicks, join="#dev", **deaf) as puppets,
    ):
        assert [link.nick for link in puppets] == nicks
        assert all("d" in link.modes for link in puppets)
        received = []
        real = Connection.received

        def listening(connection, lines):
            if connection is puppets[0]:
                received.extend(lines)
            real(connection, lines)

        monkeypatch.setattr(Connection, "received", listening)
        alice.send("PRIVMSG", "#dev", "everybody")
        alice.send("PRIVMSG", "puppet0", "you")
        await diary(puppets[0]).told("PRIVMSG", "puppet0", "you")
        assert not any(b"everybody" in line for line in received)
        answers = await puppets[7].request("PRIVMSG", "#dev", "not mute")
        assert [line.command for line in answers] == ["PRIVMSG"]
        await diary(alice).told("PRIVMSG", "#dev", "not mute")


async def test_a_puppet_where_deaf_is_unknown_hears_private_messages_through_the_noise():
    async with (
        Ngircd() as server,
        up(server.port, "alice", join="#dev") as (alice,),
        up(server.port, "puppet", join="#dev", identity={"deaf": True}, reads=Reads.OWN) as (puppet,),
    ):
        for n in range(200):
            alice.send("PRIVMSG", "#dev", f"noise {n}")
        alice.send("PRIVMSG", "puppet", "signal")
        await diary(puppet).told("PRIVMSG", "puppet", "signal")
        assert [entry for entry in diary(puppet).entries if entry[:2] == ("PRIVMSG", "#dev")] == []


class Strict(InspIRCd):
    """Takes a dozen lines a second, lets the rest lie, and kills at 8 kB; InspIRCd's defaults are the same, but slower."""

    def _write(self):
        super()._write()
        config = self.folder / "inspircd.conf"
        text = config.read_text().replace('recvq="4M"', 'recvq="8192"').replace('fakelag="no"', 'fakelag="yes"')
        config.write_text(
            text.replace('threshold="100000" commandrate="1000000"', 'threshold="10" commandrate="50000"')
        )


async def test_never_faster_than_the_server_takes_it():
    async with Strict() as server, up(server.port, "alice", "bob", join="#dev") as (alice, bob):
        texts = [f"{n} " + "x" * 80 for n in range(200)]
        for text in texts[:50]:
            alice.send("PRIVMSG", "#dev", text)
        await diary(bob).told("PRIVMSG", "#dev", texts[49])
        assert [entry[2] for entry in diary(bob).entries if entry[0] == "PRIVMSG"] == texts[:50]
        assert alice.is_up

        alice._stream._window = None  # what would have happened otherwise
        for text in texts:
            alice.send("PRIVMSG", "#dev", text)
        assert "RecvQ exceeded" in (await diary(alice).told("down"))[2]


async def test_flood_control_paces_on_request():
    async with (
        InspIRCd() as server,
        up(server.port, "alice", "bob", join="#dev", flood=Flood(burst=5, rate=100)) as (alice, bob),
    ):
        for n in range(20):
            alice.send("PRIVMSG", "#dev", str(n))
        assert alice.waiting > 10
        await diary(bob).told("PRIVMSG", "#dev", "19")
        assert [entry[2] for entry in diary(bob).entries if entry[0] == "PRIVMSG"] == [str(n) for n in range(20)]


@both
async def test_five_thousand_lines_arrive_in_order(make):
    async with make() as server, up(server.port, "alice", "bob", join="#dev", queue=6000) as (alice, bob):
        for n in range(5000):
            alice.send("PRIVMSG", "#dev", str(n))
        await diary(bob).told("PRIVMSG", "#dev", "4999")
        assert [entry[2] for entry in diary(bob).entries if entry[0] == "PRIVMSG"] == [str(n) for n in range(5000)]


async def test_tls(monkeypatch):
    monkeypatch.setattr(dialing, "HANDSHAKE", 1.0)
    async with InspIRCd(tls=True) as server:
        cert = server.folder / "cert.pem"
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert.read_text())).hexdigest()
        for tls in (Tls(ca=str(cert)), Tls(fingerprint=digest), Tls(verify=False)):
            async with up(server.tls_port, "alice", join="#dev", tls=tls) as (alice,):
                await alice.request("PRIVMSG", "#dev", "x" * 300)
        with pytest.raises(Refused, match="self-signed"):
            await link_to(server.tls_port, tls=Tls()).connect()
        with pytest.raises(Refused, match="does not answer as a TLS server would"):
            await link_to(server.port, tls=Tls()).connect()


async def test_a_client_certificate_is_seen():
    async with InspIRCd(tls=True) as server:
        folder = server.folder
        tls = Tls(verify=False, certificate=str(folder / "cert.pem"), key=str(folder / "key.pem"))
        async with up(server.tls_port, "alice", tls=tls) as (alice,):
            alice.send("WHOIS", "alice", "alice")
            assert "certificate fingerprint" in (await diary(alice).told("276"))[-1]


@both
async def test_a_server_that_dies(make):
    async with make() as server, up(server.port, "alice") as (alice,):
        await server.kill()
        assert (await diary(alice).told("down"))[1] in {Kind.CLOSED, Kind.NETWORK, Kind.ENDED}
        with pytest.raises(Lost):
            await alice.barrier()
        with pytest.raises(Refused) as refused:
            await link_to(server.port).connect()
        assert refused.value.kind is Kind.NETWORK


async def test_a_server_that_hangs():
    async with InspIRCd() as server, up(server.port, "alice") as (alice,):
        server.pause()
        barrier = asyncio.create_task(alice.barrier())
        await asyncio.sleep(0)
        for _ in range(10):
            shared().beat()
        assert (await diary(alice).told("down"))[1] is Kind.NETWORK
        with pytest.raises(Lost) as lost:
            await barrier
        assert lost.value.written
        server.resume()
