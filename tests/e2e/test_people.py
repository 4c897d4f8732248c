"""People and networks as contacts, on real servers: presence, vCards, what servers say, lines of one's own, CTCP, searches."""

import asyncio
from xml.etree.ElementTree import Element

import pytest

from bridge.demo.people import CLIENT, IrcPerson, XmppPerson, body
from tests.support.world import World

pytestmark = pytest.mark.server

ROSTER = "{jabber:iq:roster}"
VERSION = "<query xmlns='jabber:iq:version'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
VCARD = "<vCard xmlns='vcard-temp'/>"
LAST = "<query xmlns='jabber:iq:last'/>"
FORM = "<x xmlns='jabber:x:data' type='submit'><field var='{}'><value>{}</value></field></x>"


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


async def test_people_and_networks_are_contacts() -> None:
    async with World(more='[gateway]\ndetach = "1h"\n') as world:
        domain = world.xmpp.component
        network, room = f"irc@{domain}", f"#python%irc@{domain}"
        bob = await world.irc_user("bob", join=False)
        juliet = await world.user("juliet", join=False)
        await juliet.iq("get", "<query xmlns='jabber:iq:roster'/>")

        # a network that one is not on, and people of whom it tells although nobody shares a room with them
        await add(juliet, network)
        await juliet.see(is_presence(network, "unavailable", "not connected"))
        await juliet.see(lambda el: el.get("type") == "subscribe" and el.get("from") == network)
        juliet.send(f"<presence type='subscribed' to='{network}'/>")
        await add(juliet, f"bob%irc@{domain}")
        await juliet.see(is_presence(f"bob%irc@{domain}", "available"))
        await add(juliet, f"carol%irc@{domain}")
        await juliet.see(is_presence(f"carol%irc@{domain}", "unavailable"))
        async with IrcPerson("carol", port=world.irc.port):
            await juliet.see(is_presence(f"carol%irc@{domain}", "available"))
            juliet.seen.clear()
        await juliet.see(is_presence(f"carol%irc@{domain}", "unavailable"))

        # on the network: the contact is there, and away as she is
        await juliet.join(room, "juliet")
        await juliet.see(is_presence(network, "available", "connected as juliet"))
        juliet.send("<presence><show>away</show><status>at lunch</status></presence>")
        await juliet.see(is_presence(network, "away", "at lunch"))
        bob.send("WHOIS juliet")
        await bob.line(" 301 bob juliet ", "at lunch")
        juliet.send("<presence/>")
        juliet.seen.clear()

        # what the server says to her, and lines of her own
        juliet.tell(network, "/raw WHOIS bob")
        await juliet.see(lambda el: el.get("from") == network and "WHOIS" in (body(el) or ""))
        juliet.tell(network, "/raw QUIT")
        await juliet.see(lambda el: (body(el) or "").startswith("Not sent: QUIT"))

        # who bob is
        card = await texts(juliet, VCARD, f"bob%irc@{domain}")
        assert (card["NICKNAME"], "bob on irc" in card["DESC"], "Here since" in card["DESC"]) == ("bob", True, True)
        assert (await juliet.iq("get", VCARD, to=f"nobody%irc@{domain}")).get("type") == "error"
        last = await juliet.iq("get", LAST, to=f"bob%irc@{domain}")
        assert last.find("{jabber:iq:last}query").get("seconds", "").isdigit()  # type: ignore[union-attr]

        # his program, asked by her, and hers by him
        asking = juliet.iq("get", VERSION, to=f"bob%irc@{domain}")
        answers = await _both(asking, bob, "PRIVMSG bob :\x01VERSION\x01", "NOTICE juliet :\x01VERSION WeeChat 4.0\x01")
        assert "WeeChat" in "".join(answers.itertext())
        await bob.join("#python")
        await juliet.presence(f"{room}/bob")
        asking = juliet.iq("get", PING, to=f"{room}/bob")
        answers = await _both(asking, bob, "\x01PING ", "NOTICE juliet :\x01PING linkspan\x01")
        assert answers.get("type") == "result"
        bob.send("PRIVMSG juliet :\x01VERSION\x01")
        query = await juliet.see(lambda el: el.find("{jabber:iq:version}query") is not None and el.get("type") == "get")
        said = "<query xmlns='jabber:iq:version'><name>Psi</name><version>1.5</version></query>"
        juliet.send(f"<iq type='result' id='{query.get('id')}' to='{query.get('from')}'>{said}</iq>")
        await bob.line(":juliet!", "NOTICE bob :\x01VERSION Psi 1.5\x01")

        # searches
        people = f"<query xmlns='jabber:iq:search'>{FORM.format('nick', 'b*')}</query>"
        answer = await juliet.iq("set", people, to=network)
        assert f"bob%irc@{domain}" in {el.text for el in answer.iter("{jabber:x:data}value")}
        rooms = f"<search xmlns='urn:xmpp:channel-search:0:search'>{FORM.format('q', 'python')}</search>"
        answer = await juliet.iq("get", rooms, to=network)
        assert [el.get("address") for el in answer.iter("{urn:xmpp:channel-search:0:search}item")] == [room]

        # whose client goes offline stays a while, away; when the bridge goes so do the contacts
        await juliet.close()
        bob.send("WHOIS juliet")
        await bob.line(" 301 bob juliet ")
        again = await world.user("juliet", join=False)
        await again.see(is_presence(f"bob%irc@{domain}", "available"))
        await world.bridge.stop()
        await again.see(is_presence(f"bob%irc@{domain}", "unavailable"))


async def _both(asking, bob: IrcPerson, question: str, answer: str) -> Element:
    """Let bob answer a question while somebody waits for it."""
    waiting = asyncio.ensure_future(asking)
    await bob.see(lambda line: question in line)
    bob.send(answer)
    return await waiting
