"""Users' own accounts: what is taken, what is kept, and what connections are given of it."""

import asyncio

import msgspec
import pytest

from bridge.connector import Login, LoginRefused, PuppetSettings, Secret, Setup
from bridge.core.ids import XMPP, Network, Person, PersonId
from connectors.irc.config import IrcSettings
from connectors.irc.connection.certificates import made, today
from connectors.irc.puppets.logins import Account, Logins
from tests.support.irc_stage import CHANNEL, listener, someone, stage
from tests.support.ircd import Ircd

JULIET = Person(XMPP, PersonId("juliet@example.org"))


@pytest.fixture
def logins():
    settings = IrcSettings(host="127.0.0.1", port=1, tls=False)
    return Logins(
        Setup(network=Network("irc"), settings=settings, puppets=PuppetSettings(), instance="test", version="1")
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"account": "juliet"},
        {"account": "juliet", "password": ""},
        {"account": "jul iet", "password": "x"},
        {"account": "juliet", "password": "x\0y"},
        {"account": "juliet", "password": "x\r\nQUIT"},
        {"account": "juliet", "password": "x" * 201},
    ],
)
async def test_what_no_line_can_carry_is_refused_before_anything_is_tried(logins, given):
    with pytest.raises(LoginRefused, match="expected up to 200 characters"):
        await logins.log_in(JULIET, given)


async def test_a_network_that_cannot_be_reached_is_no_wrong_password(logins):
    with pytest.raises(LoginRefused, match="could not be tried"):
        await logins.log_in(JULIET, {"account": "juliet", "password": "sesame"})


def test_an_account_is_used_by_sasl_and_by_nickserv_until_it_is_dropped(logins):
    kept = Secret('{"name":"juliet","password":"sesame","sasl":true}')
    logins.use(Login(person=JULIET, name="juliet", credentials=kept))
    (sasl,) = logins.sasl(JULIET)
    assert (sasl.mechanism, sasl.username, sasl.password, sasl.required) == ("PLAIN", "juliet", "sesame", False)
    assert logins.nickserv(JULIET) == "juliet sesame"
    logins.drop(JULIET)
    assert (logins.sasl(JULIET), logins.nickserv(JULIET)) == ((), "")


def test_a_password_with_blanks_is_for_sasl_alone(logins):
    kept = Secret('{"name":"juliet","password":"open sesame","sasl":true}')
    logins.use(Login(person=JULIET, name="juliet", credentials=kept))
    assert [way.password for way in logins.sasl(JULIET)] == ["open sesame"]
    assert logins.nickserv(JULIET) == ""


async def test_a_network_without_sasl_has_nickserv_told_before_channels_are_joined():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        member = someone("juliet", session=True)
        trying = asyncio.create_task(play.connector.log_in(member.person, {"account": "jc", "password": "sesame"}))
        peer = await ircd.accept()
        peer.send(":irc CAP * LS :")
        login = await trying
        assert "only NickServ will say" in login.remark
        play.connector.use(login)
        play.connector.join(CHANNEL, member)
        peer = await ircd.accept()
        await peer.welcome()
        assert await peer.find("PRIVMSG NickServ") == "PRIVMSG NickServ :IDENTIFY jc sesame"
        peer.send(f":NickServ!s@h NOTICE {peer.nick} :You are now identified")
        await peer.expect(f"JOIN {CHANNEL}")


def test_an_account_does_not_show_its_password():
    assert "sesame" not in repr(Account("juliet", "sesame", sasl=True))


@pytest.fixture
def secure():
    settings = IrcSettings(host="127.0.0.1", port=1)
    return Logins(
        Setup(network=Network("irc"), settings=settings, puppets=PuppetSettings(), instance="test", version="1")
    )


PEM = made("juliet", today())
KEPT = {"name": "juliet", "password": "sesame", "sasl": True, "pem": PEM}


def used(logins, **fields):
    kept = Secret(msgspec.json.encode(KEPT | fields).decode())
    logins.use(Login(person=JULIET, name="juliet", credentials=kept))


@pytest.mark.parametrize(
    ("given", "field", "complaint"),
    [
        ({"certificate": "make"}, "password", "log in with the password, too"),
        ({"certificate": "paste"}, "pem", "found no certificate"),
        ({"pem": "hello"}, "pem", "found no certificate"),
        ({"certificate": "none"}, "password", "expected up to 200 characters"),
        ({"certificate": "keep"}, "password", "expected up to 200 characters"),  # there is none
    ],
)
async def test_a_certificate_that_cannot_be_is_refused_at_its_field(secure, given, field, complaint):
    with pytest.raises(LoginRefused, match=complaint) as refused:
        await secure.log_in(JULIET, {"account": "juliet", **given})
    assert refused.value.field == field


async def test_without_tls_there_is_nobody_to_show_a_certificate_to(logins):
    with pytest.raises(LoginRefused, match="without TLS") as refused:
        await logins.log_in(JULIET, {"account": "juliet", "password": "x", "certificate": "make"})
    assert refused.value.field == "certificate"


def test_a_certificate_is_shown_and_tried_before_the_password(secure):
    used(secure)
    assert [way.mechanism for way in secure.sasl(JULIET)] == ["EXTERNAL", "PLAIN"]
    (server,) = secure.servers(JULIET)
    assert server.tls.pem == PEM
    assert "PRIVATE" not in repr(server)
    used(secure, password="")
    assert [way.mechanism for way in secure.sasl(JULIET)] == ["EXTERNAL"]
    assert secure.nickserv(JULIET) == ""
    (stranger,) = secure.servers(Person(XMPP, PersonId("romeo@example.org")))
    assert not stranger.tls.pem
