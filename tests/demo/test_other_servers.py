"""The servers that only the tests use start by hand too, and two people meet on each."""

import pytest

from bridge.demo.people import IrcPerson, XmppPerson
from tests.support.servers import Ejabberd, Jabberd2, Ngircd

pytestmark = pytest.mark.server


@pytest.mark.parametrize("kind", ["ejabberd", "jabberd2"])
async def test_two_people_meet_in_a_room(kind: str) -> None:
    people = {"juliet": "pw", "romeo": "pw"}
    server = Ejabberd(people=people) if kind == "ejabberd" else Jabberd2(people=people)
    async with (
        server,
        XmppPerson("juliet", "pw", port=server.port) as juliet,
        XmppPerson("romeo", "pw", port=server.port) as romeo,
    ):
        room = f"garden@{server.conference}"
        await juliet.join(room, "juliet")
        await romeo.join(room, "romeo")
        romeo.say(room, "o & <speak> again")
        await juliet.message(room, "o & <speak> again", nick="romeo")


async def test_two_people_meet_on_a_ngircd_channel() -> None:
    async with (
        Ngircd() as server,
        IrcPerson("alice", port=server.port) as alice,
        IrcPerson("bob", port=server.port) as bob,
    ):
        await alice.join("#dev")
        await bob.join("#dev")
        bob.say("#dev", "hello: there")
        await alice.message("#dev", "hello: there", nick="bob")
        assert await alice.names("#dev") == {"alice", "bob"}
