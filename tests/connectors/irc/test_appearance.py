"""How people look to a server: addresses, user names, WEBIRC, each the same every time and nobody else's."""

from ipaddress import ip_address, ip_network

import msgspec
import pytest

from bridge.connector import PuppetSettings, Secret, Setup
from bridge.core.addresses import parse_range
from bridge.core.events import Member
from bridge.core.ids import Network, Person, PersonId
from connectors.irc.config import IrcSettings
from connectors.irc.connection import appearance


def user(name: str) -> Person:
    return Person(Network("xmpp"), PersonId(f"{name}@example.org"))


JULIET, ROMEO = user("juliet"), user("romeo")


def setup(key: str = "k", **settings: object) -> Setup:
    return Setup(
        network=Network("irc"),
        settings=IrcSettings(host="irc.example.net", **settings),  # type: ignore[arg-type]
        puppets=PuppetSettings(),
        instance="test",
        version="0",
        key=Secret(key),
    )


@pytest.mark.parametrize("range_", ["2001:db8:1::/64", "127.0.0.0/8", "192.0.2.0/29", "2001:db8::/126"])
def test_everybody_has_an_address_of_the_range_which_is_neither_its_first_nor_its_last(range_: str) -> None:
    within = ip_network(range_)
    for number in range(200):
        found = ip_address(appearance.address_in(parse_range(range_), "k", user(f"u{number}")))
        assert found in within
        assert found not in (within[0], within[-1])


def test_an_address_is_always_the_same_another_for_others_and_another_with_another_key() -> None:
    within = parse_range("2001:db8:1::/64")
    one = appearance.address_in(within, "k", JULIET)
    assert one == appearance.address_in(within, "k", JULIET)
    assert len({appearance.address_in(within, "k", user(f"u{n}")) for n in range(1000)}) == 1000
    assert one != appearance.address_in(within, "other", JULIET)


@pytest.mark.parametrize(
    ("range_", "only"), [("192.0.2.7", {"192.0.2.7"}), ("192.0.2.6/31", {"192.0.2.6", "192.0.2.7"})]
)
def test_a_range_of_one_or_two_is_used_as_it_is(range_: str, only: set[str]) -> None:
    assert {appearance.address_in(parse_range(range_), "k", user(f"u{n}")) for n in range(50)} == only


@pytest.mark.parametrize(
    ("bind", "listener", "alike"),
    [("", "", True), ("192.0.2.7", "192.0.2.7", True), ("2001:db8:1::/64", "2001:db8:1::1", False)],
)
def test_whoever_connects_comes_from_the_address_or_from_their_own(bind: str, listener: str, alike: bool) -> None:
    configured = setup(bind=bind)
    (ours,), (first,), (second,) = (appearance.servers_for(configured, who) for who in (None, JULIET, ROMEO))
    assert ours.bind == listener
    assert (first.bind == second.bind) is alike


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "Jul-iet"),
        ("{address}", "juliet.example.org"),
        ("u_{name}", "u_Jul-iet"),
        ("-{name}.", "Jul-iet"),
    ],
)
def test_a_user_name_is_what_the_operator_chose(template: str, name: str) -> None:
    member = Member(person=JULIET, name="Jul-iet \N{SNAKE}", account="juliet@example.org")
    assert appearance.username(setup(puppet_username=template), member) == name


def test_a_user_name_tells_nothing_unless_that_was_chosen() -> None:
    member = Member(person=JULIET, name="juliet", account="juliet@example.org")
    name = appearance.username(setup(), member)
    assert len(name) == 9
    assert "juliet" not in name
    assert name != appearance.username(setup("other"), member)
    assert name == appearance.username(setup(), msgspec.structs.replace(member, name="giulietta"))
    nameless = msgspec.structs.replace(member, name="\N{SNAKE}")
    assert appearance.username(setup(puppet_username="{name}"), nameless) == name


def test_webirc_says_an_address_of_each_person_s_own() -> None:
    assert appearance.webirc(setup(), JULIET) is None
    found = appearance.webirc(setup(webirc_password=Secret("s3cret")), JULIET)
    assert found is not None
    assert (found.password, found.gateway, found.host) == ("s3cret", "linkspan", found.ip)
    assert ip_address(found.ip) in ip_network("fd6c:696e:6b73::/64")
    named = appearance.webirc(setup(webirc_password=Secret("s3cret"), webirc_host="{id}.users.example.org"), JULIET)
    assert named is not None
    assert named.host.endswith(".users.example.org")
    assert named.ip == found.ip


def test_an_operator_can_find_out_who_it_was() -> None:
    member = Member(person=JULIET, name="juliet", account="juliet@example.org")
    assert appearance.marks(setup(bind="192.0.2.7"), member) == (appearance.username(setup(), member),)
    shown = setup(
        bind="2001:db8:1::/64",
        webirc_password=Secret("s3cret"),
        webirc_host="{id}.example.org",
        puppet_username="{name}",
    )
    said = appearance.webirc(shown, JULIET)
    assert said is not None
    assert appearance.marks(shown, member) == (
        "juliet",
        appearance.servers_for(shown, JULIET)[0].bind,
        said.ip,
        said.host,
    )


def test_an_address_that_begins_with_a_colon_gets_a_zero() -> None:
    found = appearance.webirc(setup(webirc_password=Secret("s3cret"), webirc_range="::/120"), JULIET)
    assert found is not None
    assert found.ip.startswith("0::")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"bind": "here"}, 'bind: found "here", expected an address'),
        ({"webirc_range": ""}, 'webirc_range: found "", expected an address'),
        ({"webirc_host": "a host"}, "webirc_host: found 'a host', expected a host"),
        ({"webirc_host": ":{ip}"}, "webirc_host: "),
        ({"webirc_gateway": "my gateway"}, "webirc_gateway: found 'my gateway', expected one word"),
        ({"puppet_username": ""}, "puppet_username: found '', expected one word"),
    ],
)
def test_what_no_server_would_take_is_refused(settings: dict[str, str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        IrcSettings(host="irc.example.net", **settings)
