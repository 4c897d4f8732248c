"""Hosted rooms on real servers: an XMPP user without a MUC of their own is on IRC, under their own nick."""

import pytest

from bridge.demo.people import CLIENT, MUC_USER, NotSeen, body, codes
from tests.support.proxy import Proxy
from tests.support.world import World

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("xmpp", "irc"), [("prosody", "inspircd"), ("ejabberd", "ngircd")])
async def test_a_user_joins_talks_and_leaves(xmpp: str, irc: str) -> None:
    async with World(xmpp=xmpp, irc=irc) as world:
        room = f"#python%irc@{world.xmpp.component}"
        bob = await world.irc_user("bob", channel="#python")
        bob.send("TOPIC #python :all about snakes")
        await bob.fence()
        juliet = await world.user("juliet", join=False)
        await juliet.join(room, "juliet", history=0)
        here = juliet.occupants(room)
        assert set(here) == {"bob", "juliet"}
        assert codes(here["juliet"]) >= {"100", "110"}
        await juliet.see(lambda el: el.findtext(f"{CLIENT}subject") == "all about snakes")
        item = here["bob"].find(".//{http://jabber.org/protocol/muc#user}item")
        assert item is not None
        assert (item.get("role"), item.get("affiliation")) == ("moderator", "admin")
        assert "linkspan" not in await bob.names("#python")

        # both ways
        mark = juliet.say(room, "hello there")
        await bob.message("#python", "hello there", nick="juliet")
        echo = await juliet.message(room, "hello there", nick="juliet")
        assert echo.get("id") == mark
        assert echo.find("{urn:xmpp:sid:0}stanza-id") is not None
        bob.say("#python", "hi juliet")
        await juliet.message(room, "hi juliet", nick="bob")

        # the channels that there are
        items = await juliet.iq(
            "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=f"irc@{world.xmpp.component}"
        )
        assert room in {item.get("jid") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}

        # a second user, in the same room, over a connection of their own
        romeo = await world.user("romeo", join=False)
        await romeo.join(room, "romeo")
        assert set(romeo.occupants(room)) == {"bob", "juliet", "romeo"}
        await juliet.presence(f"{room}/romeo")
        bob.say("#python", "welcome")
        await romeo.message(room, "welcome", nick="bob")

        # nick, topic, private words
        juliet.send(f"<presence to='{room}/giulietta'/>")
        await juliet.presence(f"{room}/giulietta")
        await bob.line(":juliet!", " NICK ", "giulietta")
        juliet.tell(f"{room}/bob", "psst")
        await bob.message("bob", "psst", nick="giulietta")
        bob.say("giulietta", "yes?")
        await juliet.see(
            lambda el: el.get("from", "").startswith(f"bob%irc@{world.xmpp.component}") and body(el) == "yes?"
        )

        # what was said is kept, for each as far as they were there
        query = "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set></query>"
        for person, words in ((juliet, {"hello there", "hi juliet", "welcome"}), (romeo, {"welcome"})):
            end = await person.iq("set", query, to=room)
            assert end.get("type") == "result"
            found = {
                body(el) for message in person.seen for el in message.iter(f"{CLIENT}message") if el is not message
            }
            assert found == words

        # an invitation from IRC
        await bob.join("#parlour")
        bob.send("INVITE giulietta #parlour")
        await juliet.see(
            lambda el: el.get("from") == f"#parlour%irc@{world.xmpp.component}" and el.tag == f"{CLIENT}message"
        )

        # somebody is thrown out, somebody leaves
        bob.send("KICK #python romeo :enough")
        gone = await romeo.presence(f"{room}/romeo", gone=True)
        assert codes(gone) == {"110", "307"}
        gone = await juliet.presence(f"{room}/romeo", gone=True)
        assert codes(gone) == {"307"}
        juliet.leave(room, "giulietta")
        await bob.line(":giulietta!", " PART ", "#python")

        # the channel of a link: the hosted room is one more member of it
        linked = f"#verona%irc@{world.xmpp.component}"
        nurse = await world.user("nurse")
        dave = await world.irc_user("dave")
        await world.linked(nurse, dave)
        await romeo.join(linked, "romeo")
        for nick in ("dave", "nurse"):
            await romeo.presence(f"{linked}/{nick}")
        assert "linkspan" not in romeo.occupants(linked)
        await nurse.presence(f"{world.room}/romeo")
        romeo.say(linked, "good morrow")
        await nurse.message(world.room, "good morrow", nick="romeo")
        await dave.message("#verona", "good morrow", nick="romeo")
        nurse.say(world.room, "is it so late")
        await romeo.message(linked, "is it so late", nick="nurse")
        await dave.message("#verona", "is it so late", nick="nurse")
        dave.say("#verona", "it is")
        await romeo.message(linked, "it is", nick="dave")
        await nurse.message(world.room, "it is", nick="dave")
        for person in (romeo, nurse, dave):
            await person.fence()
        for where, person in ((linked, romeo), (world.room, nurse), ("#verona", dave)):
            texts = [text for _, text in person.texts(where)]
            assert len(texts) == len(set(texts))


GATEWAY = """
[gateway]
open_irc = true
open_irc_allow = ["127.0.0.1"]
open_irc_tls = "preferred"
fixed_server = "irc"
"""


async def test_refused_joins_and_the_other_forms_of_addresses() -> None:
    async with World(irc="inspircd", more=GATEWAY) as world:
        bob = await world.irc_user("bob", channel="#locked")
        bob.send("MODE #locked +k secret")
        await bob.fence()
        room = f"#locked%irc@{world.xmpp.component}"
        juliet = await world.user("juliet", join=False)
        with pytest.raises(NotSeen, match="not-authorized"):
            await juliet.join(room, "juliet")
        juliet.seen.clear()
        await juliet.join(room, "juliet", password="secret")
        assert set(juliet.occupants(room)) == {"bob", "juliet"}

        # what operators may do, and others may not
        with pytest.raises(NotSeen, match="forbidden"):
            await juliet.kick(room, "bob")
        with pytest.raises(NotSeen, match="item-not-found"):
            await juliet.kick(room, "nobody")
        bob.send("MODE #locked +o juliet")
        await juliet.see(
            lambda el: "moderator" in [item.get("role") for item in el.iter(f"{MUC_USER}item")] and "110" in codes(el)
        )
        mallory = await world.irc_user("mallory", join=False)
        await mallory.join("#locked", "secret")
        await juliet.presence(f"{room}/mallory")
        await juliet.kick(room, "mallory", "out")
        await mallory.line(":juliet!", "KICK #locked mallory :out")
        kicked = await juliet.presence(f"{room}/mallory", gone=True)
        assert codes(kicked) == {"307"}
        await mallory.join("#locked", "secret")
        await juliet.affiliate(room, f"mallory%irc@{world.xmpp.component}", "outcast")
        await bob.line(":juliet!", "MODE #locked +b")
        outcasts = "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query>"
        listed = await juliet.iq("get", outcasts, to=room)
        assert [item.get("jid") for item in listed.iter("{http://jabber.org/protocol/muc#admin}item")] != []
        await juliet.configure(room, moderatedroom="1", maxusers="20")
        await bob.line("MODE #locked ", "+m")
        await bob.line("MODE #locked +l ", "20")

        # the fixed server's channel, and its people
        carol = await world.irc_user("carol", channel="#fixed")
        fixed = f"#fixed@{world.xmpp.component}"
        await juliet.join(fixed, "juliet")
        assert set(juliet.occupants(fixed)) == {"carol", "juliet"}
        juliet.tell(f"carol@{world.xmpp.component}", "psst")
        await carol.message("carol", "psst", nick="juliet")

        # any server by its name, without a listener of ours
        romeo = await world.user("romeo", join=False)
        plain = await world.enter(Proxy(world.irc.port, plain=True))
        free = f"#free%127.0.0.1\\3a{plain.port}@{world.xmpp.component}"
        await world.irc_user("dave", channel="#free")
        await romeo.join(free, "romeo")
        assert set(romeo.occupants(free)) == {"dave", "romeo"}
        romeo.say(free, "free at last")
        await romeo.message(free, "free at last", nick="romeo")
        assert "linkspan" not in romeo.occupants(free)

        # who stays is there after a restart, key and all, and still has what was said
        stay = "<command xmlns='http://jabber.org/protocol/commands' node='stay' action='execute'/>"
        assert (await juliet.iq("set", stay, to=room)).get("type") == "result"
        await world.bridge.stop()
        await world.on_irc(bob, "juliet", there=False, channel="#locked")
        await world.bridge.start()
        await world.on_irc(bob, "juliet", channel="#locked")
        bob.say("#locked", "welcome back")
        await juliet.join(room, "juliet", history=5)
        await juliet.message(room, "welcome back", nick="bob")
