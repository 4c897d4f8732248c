"""Users with credentials of their own: who speaks as themselves on a network that has one identity for all others."""

from collections.abc import Mapping

import pytest

from bridge.connector import Login, LoginForm, LoginRefused, Secret
from bridge.core.capabilities import Representation
from bridge.core.commands import Field
from bridge.core.deliveries import AsPuppet, AsRelay, Post, Tell
from bridge.core.failures import VoiceLost
from bridge.core.ids import Network, Person
from bridge.storage.memory import MemoryStore
from tests.support.build import person, posted
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works, works

RIGHT = Network("right")
JULIET = person("juliet")


class LoginConnector(HandConnector):
    """Takes every token but "bad", and falls over "bug"."""

    login_form = LoginForm(title="Log in", instructions="Give a token.", fields=(Field(name="token", label="Token"),))

    def __init__(self, representation: Representation = Representation.RELAY) -> None:
        super().__init__(capabilities(representation))
        self.used: dict[Person, str] = {}

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        token = given["token"]
        if token == "bad":
            raise LoginRefused("no such token")
        assert token != "bug"
        return Login(person=person, name=f"@{token}", credentials=Secret(token))

    def use(self, login: Login) -> None:
        self.used[login.person] = login.credentials

    def drop(self, person: Person) -> None:
        self.used.pop(person, None)


def joined(w: Works, connector: LoginConnector) -> LoginConnector:
    w.add("right", connector)
    return connector


async def started(w: Works, connector: LoginConnector) -> None:
    """Put the connector in the place of "right"."""
    await w.hub.remove_network(RIGHT)
    joined(w, connector)
    await quiet()


async def said(w: Works, connector: LoginConnector, text: str) -> Post:
    w.networks["left"].emit(posted(text))
    await w.clock.advance(0)
    post = connector.sent[-1]
    assert isinstance(post, Post)
    assert post.content.text == text
    return post


async def test_who_logs_in_speaks_as_themselves_until_they_log_out():
    async with works() as w:
        await started(w, right := LoginConnector())
        assert isinstance((await said(w, right, "before")).head.voice, AsRelay)
        login = await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t1"})
        assert (login.name, right.used) == ("@t1", {JULIET: "t1"})
        assert isinstance((await said(w, right, "with it")).head.voice, AsPuppet)
        assert await w.hub.logins.log_out(RIGHT, JULIET)
        assert right.used == {}
        assert isinstance((await said(w, right, "without")).head.voice, AsRelay)
        assert not await w.hub.logins.log_out(RIGHT, JULIET)


async def test_nobody_else_speaks_with_it():
    async with works() as w:
        await started(w, right := LoginConnector())
        await w.hub.logins.log_in(RIGHT, person("romeo"), {"token": "t1"})
        assert isinstance((await said(w, right, "hello")).head.voice, AsRelay)


async def test_a_login_survives_a_restart_and_a_crash():
    store = MemoryStore()
    async with works(store=store) as w:
        await started(w, LoginConnector())
        await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t1"})
    async with works(store=store) as w:
        await started(w, right := LoginConnector())
        assert right.used == {JULIET: "t1"}
        assert isinstance((await said(w, right, "again")).head.voice, AsPuppet)
        right.used.clear()
        right.die(ValueError("x"))
        await w.clock.advance(5)
        assert right.used == {JULIET: "t1"}


@pytest.mark.parametrize(
    ("token", "words"), [("bad", "no such token"), ("bug", "the bridge failed at this; its log says why")]
)
async def test_what_is_refused_is_not_kept(token, words):
    async with works() as w:
        await started(w, right := LoginConnector())
        with pytest.raises(LoginRefused, match=words):
            await w.hub.logins.log_in(RIGHT, JULIET, {"token": token})
        assert (w.hub.logins.kept(), right.used) == ([], {})


async def test_a_network_that_takes_no_logins_says_so():
    async with works() as w:
        assert w.hub.logins.forms() == {}
        with pytest.raises(LoginRefused, match="right takes no logins"):
            await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t"})


async def test_a_login_that_is_over_is_told_once_kept_as_such_and_used_no_more():
    async with works() as w:
        await started(w, right := LoginConnector())
        await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t1"})
        for _ in range(2):
            right.hub.login_trouble(JULIET, "the token was revoked", over=True)
        await w.clock.advance(5)
        told = [each.content.text for each in w.networks["left"].sent if isinstance(each, Tell)]
        assert told == ["your login on right (@t1): the token was revoked"]
        assert right.used == {}
        assert isinstance((await said(w, right, "hello")).head.voice, AsRelay)
        [kept] = await w.store.logins()
        assert kept.trouble == "the token was revoked"
        await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t2"})
        assert isinstance((await said(w, right, "better")).head.voice, AsPuppet)


async def test_trouble_in_one_place_is_told_once_and_relayed():
    async with works() as w:
        await started(w, right := LoginConnector())
        await w.hub.logins.log_in(RIGHT, JULIET, {"token": "t1"})
        right.automatic = False
        for text in ("one", "two"):
            w.networks["left"].emit(posted(text))
            await w.clock.advance(0)
            right.hub.login_trouble(JULIET, "not in this room")
            right.answer(VoiceLost("not in this room"))
            await w.clock.advance(0)
            assert isinstance(right.sent[-1].head.voice, AsRelay)
            right.answer()
        await w.clock.advance(100)
        told = [each.content.text for each in w.networks["left"].sent if isinstance(each, Tell)]
        assert told == ["your login on right (@t1): not in this room"]
        assert w.hub.logins.kept()[0].trouble == ""


async def test_on_a_network_of_sessions_a_login_makes_nobody_a_puppet():
    async with works() as w:
        await started(w, right := LoginConnector(Representation.SESSION))
        await w.hub.logins.log_in(RIGHT, person("nobody"), {"token": "t1"})
        assert right.used == {person("nobody"): "t1"}
        assert not w.hub.logins.speaks(posted("x").origin.room, person("nobody"))
