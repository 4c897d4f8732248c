"""``[networks.NAME]`` as an operator writes it, and what a connection is told."""

from pathlib import Path

import pytest
import yaml

from bridge.settings import Reader
from connectors.irc.config import IrcSettings, flood, sasl, servers
from connectors.irc.connection.flood import Flood
from connectors.irc.connection.registration import Sasl


def read(**table):
    """Return (settings or None, problems as an operator reads them)."""
    reader = Reader(folder=Path(), environ={})
    settings = reader.struct({"host": "irc.example.org"} | table, IrcSettings, "networks.x")
    return settings, [str(problem) for problem in reader.problems]


def good(**table):
    settings, problems = read(**table)
    assert problems == []
    return settings


def addresses(**table):
    return [(server.host, server.port) for server in servers(good(**table), certificate=True)]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({}, [("irc.example.org", 6697)]),
        ({"tls": False}, [("irc.example.org", 6667)]),
        ({"port": 7000}, [("irc.example.org", 7000)]),
        ({"host": ["a", "b:1", "c"], "port": 7000}, [("a", 7000), ("b", 1), ("c", 7000)]),
        ({"host": "127.0.0.1:6667"}, [("127.0.0.1", 6667)]),
        ({"host": "[::1]:7000"}, [("::1", 7000)]),
        ({"host": "[::1]"}, [("::1", 6697)]),
        ({"host": "2001:db8::1"}, [("2001:db8::1", 6697)]),
        ({"host": "bücher.example"}, [("bücher.example", 6697)]),
    ],
)
def test_hosts(table, found):
    assert addresses(**table) == found


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"host": ""}, 'networks.x.host: found "", expected HOST or HOST:PORT'),
        ({"host": []}, "networks.x.host: found an empty list, expected at least one server"),
        ({"host": "a b"}, 'networks.x.host: found "a b", expected HOST or HOST:PORT'),
        ({"host": ["ok", "a:0"]}, 'networks.x.host: found "a:0", expected HOST or HOST:PORT'),
        ({"host": "a:99999"}, 'networks.x.host: found "a:99999", expected HOST or HOST:PORT'),
        ({"host": "irc://a"}, 'networks.x.host: found "irc://a", expected HOST or HOST:PORT'),
        ({"host": "[x]:1"}, 'networks.x.host: found "[x]:1", expected HOST or HOST:PORT'),
        ({"port": -1}, "networks.x.port: found -1, expected a port from 1 to 65535"),
        ({"nick": ""}, "networks.x.nick: found '', expected a name without blanks, colons, ! or @"),
        ({"nick": "a b"}, "networks.x.nick: found 'a b', expected a name without blanks, colons, ! or @"),
        (
            {"username": "a\r\nQUIT"},
            "networks.x.username: found 'a\\r\\nQUIT', expected a name without blanks, colons, ! or @",
        ),
        ({"tls_fingerprint": "ab:cd"}, "networks.x.tls_fingerprint: found 4 digits, expected 64 hexadecimal ones"),
        ({"sasl_mechanism": "plain"}, "networks.x.sasl_password: found none, expected one, for sasl_mechanism plain"),
        (
            {"sasl_mechanism": "external"},
            "networks.x.certificate: found none, expected one, for sasl_mechanism external",
        ),
        ({"key": "k.pem"}, "networks.x.key: found a key without a certificate, expected both"),
        (
            {"encoding": "klingon"},
            "networks.x.encoding: found 'klingon', expected the name of an encoding such as \"cp1252\"",
        ),
        ({"encoding": "hex"}, "networks.x.encoding: found 'hex', expected the name of an encoding such as \"cp1252\""),
        (
            {"encoding": "a\0"},
            "networks.x.encoding: found 'a\\x00', expected the name of an encoding such as \"cp1252\"",
        ),
        ({"flood_burst": 0}, "networks.x.flood_burst: found 0, expected at least 1"),
        ({"connecting": -1}, "networks.x.connecting: found -1, expected at least 1, or 0 for automatic"),
        ({"lines": 0}, "networks.x.lines: found 0, expected at least 1"),
        ({"perform": [" "]}, "networks.x.perform: found ' ', expected one IRC command"),
        ({"perform": ["/msg x y"]}, "networks.x.perform: found '/msg x y', expected one IRC command"),
        ({"perform": ["A\nB"]}, "networks.x.perform: found 'A\\nB', expected one IRC command"),
        ({"tls_verfy": True}, "networks.x.tls_verfy: found an unknown key, did you mean tls_verify?"),
    ],
)
def test_mistakes_are_named(table, problem):
    settings, problems = read(**table)

    assert settings is None
    assert [line.replace('"', "").replace("'", "") for line in problems] == [problem.replace('"', "").replace("'", "")]


HOSTNAMES = yaml.safe_load((Path(__file__).parent / "vectors" / "validate-hostname.yaml").read_text())["tests"]


@pytest.mark.parametrize("vector", HOSTNAMES, ids=lambda vector: repr(vector["host"]))
def test_every_host_that_a_server_may_have_can_be_configured(vector):
    """The vectors are for servers that check their clients; what else may be a host is the resolver's business, blanks apart."""
    settings, problems = read(host=vector["host"])

    if vector["valid"]:
        assert servers(settings, certificate=True)[0].host == vector["host"]
    elif not vector["host"].strip() or " " in vector["host"]:
        assert settings is None
        assert len(problems) == 1


def test_only_the_listener_shows_the_certificate():
    settings = good(
        certificate="c.pem",
        key="k.pem",
        tls_ca="ca.pem",
        tls_verify=False,
        tls_fingerprint="AB" * 32,
        password="pw",
        bind="::1",
    )
    (listener,), (puppet,) = (servers(settings, certificate=each, bind="::1") for each in (True, False))

    assert (listener.tls.certificate, listener.tls.key) == ("c.pem", "k.pem")
    assert (puppet.tls.certificate, puppet.tls.key) == ("", "")
    for server in (listener, puppet):
        assert (server.tls.verify, server.tls.ca, server.tls.fingerprint) == (False, "ca.pem", "AB" * 32)
        assert (server.password, server.bind) == ("pw", "::1")
    assert servers(good(tls=False), certificate=True)[0].tls is None


@pytest.mark.parametrize(
    ("table", "rate"),
    [({}, None), ({"flood_delay": 0}, 0.0), ({"flood_delay": "500ms"}, 2.0), ({"flood_delay": 4}, 0.25)],
)
def test_flood(table, rate):
    assert flood(good(**table)) == Flood(burst=10, rate=rate)


@pytest.mark.parametrize(
    ("table", "login"),
    [
        ({}, ()),
        ({"sasl_username": "jilles"}, ()),
        ({"sasl_password": "sesame"}, (Sasl(mechanism="PLAIN", username="linkspan", password="sesame"),)),
        (
            {"sasl_mechanism": "plain", "sasl_username": "jilles", "sasl_password": "sesame", "sasl_required": False},
            (Sasl(mechanism="PLAIN", username="jilles", password="sesame", required=False),),
        ),
        ({"sasl_mechanism": "external", "certificate": "c.pem"}, (Sasl(mechanism="EXTERNAL"),)),
    ],
)
def test_sasl(table, login):
    assert sasl(good(**table)) == login


def test_secrets_do_not_show():
    settings = good(password="s3cret1", sasl_password="s3cret2", nickserv_password="s3cret3")

    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(servers(settings, certificate=True)[0])


def test_without_tls_required_the_servers_are_tried_in_plain_text_too():
    settings = good(host=["a.example", "b.example:7000"], tls_required=False)
    found = [(server.host, server.port, server.tls is not None) for server in servers(settings, certificate=False)]
    assert found == [
        ("a.example", 6697, True),
        ("b.example", 7000, True),
        ("a.example", 6667, False),
        ("b.example", 7000, False),
    ]


@pytest.mark.parametrize(("required", "seconds"), [(True, 15.0), (False, 4.0)])
def test_nobody_waits_long_for_tls_where_plain_text_is_tried_next(required: bool, seconds: float):
    found = servers(good(tls_required=required), certificate=False)
    assert {server.handshake for server in found} == {seconds}
