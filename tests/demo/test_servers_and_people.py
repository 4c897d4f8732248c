"""The real servers start by hand, and people can talk on them: what all other real-server tests stand on."""

import pytest

from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.servers import InspIRCd, Prosody

pytestmark = pytest.mark.server


async def test_two_people_meet_in_a_prosody_room() -> None:
    async with (
        Prosody(people={"juliet": "pw", "romeo": "pw"}) as server,
        XmppPerson("juliet", "pw", port=server.port) as juliet,
        XmppPerson("romeo", "pw", port=server.port) as romeo,
    ):
        room = f"garden@{server.conference}"
        await juliet.join(room, "juliet")
        await romeo.join(room, "romeo")
        romeo.say(room, "o & <speak> again")
        await juliet.message(room, "o & <speak> again", nick="romeo")
        assert set(juliet.occupants(room)) == {"juliet", "romeo"}
        romeo.leave(room, "romeo")
        await juliet.presence(f"{room}/romeo", gone=True)
        assert set(juliet.occupants(room)) == {"juliet"}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_two_people_meet_on_an_inspircd_channel(tls: bool) -> None:
    async with InspIRCd(tls=tls) as server:
        port = server.tls_port if tls else server.port
        async with IrcPerson("alice", port=port, tls=tls) as alice, IrcPerson("bob", port=server.port) as bob:
            await alice.join("#dev")
            await bob.join("#dev")
            bob.say("#dev", "hello: there")
            await alice.message("#dev", "hello: there", nick="bob")
            assert await alice.names("#dev") == {"alice", "bob"}
