"""Telephones behind a real Kannel, people on a real Prosody, and the bridge between them."""

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from bridge.demo.people import XmppPerson
from bridge.demo.processes import until
from tests.support.kannel import PASSWORD, USER, Kannel, Network
from tests.support.world import World

pytestmark = pytest.mark.server

OURS, BOB, EVE = "+15550009999", "+15551230001", "+15551230002"


class Town:
    """A world with telephones: bob's is a room in a link."""

    def __init__(self, kannel: Kannel, world: World, juliet: XmppPerson, nurse: XmppPerson) -> None:
        self.kannel, self.world, self.juliet, self.nurse = kannel, world, juliet, nurse

    def ghost(self, number: str) -> str:
        """Return somebody's address."""
        return f"{number}%phone@{self.world.xmpp.component}"


@contextlib.asynccontextmanager
async def town() -> AsyncIterator[Town]:
    world = World(rooms=["xmpp:verona@conference.localhost", f"phone:{BOB}"], start=False)
    async with Kannel(f"http://127.0.0.1:{world.public_port}/sms/phone/callback-secret") as kannel, world:
        world.bridge.config.write_text(f"""{world.config()}
[networks.phone]
connector = "sms"
provider = "kannel"
number = "{OURS}"
url = "{kannel.url}"
username = "{USER}"
password = "{PASSWORD}"
secret = "callback-secret"
owners = ["nurse@localhost"]
""")
        await world.bridge.start()
        juliet = await world.user("juliet")
        nurse = await world.user("nurse", join=False)
        yield Town(kannel, world, juliet, nurse)


async def got(network: Network, number: str, text: str | Callable[[list[str]], bool]) -> list[str]:
    """Wait for a telephone's message, or until its messages are as they should be; return all."""

    async def so() -> bool:
        texts = network.texts(OURS, number)
        return text in texts if isinstance(text, str) else text(texts)

    await until(so, patience=20, what=f"{number} got {text}", pause=0.05)
    return network.texts(OURS, number)


async def test_telephones_in_a_room_and_in_private() -> None:
    async with town() as verona:
        juliet, nurse, room = verona.juliet, verona.nurse, verona.world.room
        async with Network(verona.kannel, f"{BOB} {OURS} text hello from the street"):
            await juliet.message(room, "hello from the street")
        async with Network(verona.kannel, f"{EVE} {OURS} text who is there?") as network:
            asked = await nurse.see(lambda el: el.findtext("{jabber:client}body") == "who is there?")
            assert asked.get("from", "").partition("/")[0] == verona.ghost(EVE)

            mark = nurse.tell(verona.ghost(EVE), "the nurse")
            await got(network, EVE, "nurse: the nurse")
            receipt = await nurse.see(lambda el: el.find("{urn:xmpp:receipts}received") is not None)
            assert receipt.find("{urn:xmpp:receipts}received").get("id") == mark
            nurse.tell(verona.ghost(EVE), "at home")  # a conversation of two needs no name again
            await got(network, EVE, "at home")

            juliet.say(room, "good morning – “bob” €")
            await got(network, BOB, 'juliet: good morning - "bob" €')
            said = "п" * 58 + "😀" + "п" * 10  # with the name 66 units before the emoji
            juliet.say(room, said)
            texts = await got(network, BOB, lambda texts: len(texts) == 3)
            assert texts[1:] == [f"juliet: {'п' * 58}", f"😀{'п' * 10}"]


async def test_who_sends_stop_gets_nothing_but_its_confirmation() -> None:
    async with town() as verona:
        nurse = verona.nurse
        async with Network(verona.kannel, f"{EVE} {OURS} text Stop.") as network:
            await got(network, EVE, lambda texts: len(texts) == 1 and "no more messages" in texts[0])
            nurse.tell(verona.ghost(EVE), "are you there?")
            await nurse.see(lambda el: "STOP" in "".join(el.itertext()))
        async with Network(verona.kannel, f"{EVE} {OURS} text STOP"):

            async def heard() -> bool:
                return verona.world.bridge.log().count("sms.keyword") == 2

            await until(heard, patience=20, what="the second STOP")
        async with Network(verona.kannel, f"{EVE} {OURS} text START") as network:
            texts = await got(network, EVE, lambda texts: any("again" in text for text in texts))
            assert len(texts) == 1  # neither the words nor a second confirmation
            nurse.tell(verona.ghost(EVE), "welcome back")
            await got(network, EVE, "nurse: welcome back")


async def test_what_waits_goes_out_when_kannel_is_back_and_once() -> None:
    async with town() as verona:
        juliet, room = verona.juliet, verona.world.room
        await verona.kannel.smsbox.kill()
        for number in range(5):
            juliet.say(room, f"message {number}")
        await juliet.fence()
        await verona.kannel.smsbox.start()  # the network is still away: Kannel takes it for later
        async with Network(verona.kannel) as network:
            wanted = [f"juliet: message {number}" for number in range(5)]
            assert await got(network, BOB, lambda texts: len(texts) >= 5) == wanted
            await verona.world.bridge.kill()
            juliet.say(room, "said meanwhile")
            await verona.world.bridge.start()
            assert await got(network, BOB, lambda texts: len(texts) >= 6) == [*wanted, "juliet: said meanwhile"]
