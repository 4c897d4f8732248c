"""mod_muc_puppets on a real Prosody: what the listener, the puppets and the other occupants of a room get."""

from collections.abc import AsyncIterator

import pytest

from bridge.demo.people import XmppPerson
from tests.support.servers import CollapsingProsody
from tests.support.xmpp_component import NS, BareComponent

pytestmark = pytest.mark.server

DOMAIN = "bridge.localhost"
ROOM = "garden@conference.localhost"
LISTENER = f"{DOMAIN}/linkspan"
COLLAPSE = "<collapse xmlns='urn:linkspan:muc-puppets:0'/>"


OTHERS = {
    "wraps": """
local room_mt = module:depends "muc".room_mt;
local originals = {};
for _, name in ipairs { "broadcast", "each_occupant", "save_occupant", "send_occupant_list" } do
	local original = room_mt[name];
	originals[name] = original;
	room_mt[name] = function (...) return original(...); end
end
function module.unload()
	for name, original in pairs(originals) do room_mt[name] = original; end
end
""",
    "fails": """
module:hook("muc-broadcast-presence", function (event)
	if event.stanza:get_child_text("status") == "fail" then error("as it is asked to"); end
end, -20000);
""",
}
"""Modules of somebody else: one wraps what ours wraps, one has an error in the middle of a broadcast."""


class Shared(CollapsingProsody):
    """A Prosody that has other modules as well."""

    def settings(self) -> str:
        """Return the search path, with the folder of the others in it."""
        plugins = self.folder / "plugins"
        plugins.mkdir(exist_ok=True)
        for name, text in OTHERS.items():
            (plugins / f"mod_{name}.lua").write_text(text)
        return super().settings().replace(" }", f', "{plugins}" }}')


def puppet(number: int) -> str:
    return f"p{number}%irc@{DOMAIN}/linkspan"


async def join(component: BareComponent, jid: str, nick: str, *, more: str = "") -> None:
    await component.occupy(ROOM, jid, nick, more=more)


class Scene:
    def __init__(self, prosody: Shared, juliet: XmppPerson, component: BareComponent) -> None:
        self.prosody, self.juliet, self.component = prosody, juliet, component

    async def said(self, text: str) -> list[str]:
        """Let juliet say something; return which of the component's addresses got a copy."""
        self.juliet.say(ROOM, text)
        await self.juliet.message(ROOM, text)
        await self.juliet.fence()
        await self.component.fence()
        return sorted(el.get("to", "") for el in self.component.seen if el.findtext(f"{NS}body") == text)

    async def module(self, command: str, name: str) -> None:
        """Load, unload or reload a module of the MUC service."""
        await self.prosody.shell(f"module:{command}('{name}', 'conference.localhost')")

    async def occupants(self) -> str:
        """Ask the room how many are in it."""
        info = await self.juliet.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=ROOM)
        fields = {el.get("var"): el.findtext("{jabber:x:data}value") for el in info.iter("{jabber:x:data}field")}
        return fields["muc#roominfo_occupants"] or ""


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with (
        Shared(people={"juliet": "pw", "romeo": "pw"}) as prosody,
        XmppPerson("juliet", "pw", port=prosody.port) as juliet,
        BareComponent(DOMAIN, prosody.secret, port=prosody.component_port) as component,
    ):
        await juliet.join(ROOM, "juliet")
        yield Scene(prosody, juliet, component)


async def test_the_listener_gets_the_only_copy(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    for number in range(5):
        await join(scene.component, puppet(number), f"p{number}")
    assert await scene.said("once") == [LISTENER]
    assert set(scene.juliet.occupants(ROOM)) == {"juliet", "linkspan", *(f"p{number}" for number in range(5))}


async def test_without_asking_everything_is_as_usual(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan")
    await join(scene.component, puppet(0), "p0")
    assert await scene.said("twice") == sorted([LISTENER, puppet(0)])


async def test_puppets_that_were_there_before_the_listener_are_collapsed_too(scene: Scene) -> None:
    await join(scene.component, puppet(0), "p0")
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    assert await scene.said("once") == [LISTENER]


async def test_when_the_listener_goes_the_puppets_hear_again(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    scene.component.send(f"<presence type='unavailable' from='{LISTENER}' to='{ROOM}/linkspan'/>")
    await scene.juliet.presence(f"{ROOM}/linkspan", gone=True)
    assert await scene.said("again") == [puppet(0)]


async def test_a_kicked_listener_leaves_the_room_as_usual_too(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='linkspan' role='none'/></query>"
    await scene.juliet.iq("set", kick, to=ROOM)
    assert await scene.said("again") == [puppet(0)]


async def test_a_puppet_gets_its_own_presence_and_nobody_elses(scene: Scene) -> None:
    """Join, nick change (303 and the new one), kick (307): each reaches the puppet itself, and the listener."""
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    await join(scene.component, puppet(1), "p1")
    scene.component.send(f"<presence from='{puppet(0)}' to='{ROOM}/q0'/>")
    await scene.juliet.presence(f"{ROOM}/q0")
    kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='q0' role='none'/></query>"
    await scene.juliet.iq("set", kick, to=ROOM)
    await scene.component.fence()
    sources = [el.get("from") for el in scene.component.got(puppet(0), kind="presence")]
    assert sources == [f"{ROOM}/p0", f"{ROOM}/p0", f"{ROOM}/q0", f"{ROOM}/q0"]
    assert [el.get("from") for el in scene.component.got(puppet(1), kind="presence")] == [f"{ROOM}/p1"]
    heard = [el.get("from") for el in scene.component.got(LISTENER, kind="presence")]
    assert heard.count(f"{ROOM}/q0") == 2


async def test_private_messages_still_reach_a_puppet(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    scene.juliet.tell(f"{ROOM}/p0", "psst")
    got = await scene.component.see(lambda el: el.findtext(f"{NS}body") == "psst")
    assert got.get("to") == puppet(0)


async def test_a_puppet_speaks_and_the_listener_has_the_reflection(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    scene.component.send(f"<message type='groupchat' from='{puppet(0)}' to='{ROOM}' id='m1'><body>hi</body></message>")
    await scene.juliet.message(ROOM, "hi", nick="p0")
    await scene.component.fence()
    copies = [el for el in scene.component.seen if el.findtext(f"{NS}body") == "hi"]
    assert [(el.get("to"), el.get("id")) for el in copies] == [(LISTENER, "m1")]
    assert copies[0].find("{urn:xmpp:sid:0}stanza-id") is not None


async def test_users_and_other_domains_see_no_difference(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    async with XmppPerson("romeo", "pw", port=scene.prosody.port) as romeo:
        await romeo.join(ROOM, "romeo")
        assert set(romeo.occupants(ROOM)) == {"juliet", "linkspan", "p0", "romeo"}
        scene.juliet.say(ROOM, "hello all")
        await romeo.message(ROOM, "hello all", nick="juliet")
        romeo.leave(ROOM, "romeo")
        await scene.juliet.presence(f"{ROOM}/romeo", gone=True)


async def test_the_room_says_that_it_collapses(scene: Scene) -> None:
    info = await scene.juliet.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=ROOM)
    features = {el.get("var") for el in info.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert "urn:linkspan:muc-puppets:0" in features


async def test_reloading_the_module_with_live_rooms_changes_nothing(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    assert await scene.said("before") == [LISTENER]
    await scene.module("reload", "muc_puppets")
    assert await scene.said("after") == [LISTENER]
    await scene.module("unload", "muc_puppets")
    assert await scene.said("unloaded") == sorted([LISTENER, puppet(0)])
    await scene.module("load", "muc_puppets")
    assert await scene.said("loaded") == [LISTENER]


async def test_reloading_the_muc_itself_takes_the_module_with_it(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    await scene.module("reload", "muc")
    assert await scene.said("after") == [LISTENER]


async def test_modules_that_wrap_the_same_may_go_in_any_order(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    await scene.module("load", "wraps")
    assert await scene.said("wrapped") == [LISTENER]
    await scene.module("unload", "muc_puppets")
    assert await scene.said("ours is gone") == sorted([LISTENER, puppet(0)])
    await scene.module("unload", "wraps")
    assert await scene.said("both are gone") == sorted([LISTENER, puppet(0)])
    await scene.module("load", "muc_puppets")
    assert await scene.said("ours is back") == [LISTENER]
    await join(scene.component, puppet(1), "p1")
    assert await scene.occupants() == "4"


async def test_an_error_in_another_module_leaves_nothing_behind(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    await scene.module("load", "fails")
    scene.component.send(f"<presence from='{puppet(0)}' to='{ROOM}/p0'><status>fail</status></presence>")
    await scene.component.fence()
    assert await scene.occupants() == "3"
    assert await scene.said("and goes on") == [LISTENER]


async def test_what_the_room_tells_everybody_about_somebody_absent_comes_once(scene: Scene) -> None:
    await join(scene.component, LISTENER, "linkspan", more=COLLAPSE)
    await join(scene.component, puppet(0), "p0")
    await scene.juliet.configure(ROOM, whois="anyone")
    await scene.juliet.affiliate(ROOM, "romeo@localhost", "member")
    await scene.component.fence()
    item = "{http://jabber.org/protocol/muc#user}x/{http://jabber.org/protocol/muc#user}item[@jid='romeo@localhost']"
    assert [el.get("to") for el in scene.component.seen if el.find(item) is not None] == [LISTENER]
