"""Commands on a real server: an administrator's client fills forms in, writes lines, and the command line does the same."""

from xml.etree.ElementTree import Element

import pytest

from bridge.demo.people import XmppPerson, body
from tests.support.world import World

pytestmark = pytest.mark.server

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"
DATA = "{jabber:x:data}"


async def execute(person: XmppPerson, to: str, node: str, session: str = "", **values: str) -> Element:
    """Send one stanza of a command, and return the command in the answer."""
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    form = f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>" if session else ""
    more = f" sessionid='{session}'" if session else " action='execute'"
    answer = await person.iq("set", f"<command xmlns='{COMMANDS}' node='{node}'{more}>{form}</command>", to=to)
    assert answer.get("type") == "result", "".join(answer.itertext())
    found = answer.find(f"{{{COMMANDS}}}command")
    assert found is not None
    return found


async def filled(person: XmppPerson, to: str, node: str, **values: str) -> Element:
    """Ask for a command's form, and send it filled in."""
    form = await execute(person, to, node)
    assert form.get("status") == "executing"
    return await execute(person, to, node, form.get("sessionid", ""), **values)


async def nodes(person: XmppPerson, to: str) -> set[str]:
    query = f"<query xmlns='http://jabber.org/protocol/disco#items' node='{COMMANDS}'/>"
    items = await person.iq("get", query, to=to)
    return {item.get("node", "") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}


def note(command: Element) -> str:
    return command.findtext(f"{{{COMMANDS}}}note") or ""


async def test_an_administrator_sees_users_tells_them_something_and_ends_a_session() -> None:
    world = World()
    world.admins = [f"juliet@{world.xmpp.domain}"]
    async with world:
        bridge, romeo_jid = world.xmpp.component, f"romeo@{world.xmpp.domain}"
        room = f"#python%irc@{bridge}"
        bob = await world.irc_user("bob", channel="#python")
        juliet = await world.user("juliet", join=False)
        romeo = await world.user("romeo", join=False)
        await romeo.join(room, "romeo")

        # who may what is listed, and no more
        assert {f"{ADMIN}#announce", f"{ADMIN}#end-user-session", "links-add", "reload"} <= await nodes(juliet, bridge)
        assert not {node for node in await nodes(romeo, bridge) if node.startswith((ADMIN, "links"))}
        assert {"stay", "part"} <= await nodes(romeo, room)
        refused = await romeo.iq("set", f"<command xmlns='{COMMANDS}' node='reload' action='execute'/>", to=bridge)
        assert (refused.get("type"), refused.find(".//{*}forbidden") is not None) == ("error", True)

        # who is there, by form, by chat and by the command line
        online = await filled(juliet, bridge, f"{ADMIN}#get-online-users-list", network="irc")
        fields = {each.get("var"): [value.text for value in each] for each in online.iter(f"{DATA}field")}
        assert (fields["FORM_TYPE"], fields["onlineuserjids"]) == ([ADMIN], [romeo_jid])
        juliet.tell(bridge, f"users show {romeo_jid}")
        told = await juliet.see(lambda el: el.get("from") == bridge and romeo_jid in (body(el) or ""))
        assert "irc:#python" in (body(told) or "")
        assert romeo_jid in (await world.bridge.command("users", "list")).output
        stays = await world.bridge.command("do", "stay", f"room={room}", f"user={romeo_jid}")
        assert (stays.output, stays.errors) == ("You stay here when your clients leave.\n", "")
        romeo.tell(f"irc@{bridge}", "rooms list python")
        await romeo.see(lambda el: el.get("from") == f"irc@{bridge}" and room in (body(el) or ""))
        romeo.tell(f"irc@{bridge}", "unstay #python")
        await romeo.see(lambda el: body(el) == "You leave with your last client.")

        # a form that is wrong comes back, and says where
        wrong = await filled(juliet, bridge, "links-add", name="x", rooms="irc:#alone")
        assert (wrong.get("status"), note(wrong)) == ("executing", "rooms: found 1, expected 2 or more")

        # told something, put out
        done = await filled(juliet, bridge, f"{ADMIN}#announce", announcement="down at noon")
        assert (done.get("status"), note(done)) == ("completed", "told 1 users")
        await romeo.see(lambda el: el.get("from") == bridge and body(el) == "down at noon")
        ended = await filled(juliet, bridge, f"{ADMIN}#end-user-session", accountjids=romeo_jid)
        assert note(ended) == "1 sessions ended"
        await romeo.see(lambda el: el.get("from") == f"{room}/romeo" and el.get("type") == "unavailable")
        await world.on_irc(bob, "romeo", there=False, channel="#python")

        # the configuration, read anew from a chat; the stream through which it was asked for may be a new one then
        juliet.tell(bridge, "reload")
        await juliet.see(lambda el: el.get("from") == bridge and body(el) == "the configuration is in force")
