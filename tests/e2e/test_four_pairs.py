"""Addresses, archives, people, logins, settings, commands and a power cut on Prosody and ejabberd, each with InspIRCd and ngircd.

InspIRCd has services (a real atheme), where listener and users log in by SASL PLAIN, EXTERNAL and NickServ. The ngircd has none; it
asks for a password, which the network ``old`` shows for everybody, while on ``own`` users have to know it themselves.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from bridge.demo.people import CLIENT, IrcPerson, NotSeen, XmppPerson, body, codes
from bridge.demo.processes import free_port, until
from bridge.demo.servers import InspIRCd, certificate
from tests.support.forms import condition, execute, filled, given, nodes, note, register, submitted
from tests.support.pairs import Stage, users
from tests.support.proxy import Proxy
from tests.support.servers import LockedNgircd
from tests.support.services import Atheme, with_services
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

ADMIN = "http://jabber.org/protocol/admin"
ROSTER = "{jabber:iq:roster}"
VERSION = "<query xmlns='jabber:iq:version'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
VCARD = "<vCard xmlns='vcard-temp'/>"
LAST = "<query xmlns='jabber:iq:last'/>"
FORM = "<x xmlns='jabber:x:data' type='submit'><field var='{}'><value>{}</value></field></x>"
INSPIRCD, NGIRCD = "irc", "old"


LISTED = """
[networks.{name}]
connector = "irc"
host = "127.0.0.1"
port = {port}
{more}
"""
GATEWAY = """
[gateway]
detach = "1h"
open_irc = true
open_irc_private = ["127.0.0.1"]
open_irc_tls = "preferred"
fixed_server = "{fixed}"
"""
FIXED = {"prosody": INSPIRCD, "ejabberd": NGIRCD}
"""Which network is meant where an address names none."""
ALONE = pytest.mark.parametrize("world", ["prosody"], indirect=True)
"""For what is between the bridge and IRC alone: once is enough."""


def networks(inspircd: InspIRCd, ngircd: int, keys: Path, *, whole: bool) -> str:
    """Return both servers as others reach them: the ngircd with its password and without, InspIRCd with other ways to log in."""
    external = (
        f'nick = "external"\nsasl_mechanism = "external"\ncertificate = "{keys}/cert.pem"\nkey = "{keys}/key.pem"'
    )
    listed = [
        ("old", ngircd, 'tls = false\npassword = "sesame"'),
        ("own", ngircd, "tls = false\nlistener = false"),
        ("web", ngircd, 'tls = false\nlistener = false\npassword = "sesame"\nwebirc_password = "s3cret"'),
        ("ext", inspircd.tls_port, f"tls_verify = false\n{external}"),
        ("told", inspircd.port, 'tls = false\nnick = "watch"\nnickserv_password = "sesame"'),
    ]
    return "".join(
        LISTED.format(name=name, port=port, more=more) for name, port, more in listed[: None if whole else 3]
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["prosody", "ejabberd"])
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Share an XMPP server, two IRC servers with services on the one, and the bridge between them."""
    whole, keys = request.param == "prosody", tmp_path_factory.mktemp("keys")
    old, inspircd = LockedNgircd(), with_services(tls=True)
    world = World(
        xmpp=request.param,
        people=[
            *users("juliet", "romeo", "paris", "nurse", "rosaline", "peter"),
            "tybalt",
            "mercutio",
            "benvolio",
            "lady",
        ],
        admins=["nurseirc@localhost", "nurseold@localhost"],
        network='sasl_username = "linkspan"\nsasl_password = "sesame"',
        more=networks(inspircd, old.port, keys, whole=whole) + GATEWAY.format(fixed=FIXED[request.param]),
        start=False,
    )
    world.irc = inspircd
    async with world:
        services = Atheme(inspircd)
        await asyncio.gather(world.server(services), world.server(old))
        certified = fingerprint(keys) if whole else ""
        accounts = {"linkspan": "sesame", "romeo": "capulet"} | ({"watch": "sesame"} if whole else {})
        await asyncio.gather(
            *(
                services.register(nick, password, fingerprint=certified if nick == "linkspan" else "")
                for nick, password in accounts.items()
            )
        )
        await world.bridge.start()
        yield world


def fingerprint(keys: Path) -> str:
    """Make the listener's certificate, and return how services know it."""
    certificate(keys, "linkspan")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((keys / "cert.pem").read_text())).hexdigest()


@pytest.fixture(params=[INSPIRCD, NGIRCD], ids=["inspircd", "ngircd"])
def stage(request: pytest.FixtureRequest, world: World) -> Stage:
    """Give one of the four pairs."""
    return on(world, request.param)


def on(world: World, network: str) -> Stage:
    """Return the stage of a network."""
    if network in (NGIRCD, "own", "web"):
        port = int(world.more.partition("port = ")[2].partition("\n")[0])
        return Stage(world, network, port, "sesame")
    return Stage(world, network, world.irc.port)


# -- addresses


async def test_every_form_of_an_address_leads_somewhere_or_is_refused(stage: Stage) -> None:
    world, domain = stage.world, stage.world.xmpp.component
    abram, _, stephano = await asyncio.gather(
        *(
            stage.irc(nick, f"#{name}")
            for nick, name in (("gonzalo", "locked"), ("ariel", "fixed"), ("stephano", "free"))
        )
    )
    abram.send("MODE #locked +k secret")
    await abram.fence()
    rosaline, locked = await stage.user("rosaline"), stage.room("#locked")
    with pytest.raises(NotSeen, match="not-authorized"):
        await rosaline.join(locked, "rosaline")
    rosaline.seen.clear()
    await rosaline.join(locked, "rosaline", password="secret")
    assert set(rosaline.occupants(locked)) == {"gonzalo", "rosaline"}

    # the fixed server's channel and its people, without a network
    if stage.network == FIXED[world.xmpp.name]:
        await rosaline.join(f"#fixed@{domain}", "rosaline")
        assert set(rosaline.occupants(f"#fixed@{domain}")) == {"ariel", "rosaline"}
        rosaline.tell(f"gonzalo@{domain}", "psst")
        await abram.message("gonzalo", "psst", nick="rosaline")

    # any server by its name, without a listener of ours; settings for it can be made before anybody is there
    plain = await world.enter(Proxy(stage.port, plain=True))
    server = f"127.0.0.1\\3a{plain.port}@{domain}"
    free = f"#free%{server}"
    rosaline.tell(server, 'settings nick=rosalind realname="Rosaline Capulet" server_password=sesame')
    await rosaline.see(lambda el: el.get("from") == server and "realname: Rosaline Capulet" in (body(el) or ""))
    assert given(await register(rosaline, server))["realname"] == ["Rosaline Capulet"]
    await rosaline.join(free, "rosaline")
    assert set(rosaline.occupants(free)) == {"stephano", "rosalind"}
    stephano.send("WHOIS rosalind")
    assert (await stephano.line(" 311 ", "rosalind")).endswith(":Rosaline Capulet")
    rosaline.say(free, "free at last")
    await stephano.message("#free", "free at last", nick="rosalind")
    await rosaline.message(free, "free at last", nick="rosalind")

    # one that must not be connected to, and one that is not there, are told at once
    for name, refusal in (
        (f"10.0.0.2\\3a{plain.port}", "not-allowed"),
        (f"127.0.0.1\\3a{free_port()}", "remote-server-not-found"),
    ):
        with pytest.raises(NotSeen, match=refusal):
            await rosaline.join(f"#free%{name}@{domain}", "rosaline")


# -- what was said


async def test_what_was_said_is_theirs_to_read_to_take_away_and_to_forget(stage: Stage) -> None:
    room = stage.room("#chronicle")
    peter, romeo = await stage.user("peter"), await stage.user("rosaline")
    bob, *_ = await asyncio.gather(
        stage.irc("samuel", "#chronicle"), peter.join(room, "potpan"), romeo.join(room, "grumio")
    )
    for number in range(5):
        bob.say("#chronicle", f"line {number}")
    await peter.message(room, "line 4")

    async def page(who: XmppPerson, inner: str) -> tuple[list[str], dict[str, str]]:
        who.seen.clear()
        rsm = f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"
        fin = await who.iq("set", f"<query xmlns='urn:xmpp:mam:2'>{rsm}</query>", to=room)
        told = {el.tag.rpartition("}")[2]: el.text or "" for el in fin.iter()} | {"error": condition(fin)}
        inside = (el.find(".//{urn:xmpp:forward:0}forwarded/{jabber:client}message") for el in who.seen)
        return [body(el) or "" for el in inside if el is not None], told

    words, told = await page(peter, "<max>2</max>")
    assert (words, told["count"]) == (["line 0", "line 1"], "5")
    words, _ = await page(peter, f"<max>9</max><after>{told['last']}</after>")
    assert words == ["line 2", "line 3", "line 4"]
    words, _ = await page(peter, "<max>1</max><before/>")
    assert words == ["line 4"]
    taken = await execute(peter, room, "export")
    assert '"text": "line 3"' in "".join(taken.itertext())
    assert note(await execute(peter, room, "forget")).startswith("What was said here before is closed to you now.")
    assert (await page(peter, "<max>9</max>"))[0] == []
    assert (await page(romeo, "<max>9</max>"))[0] == [f"line {number}" for number in range(5)]


# -- people


def is_presence(sender: str, how: str, words: str = ""):
    """Tell of a stanza whether it shows a contact so."""

    def is_it(el: Element) -> bool:
        shown = el.get("type") or el.findtext(f"{CLIENT}show") or "available"
        said = el.findtext(f"{CLIENT}status") or ""
        return (
            el.tag == f"{CLIENT}presence" and el.get("from", "").startswith(sender) and shown == how and words in said
        )

    return is_it


async def add(person: XmppPerson, address: str) -> None:
    """Put an address into the contact list, and let it see us if it asks."""
    person.send(f"<presence type='subscribe' to='{address}'/>")
    await person.see(
        lambda el: any(
            item.get("jid") == address and item.get("subscription") in ("to", "both")
            for item in el.iter(f"{ROSTER}item")
        )
    )


async def texts(person: XmppPerson, payload: str, to: str, kind: str = "get") -> dict[str, str]:
    """Ask, and return the texts of the answer by the names of their elements."""
    answer = await person.iq(kind, payload, to=to)
    return {el.tag.rpartition("}")[2]: "".join(el.itertext()) for el in answer.iter()}


async def both(asking, bob: IrcPerson, question: str, answer: str) -> Element:
    """Let bob answer a question while somebody waits for it."""
    waiting = asyncio.ensure_future(asking)
    await bob.see(lambda line: question in line)
    bob.send(answer)
    return await waiting


async def is_away(bob: IrcPerson, nick: str) -> bool:
    """Ask whether somebody is away."""
    bob.seen.clear()
    bob.send(f"WHOIS {nick}")
    await bob.fence()
    return any(f" 301 {bob.nick} {nick} " in line for line in bob.seen)


async def test_people_and_networks_are_contacts(stage: Stage) -> None:
    network, room = stage.address, stage.room("#python")
    bob = await stage.irc("bob")
    juliet = await stage.user("juliet")
    await juliet.iq("get", "<query xmlns='jabber:iq:roster'/>")

    # a network that one is not on, and people of whom it tells although nobody shares a room with them
    await add(juliet, network)
    await juliet.see(is_presence(network, "unavailable", "not connected"))
    await juliet.see(lambda el: el.get("type") == "subscribe" and el.get("from") == network)
    juliet.send(f"<presence type='subscribed' to='{network}'/>")
    await add(juliet, stage.person("bob"))
    await juliet.see(is_presence(stage.person("bob"), "available"))
    await add(juliet, stage.person("carol"))
    await juliet.see(is_presence(stage.person("carol"), "unavailable"))
    if stage.network == INSPIRCD:  # ngircd has to be asked, every half minute
        async with IrcPerson("carol", port=stage.port):
            await juliet.see(is_presence(stage.person("carol"), "available"))
            juliet.seen.clear()
        await juliet.see(is_presence(stage.person("carol"), "unavailable"))

    # on the network: the contact is there, and away as she is
    await juliet.join(room, "juliet")
    await juliet.see(is_presence(network, "available", "connected as juliet"))
    juliet.send("<presence><show>away</show><status>at lunch</status></presence>")
    await juliet.see(is_presence(network, "away", "at lunch"))
    await until(lambda: is_away(bob, "juliet"), patience=15, what="juliet is away", pause=0.05)
    assert "at lunch" in next(line for line in bob.seen if " 301 " in line)
    juliet.send("<presence/>")
    juliet.seen.clear()

    # what the server says to her, and lines of her own
    juliet.tell(network, "/raw WHOIS bob")
    await juliet.see(lambda el: el.get("from") == network and "WHOIS" in (body(el) or ""))
    juliet.tell(network, "/raw QUIT")
    await juliet.see(lambda el: (body(el) or "").startswith("Not sent: QUIT"))

    # who bob is
    card = await texts(juliet, VCARD, stage.person("bob"))
    assert (card["NICKNAME"], f"bob on {stage.network}" in card["DESC"], "Here since" in card["DESC"]) == (
        "bob",
        True,
        True,
    )
    assert (await juliet.iq("get", VCARD, to=stage.person("nobody"))).get("type") == "error"
    last = await juliet.iq("get", LAST, to=stage.person("bob"))
    assert last.find("{jabber:iq:last}query").get("seconds", "").isdigit()  # type: ignore[union-attr]

    # his program, asked by her, and hers by him
    asking = juliet.iq("get", VERSION, to=stage.person("bob"))
    answers = await both(asking, bob, "PRIVMSG bob :\x01VERSION\x01", "NOTICE juliet :\x01VERSION WeeChat 4.0\x01")
    assert "WeeChat" in "".join(answers.itertext())
    await bob.join("#python")
    await juliet.presence(f"{room}/bob")
    asking = juliet.iq("get", PING, to=f"{room}/bob")
    answers = await both(asking, bob, "\x01PING ", "NOTICE juliet :\x01PING linkspan\x01")
    assert answers.get("type") == "result"
    bob.send("PRIVMSG juliet :\x01VERSION\x01")
    query = await juliet.see(lambda el: el.find("{jabber:iq:version}query") is not None and el.get("type") == "get")
    said = "<query xmlns='jabber:iq:version'><name>Psi</name><version>1.5</version></query>"
    juliet.send(f"<iq type='result' id='{query.get('id')}' to='{query.get('from')}'>{said}</iq>")
    await bob.line(":juliet!", "NOTICE bob :\x01VERSION Psi 1.5\x01")

    # private words both ways; on ngircd a room that she is in tells more of her contacts
    juliet.tell(stage.person("bob"), "psst")
    await bob.message("bob", "psst", nick="juliet")
    bob.say("juliet", "yes?")
    await juliet.see(lambda el: el.get("from", "").startswith(stage.person("bob")) and body(el) == "yes?")
    if stage.network == NGIRCD:
        async with IrcPerson("carol", port=stage.port, password=stage.password) as carol:
            await carol.join("#python")
            await juliet.see(is_presence(stage.person("carol"), "available"))
            juliet.seen.clear()
        await juliet.see(is_presence(stage.person("carol"), "unavailable"))

    # searches, and the list of rooms
    people = f"<query xmlns='jabber:iq:search'>{FORM.format('nick', 'b*')}</query>"
    answer = await juliet.iq("set", people, to=network)
    assert stage.person("bob") in {el.text for el in answer.iter("{jabber:x:data}value")}
    rooms = f"<search xmlns='urn:xmpp:channel-search:0:search'>{FORM.format('q', 'python')}</search>"
    answer = await juliet.iq("get", rooms, to=network)
    assert [el.get("address") for el in answer.iter("{urn:xmpp:channel-search:0:search}item")] == [room]
    items = await juliet.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=network)
    assert room in {item.get("jid") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}
    if stage.network == FIXED[stage.world.xmpp.name]:
        domain = stage.world.xmpp.component
        items = await juliet.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=domain)
        listed = {item.get("jid") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}
        assert {stage.address, f"#python@{domain}"} <= listed
    juliet.tell(network, "rooms list python")
    await juliet.see(lambda el: el.get("from") == network and room in (body(el) or ""))

    # whose client goes offline stays a while, away, and is the same when they are back
    await juliet.close()
    await until(lambda: is_away(bob, "juliet"), patience=15, what="juliet is away", pause=0.1)
    again = await stage.user("juliet")
    await again.see(is_presence(stage.person("bob"), "available"))
    await again.join(room, "juliet")
    assert set(again.occupants(room)) == {"bob", "juliet"}


# -- logins


async def account(bob: IrcPerson, nick: str) -> str:
    """Return the account that somebody is logged in to."""
    bob.seen.clear()
    bob.send(f"WHOIS {nick}")
    await bob.fence()
    return next((line.split()[4] for line in bob.seen if f" 330 {bob.nick} {nick} " in line), "")


async def logged_in(bob: IrcPerson, nick: str, name: str = "") -> None:
    """Return once somebody is logged in."""

    async def so() -> bool:
        return await account(bob, nick) == (name or nick)

    await until(so, patience=15, what=f"{nick} is logged in", pause=0.1)


@ALONE
async def test_listeners_log_in_by_password_by_certificate_and_by_telling_nickserv(world: World) -> None:
    abram = await world.irc_user("abram", join=False)
    await logged_in(abram, "linkspan")
    await logged_in(abram, "external", "linkspan")
    await logged_in(abram, "watch")


async def test_a_users_own_account_is_tried_and_used(world: World) -> None:
    network, room = f"irc@{world.xmpp.component}", f"#globe%irc@{world.xmpp.component}"
    tybalt = await world.user("tybalt", join=False)
    tybalt.tell(network, "login romeo montague")
    gregory, _ = await asyncio.gather(
        world.irc_user("gregory", channel="#globe"), tybalt.see(lambda el: "does not accept" in (body(el) or ""))
    )
    wrong = await filled(tybalt, network, "login", account="romeo", password="montague")
    assert (wrong.get("status"), "does not accept" in note(wrong)) == ("completed", True)
    tybalt.tell(network, "login romeo capulet")
    await tybalt.see(lambda el: "you speak on irc as romeo" in (body(el) or ""))
    await tybalt.join(room, "tybalt")
    await logged_in(gregory, "tybalt", "romeo")
    form = await register(tybalt, network)
    assert (given(form)["username"], form.find(".//{jabber:iq:register}registered") is not None) == (["romeo"], True)
    assert "capulet" not in ET.tostring(form, "unicode")
    assert (await register(tybalt, network, "<remove/>")).get("type") == "result"
    await gregory.line(":tybalt!", " PART ", "#globe")
    tybalt.tell(network, "whoami")
    await tybalt.see(lambda el: "You have no login on irc" in (body(el) or ""))
    assert "capulet" not in world.bridge.log()


@ALONE
async def test_a_users_certificate_logs_in_without_a_password(world: World) -> None:
    """The bridge makes one, the network is told of it, and the login is tried anew with it alone."""
    network, room = f"ext@{world.xmpp.component}", f"#yard%ext@{world.xmpp.component}"
    mercutio = await world.user("mercutio", join=False)
    mercutio.tell(network, "login romeo certificate=make")
    await mercutio.see(lambda el: "log in with the password, too" in (body(el) or ""))
    mercutio.tell(network, "capulet")  # the question was for it
    sampson, told = await asyncio.gather(
        world.irc_user("sampson", channel="#yard"), mercutio.see(lambda el: "has the fingerprint" in (body(el) or ""))
    )
    fingerprint = (body(told) or "").partition("fingerprint ")[2].partition(" ")[0]
    await mercutio.join(room, "mercutio")
    await logged_in(sampson, "mercutio", "romeo")
    mercutio.tell(f"nickserv%{network}", f"CERT ADD {fingerprint}")
    await mercutio.see(lambda el: "fingerprint list" in (body(el) or ""))
    mercutio.tell(network, "login romeo certificate=keep")
    await mercutio.see(
        lambda el: "you speak on ext as romeo" in (body(el) or "") and "Your certificate" in (body(el) or "")
    )
    mercutio.tell(network, "reconnect")
    await sampson.line(" QUIT ", "mercutio")
    await logged_in(sampson, "mercutio", "romeo")
    assert "capulet" not in (await world.bridge.command("logins", "list", "--json")).output


async def test_a_server_without_services_has_its_password_from_the_user(world: World) -> None:
    stage = on(world, "own")
    benvolio = await world.user("benvolio", join=False)
    benvolio.tell(stage.address, "settings server_password=barley")
    await benvolio.see(lambda el: "everything is as usual" in (body(el) or ""))
    with pytest.raises(NotSeen, match=r"[Pp]assword"):
        await benvolio.join(stage.room("#globe"), "benvolio")
    benvolio.seen.clear()
    benvolio.tell(stage.address, "settings server_password=sesame")
    await benvolio.see(lambda el: "everything is as usual" in (body(el) or ""))
    await benvolio.join(stage.room("#rose"), "benvolio")
    benvolio.tell(stage.address, "login benvolio montague")  # nobody can say yet whether that is right
    await benvolio.see(lambda el: "only NickServ will say" in (body(el) or ""))
    form = ET.tostring(await register(benvolio, stage.address), "unicode")
    assert "sesame" not in form
    assert "montague" not in form
    assert "barley" not in world.bridge.log()
    assert (await register(benvolio, stage.address, "<remove/>")).get("type") == "result"
    await benvolio.presence(f"{stage.room('#rose')}/benvolio", gone=True)
    benvolio.tell(stage.address, "whoami")
    await benvolio.see(lambda el: "You have no login on own" in (body(el) or ""))


# -- settings


async def test_users_are_there_as_they_like_it(stage: Stage) -> None:
    network, room = stage.address, stage.room("#mantua")
    romeo = await stage.user("romeo")
    bob, _ = await asyncio.gather(stage.irc("peter", "#mantua"), romeo.join(room, "romeo"))

    # by a form that says what is wrong where, and by a line of chat
    wrong = await filled(romeo, network, "settings", encoding="klingon")
    assert (wrong.get("status"), note(wrong)[:24]) == ("executing", 'encoding: found "klingon')
    done = await execute(romeo, network, "settings", wrong.get("sessionid", ""), nick="montague", encoding="latin-1")
    assert done.get("status") == "completed"
    await bob.line(":romeo!", " NICK ", "montague")
    await romeo.presence(f"{room}/montague")
    romeo.say(room, "déjà vu")
    await bob.message("#mantua", "d\ufffdj\ufffd vu", nick="montague")  # latin-1, as the network wants it
    romeo.tell(
        network,
        'settings realname="Romeo Montague" username=rm commands="PRIVMSG peter :{nick} greets" channels=#exile',
    )
    told = await romeo.see(lambda el: f"On {stage.network} you have set:" in (body(el) or "") and "exile" in body(el))
    assert "username, commands. To have it now, say reconnect." in (body(told) or "")
    await bob.join("#exile")
    await stage.world.on_irc(bob, "montague", channel="#exile")
    bob.seen.clear()
    romeo.tell(network, "reconnect")
    await bob.line("QUIT", "montague")
    await bob.line("PRIVMSG", "peter :montague greets")
    await bob.line(" JOIN ", "#mantua", "montague!")  # the commands come before
    bob.send("WHOIS montague")
    whois = await bob.line(" 311 ", "montague")
    assert whois.split()[4].lstrip("~") == "rm"
    assert whois.endswith(":Romeo Montague")

    # the same by registration (XEP-0077): shown, changed, refused at its field, forgotten
    form = given(await register(romeo, network))
    assert (form["nick"], form["ident"], form["channels"]) == (["montague"], ["rm"], ["#exile"])
    refused = await register(romeo, network, submitted(FORM_TYPE="jabber:iq:register", encoding="klingon"))
    assert (condition(refused), "encoding" in "".join(refused.itertext())) == ("not-acceptable", True)
    changed = await register(romeo, network, submitted(FORM_TYPE="jabber:iq:register", nick="banished"))
    assert condition(changed) == ""
    await bob.line(":montague!", " NICK ", "banished")
    assert (await register(romeo, network, "<remove/>")).get("type") == "result"
    await bob.line(" PART ", "#mantua")  # under the one nick or the other: that is not theirs any more
    assert given(await register(romeo, network))["nick"] in ([], [""])


# -- commands


async def test_an_administrator_sees_users_tells_them_something_and_ends_a_session(stage: Stage) -> None:
    world, bridge = stage.world, stage.world.xmpp.component
    room, paris_jid = stage.room("#vault"), f"paris{stage.network}@{world.xmpp.domain}"
    nurse, paris = await stage.user("nurse"), await stage.user("paris")
    bob, _ = await asyncio.gather(stage.irc("balthasar", "#vault"), paris.join(room, "paris"))

    # who may what is listed, and no more
    assert {f"{ADMIN}#announce", f"{ADMIN}#end-user-session", "links-add", "reload"} <= await nodes(nurse, bridge)
    assert not {node for node in await nodes(paris, bridge) if node.startswith((ADMIN, "links"))}
    assert {"stay", "part"} <= await nodes(paris, room)
    command = "<command xmlns='http://jabber.org/protocol/commands' node='reload' action='execute'/>"
    assert condition(await paris.iq("set", command, to=bridge)) == "forbidden"

    # who is there, by form, by chat and by the command line
    online = given(await filled(nurse, bridge, f"{ADMIN}#get-online-users-list", network=stage.network))
    assert (online["FORM_TYPE"], paris_jid in online["onlineuserjids"]) == ([ADMIN], True)
    nurse.tell(bridge, f"users show {paris_jid}")
    told = await nurse.see(lambda el: el.get("from") == bridge and paris_jid in (body(el) or ""))
    assert f"{stage.network}:#vault" in (body(told) or "")
    stays = await world.bridge.command("do", "stay", f"room={room}", f"user={paris_jid}")
    assert (stays.output, stays.errors) == ("You stay here when your clients leave.\n", "")
    paris.tell(stage.address, "unstay #vault")
    await paris.see(lambda el: body(el) == "You leave with your last client.")

    # a form that is wrong comes back, and says where
    wrong = await filled(nurse, bridge, "links-add", name="x", rooms=f"{stage.network}:#alone")
    assert (wrong.get("status"), note(wrong)) == ("executing", "rooms: found 1, expected 2 or more")

    # told something, put out
    nurse.tell(bridge, f'announce "down at noon" network={stage.network}')
    await paris.see(lambda el: el.get("from") == bridge and body(el) == "down at noon")
    ended = await filled(nurse, bridge, f"{ADMIN}#end-user-session", accountjids=paris_jid)
    assert note(ended) == "1 session ended"
    await paris.see(lambda el: el.get("from") == f"{room}/paris" and el.get("type") == "unavailable")
    await world.on_irc(bob, "paris", there=False, channel="#vault")

    # cast out, and pardoned
    nurse.tell(bridge, f"outcasts add xmpp:{paris_jid} duelling")
    await nurse.see(lambda el: el.get("from") == bridge and paris_jid in (body(el) or "") and "cast out" in body(el))
    paris.seen.clear()
    with pytest.raises(NotSeen, match="forbidden"):
        await paris.join(room, "paris")
    paris.seen.clear()
    nurse.seen.clear()
    nurse.tell(bridge, f"outcasts remove xmpp:{paris_jid}")
    await nurse.see(lambda el: el.get("from") == bridge and paris_jid in (body(el) or ""))
    await paris.join(room, "paris")

    # other keys for the secrets in the store, and the configuration, read anew from a chat
    nurse.tell(bridge, "keys rotate drop_old=yes")
    await nurse.see(lambda el: el.get("from") == bridge and "encrypted with a new key" in (body(el) or ""))
    nurse.tell(bridge, "reload")
    await nurse.see(lambda el: el.get("from") == bridge and body(el) == "the configuration is in force")


async def test_a_server_without_services_can_tell_users_apart_by_webirc(world: World) -> None:
    stage = on(world, "web")
    oper = await stage.irc("oper", "#gate")
    oper.send("OPER oper oper")
    people = [await world.user(name, join=False) for name in ("tybalt", "benvolio")]
    await asyncio.gather(*(person.join(stage.room("#gate"), f"{person.user}-w") for person in people))
    oper.send("WHO #gate")
    await oper.line(" 315 ")
    hosts = {line.split()[7]: line.split()[5] for line in oper.seen if " 352 " in line}
    assert len({hosts["tybalt-w"], hosts["benvolio-w"]} - {hosts["oper"]}) == 2
    assert all(ip_address(hosts[f"{person.user}-w"]) in ip_network("fd6c:696e:6b73::/64") for person in people)
    assert "s3cret" not in world.bridge.log()


# -- the power goes


async def test_after_a_power_cut_who_stays_is_back_and_everybody_is_told(world: World) -> None:
    stages = [on(world, network) for network in (INSPIRCD, NGIRCD)]
    rooms = [stage.room("#storm") for stage in stages]
    lady, tybalt = await world.user("lady", join=False), await world.user("tybalt", join=False)
    abrams = await asyncio.gather(*(stage.irc("abraham", "#storm") for stage in stages))  # operators: they come first
    await asyncio.gather(*(person.join(room, person.user) for room in rooms for person in (lady, tybalt)))
    stay = "<command xmlns='http://jabber.org/protocol/commands' node='stay' action='execute'/>"
    for room, abram in zip(rooms, abrams, strict=True):
        assert (await lady.iq("set", stay, to=room)).get("type") == "result"
        abram.send("MODE #storm +k thunder")  # which whoever stays has to know when they come back
        await lady.see(lambda el, room=room: el.get("from") == room and "104" in codes(el))
    await lady.iq("get", "<query xmlns='jabber:iq:roster'/>")
    await add(lady, stages[0].address)
    lady.seen.clear()
    if world.xmpp.name == "prosody":  # once is enough: by the command line, while the bridge runs
        ended = await world.bridge.command("db", "rotate-key", "--drop-old")
        assert (ended.status, "encrypted with a new key" in ended.output) == (0, True), ended
    await world.bridge.kill()
    await world.bridge.start()
    for room, abram in zip(rooms, abrams, strict=True):
        for person in (lady, tybalt):
            assert codes(await person.presence(f"{room}/{person.user}", gone=True)) == {"110", "332"}
        await world.on_irc(abram, "lady", channel="#storm")
        await world.on_irc(abram, "tybalt", there=False, channel="#storm")
        abram.say("#storm", "still here?")
        await lady.join(room, "lady", history=5)
        await lady.message(room, "still here?", nick="abraham")
    await lady.see(is_presence(stages[0].address, "available", "connected as lady"))

    # an orderly end says the same at once
    lady.seen.clear()
    await world.bridge.stop()
    for room, abram in zip(rooms, abrams, strict=True):
        assert codes(await lady.presence(f"{room}/lady", gone=True)) == {"110", "332"}
        await world.on_irc(abram, "lady", there=False, channel="#storm")


@ALONE
async def test_a_wrong_password_is_said_and_shown(world: World) -> None:
    await world.bridge.stop()
    world.more = ""
    world.bridge.config.write_text(world.config().replace('sasl_password = "sesame"', 'sasl_password = "open barley"'))
    ended = await world.bridge.command("check")
    assert ended.status == 1
    assert "sasl" in (ended.output + ended.errors).lower()
    assert "barley" not in ended.output + ended.errors
