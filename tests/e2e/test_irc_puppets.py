"""IRC puppets: a connection for each XMPP user, with all that servers and operators do to it."""

import pytest

from bridge.demo.people import IrcPerson, body
from tests.support.servers import InspIRCd
from tests.support.world import World

pytestmark = pytest.mark.server


async def operator(world: World, name: str = "oper") -> IrcPerson:
    oper = await world.irc_user(name, join=False)
    oper.send("OPER oper oper")
    await oper.line(" 381 ")
    return oper


async def test_a_taken_nick_follows_the_rule_and_is_taken_back_when_free() -> None:
    """product.md: ``_``, then ``__``; and juliet gets her own nick when its holder goes."""
    async with World() as world:
        bob = await world.irc_user("bob")
        thief = await world.irc_user("juliet", join=False)
        second = await world.irc_user("juliet_", join=False)
        juliet = await world.user("juliet")
        await world.on_irc(bob, "juliet__")
        juliet.say(world.room, "it is me")
        await bob.message(world.channel, "it is me", nick="juliet__")
        await second.close()
        await thief.close()
        await bob.see(
            lambda line: line.startswith(":juliet_") and " NICK " in line and line.endswith("juliet"), patience=90
        )


async def test_a_nick_forced_by_the_server_is_recovered() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        oper = await operator(world)
        oper.send("SANICK juliet Guest1")
        await bob.line(":juliet!", " NICK ", "Guest1")
        juliet.say(world.room, "who am I")
        await bob.line("PRIVMSG", "who am I")
        await bob.see(
            lambda line: line.startswith(":Guest1!") and " NICK " in line and line.endswith("juliet"), patience=90
        )


async def test_lazy_puppets_come_with_the_first_message() -> None:
    async with World(puppets='mode = "lazy"') as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await juliet.presence(f"{world.room}/bob")
        assert "juliet" not in await bob.names(world.channel)
        juliet.say(world.room, "first words")
        await bob.message(world.channel, "first words", nick="juliet")
        juliet.say(world.room, "second words")
        await bob.message(world.channel, "second words", nick="juliet")


async def test_relay_mode_names_who_speaks() -> None:
    async with World(puppets='mode = "relay"') as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await juliet.presence(f"{world.room}/bob")
        juliet.say(world.room, "through the bridge")
        line = await bob.line("PRIVMSG", "through the bridge")
        assert line.partition("!")[0].endswith(":linkspan")
        assert "<" in line
        assert "liet>" in line
        bob.say(world.channel, "heard")
        await juliet.message(world.room, "heard", nick="bob")


@pytest.mark.parametrize(
    ("mode", "words"),
    [("+i", "invite"), ("+k sesame", "key"), ("+l 3", "full"), ("+b romeo!*@*", "ban")],
    ids=["invite-only", "key", "limit", "ban"],
)
async def test_a_refused_join_is_told_to_the_person(mode: str, words: str) -> None:
    """473 475 471 474: romeo hears why, in private; and what he says is still heard, through the relay."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        oper = await operator(world)
        oper.send(f"SAMODE {world.channel} {mode}")
        await bob.line(" MODE ", mode.partition(" ")[0])
        romeo = await world.user("romeo")
        told = await romeo.see(
            lambda el: body(el) is not None and el.get("type") != "groupchat" and words in (body(el) or "").lower(),
            patience=40,
        )
        assert world.channel in (body(told) or "")
        romeo.say(world.room, "can you hear me")
        line = await bob.line("PRIVMSG", "can you hear me", patience=40)
        assert "romeo" in line or "meo>" in line


async def test_a_killed_and_banned_puppet_is_not_brought_back() -> None:
    """A K-line is a permanent refusal: no retry, and the room is not disturbed."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        oper = await operator(world)
        oper.send("KILL juliet :go away")
        await bob.see(lambda line: line.startswith(":juliet!") and " QUIT " in line)
        bob.say(world.channel, "is she gone?")
        await juliet.message(world.room, "is she gone?", nick="bob")


async def test_the_listener_kicked_comes_back_and_reads_on() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await world.op("bob")
        bob.send(f"KICK {world.channel} linkspan :shoo")
        await bob.line(" KICK ", "linkspan")
        bob.say(world.channel, "still reading?")
        await juliet.message(world.room, "still reading?", nick="bob", patience=40)
        juliet.say(world.room, "yes")
        await bob.message(world.channel, "yes", nick="juliet")


async def test_an_irc_server_restarted_finds_everybody_again() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await world.irc.kill()
        await juliet.fence()
        for number in range(5):
            juliet.say(world.room, f"meanwhile {number}")
        await juliet.fence()
        await world.irc.start()
        carol = await world.irc_user("carol")
        await carol.message(world.channel, "meanwhile 4", patience=90)
        said = [text.partition("> ")[2] or text for _, text in carol.texts(world.channel)]
        assert said == [f"meanwhile {number}" for number in range(5)]
        carol.say(world.channel, "we are back")
        await juliet.message(world.room, "we are back", nick="carol")


async def test_a_netsplit_is_no_storm() -> None:
    """Two servers part and meet again: those beyond are not replayed as leaves and joins in the MUC."""
    people = [f"n{number}" for number in range(12)]
    second = InspIRCd(sid="002", host="irc2.example.org")
    link = (
        '<module name="spanningtree"><bind address="127.0.0.1" port="{mine}" type="servers">'
        '<link name="{name}" ipaddr="127.0.0.1" port="{theirs}" allowmask="*" timeout="30" sendpass="pw" recvpass="pw">'
        '<autoconnect period="{period}" server="{name}">'
    )
    async with World(start=False) as world:
        assert isinstance(world.irc, InspIRCd)
        first = world.irc
        first.more = link.format(mine=first.link_port, name=second.host, theirs=second.link_port, period=3600)
        await first.restart()
        second.more = link.format(mine=second.link_port, name=first.host, theirs=first.link_port, period=1)
        await world.server(second)
        bob = await world.irc_user("bob")
        beyond = [IrcPerson(nick, port=second.port) for nick in people]
        try:
            for person in beyond:
                await person.connect()
                await person.join(world.channel)
            await bob.see(lambda line: line.startswith(":n11!") and " JOIN " in line, patience=40)
            juliet = await world.user("juliet")
            await world.bridge.start()
            await juliet.presence(f"{world.room}/n11")
            mark = len(juliet.seen)
            second.pause()
            oper = await operator(world)
            oper.send(f"SQUIT {second.host} :maintenance")
            await bob.see(lambda line: line.startswith(":n11!") and " QUIT " in line, patience=60)
            second.resume()
            await bob.see(
                lambda line: line.startswith(":n11!") and " JOIN " in line and bob.seen.index(line) >= 0, patience=40
            )
            bob.say(world.channel, "after the split")
            await juliet.message(world.room, "after the split", nick="bob")
            left = [
                el
                for el in juliet.seen[mark:]
                if el.get("type") == "unavailable" and (el.get("from") or "").rpartition("/")[2] in people
            ]
            assert left == []
        finally:
            for person in beyond:
                await person.close()
