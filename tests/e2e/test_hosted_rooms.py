"""Hosted rooms on real servers: an XMPP user without a MUC of their own is on IRC, under their own nick.

The core of every area is played on four pairs: Prosody and ejabberd, each with InspIRCd and ngircd. One world for each XMPP server has
both IRC servers as networks; every screenplay has channels and people of its own there.
"""

import asyncio
from collections.abc import AsyncIterator
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from bridge.demo.people import CLIENT, MUC_USER, IrcPerson, NotSeen, XmppPerson, body, codes
from bridge.demo.processes import until
from tests.support.pairs import Stage, users
from tests.support.servers import Ngircd, Znc
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

PUBSUB = "http://jabber.org/protocol/pubsub"
PRIVILEGED = {
    "prosody": {
        "options": 'modules_enabled = { "disco", "roster", "saslauth", "ping", "private", "carbons", "pep", "privilege" }\n'
        'privileged_entities = { ["bridge.localhost"] = { roster = "both", message = "outgoing", '
        f'iq = {{ ["{PUBSUB}"] = "both" }} }} }}',
        "more": '  modules_enabled = { "privilege" }',
    },
    "ejabberd": {
        "modules": "  mod_privilege:\n    roster:\n      both: all\n    message:\n      outgoing: all\n",
    },
}
"""How each server lets the bridge into its users' accounts (XEP-0356)."""
ADMIN = "<query xmlns='http://jabber.org/protocol/muc#admin'>{}</query>"
OWNER = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'{}/>"
REGISTER = "<query xmlns='jabber:iq:register'>{}</query>"


PEOPLE = [*users("juliet", "romeo", "nurse", "tybalt"), "paris", "lady"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["prosody", "ejabberd"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[World, dict[str, int]]]:
    """Share an XMPP server, two IRC servers and the bridge between them."""
    old = Ngircd()
    more = f'[networks.old]\nconnector = "irc"\nhost = "127.0.0.1"\nport = {old.port}\ntls = false\nlistener = false\n'
    world = World(xmpp=request.param, people=PEOPLE, more=more, xmpp_options=PRIVILEGED[request.param], start=False)
    znc = Znc(world.irc.port, "#bouncer")
    world.more += (
        f'[networks.znc]\nconnector = "irc"\nhost = "127.0.0.1"\nport = {znc.port}\ntls = false\nlistener = false\n'
        f'password = "{znc.password}"\n'
    )
    async with world:
        await world.server(old)
        await world.server(znc)
        await world.bridge.start()
        yield world, {"irc": world.irc.port, "old": old.port, "znc": znc.port}


@pytest.fixture(params=["irc", "old"], ids=["inspircd", "ngircd"])
def stage(request: pytest.FixtureRequest, world: tuple[World, dict[str, int]]) -> Stage:
    """Give one of the four pairs."""
    return Stage(world[0], request.param, world[1][request.param])


def fields(form: Element) -> dict[str, str]:
    return {f.get("var", ""): f.findtext("{jabber:x:data}value") or "" for f in form.iter("{jabber:x:data}field")}


def condition(answer: Element) -> str:
    """Return what an error says, "" for a result."""
    found = [el.tag for el in answer.iter() if el.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}")]
    return found[0].rpartition("}")[2] if found else ""


async def test_a_user_joins_talks_and_leaves(stage: Stage) -> None:
    room, domain = stage.room("#python"), stage.world.xmpp.component
    bob = await stage.irc("bob", "#python")
    bob.send("TOPIC #python :all about snakes")
    await bob.fence()
    juliet, romeo = await stage.user("juliet"), await stage.user("romeo")
    await juliet.join(room, "juliet", history=0)
    here = juliet.occupants(room)
    assert set(here) == {"bob", "juliet"}
    assert codes(here["juliet"]) >= {"100", "110", "170"}
    await juliet.see(lambda el: el.findtext(f"{CLIENT}subject") == "all about snakes")
    arrived = [el for el in juliet.seen if el.get("from", "").startswith(room)]
    kinds = [el.tag.removeprefix(CLIENT) + ("*" if "110" in codes(el) else "") for el in arrived]
    assert kinds == ["presence", "presence*", "message"]
    item = here["bob"].find(f".//{MUC_USER}item")
    assert item is not None
    assert (item.get("role"), item.get("affiliation")) == ("moderator", "admin")
    assert item.get("jid") == f"bob%{stage.network}@{domain}/linkspan"
    assert "linkspan" not in await bob.names("#python")

    # both ways
    mark = juliet.say(room, "hello there")
    await bob.message("#python", "hello there", nick="juliet")
    echo = await juliet.message(room, "hello there", nick="juliet")
    assert echo.get("id") == mark
    assert echo.find("{urn:xmpp:sid:0}stanza-id") is not None
    bob.say("#python", "hi juliet")
    await juliet.message(room, "hi juliet", nick="bob")

    # the channels that there are; what kind of a room it is; whether one is there
    items = await juliet.iq(
        "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=f"{stage.network}@{domain}"
    )
    assert room in {item.get("jid") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}
    info = await juliet.iq("get", INFO.format(""), to=room)
    features = {el.get("var") for el in info.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert {"muc_open", "muc_unmoderated", "muc_unsecured", "urn:xmpp:mam:2"} <= features
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    assert (await juliet.iq("get", ping, to=f"{room}/juliet")).get("type") == "result"
    assert condition(await romeo.iq("get", ping, to=f"{room}/juliet")) == "not-acceptable"

    # a second user, in the same room, over a connection of their own
    await romeo.join(room, "romeo")
    assert set(romeo.occupants(room)) == {"bob", "juliet", "romeo"}
    await juliet.presence(f"{room}/romeo")
    bob.say("#python", "welcome")
    await romeo.message(room, "welcome", nick="bob")

    # nick, topic, private words; the network and bob are in the roster, where the server allows it
    juliet.send(f"<presence to='{room}/bob'/>")
    refused = await juliet.see(lambda el: el.get("from") == f"{room}/bob" and el.get("type") == "error")
    assert condition(refused) == "conflict"
    juliet.send(f"<presence to='{room}/giulietta'/>")
    await juliet.presence(f"{room}/giulietta")
    await bob.line(":juliet!", " NICK ", "giulietta")
    juliet.tell(f"{room}/bob", "psst")
    await bob.message("bob", "psst", nick="giulietta")
    bob.say("giulietta", "yes?")
    await juliet.see(lambda el: el.get("from", "").startswith(f"bob%{stage.network}@{domain}") and body(el) == "yes?")
    if stage.world.xmpp.name == "prosody":  # this ejabberd says that it allows it, and then fails
        for name in (stage.network, f"bob%{stage.network}"):
            await in_roster(juliet, f"{name}@{domain}")

    # what was said is kept, for each as far as they were there
    query = "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set></query>"
    for person, words in ((juliet, {"hello there", "hi juliet", "welcome"}), (romeo, {"welcome"})):
        end = await person.iq("set", query, to=room)
        assert end.get("type") == "result"
        found = {body(el) for message in person.seen for el in message.iter(f"{CLIENT}message") if el is not message}
        assert found == words

    # an invitation from IRC
    await bob.join("#parlour")
    bob.send("INVITE giulietta #parlour")
    await juliet.see(lambda el: el.get("from") == stage.room("#parlour") and el.tag == f"{CLIENT}message")

    # somebody is thrown out, somebody leaves
    bob.send("KICK #python romeo :enough")
    gone = await romeo.presence(f"{room}/romeo", gone=True)
    assert codes(gone) == {"110", "307"}
    gone = await juliet.presence(f"{room}/romeo", gone=True)
    assert codes(gone) == {"307"}
    juliet.leave(room, "giulietta")
    await bob.line(":giulietta!", " PART ", "#python")


async def test_what_a_user_says_by_another_client_of_their_bouncer_is_their_own(
    world: tuple[World, dict[str, int]],
) -> None:
    """In the room and in private, once; and what they say here is not taken for the telephone's when ZNC repeats it."""
    scene, ports = world
    stage = Stage(scene, "znc", ports["irc"])
    bob, lady = await stage.irc("gregory", "#bouncer"), await scene.user("lady", join=False)
    await lady.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    await lady.join(stage.room("#bouncer"), "linkspan", history=0)
    phone = IrcPerson("linkspan", port=ports["znc"], password="linkspan/test:secret")
    async with phone:
        lady.say(stage.room("#bouncer"), "from here")
        await bob.message("#bouncer", "from here", nick="linkspan")
        phone.say("#bouncer", "by telephone")
        phone.say("gregory", "psst")
        await bob.message("gregory", "psst", nick="linkspan")
        bob.say("#bouncer", "heard")
        await lady.message(stage.room("#bouncer"), "heard", nick="gregory")
        assert lady.texts(stage.room("#bouncer")) == [
            ("linkspan", "from here"),
            ("linkspan", "by telephone"),
            ("gregory", "heard"),
        ]
    await lady.see(lambda el: any(body(said) == "psst" for said in el.iter(f"{CLIENT}message")))


async def in_roster(person: XmppPerson, jid: str) -> None:
    """Return once somebody is in the roster."""

    async def so() -> bool:
        roster = await person.iq("get", "<query xmlns='jabber:iq:roster'/>")
        return jid in {item.get("jid") for item in roster.iter("{jabber:iq:roster}item")}

    await until(so, patience=15, what=f"{jid} is in the roster", pause=0.1)


async def test_operators_rule_from_xmpp_and_whoever_is_refused_knows_why(stage: Stage) -> None:
    room, domain = stage.room("#law"), stage.world.xmpp.component
    bob, mercutio, peter = await asyncio.gather(stage.irc("escalus", "#law"), stage.irc("mercutio"), stage.irc("peter"))
    nurse, tybalt = await stage.user("nurse"), await stage.user("tybalt")
    await nurse.join(room, "nurse")
    await mercutio.join("#law")
    for payload, kind in ((ADMIN.format("<item affiliation='outcast'/>"), "get"), (OWNER, "get")):
        assert condition(await nurse.iq(kind, payload, to=room)) == "forbidden"
    bob.send("MODE #law +o nurse")
    await nurse.see(lambda el: "110" in codes(el) and "admin" in affiliations(el))

    # a moderated room, a request for a voice
    await nurse.configure(room, moderatedroom="1")
    await bob.line("MODE #law ", "+m")
    await nurse.see(
        lambda el: el.get("from") == room and "104" in {s.get("code") for s in el.iter(f"{MUC_USER}status")}
    )
    await tybalt.join(room, "tybalt")
    assert {"visitor"} == roles(tybalt.occupants(room)["tybalt"])
    tybalt.say(room, "let me")
    assert condition(await tybalt.see(lambda el: el.get("from") == room and el.get("type") == "error")) == "forbidden"
    asks = "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
    tybalt.send(
        f"<message to='{room}'><x xmlns='jabber:x:data' type='submit'>{asks}<field var='muc#role'><value>participant</value>"
        "</field></x></message>"
    )
    asked = fields(await nurse.see(lambda el: el.get("from") == room and "muc#request_allow" in fields(el)))
    assert asked["muc#roomnick"] == "tybalt"
    nurse.send(
        f"<message to='{room}'><x xmlns='jabber:x:data' type='submit'>{asks}<field var='muc#roomnick'><value>tybalt</value>"
        "</field><field var='muc#request_allow'><value>true</value></field></x></message>"
    )
    await tybalt.see(lambda el: el.get("from") == f"{room}/tybalt" and roles(el) == {"participant"})
    tybalt.say(room, "thank you")
    await bob.message("#law", "thank you", nick="tybalt")

    # out, out for good, and forgiven
    await nurse.kick(room, "mercutio", "hush")
    await mercutio.line("KICK #law mercutio :hush")
    assert codes(await nurse.presence(f"{room}/mercutio", gone=True)) == {"307"}
    await mercutio.join("#law")
    nurse.seen.clear()
    await nurse.affiliate(room, f"mercutio%{stage.network}@{domain}", "outcast")
    gone = await nurse.presence(f"{room}/mercutio", gone=True)
    assert (codes(gone), affiliations(gone)) == ({"301"}, {"outcast"})
    listed = await nurse.iq("get", ADMIN.format("<item affiliation='outcast'/>"), to=room)
    assert [item.get("jid") for item in listed.iter("{http://jabber.org/protocol/muc#admin}item")] != []
    await nurse.affiliate(room, f"mercutio%{stage.network}@{domain}", "none")
    await bob.line(":nurse!", "MODE #law ", "-b")
    mercutio.seen.clear()
    await mercutio.join("#law")
    await nurse.presence(f"{room}/mercutio")

    # only for the invited, for few, and with a key: whoever is not let in is told why
    await gone_from_irc(tybalt, room, bob)
    for setting, refusal in (("membersonly", "registration-required"), ("passwordprotectedroom", "not-authorized")):
        more = {"roomsecret": "key"} if setting.startswith("password") else {}
        await nurse.configure(room, **{setting: "1"}, **more)
        with pytest.raises(NotSeen, match=refusal):
            await tybalt.join(room, "tybalt")
        tybalt.seen.clear()
        if setting == "membersonly":
            await nurse.affiliate(room, f"tybalt%{stage.network}@{domain}", "member")
            await tybalt.join(room, "tybalt")
            await gone_from_irc(tybalt, room, bob)
            await nurse.configure(room, membersonly="0")
    await nurse.configure(room, passwordprotectedroom="0", maxusers="3")
    await bob.line("MODE #law ", "+l ", "3")
    with pytest.raises(NotSeen, match="service-unavailable"):
        await tybalt.join(room, "tybalt")
    tybalt.seen.clear()
    tybalt.send(f"<presence to='{room}/tybalt'/>")  # a client that thinks it is there
    assert codes(await tybalt.presence(f"{room}/tybalt", gone=True)) == {"110", "307", "333"}

    # a nick of one's own, an invitation to IRC, and staying: a bookmark, where the server allows it
    form = "<x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>Nurse</value></field></x>"
    assert condition(await nurse.iq("set", REGISTER.format(form), to=room)) == ""
    known = await nurse.iq("get", INFO.format(" node='x-roomuser-item'"), to=room)
    assert [el.get("name") for el in known.iter("{http://jabber.org/protocol/disco#info}identity")] == ["Nurse"]
    tybalt.seen.clear()
    with pytest.raises(NotSeen, match="conflict"):
        await tybalt.join(room, "nurse")
    nurse.send(
        f"<message to='{room}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<invite to='peter%{stage.network}@{domain}'/></x></message>"
    )
    await peter.line(":nurse!", "INVITE peter ", "#law")
    stay = "<command xmlns='http://jabber.org/protocol/commands' node='stay' action='execute'/>"
    assert (await nurse.iq("set", stay, to=room)).get("type") == "result"
    if stage.world.xmpp.name == "prosody":  # this ejabberd gives no right to IQs
        await bookmarked(nurse, room)


async def gone_from_irc(tybalt: XmppPerson, room: str, bob: IrcPerson) -> None:
    """Have somebody leave a room, and return once that is so on IRC."""
    bob.seen.clear()
    tybalt.leave(room, "tybalt")
    await bob.line(":tybalt!", " PART ")
    tybalt.seen.clear()


async def bookmarked(person: XmppPerson, room: str) -> None:
    """Return once a room is a bookmark."""
    ask = f"<pubsub xmlns='{PUBSUB}'><items node='urn:xmpp:bookmarks:1'/></pubsub>"

    async def so() -> bool:
        answer = await person.iq("get", ask)
        found = {
            item.get("id"): item.find("{urn:xmpp:bookmarks:1}conference") for item in answer.iter(f"{{{PUBSUB}}}item")
        }
        conference = found.get(room)
        return conference is not None and conference.get("autojoin") == "true"

    await until(so, patience=15, what=f"{room} is a bookmark", pause=0.1)


def affiliations(presence: Element) -> set[str | None]:
    return {item.get("affiliation") for item in presence.iter(f"{MUC_USER}item")}


def roles(presence: Element) -> set[str | None]:
    return {item.get("role") for item in presence.iter(f"{MUC_USER}item")}


async def test_the_channel_of_a_link_has_the_hosted_room_as_one_more_member(
    world: tuple[World, dict[str, int]],
) -> None:
    shared, _ = world
    paris = await shared.user("paris", join=False)
    linked = f"#verona%irc@{shared.xmpp.component}"
    lady = await shared.user("lady")
    dave = await shared.irc_user("dave")
    await shared.linked(lady, dave)
    await paris.join(linked, "paris")
    for nick in ("dave", "lady"):
        await paris.presence(f"{linked}/{nick}")
    assert "linkspan" not in paris.occupants(linked)
    await lady.presence(f"{shared.room}/paris")
    paris.say(linked, "good morrow")
    await lady.message(shared.room, "good morrow", nick="paris")
    await dave.message("#verona", "good morrow", nick="paris")
    lady.say(shared.room, "is it so late")
    await paris.message(linked, "is it so late", nick="lady")
    await dave.message("#verona", "is it so late", nick="lady")
    dave.say("#verona", "it is")
    await paris.message(linked, "it is", nick="dave")
    await lady.message(shared.room, "it is", nick="dave")
    for person in (paris, lady, dave):
        await person.fence()
    for where, person in ((linked, paris), (shared.room, lady), ("#verona", dave)):
        texts = [text for _, text in person.texts(where)]
        assert len(texts) == len(set(texts))
