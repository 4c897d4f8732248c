"""Users' own accounts: what is taken, what is kept, and what connections are given of it."""

import pytest

from bridge.connector import Login, LoginRefused, PuppetSettings, Secret, Setup
from bridge.core.ids import XMPP, Network, Person, PersonId
from connectors.irc.config import IrcSettings
from connectors.irc.logins import Account, Logins

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
        {"account": "juliet", "password": "two words"},
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


def test_an_account_does_not_show_its_password():
    assert "sesame" not in repr(Account("juliet", "sesame", sasl=True))
