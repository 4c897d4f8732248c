"""A ban is mirrored, and so is its end, also where the other server is away: the bridge's own ban is lifted, and no other."""

import pytest

from bridge.demo.processes import until
from tests.support.world import World

pytestmark = pytest.mark.server
ADMIN = "http://jabber.org/protocol/muc#admin"


async def banned(bob):
    """Return the masks that the channel keeps out."""
    mark = len(bob.seen)
    bob.send("MODE #verona b")
    await bob.fence()
    return [line.split()[4] for line in bob.seen[mark:] if " 367 " in line]


async def outcasts(juliet, room):
    """Return whom the room keeps out."""
    answer = await juliet.iq("get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>", to=room)
    return [item.get("jid") for item in answer.iter(f"{{{ADMIN}}}item")]


async def test_the_end_of_a_ban_crosses_both_ways():
    async with World() as world:
        juliet, romeo = await world.user("juliet"), await world.user("romeo")
        bob, op = await world.irc_user("bob"), await world.irc_user("keeper")
        await world.linked(juliet, bob)
        await world.on_irc(bob, "romeo")
        for nick in ("linkspan", "keeper"):
            await world.op(nick)
        op.send(f"MODE {world.channel} +b stranger!*@*")

        ghost = f"bob%irc@{world.xmpp.component}"
        await juliet.affiliate(world.room, ghost, "outcast")
        await bob.line(" KICK ", " bob ")
        assert sorted(await banned(op)) == ["bob!*@*", "stranger!*@*"]
        await juliet.affiliate(world.room, ghost, "none")
        await op.line(" MODE ", " -b ", "bob!*@*")
        assert await banned(op) == ["stranger!*@*"]

        await juliet.affiliate(world.room, "nurse@localhost", "outcast")
        op.send(
            f"MODE {world.channel} +b romeo!*@*",
        )
        op.send(f"KICK {world.channel} romeo :out")

        async def out():
            return sorted(await outcasts(juliet, world.room)) == ["nurse@localhost", "romeo@localhost"]

        await until(out, patience=20, what="romeo is banned from the room as well")
        op.send(f"MODE {world.channel} -b romeo!*@*")

        async def forgiven():
            return await outcasts(juliet, world.room) == ["nurse@localhost"]

        await until(forgiven, patience=20, what="romeo may come again")
        assert romeo.user == "romeo"

        await romeo.join(world.room, "romeo")
        await world.on_irc(op, "romeo")
        op.send(f"MODE {world.channel} +b romeo!*@*")
        op.send(f"KICK {world.channel} romeo :out again")
        await until(out, patience=20, what="romeo is banned from the room once more")
        await world.xmpp.kill()
        op.send(f"MODE {world.channel} -b romeo!*@*")
        await op.fence()
        await world.xmpp.start()
        juliet = await world.user("juliet")
        await until(forgiven, patience=40, what="romeo may come again, now that the room is back")
