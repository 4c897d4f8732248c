"""The end of a ban that stands for another one comes through, whoever is away just then."""

import pytest

from bridge.core.deliveries import AsBridge, Kick
from bridge.core.events import BanLifted, Cause, PuppetJoined, PuppetLeft
from bridge.core.ids import Person, PersonId
from tests.support.irc_stage import CHANNEL, NETWORK, Diary, listener, puppet, settle, someone, stage
from tests.support.ircd import NAME, Ircd

BOB = Person(NETWORK, PersonId("bob"))
MASK = "*!*@bad.example"
LIFT = f"MODE {CHANNEL} -b {MASK}"


async def ban_bob(play, mic):
    """Have the bridge ban bob, as it does when his ghost is banned elsewhere."""
    mic.send(f":bob!b@bad.example JOIN {CHANNEL}", f":op!o@h MODE {CHANNEL} +o linkspan")
    await mic.silence()
    kick = Kick(head=play.head(AsBridge()), person=BOB, name="bob", reason="out", ban=True)
    sent = play.send(kick)
    await mic.expect(f"MODE {CHANNEL} +b {MASK}", f"KICK {CHANNEL} bob :out")
    await settle(mic)
    await sent


@pytest.mark.parametrize("again", [False, True], ids=["the same run", "another run"])
async def test_a_ban_that_is_forgiven_while_the_network_is_away_is_lifted_when_it_is_back(again):
    diary = Diary()
    async with Ircd() as ircd:
        async with stage(ircd.port, hub=diary) as play:
            mic = await listener(ircd)
            await play.ready()
            await ban_bob(play, mic)
            mic.reset()
            await play.hub.until(lambda: diary.statuses[-1][1], "lost")
            play.connector.forgive(CHANNEL, BOB)
            if not again:
                mic = await listener(ircd, names="")
                mic.send(f":op!o@h MODE {CHANNEL} +o linkspan")
                await mic.expect(LIFT)
                await settle(mic)
                await mic.silence()
        if again:
            async with stage(ircd.port, hub=diary) as play:
                mic = await listener(ircd)
                mic.send(f":op!o@h MODE {CHANNEL} +o linkspan")
                await mic.expect(LIFT)
                await settle(mic)
                await mic.silence()
        assert not any(value for name, value in diary.kept.items() if name.startswith("ban "))


async def test_a_ban_is_lifted_once_the_bridge_may():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await play.ready()
        await ban_bob(play, mic)
        mic.send(f":op!o@h MODE {CHANNEL} -o linkspan")
        await mic.silence()
        play.connector.forgive(CHANNEL, BOB)
        await mic.silence()
        mic.send(f":op!o@h MODE {CHANNEL} +o linkspan")
        await mic.expect(LIFT)
        mic.numeric(482, CHANNEL, "You're not a channel operator")  # not any more
        await settle(mic)
        mic.send(f":op!o@h MODE {CHANNEL} +o linkspan")
        await mic.expect(LIFT)
        await settle(mic)
        await mic.silence()
        mic.send(f":op!o@h MODE {CHANNEL} +o linkspan")
        await mic.silence()


async def test_a_mask_that_was_taken_off_while_nobody_was_there_lets_its_people_in_again():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await play.ready()
        people = [someone("juliet"), someone("romeo")]
        for member in people:
            play.join(member.name)
            peer = await puppet(ircd, mic)
            await play.told(PuppetJoined, person=member.person)
            mic.send(f":op!o@h MODE {CHANNEL} +b {peer.nick}!*@*")
            await mic.silence()
            peer.send(f":op!o@h KICK {CHANNEL} {peer.nick} :out")
            left = await play.told(PuppetLeft, person=member.person)
            assert left.cause is Cause.KICKED
        mic.reset()
        mic = await ircd.accept()
        await mic.welcome(isupport="CHANTYPES=# PREFIX=(ov)@+ NICKLEN=30")
        await mic.find(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}", f":{NAME} 353 {mic.nick} = {CHANNEL} :{mic.nick}")
        mic.numeric(366, CHANNEL, "End")
        await mic.find(f"MODE {CHANNEL} b")
        mic.send(f":{NAME} 367 {mic.nick} {CHANNEL} romeo!*@* op 1", f":{NAME} 368 {mic.nick} {CHANNEL} :End")
        await settle(mic)
        lifted = await play.told(BanLifted)
        assert lifted.person == people[0].person
        assert len(play.of(BanLifted)) == 1
