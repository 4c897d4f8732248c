"""Links of several rooms, and links that meet: everybody hears everything once, and nothing goes round."""

import pytest

from bridge.demo.people import IrcPerson
from tests.support.servers import InspIRCd
from tests.support.world import World

pytestmark = pytest.mark.server


async def test_one_link_of_two_mucs_and_two_channels_on_two_networks() -> None:
    """MUC ↔ two IRC channels on two networks ↔ another MUC: each message reaches all others once."""
    other = InspIRCd(sid="009", host="irc9.example.org")
    rooms = ["xmpp:verona@conference.localhost", "irc:#verona", "oftc:#mantua", "xmpp:mantua@conference.localhost"]
    more = (
        f'[networks.oftc]\nconnector = "irc"\nhost = "127.0.0.1"\nport = {other.port}\ntls = false\nnick = "linkspan"\n'
    )
    async with World(rooms=rooms, more=more, start=False) as world:
        await world.server(other)
        async with IrcPerson("carol", port=other.port) as carol:
            await carol.join("#mantua")
            juliet = await world.user("juliet")
            romeo = await world.user("romeo", room="mantua@conference.localhost")
            bob = await world.irc_user("bob")
            await world.bridge.start()
            mantua = "mantua@conference.localhost"
            for nick in ("bob", "carol", "romeo"):
                await juliet.presence(f"{world.room}/{nick}")
            for nick in ("bob", "carol", "juliet"):
                await romeo.presence(f"{mantua}/{nick}")
            juliet.say(world.room, "from juliet")
            await bob.message("#verona", "from juliet", nick="juliet")
            await carol.message("#mantua", "from juliet", nick="juliet")
            await romeo.message(mantua, "from juliet", nick="juliet")
            carol.say("#mantua", "from carol")
            await bob.message("#verona", "from carol", nick="carol")
            await juliet.message(world.room, "from carol", nick="carol")
            await romeo.message(mantua, "from carol", nick="carol")
            romeo.say(mantua, "from romeo")
            await bob.message("#verona", "from romeo", nick="romeo")
            await carol.message("#mantua", "from romeo", nick="romeo")
            await juliet.message(world.room, "from romeo", nick="romeo")
            for person in (juliet, romeo, bob, carol):
                await person.fence()
            for said in ("from juliet", "from carol", "from romeo"):
                assert [text for _, text in juliet.texts(world.room)].count(said) == 1
                assert [text for _, text in romeo.texts(mantua)].count(said) == 1
            assert sorted(text for _, text in bob.texts("#verona")) == ["from carol", "from juliet", "from romeo"]
            assert sorted(text for _, text in carol.texts("#mantua")) == ["from juliet", "from romeo"]


async def test_two_links_that_meet_over_a_foreign_relay_do_not_ring() -> None:
    """A relay of somebody else's joins both channels and both MUCs: the loop is broken within three rounds."""
    rooms = ["xmpp:verona@conference.localhost", "irc:#verona"]
    more = '[[links]]\nname = "mantua"\nrooms = ["xmpp:mantua@conference.localhost", "irc:#mantua"]\n'
    async with World(rooms=rooms, more=more) as world:
        mantua = "mantua@conference.localhost"
        relay = await world.irc_user("relay")
        await relay.join("#mantua")
        nurse = await world.user("nurse", nick="relay2")
        await nurse.join(mantua, "relay2")
        juliet = await world.user("juliet")
        await world.on_irc(relay, "juliet")

        # the foreign relay: IRC #verona -> IRC #mantua, MUC mantua -> MUC verona, each with a "<nick> " prefix
        juliet.say(world.room, "round and round")
        rounds = 0
        carried = 0
        text = await relay.message("#verona", "round and round", nick="juliet")
        nick, words = "juliet", "round and round"
        while rounds < 8:
            relay.say("#mantua", f"<{nick}> {words}")
            words = f"<{nick}> {words}"
            await nurse.message(mantua, words, nick="relay")
            nurse.say(world.room, f"<relay> {words}")
            words = f"<relay> {words}"
            rounds += 1
            try:
                await relay.message("#verona", words, nick="relay2", patience=3)
            except AssertionError:
                break
            carried += 1
            nick = "relay2"
        assert text
        assert carried <= 2
