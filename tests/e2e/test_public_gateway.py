"""A gateway for the public, on a real InspIRCd: its servers can tell our users apart, by identd, by address, and by WEBIRC."""

import asyncio
import random
import signal
import socket
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from bridge.demo.people import IrcPerson, NotSeen, body, codes
from bridge.demo.processes import free_port
from tests.support.world import World

pytestmark = pytest.mark.server

OURS = f"127.{random.randint(16, 254)}.{random.randint(0, 254)}"
"""Loopback addresses of this run."""


def can_answer() -> bool:
    """Tell whether port 113, where servers ask, can be had: it is root's, and some other identd may have it."""
    with socket.socket() as one:
        try:
            one.bind((f"{OURS}.7", 113))
        except OSError:
            return False
    return True


IDENTD = can_answer()
PORT = 113 if IDENTD else free_port()
CONNECT = f"""
<module name="ident">
<module name="cgiirc">
<cgihost type="webirc" password="s3cret" mask="127.0.0.1">
<connect allow="{OURS}.7" useident="{"yes" if IDENTD else "no"}"
 resolvehostnames="no" fakelag="no" timeout="60" maxchans="500" localmax="500" globalmax="500" threshold="100000" commandrate="1000000">
"""


def networks(port: int) -> str:
    listed = f'connector = "irc"\nhost = "127.0.0.1"\nport = {port}\ntls = false\nlistener = false'
    return f"""
[networks.many]
{listed}
bind = "{OURS}.128/25"

[networks.web]
{listed}
webirc_password = "s3cret"

[identd]
listen = "{OURS}.7:{PORT}"
"""


async def seen(oper: IrcPerson, nick: str) -> tuple[str, str, str]:
    """Return user name, host and address of somebody, as an operator is told."""
    oper.seen.clear()
    oper.send(f"WHOIS {nick}")
    await oper.fence()
    who = next(line.split() for line in oper.seen if f" 311 oper {nick} " in line)
    origin = next(line for line in oper.seen if f" 378 oper {nick} " in line)
    return who[4], who[5], origin.split()[-1]


def ports(server: int) -> list[int]:
    """Return from which ports of our one address somebody is connected with a server."""
    here = "".join(f"{int(byte):02X}" for byte in reversed(f"{OURS}.7".split(".")))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    there = f"0100007F:{server:04X}"
    return [int(row[1][9:], 16) for row in rows if row[1].startswith(here) and row[2] == there and row[3] == "01"]


async def confirmed(ours: int, theirs: int) -> str:
    """Ask as the server would, and return the name."""
    reader, writer = await asyncio.open_connection(f"{OURS}.7", PORT, local_addr=("127.0.0.1", 0))
    writer.write(f"{ours}, {theirs}\r\n".encode())
    answer = (await reader.readline()).decode().strip()
    writer.close()
    assert answer.startswith(f"{ours}, {theirs} : USERID : UNIX : "), answer
    return answer.rpartition(" ")[2]


async def test_a_server_can_tell_users_apart() -> None:
    world = World(
        irc_options={"first": CONNECT},
        network=f'bind = "{OURS}.7"\npuppet_username = "{{name}}"',
        start=False,
        admins=["nurse@localhost"],
    )
    async with world:
        world.bridge.config.write_text(world.config() + networks(world.irc.port))
        await world.bridge.start()
        admin = await world.user("nurse", join=False)
        oper = await world.irc_user("oper", join=False)
        oper.send("OPER oper oper")
        await oper.line(" 381 ")
        people = {name: await world.user(name, join=False) for name in ("juliet", "romeo")}
        where = [(network, name) for network in ("irc", "many", "web") for name in people]
        await asyncio.gather(
            *(
                people[name].join(f"#globe%{network}@{world.xmpp.component}", f"{name}-{network}")
                for network, name in where
            )
        )
        found = {(network, name): await seen(oper, f"{name}-{network}") for network, name in where}

        # identd confirms the names that the operator chose, to this server: it would show "~" before one that it has asked for in vain
        assert found["irc", "juliet"] == ("juliet-irc", f"{OURS}.7", f"{OURS}.7")
        assert {await confirmed(port, world.irc.port) for port in ports(world.irc.port)} == {
            "linkspan",
            "juliet-irc",
            "romeo-irc",
        }

        # an address of one's own, in truth or by our word; InspIRCd takes no host but the one that it finds itself
        for network, within in (("many", f"{OURS}.128/25"), ("web", "fd6c:696e:6b73::/64")):
            addresses = {found[network, name][2] for name in people}
            assert len(addresses) == 2
            assert all(ip_address(each) in ip_network(within) for each in addresses)
            assert all(found[network, name][1] in addresses for name in people)
        assert "juliet" not in found["web", "juliet"][0]
        assert "s3cret" not in world.bridge.log()

        # the network's operators complain of an address
        admin.tell(world.xmpp.component, f"users whose {found['web', 'romeo'][2]}")
        await admin.see(
            lambda el: (body(el) or "").count("@") == 1 and f"romeo@{world.xmpp.domain}" in (body(el) or "")
        )

        # somebody is reported, an administrator is told, and casts out
        bridge, room = world.xmpp.component, f"#globe%irc@{world.xmpp.component}"
        people["juliet"].tell(bridge, f"report romeo-irc%irc@{bridge} he sings under my window")
        await people["juliet"].see(lambda el: "are told" in (body(el) or ""))
        await admin.see(lambda el: "he sings under my window" in (body(el) or ""))
        admin.tell(bridge, f"outcasts add xmpp:romeo@{world.xmpp.domain} singing")
        gone = await people["romeo"].presence(f"{room}/romeo-irc", gone=True)
        assert codes(gone) == {"110", "301"}
        people["romeo"].seen.clear()
        with pytest.raises(NotSeen, match="forbidden"):
            await people["romeo"].join(room, "romeo")
        people["romeo"].tell(f"irc@{bridge}", "whoami")
        await people["romeo"].see(lambda el: el.get("type") == "error" and el.get("from") == f"irc@{bridge}")

        # the operator thinks again, and says so in the file
        config = world.bridge.config.read_text()
        world.bridge.config.write_text(f'{config}\n[gateway]\ndeny = ["juliet@*"]\n')
        assert world.bridge.process is not None
        world.bridge.process.send_signal(signal.SIGHUP)
        gone = await people["juliet"].presence(f"{room}/juliet-irc", gone=True)
        assert codes(gone) == {"110", "301"}
