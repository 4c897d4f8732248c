"""A gateway for the public, on a real InspIRCd: its servers can tell our users apart, by identd, by address, and by WEBIRC."""

import asyncio
import os
import random
from ipaddress import ip_address, ip_network

import pytest

from bridge.demo.people import IrcPerson
from tests.support.world import World

pytestmark = pytest.mark.server

OURS = f"127.{random.randint(16, 254)}.{random.randint(0, 254)}"
"""Loopback addresses of this run."""
IDENTD = os.geteuid() == 0
"""Servers ask at port 113, which is root's; for others the server shows an unconfirmed name."""
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
listen = "{OURS}.7:{113 if IDENTD else 0}"
"""


async def seen(oper: IrcPerson, nick: str) -> tuple[str, str, str]:
    """Return user name, host and address of somebody, as an operator is told."""
    oper.seen.clear()
    oper.send(f"WHOIS {nick}")
    await oper.fence()
    who = next(line.split() for line in oper.seen if f" 311 oper {nick} " in line)
    origin = next(line for line in oper.seen if f" 378 oper {nick} " in line)
    return who[4], who[5], origin.split()[-1]


async def test_a_server_can_tell_users_apart() -> None:
    world = World(
        irc_options={"first": CONNECT}, network=f'bind = "{OURS}.7"\npuppet_username = "{{name}}"', start=False
    )
    async with world:
        world.bridge.config.write_text(world.config() + networks(world.irc.port))
        await world.bridge.start()
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

        # identd confirms the name that the operator chose, to this server
        assert found["irc", "juliet"] == ("juliet-irc"[:10] if IDENTD else "~juliet-ir", f"{OURS}.7", f"{OURS}.7")

        # an address of one's own, in truth or by our word; InspIRCd takes no host but the one that it finds itself
        for network, within in (("many", f"{OURS}.128/25"), ("web", "fd6c:696e:6b73::/64")):
            addresses = {found[network, name][2] for name in people}
            assert len(addresses) == 2
            assert all(ip_address(each) in ip_network(within) for each in addresses)
            assert all(found[network, name][1] in addresses for name in people)
        assert "juliet" not in found["web", "juliet"][0]
        assert "s3cret" not in world.bridge.log()
