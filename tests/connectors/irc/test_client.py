"""One connection against a scripted server: what the server sends, what it gets, what the owner is told."""

import asyncio
import asyncio.sslproto
import hashlib
import re
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from bridge.connector import Secret
from connectors.irc.connection import client, greeting
from connectors.irc.connection.client import (
    Congested,
    Connection,
    Flood,
    Identity,
    Kind,
    Lost,
    Reads,
    Refused,
    Sasl,
    Server,
    Tls,
    TooLong,
)
from connectors.irc.connection.flood import LEAST, WINDOW
from connectors.irc.connection.pulse import Pulse, shared
from tests.support.irc_diary import Diary
from tests.support.ircd import Ircd
from tests.support.servers import certificate

FREE = Flood(rate=0)
LABELS = "message-tags batch labeled-response echo-message"


def identity(**more):
    return Identity(**{"nicks": ("link", "link_"), "username": "user", "realname": "A Bridge"} | more)


def server(ircd, **more):
    return Server(host=ircd.host, port=ircd.port, **more)


def connection(ircd, owner=None, **more):
    who = more.pop("identity", None) or identity()
    return Connection(owner or Diary(), (server(ircd),), who, **{"flood": FREE} | more)


@asynccontextmanager
async def connected(
    *, caps="", isupport="CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnpst", version="test-1", modes="iw", **more
):
    """Give (connection, server's end, owner) after registration."""
    async with Ircd() as ircd:
        owner = Diary()
        link = connection(ircd, owner, **more)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.welcome(caps=caps, isupport=isupport, version=version, user_modes=modes)
        await connecting
        yield link, peer, owner
        link.abort()


# coming up


async def test_registers_and_tells_in_the_order_of_the_wire():
    async with connected() as (link, peer, owner):
        assert [entry[0] for entry in owner.entries] == ["up", "001", "002", "004", "005", "422"]
        assert (link.nick, link.mask, link.is_up) == ("link", "link!user@host.example", True)
        assert link.isupport.chantypes == "#"
        peer.send(":irc.test PING :are you there", ":bob!b@h PRIVMSG link :hi")
        await owner.told("PRIVMSG", "link", "hi")
        await peer.expect("PONG :are you there")


async def test_everything_is_asked_for_before_the_server_says_a_word():
    async with Ircd() as ircd:
        link = connection(ircd)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.expect("CAP LS 302", "NICK link", "USER user 0 * :A Bridge")
        peer.send("PING :cookie")
        await peer.expect("PONG cookie")
        peer.send(":irc.test 513 link :To connect, type /QUOTE PONG 4711")
        await peer.expect("PONG 4711")
        peer.nick = "link"
        peer.introduce()
        await connecting
        link.abort()


async def test_lines_between_001_and_up_are_not_lost():
    async with Ircd() as ircd:
        owner = Diary()
        link = connection(ircd, owner)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.find("USER")
        peer.nick, peer.user = "link", "user"
        peer.numeric(1, "Welcome")
        peer.send(":link!user@h JOIN #forced", ":link!user@h NICK guest17")
        peer.numeric(422, "no MOTD")
        await connecting

        assert owner.entries == [
            ("up", "guest17"),
            ("001", "link", "Welcome"),
            ("JOIN", "#forced"),
            ("NICK", "guest17"),
            ("422", "link", "no MOTD"),
        ]
        link.abort()


@pytest.mark.parametrize(
    ("version", "modes", "isupport", "said"),
    [
        ("InspIRCd-3", "BIdiosw", "BOT=B", "MODE link +dB"),
        ("InspIRCd-3", "iosw", "CHANTYPES=#", None),
        ("solanum-1", "DQi", "DEAF=D", "MODE link +D"),
        ("ngircd-26.1", "Bi", "CHANTYPES=#", None),
    ],
)
async def test_sets_the_modes_that_the_server_has(version, modes, isupport, said):
    who = identity(deaf=True, bot=True)
    async with connected(version=version, modes=modes, isupport=isupport, identity=who) as (link, peer, owner):
        link.send("JOIN", "#dev")
        await peer.expect(*([said] if said else []), "JOIN #dev")
        peer.send(":link!user@h MODE link +dw-w", ":irc.test MODE #dev +o bob", ":link MODE link :+B")
        await owner.told("MODE", "link", "+B")
        assert link.modes == {"d", "B"}


async def test_performs_before_the_owner_joins():
    async with connected(identity=identity(perform=("MODE {nick} +x", "PRIVMSG Q@services :AUTH a b", "", "ÄÖ x"))) as (
        link,
        peer,
        _,
    ):
        link.send("JOIN", "#dev")
        await peer.expect("MODE link +x", "PRIVMSG Q@services :AUTH a b", "JOIN #dev")


async def test_sasl_logs_in_before_anything_else():
    async with Ircd() as ircd:
        who = identity(sasl=(Sasl(mechanism="PLAIN", username="jilles", password="sesame"),), nickserv="unused")
        link = connection(ircd, identity=who)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.find("USER")
        peer.send(":irc.test CAP * LS :sasl=PLAIN")
        await peer.expect("CAP REQ sasl")
        peer.send(":irc.test CAP * ACK :sasl")
        await peer.expect("AUTHENTICATE PLAIN")
        peer.send("AUTHENTICATE :+")
        await peer.expect("AUTHENTICATE amlsbGVzAGppbGxlcwBzZXNhbWU=")
        peer.send(":irc.test 900 link link!user@h jilles :You are now logged in", ":irc.test 903 link :SASL successful")
        await peer.expect("CAP END")
        peer.nick = "link"
        peer.introduce()
        await connecting
        assert link.account == "jilles"
        link.send("JOIN", "#dev")
        await peer.expect("JOIN #dev")  # and no IDENTIFY
        link.abort()


@pytest.mark.parametrize(
    "answer",
    [
        ":irc.test 900 link link!user@h link :You are now logged in as link",
        ":NickServ!services@services. NOTICE link :You are now identified for link",
        ":NickServ!services@services. NOTICE link :Password incorrect.",
    ],
)
async def test_waits_for_nickserv_before_joining(answer):
    async with Ircd() as ircd:
        owner = Diary()
        link = connection(ircd, owner, identity=identity(nickserv="sesame open"))
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.welcome()
        await peer.expect("PRIVMSG NickServ :IDENTIFY sesame open")
        peer.send(":NickServ!services@services. NOTICE link :This nickname is registered.", ":irc.test 422 link :again")
        await peer.silence()
        assert owner.entries == []
        peer.send(answer)
        await connecting
        assert owner.entries[0] == ("up", "link")
        link.abort()


async def test_goes_on_without_nickserv(monkeypatch):
    monkeypatch.setattr(greeting, "NICKSERV", 0.01)
    async with Ircd() as ircd:
        link = connection(ircd, identity=identity(nickserv="x"))
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.welcome()
        await connecting
        assert link.is_up
        link.abort()


# nicks


async def test_takes_the_nick_that_is_free_and_believes_the_server():
    async with Ircd() as ircd:
        link = connection(ircd)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.find("USER")
        peer.send(":irc.test 433 * link :Nickname is already in use")
        await peer.expect("NICK link_")
        peer.nick = "lin"  # cut to NICKLEN
        peer.introduce()
        await connecting
        assert link.nick == "lin"
        link.abort()


async def test_follows_its_nick_wherever_the_server_puts_it():
    async with connected() as (link, peer, owner):
        peer.send(":bob!b@h NICK link2", ":LINK!user@host.example NICK :042AAAAAB", ":042aaaaab!user@h NICK Guest1")
        await owner.told("NICK", "Guest1")
        assert [entry for entry in owner.entries if entry[0] == "nick"] == [
            ("nick", "link", "042AAAAAB"),
            ("nick", "042AAAAAB", "Guest1"),
        ]
        assert link.mask == "Guest1!user@host.example"


# refusals


async def refused(ircd, *lines, **more):
    link = connection(ircd, **more)
    connecting = asyncio.create_task(link.connect())
    peer = await ircd.accept()
    await peer.find("USER")
    peer.send(*lines)
    peer.close()
    with pytest.raises(Refused) as raised:
        await connecting
    assert not link.is_up
    return raised.value


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([":irc.test 465 link :You are banned"], Kind.BANNED),
        (["ERROR :Closing Link: link[1.2.3.4] (Throttled: Reconnecting too fast)"], Kind.THROTTLED),
        (["ERROR :Closing Link: 1.2.3.4 (Too many host connections (local))"], Kind.FULL),
        ([":irc.test 464 link :Password incorrect"], Kind.AUTH),
        ([":irc.test 432 * link :Erroneous", ":irc.test 433 * link_ :In use"], Kind.NICK),
        ([":irc.test 001 link :hi", "ERROR :Closing Link: link[h] (G-lined: no bridges)"], Kind.BANNED),
        (["nonsense"], Kind.ENDED),
    ],
)
async def test_says_why_it_was_refused(lines, kind):
    async with Ircd() as ircd:
        assert (await refused(ircd, *lines)).kind is kind


async def test_an_error_at_the_door():
    async with Ircd() as ircd:
        link = connection(ircd)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        peer.send("ERROR :Too many connections!")
        peer.close()
        with pytest.raises(Refused, match="full"):
            await connecting


async def test_tries_the_next_server_but_not_after_a_ban():
    async with Ircd() as first, Ircd() as second:
        owner = Diary()
        dead = Server(host="127.0.0.1", port=1)
        link = Connection(owner, (dead, server(first), server(second)), identity(), flood=FREE)
        connecting = asyncio.create_task(link.connect())
        peer = await first.accept()
        peer.send("ERROR :Closing Link: x (Server is full)")
        peer = await second.accept()
        await peer.welcome()
        await connecting
        assert link.server == server(second)
        link.abort()

        link = Connection(owner, (dead, server(first), server(second)), identity(), flood=FREE)
        connecting = asyncio.create_task(link.connect())
        peer = await first.accept()
        peer.send("ERROR :Closing Link: x (K-Lined)")
        with pytest.raises(Refused, match="banned"):
            await connecting
        assert second.idle


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "-bad-", "." * 300, "ä" * 300])
async def test_an_unreachable_server(host):
    link = Connection(Diary(), (Server(host=host, port=1),), identity())
    with pytest.raises(Refused) as raised:
        await link.connect()
    assert raised.value.kind is Kind.NETWORK


async def test_a_server_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(client, "REGISTRATION", 0.05)
    async with Ircd() as ircd:
        with pytest.raises(Refused, match="says nothing"):
            await connection(ircd).connect()


async def test_a_server_that_speaks_and_does_not_register_us(monkeypatch):
    monkeypatch.setattr(client, "REGISTRATION", 0.05)
    async with Ircd() as ircd:
        link = connection(ircd)
        link.patience = 20.0
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        peer.send(":irc.test NOTICE * :*** Looking up your hostname...")
        with pytest.raises(Refused, match="while registering"):
            await connecting


async def test_cancelling_connect_closes():
    async with Ircd() as ircd:
        connecting = asyncio.create_task(connection(ircd).connect())
        peer = await ircd.accept()
        await peer.find("USER")
        connecting.cancel()
        assert await peer.closed() == []
        with pytest.raises(asyncio.CancelledError):
            await connecting


# going down


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ("ERROR :Closing Link: link[h] (K-Lined)", Kind.BANNED, "Closing Link: link[h] (K-Lined)"),
        (":oper!o@h KILL link :irc.test!oper (flooding)", Kind.CLOSED, "killed by oper: irc.test!oper (flooding)"),
        (":oper!o@h KILL bob :x", Kind.ENDED, "the server closed the connection"),
    ],
)
async def test_says_why_it_went_down(line, kind, reason):
    async with connected() as (link, peer, owner):
        peer.send(line)
        peer.close()
        await owner.told("down", kind, reason)
        assert not link.is_up
        link.send("PRIVMSG", "#dev", "into the void")


async def test_a_connection_that_is_cut():
    async with connected() as (_, peer, owner):
        peer.reset()
        assert (await owner.told("down"))[1] is Kind.NETWORK


async def test_quits_after_what_was_sent_and_waits_for_the_server():
    async with connected() as (link, peer, owner):
        link.send("PRIVMSG", "#dev", "bye")
        quitting = asyncio.create_task(link.quit("going\r\nhome"))
        await peer.expect("PRIVMSG #dev :bye", "QUIT :going  home")
        peer.send("ERROR :Closing Link: link[h] (Quit: going home)")
        peer.close()
        await quitting
        assert owner.entries[-1][0] == "422"  # no word of going down
        await link.quit()


async def test_quit_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(client, "QUIT", 0.01)
    async with connected() as (link, peer, _):
        await link.quit()
        assert await peer.closed() == ["QUIT"]


# reading


async def test_no_line_can_break_the_connection():
    async with connected() as (_, peer, owner):
        peer.write(
            b"\r\n\n:\r\n@\r\n:x\r\n \r\n\xff\xfe\r\n\0\0\r\n:a PRIVMSG\r\n:a QUIT\r\n:a NICK\r\nMODE\r\nJOIN\r\nKILL\r\n"
        )
        peer.write(
            b"005\r\n:s 005 link\r\n:s 396\r\n:s 900\r\n:s 221\r\n:s 004\r\nCAP\r\nPING\r\nPONG\r\nBATCH\r\nACK\r\n"
        )
        peer.write(b":x PRIVMSG #c :" + b"y" * 100_000 + b"\r\n")
        peer.send(":bob!b@h PRIVMSG #c :caf\xe9 still here".encode("latin-1"))
        await owner.told("PRIVMSG", "#c", "café still here")
        await peer.expect("PONG :")


async def test_an_owner_that_raises_loses_one_line(caplog):
    async with connected() as (_, peer, owner):
        real, owner.line = owner.line, lambda *_: 1 / 0
        peer.send(":bob!b@h PRIVMSG #c :secret words")
        await peer.silence()
        owner.line = real
        peer.send(":bob!b@h PRIVMSG #c :two")
        await owner.told("PRIVMSG", "#c", "two")
    assert "a line PRIVMSG from" in caplog.text
    assert "secret words" not in caplog.text


async def test_a_puppet_hears_only_what_concerns_it():
    async with connected(reads=Reads.OWN, isupport="CHANTYPES=#& STATUSMSG=@+") as (_, peer, owner):
        peer.send(
            ":bob!b@h PRIVMSG #dev :all of you",
            "@time=x;msgid=1 :bob!b@h PRIVMSG @#dev :ops",
            ":bob!b@h NOTICE &x :x",
            ":bob!b@h JOIN #dev",
            ":bob!b@h JOIN :#dev",
            ":bob!b@h PART #dev",
            ":bob!b@h QUIT",
            ":bob!b@h NICK bobby",
            ":irc.test MODE #dev +o bob",
            ":bob!b@h TOPIC #dev :x",
            "@account=b :bob!b@h AWAY :x",
            ":irc.test 353 link = #dev :a b c",
            ":linkx!b@h JOIN #dev",
            ":bob!b@h PRIVMSG link :you",
            "@time=x :bob!b@h NOTICE :link",
            ":bob!b@h KICK #dev link :out",
            ":link!user@h JOIN #dev",
            ":link!user@h PRIVMSG #dev :my echo",
            ":irc.test MODE link +i",
            ":link MODE link +w",
            ":irc.test 366 link #dev :End of NAMES",
            ":irc.test 404 link #dev :Cannot send",
            ":link!user@h NICK other",
            ":link!b@h JOIN #dev",
            ":other!user@h PART #dev",
            ":bob!b@h INVITE other #x",
        )
        await owner.told("INVITE", "other", "#x")
        assert owner.since("422", "link", "MOTD File is missing") == [
            ("PRIVMSG", "link", "you"),
            ("NOTICE", "link"),
            ("KICK", "#dev", "link", "out"),
            ("JOIN", "#dev"),
            ("PRIVMSG", "#dev", "my echo"),
            ("MODE", "link", "+i"),
            ("MODE", "link", "+w"),
            ("366", "link", "#dev", "End of NAMES"),
            ("404", "link", "#dev", "Cannot send"),
            ("nick", "link", "other"),
            ("NICK", "other"),
            ("PART", "#dev"),
            ("INVITE", "other", "#x"),
        ]


async def test_a_puppet_that_is_not_deaf_gathers_and_loses_nothing():
    async with connected(reads=Reads.OWN) as (_, peer, owner):
        for n in range(50):
            peer.send(":bob!b@h PRIVMSG #dev :noise", f":bob!b@h PRIVMSG link :{n}")
            await asyncio.sleep(0)
        await owner.told("PRIVMSG", "link", "49")
        await peer.silence()
        assert [entry[2] for entry in owner.entries if entry[0] == "PRIVMSG"] == [str(n) for n in range(50)]


# writing


async def test_what_cannot_be_written_is_refused_and_nothing_leaves():
    async with connected() as (link, peer, _):
        for params in [("#a b", "x"), ("#a\r\nQUIT", "x"), ("", "x"), (":x", "y")]:
            with pytest.raises(ValueError, match="not a"):
                link.send("PRIVMSG", *params)
            with pytest.raises(ValueError, match="not a"):
                link.request("PRIVMSG", *params)
        with pytest.raises(TooLong):
            link.send("PRIVMSG", "#dev", "x" * 600)
        link.send("PRIVMSG", "#dev", "a\r\nQUIT\0\u2028\x85")
        await peer.expect("PRIVMSG #dev :a  QUIT \u2028\x85")


async def test_tags_go_only_where_they_are_known():
    async with connected() as (link, peer, _):
        link.send("PRIVMSG", "#dev", "x", tags={"+typing": "done"})
        await peer.expect("PRIVMSG #dev :x")
    async with connected(caps="message-tags") as (link, peer, _):
        link.send("PRIVMSG", "#dev", "x", tags={"+draft/reply": "a;b c"})
        await peer.expect("@+draft/reply=a\\:b\\sc PRIVMSG #dev :x")


async def test_a_puppet_can_become_a_listener_and_back():
    async with connected(reads=Reads.OWN, caps="away-notify batch") as (link, peer, owner):
        assert link.caps == {"batch"}
        link.read(Reads.ALL)
        await peer.expect("CAP REQ away-notify")
        peer.send(":irc.test CAP link ACK :away-notify", ":bob!b@h PRIVMSG #dev :one")
        await owner.told("PRIVMSG", "#dev", "one")
        assert link.caps == {"batch", "away-notify"}
        link.read(Reads.OWN)
        peer.send(":bob!b@h PRIVMSG #dev :two", ":bob!b@h PRIVMSG link :three")
        await owner.told("PRIVMSG", "link", "three")
        assert ("PRIVMSG", "#dev", "two") not in owner.entries


async def test_lines_of_one_turn_leave_in_one_write(monkeypatch):
    async with connected() as (link, peer, _):
        writes = []
        transport = link._stream._transport
        write = transport.write
        monkeypatch.setattr(transport, "write", lambda data: (writes.append(data), write(data)))
        for n in range(3):
            link.send("PRIVMSG", "#dev", str(n))
        await peer.expect("PRIVMSG #dev :0", "PRIVMSG #dev :1", "PRIVMSG #dev :2")
        assert len(writes) == 1


async def test_flood_control_holds_back_but_not_what_is_urgent():
    async with connected(flood=Flood(burst=2, rate=0.001), queue=3) as (link, peer, _):
        for n in range(4):
            link.send("PRIVMSG", "#dev", str(n))
        assert link.waiting == 3
        with pytest.raises(Congested):
            link.send("PRIVMSG", "#dev", "one more")
        with pytest.raises(Congested):
            link.request("PRIVMSG", "#dev", "one more")
        peer.send("PING :x")
        await peer.expect("PRIVMSG #dev :0", "PONG x")
        link.send("MODE", "link", "+i", urgent=True)
        await peer.expect("MODE link +i")
        assert link.purge() == 3
        assert link.waiting == 0
        quitting = asyncio.create_task(link.quit("bye"))
        await peer.expect("QUIT :bye")
        peer.close()
        await quitting


async def test_flood_control_lets_go_in_time_and_in_order():
    async with connected(flood=Flood(burst=1, rate=200)) as (link, peer, _):
        for n in range(10):
            link.send("PRIVMSG", "#dev", str(n))
        assert link.waiting > 0
        await peer.expect(*(f"PRIVMSG #dev :{n}" for n in range(10)))


async def test_on_the_same_machine_the_server_sets_the_pace():
    async with connected(flood=Flood()) as (link, peer, _):
        for n in range(100):
            link.send("PRIVMSG", "#dev", str(n))
        assert link.waiting == 100 - WINDOW // LEAST
        await peer.expect(*(f"PRIVMSG #dev :{n}" for n in range(100)))


async def test_no_more_is_sent_than_the_server_has_room_for():
    async with connected() as (link, peer, _):
        for n in range(100):
            link.send("PRIVMSG", "#dev", str(n))
        gathered = [(await peer._reader.readline()).decode() for _ in range(WINDOW // LEAST)]
        marker = (await peer._reader.readline()).decode()
        assert (gathered[-1], marker) == ("PRIVMSG #dev :15\r\n", "PING window-1\r\n")
        peer.send(":irc.test PING :silence")
        await peer.expect("PONG silence")  # and not one line more
        peer.send(":irc.test PONG irc.test :window-1")
        await peer.expect(*(f"PRIVMSG #dev :{n}" for n in range(16, 100)))


async def test_labeled_answers_tell_how_far_the_server_is():
    async with connected(caps=LABELS) as (link, peer, _):
        answers = [link.request("PRIVMSG", "#dev", str(n)) for n in range(40)]
        for n in range(1, 41):
            await peer.expect(f"@label={n:x} PRIVMSG #dev :{n - 1}")
            peer.send(f"@label={n:x} :irc.test ACK")
        assert await asyncio.gather(*answers) == [[]] * 40


async def test_lines_wait_for_a_server_that_does_not_read():
    async with connected(queue=100_000) as (link, peer, _):
        text = "x" * 450
        sent = 0
        while link.waiting < 5:
            link.send("PRIVMSG", "#dev", text)
            sent += 1
            if sent % 100 == 0:
                await asyncio.sleep(0)
        for _ in range(sent):
            assert await peer.line() == f"PRIVMSG #dev :{text}"
        assert link.waiting == 0


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ([], len(":link!user@") + 63),
        ([":link!~user@cloak JOIN #dev"], len(":link!~user@cloak")),
        ([":bob!b@h JOIN #dev"], len(":link!user@") + 63),
        ([":irc.test 396 link vhost.example :is now your displayed host"], len(":link!user@vhost.example")),
        ([":irc.test 396 link u@vhost.example :is now your displayed host"], len(":link!u@vhost.example")),
        ([":link!user@h CHGHOST newuser new.host"], len(":link!newuser@new.host")),
        ([":link!user@h JOIN #dev", ":link!user@h NICK longer"], len(":longer!user@h")),
    ],
)
async def test_knows_how_much_text_fits(lines, taken):
    async with connected() as (link, peer, _):
        peer.send(*lines)
        await peer.silence()
        fits = link.available("#dev", "NOTICE")
        assert fits == 512 - taken - len(" NOTICE #dev :\r\n")
        link.send("NOTICE", "#dev", "x" * fits)


async def test_longer_lines_where_the_server_has_them():
    async with connected(isupport="LINELEN=2048 USERLEN=4 HOSTLEN=20") as (link, peer, _):
        assert link.available("#dev") == 2048 - len(":link!user@") - 20 - len(" PRIVMSG #dev :\r\n")
        link.send("PRIVMSG", "#dev", "x" * 2000)
        await peer.expect("PRIVMSG #dev :" + "x" * 2000)


async def test_what_came_is_acknowledged_at_once_for_a_server_with_nagle():
    async with connected() as (link, peer, owner):
        for n in range(5):  # the kernel holds back the acknowledgements of who talks
            link.send("PRIVMSG", "#dev", f"{n}")
            await peer.expect(f"PRIVMSG #dev :{n}")
            peer.send(f":bob!b@h PRIVMSG #dev :{n}")
            await owner.told("PRIVMSG", "#dev", f"{n}")
        assert link._stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1


# what came of it


async def test_a_labeled_request_gets_its_own_answer():
    async with connected(caps=LABELS) as (link, peer, owner):
        answers = [link.request("PRIVMSG", target, "hi") for target in ("#a", "#b", "#c")]
        await peer.expect(*(f"@label={n} PRIVMSG {t} :hi" for n, t in enumerate(("#a", "#b", "#c"), 1)))
        peer.send(
            "@label=2 :irc.test 404 link #b :Cannot send to channel",
            "@label=1;msgid=m1 :link!user@h PRIVMSG #a :hi",
            "@label=9 :irc.test 401 link x :unasked",
            ":irc.test ACK",
            "@label=3 :irc.test ACK",
        )
        first, second, third = await asyncio.gather(*answers)
        assert first[0].tags["msgid"] == "m1"
        assert second[0].command == "404"
        assert third == []
        await owner.told("PRIVMSG", "#a", "hi")
        assert ("ACK",) not in owner.entries


async def test_who_only_speaks_gets_the_same_answers_and_is_not_told_their_own_words():
    async with connected(caps=LABELS, reads=Reads.OWN) as (link, peer, owner):
        answers = [
            link.request(command, "#a", "hi") for command in ("PRIVMSG", "NOTICE", "PRIVMSG", "PRIVMSG", "TOPIC")
        ]
        await peer.expect(
            *(f"@label={n} {c} #a :hi" for n, c in enumerate(("PRIVMSG", "NOTICE", "PRIVMSG", "PRIVMSG"), 1))
        )
        peer.send(
            "@time=2026-11-28T07:00:00.000Z;label=1;msgid=m1 :link!user@h PRIVMSG #a :hi",
            "@label=2;msgid=m\\:2 :link!user@h NOTICE #a :hi",
            "@label=3 :irc.test 404 link #a :Cannot send to channel",
            "@label=7;msgid=m7 :link!user@h PRIVMSG #a :label=4",
            "@label=4 :irc.test ACK",
            "@label=5 :link!user@h TOPIC #a :hi",
            ":bob!b@h PRIVMSG link :@label=1 psst",
        )
        found = [[(line.command, line.tags.get("msgid")) for line in await answer] for answer in answers]
        assert found == [[("PRIVMSG", "m1")], [("NOTICE", "m;2")], [("404", None)], [], [("TOPIC", None)]]
        await owner.told("PRIVMSG", "link", "@label=1 psst")
        echoes = [entry for entry in owner.entries if entry[0] in {"PRIVMSG", "NOTICE"} and entry[1] == "#a"]
        assert echoes == [("PRIVMSG", "#a", "label=4")]  # nobody has asked for it


async def test_a_labeled_answer_of_several_lines():
    async with connected(caps=LABELS) as (link, peer, owner):
        answer = link.request("JOIN", "#dev")
        await peer.expect("@label=1 JOIN #dev")
        peer.send(
            "@label=1 :irc.test BATCH +b1 labeled-response",
            "@batch=b1 :link!user@h JOIN #dev",
            "@batch=b1 :irc.test BATCH +h chathistory #dev",
            "@batch=h :bob!b@h PRIVMSG #dev :old",
            ":bob!b@h PRIVMSG #dev :not of it",
            "@batch=b1 :irc.test BATCH -h",
            "@batch=b1 :irc.test 366 link #dev :End",
            ":irc.test BATCH -b1",
        )
        assert [line.command for line in await answer] == ["JOIN", "BATCH", "PRIVMSG", "366"]
        assert ("PRIVMSG", "#dev", "not of it") in owner.entries


async def test_without_labels_a_ping_follows_the_flush():
    async with connected() as (link, peer, owner):
        answers = [link.request("PRIVMSG", target, "hi") for target in ("#a", "#b", "#B", "bob")]
        await peer.expect("PRIVMSG #a :hi", "PRIVMSG #b :hi", "PRIVMSG #B :hi", "PRIVMSG bob :hi", "PING after-1")
        peer.send(
            ":irc.test 404 link #B :Cannot send to channel",
            ":irc.test 301 link bob :away",
            ":irc.test 401 link Bob :No such nick",
            ":irc.test PONG irc.test :after-1",
        )
        codes = [[line.command for line in await answer] for answer in answers]
        assert codes == [[], ["404"], [], ["401"]]
        assert ("404", "link", "#B", "Cannot send to channel") in owner.entries


async def test_without_labels_an_error_may_name_whom_a_line_was_about():
    async with connected() as (link, peer, _):
        lines = (("KICK", "#a", "nobody", "x"), ("MODE", "#a", "+o", "noone"), ("PRIVMSG", "#a", "nobody"))
        answers = [link.request(*line) for line in lines]
        await peer.expect("KICK #a nobody :x", "MODE #a +o noone", "PRIVMSG #a :nobody", "PING after-1")
        peer.send(
            ":irc.test 401 link noone :No such nick",
            ":irc.test 401 link Nobody :No such nick",
            ":irc.test 401 link nobody :No such nick",
            ":irc.test PONG irc.test :after-1",
        )
        assert [[line.param(1) for line in await answer] for answer in answers] == [["Nobody"], ["noone"], []]


async def test_without_labels_an_echo_is_found_too():
    async with connected(caps="echo-message message-tags") as (link, peer, _):
        answers = [link.request("PRIVMSG", "#a", text) for text in ("one", "two")]
        await peer.expect("PRIVMSG #a :one", "PRIVMSG #a :two", "PING after-1")
        peer.send(
            "@msgid=1 :link!user@h PRIVMSG #A :one",
            ":bob!b@h PRIVMSG #a :two",
            ":irc.test FAIL PRIVMSG RATE_LIMITED #a :Slow down",
            ":irc.test PONG irc.test after-1",
        )
        assert [[line.command for line in await answer] for answer in answers] == [["PRIVMSG"], ["FAIL"]]


async def test_a_later_pong_proves_what_was_before_it():
    async with connected() as (link, peer, _):
        first = asyncio.create_task(link.barrier())
        await peer.expect("PING after-1")
        second = asyncio.create_task(link.barrier())
        await peer.expect("PING after-2")
        peer.send("PONG irc.test other", "PONG irc.test after-2")
        await asyncio.gather(first, second)


async def test_what_is_lost_says_whether_it_was_sent():
    async with connected(flood=Flood(burst=1, rate=0.001)) as (link, peer, _):
        sent, queued = link.request("PRIVMSG", "#a", "x"), link.request("PRIVMSG", "#a", "y")
        barrier = asyncio.create_task(link.barrier())
        await peer.expect("PRIVMSG #a :x", "PING after-1")
        peer.close()
        for future, written in ((sent, True), (queued, False), (barrier, False)):
            with pytest.raises(Lost) as lost:
                await future
            assert lost.value.written is written
        with pytest.raises(Lost) as lost:
            await link.request("PRIVMSG", "#a", "z")
        assert not lost.value.written
        with pytest.raises(Lost):
            await link.barrier()


async def test_purging_keeps_the_barrier():
    async with connected(flood=Flood(burst=1, rate=0.001)) as (link, peer, _):
        link.send("PRIVMSG", "#a", "x")
        queued = link.request("PRIVMSG", "#a", "y")
        barrier = asyncio.create_task(link.barrier())
        await peer.expect("PRIVMSG #a :x")
        assert link.purge() == 1
        with pytest.raises(Lost) as lost:
            await queued
        assert not lost.value.written
        await peer.expect("PING after-1")
        peer.send("PONG irc.test after-1")
        await barrier


# silence


async def test_a_silent_server_is_pinged_and_then_given_up():
    async with connected() as (link, peer, owner):
        for _ in range(client.SILENT):
            shared().beat()
        await peer.expect("PING alive")
        peer.send("PONG irc.test alive")
        await peer.silence()
        for _ in range(2 * client.SILENT - 1):
            shared().beat()
        assert link.is_up
        await peer.expect("PING alive")
        shared().beat()
        await owner.told("down", Kind.NETWORK, "the server does not answer any more")


async def test_a_server_that_talks_but_does_not_answer_is_given_up():
    async with connected() as (link, peer, owner):
        barrier = asyncio.create_task(link.barrier())
        await peer.expect("PING after-1")
        for _ in range(2 * client.SILENT + 1):
            peer.send(":bob!b@h PRIVMSG #dev :x")
            await peer.silence()
            shared().beat()
        await owner.told("down", Kind.NETWORK, "the server does not answer any more")
        with pytest.raises(Lost):
            await barrier


async def test_a_forgotten_label_fails_alone():
    async with connected(caps=LABELS) as (link, peer, _):
        answer = link.request("PRIVMSG", "#dev", "x")
        await peer.expect("@label=1 PRIVMSG #dev :x")
        for _ in range(2 * client.SILENT + 1):
            await peer.silence()
            shared().beat()
        with pytest.raises(Lost) as lost:
            await answer
        assert lost.value.written
        assert link.is_up


async def test_one_timer_for_all_and_none_for_nobody():
    pulse = Pulse(every=3600)

    class Member:
        beats = 0

        def beat(self):
            self.beats += 1
            pulse.remove(self)

    one, two = Member(), Member()
    pulse.add(one)
    timer = pulse._timer
    pulse.add(two)
    assert pulse._timer is timer
    pulse.beat()
    pulse.beat()
    assert (one.beats, two.beats) == (1, 1)
    pulse.remove(one)
    assert pulse._timer is None


# TLS


@pytest.fixture
def secure(tmp_path):
    """Make a certificate for localhost and 127.0.0.1: (folder, server's context)."""
    certificate(tmp_path, "irc.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return tmp_path, context


@pytest.fixture
def elsewhere(tmp_path):
    """Make a certificate that is for another host: (file, server's context)."""
    cert, key = tmp_path / "other-cert.pem", tmp_path / "other-key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other.test",
         "-addext", "subjectAltName=DNS:other.test", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def fingerprint(folder):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())).hexdigest()


@pytest.mark.parametrize("how", ["ca", "fingerprint", "unchecked"])
async def test_tls(secure, how):
    folder, context = secure
    tls = {
        "ca": Tls(ca=str(folder / "cert.pem")),
        "fingerprint": Tls(fingerprint=":".join(re.findall("..", fingerprint(folder).upper()))),
        "unchecked": Tls(verify=False),
    }[how]
    async with Ircd(tls=context) as ircd:
        link = Connection(Diary(), (server(ircd, tls=tls),), identity(), flood=FREE)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        await peer.welcome()
        await connecting
        link.send("PRIVMSG", "#dev", "safe")
        await peer.expect("PRIVMSG #dev :safe")
        assert asyncio.sslproto.SSLProtocol.max_size == 16384
        quitting = asyncio.create_task(link.quit())
        await peer.expect("QUIT")
        peer.close()
        await quitting


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("untrusted", "its certificate is not trusted: self-signed certificate"),
        ("other host", "its certificate is not trusted: IP address mismatch"),
        ("other pin", "its certificate does not have the configured fingerprint"),
        ("no such file", "a configured certificate cannot be used"),
        ("not a certificate", "a configured certificate cannot be used"),
        ("not a pair", "your client certificate cannot be used"),
    ],
)
async def test_tls_that_does_not_convince(secure, elsewhere, how, words):
    folder, context = secure
    (folder / "empty.pem").write_text("")
    other, other_context = elsewhere
    context = other_context if how == "other host" else context
    tls = {
        "untrusted": Tls(),
        "other host": Tls(ca=str(other)),
        "other pin": Tls(fingerprint="00" * 32),
        "no such file": Tls(ca=str(folder / "missing.pem")),
        "not a certificate": Tls(certificate=str(folder / "empty.pem")),
        "not a pair": Tls(pem=Secret((folder / "cert.pem").read_text())),
    }[how]
    async with Ircd(tls=context) as ircd:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's end of a refused handshake
        link = Connection(Diary(), (server(ircd, tls=tls),), identity())
        with pytest.raises(Refused) as raised:
            await link.connect()
    assert raised.value.kind is Kind.TLS
    assert words in raised.value.reason


async def test_tls_towards_a_server_without():
    async with Ircd() as ircd:
        link = Connection(Diary(), (server(ircd, tls=Tls()),), identity())
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        peer.send(":irc.test NOTICE * :*** Looking up your hostname")
        with pytest.raises(Refused, match="it does not speak TLS on this port"):
            await connecting


@pytest.mark.parametrize("kept", ["in files", "in memory"])
async def test_the_client_certificate_is_shown(secure, kept):
    folder, context = secure
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "cert.pem")
    tls = Tls(verify=False, certificate=str(folder / "cert.pem"), key=str(folder / "key.pem"))
    if kept == "in memory":
        tls = Tls(verify=False, pem=Secret((folder / "cert.pem").read_text() + (folder / "key.pem").read_text()))
    async with Ircd(tls=context) as ircd:
        link = Connection(Diary(), (server(ircd, tls=tls),), identity())
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        shown = peer._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert hashlib.sha256(shown).hexdigest() == fingerprint(folder)
        await peer.welcome()
        await connecting
        link.abort()
