"""The listener and users log in on a real InspIRCd with real atheme: SASL PLAIN, EXTERNAL, NickServ, and refused.

And users are there as they have set it; a server that asks for a password is a real ngircd.
"""

import hashlib
import ssl
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bridge.demo.people import IrcPerson, NotSeen, XmppPerson, body
from bridge.demo.processes import answers
from bridge.demo.servers import certificate
from tests.support.servers import Ngircd
from tests.support.services import Atheme, with_services
from tests.support.world import World

pytestmark = pytest.mark.server


async def with_atheme(world: World) -> Atheme:
    services = Atheme(world.irc)  # type: ignore[arg-type]  # made by with_services
    await world.server(services)
    await services.register("linkspan", "sesame")
    return services


def scene(*, tls: bool = False, login: str) -> World:
    world = World(start=False, network=login)
    world.irc = with_services(tls=tls)
    return world


async def account(bob: IrcPerson, nick: str) -> str:
    bob.send(f"WHOIS {nick}")
    await bob.fence()
    return next((line.split()[4] for line in bob.seen if f" 330 {bob.nick} {nick} " in line), "")


@pytest.mark.parametrize(
    "login",
    ['sasl_username = "linkspan"\nsasl_password = "sesame"', 'nickserv_password = "sesame"'],
    ids=["sasl plain", "nickserv"],
)
async def test_a_password(login: str) -> None:
    async with scene(login=login) as world:
        services = await with_atheme(world)
        await world.bridge.start()
        bob = await world.irc_user("bob")
        await logged_in(bob, "linkspan")
        if "sasl" in login:
            await services.register("romeo", "capulet")
            await a_users_own_account(world, bob)


async def a_users_own_account(world: World, bob: IrcPerson) -> None:
    """Log in by a line of chat: a wrong password is said, the right one used for the user's connection."""
    romeo = await world.user("romeo", join=False)
    network = f"irc@{world.xmpp.component}"
    romeo.tell(network, "login romeo montague")
    await romeo.see(lambda el: "does not accept" in (body(el) or ""))
    romeo.tell(network, "login romeo capulet")
    await romeo.see(lambda el: "you speak on irc as romeo" in (body(el) or ""))
    room = f"#globe%irc@{world.xmpp.component}"
    await romeo.join(room, "romeo")
    await logged_in(bob, "romeo")
    await as_they_like_it(world, romeo, bob)
    assert "capulet" not in world.bridge.log()


async def as_they_like_it(world: World, romeo: XmppPerson, bob: IrcPerson) -> None:
    """Say how one wants to be: the nick changes at once, the rest is there after connecting anew."""
    network = f"irc@{world.xmpp.component}"
    await bob.join("#globe")
    romeo.tell(
        network, 'settings nick=montague realname="Romeo Montague" username=rm commands="PRIVMSG bob :{nick} greets"'
    )
    told = await romeo.see(lambda el: "On irc you have set:" in (body(el) or ""))
    assert "username, commands. To have it now, say reconnect." in body(told)
    await bob.line(" NICK ", "montague")
    romeo.tell(network, "reconnect")
    await bob.line("QUIT", "montague")
    await bob.line("PRIVMSG", "bob :montague greets")
    await bob.line(" JOIN ", "#globe", "montague!")  # the commands come before
    bob.send("WHOIS montague")
    whois = await bob.line(" 311 ", "montague")
    assert " rm " in whois
    assert whois.endswith(":Romeo Montague")
    await logged_in(bob, "montague", "romeo")
    register = "<query xmlns='jabber:iq:register'>{}</query>"
    romeo.send(f"<iq type='get' id='reg1' to='{network}'>{register.format('')}</iq>")
    form = ET.tostring(await romeo.see(lambda el: el.get("id") == "reg1"), "unicode")
    assert "registered" in form
    assert "montague" in form
    assert "capulet" not in form
    romeo.send(f"<iq type='set' id='reg2' to='{network}'>{register.format('<remove/>')}</iq>")
    assert (await romeo.see(lambda el: el.get("id") == "reg2")).get("type") == "result"
    await bob.line(" PART ", "#globe")  # under the one nick or the other: that is not theirs any more


async def logged_in(bob: IrcPerson, nick: str, name: str = "") -> None:
    for _ in range(50):
        if await account(bob, nick) == (name or nick):
            return
    assert await account(bob, nick) == (name or nick)


async def test_a_client_certificate(tmp_path: Path) -> None:
    """SASL EXTERNAL: services know the certificate's fingerprint, and nobody sends a password."""
    certificate(tmp_path, "linkspan")
    login = f'sasl_mechanism = "external"\ntls_verify = false\ncertificate = "{tmp_path}/cert.pem"\nkey = "{tmp_path}/key.pem"'
    world = scene(tls=True, login=login)
    async with world:
        services = await with_atheme(world)
        der = ssl.PEM_cert_to_DER_cert((tmp_path / "cert.pem").read_text())
        async with IrcPerson("owner", port=world.irc.port) as owner:
            owner.send("PRIVMSG NickServ :IDENTIFY linkspan sesame")
            await owner.line("NOTICE", "identified")
            owner.send(f"PRIVMSG NickServ :CERT ADD {hashlib.sha256(der).hexdigest()}")
            await owner.line("NOTICE", "fingerprint")
        config = world.bridge.config.read_text()
        config = config.replace(f"port = {world.irc.port}", f"port = {world.irc.tls_port}").replace(
            "tls = false", "tls = true"
        )  # type: ignore[union-attr]
        world.bridge.config.write_text(config)
        await world.bridge.start()
        bob = await world.irc_user("bob")
        assert await account(bob, "linkspan") == "linkspan"
        await services.register("romeo", "capulet")
        await a_users_own_certificate(world, bob)


async def a_users_own_certificate(world: World, bob: IrcPerson) -> None:
    """Have the bridge make a certificate, tell the network of it, and log in anew without a password."""
    romeo = await world.user("romeo", join=False)
    network, room = f"irc@{world.xmpp.component}", f"#globe%irc@{world.xmpp.component}"
    romeo.tell(network, "login romeo certificate=make")
    await romeo.see(lambda el: "log in with the password, too" in (body(el) or ""))
    romeo.tell(network, "capulet")  # the question was for it
    told = await romeo.see(lambda el: "has the fingerprint" in (body(el) or ""))
    fingerprint = body(told).partition("fingerprint ")[2].partition(" ")[0]
    await romeo.join(room, "romeo")
    await logged_in(bob, "romeo")
    romeo.tell(f"nickserv%{network}", f"CERT ADD {fingerprint}")
    await romeo.see(lambda el: "fingerprint list" in (body(el) or ""))
    romeo.tell(network, "login romeo certificate=keep")
    await romeo.see(
        lambda el: "you speak on irc as romeo" in (body(el) or "") and "Your certificate" in (body(el) or "")
    )
    romeo.tell(network, "reconnect")
    await logged_in(bob, "romeo")
    assert "capulet" not in (await world.bridge.command("logins", "list", "--json")).output


class LockedNgircd(Ngircd):
    """A ngircd that nobody enters without its password."""

    def __init__(self) -> None:
        super().__init__(more="[Global]\nPassword = sesame")

    async def ready(self) -> bool:
        return await answers(self.port, say=b"NICK probe\r\nUSER probe 0 * :probe\r\n", expect=b"assword")


async def test_a_servers_password_is_the_users_own() -> None:
    world = World(network='password = "sesame"', rooms=["xmpp:verona@conference.localhost", "irc:#verona"])
    world.irc = LockedNgircd()
    async with world:
        romeo = await world.user("romeo", join=False)
        network, room = f"irc@{world.xmpp.component}", f"#globe%irc@{world.xmpp.component}"
        romeo.tell(network, "settings server_password=barley")
        await romeo.see(lambda el: "everything is as usual" in (body(el) or ""))
        with pytest.raises(NotSeen, match=r"[Pp]assword"):
            await romeo.join(room, "romeo")
        romeo.tell(network, "settings server_password=sesame")
        await romeo.join(room.replace("globe", "rose"), "romeo")
        assert "barley" not in world.bridge.log()


async def test_a_wrong_password_is_said_and_shown() -> None:
    async with scene(login='sasl_username = "linkspan"\nsasl_password = "open barley"') as world:
        await with_atheme(world)
        ended = await world.bridge.command("check")
        assert ended.status == 1
        assert "sasl" in (ended.output + ended.errors).lower()
        assert "barley" not in ended.output + ended.errors
