"""Every mistake in a configuration is one line: the key path, what was found, what is expected, and what was meant."""

import pytest

from tests.support.configs import GOOD, problems

KEYS = "connector, history, puppets, host, port, tls, password, corrections, patience, keys, rooms"
A_FILE = "expected a readable UTF-8 file with the secret"
A_LINK = "[[links]]\nname = 'a'\nrooms = ['xmpp:a@b', 'libera:#a']"
A_STRANGER = "a password for a room that is not in this link"
SECRET_FORMS = 'a secret: "…", { env = "NAME" } or { file = "PATH" }'


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        # types
        ('port = "6697"', 'networks.libera.port: found "6697", expected a whole number from 1 to 65535'),
        ("port = 70000", "networks.libera.port: found 70000, expected a whole number from 1 to 65535"),
        ("port = true", "networks.libera.port: found true, expected a whole number from 1 to 65535"),
        ("port = 6697.0", "networks.libera.port: found 6697.0, expected a whole number from 1 to 65535"),
        ('tls = "yes"', 'networks.libera.tls: found "yes", expected true or false'),
        ("rooms = [1]", "networks.libera.rooms[0]: found 1, expected a string"),
        ('rooms = "#a"', 'networks.libera.rooms: found "#a", expected a list of strings'),
        ("rooms = 1979-05-27", "networks.libera.rooms: found a date or time, expected a list of strings"),
        ("puppets = 7", "networks.libera.puppets: found a number, expected a table"),
        (
            'corrections = "ful"',
            'networks.libera.corrections: found "ful", expected one of "short", "full", "off"; did you mean "full"?',
        ),
        ("corrections = 1", 'networks.libera.corrections: found 1, expected one of "short", "full", "off"'),
        # durations
        ('patience = "soon"', 'networks.libera.patience: found "soon", expected a number, or a duration such as "48h"'),
        ("patience = -1", 'networks.libera.patience: found -1, expected a number, or a duration such as "48h"'),
        ("patience = nan", 'networks.libera.patience: found nan, expected a number, or a duration such as "48h"'),
        ("patience = inf", 'networks.libera.patience: found inf, expected a number, or a duration such as "48h"'),
        (
            'patience = "99999999999d"',
            'networks.libera.patience: found "99999999999d", expected a number, or a duration such as "48h"',
        ),
        # unknown keys
        ("prot = 1", 'networks.libera.prot: found an unknown key, did you mean "port"?'),
        (
            'colour = "x"',
            f"networks.libera.colour: found an unknown key, expected one of {KEYS}",
        ),
        ('puppets.mod = "full"', 'networks.libera.puppets.mod: found an unknown key, did you mean "mode"?'),
        (
            'puppets.mode = "ful"',
            'networks.libera.puppets.mode: found "ful", expected one of "full", "lazy", "relay"; did you mean "full"?',
        ),
        (
            'puppets.nick = "{nik}"',
            'networks.libera.puppets.nick: found "{nik}", expected a template with {nick} in it, such as "{nick}[x]"',
        ),
        ("puppets.max = -1", "networks.libera.puppets.max: found -1, expected a whole number from 0 upwards"),
        # secrets
        (
            'password = { file = "/dev/zero" }',
            f'networks.libera.password: found nothing usable in file "/dev/zero", expected {SECRET_FORMS}',
        ),
        ("password = 12345", f"networks.libera.password: found a number, expected {SECRET_FORMS}"),
        ('password = ["a"]', f"networks.libera.password: found a list, expected {SECRET_FORMS}"),
        ('password = ""', f"networks.libera.password: found an empty string, expected {SECRET_FORMS}"),
        (
            'password = { evn = "X" }',
            f"networks.libera.password: found a table without exactly one of env and file, expected {SECRET_FORMS}",
        ),
        (
            'password = { env = "X", file = "y" }',
            f"networks.libera.password: found a table without exactly one of env and file, expected {SECRET_FORMS}",
        ),
        (
            'password = { env = "NOT_SET" }',
            'networks.libera.password: found no environment variable "NOT_SET", expected it to hold the secret',
        ),
        (
            'password = { file = "missing" }',
            f'networks.libera.password: found no way to read file "missing" (no such file or directory), {A_FILE}',
        ),
        (
            'keys.dev = { env = "NOT_SET" }',
            'networks.libera.keys.dev: found no environment variable "NOT_SET", expected it to hold the secret',
        ),
        (
            'password = "ChangeMe"',
            "networks.libera.password: found the placeholder of an example, expected a secret of your own",
        ),
        (
            'password = "a\\nb"',
            "networks.libera.password: found control characters in the secret, expected one line of text",
        ),
        # what the settings check themselves
        ('host = "nowhere"', 'networks.libera.host: found "nowhere", expected a server'),
        ('host = "both"', "networks.libera: host and port contradict each other"),
        # networks
        ('[networks.home]\nconnector = "ircc"', 'networks.home.connector: found "ircc", expected one of fake'),
        ("[networks.home]", 'networks.home.connector: missing, expected the kind of network, such as "irc"'),
        (
            "[networks.home]\nconnector = 7",
            'networks.home.connector: found 7, expected the kind of network, such as "irc"',
        ),
        (
            '[networks.home]\nconnector = "fake"',
            "networks.home.host: missing, expected a string or a list of strings",
        ),
        (
            '[networks.xmpp]\nconnector = "fake"\nhost = "h"',
            'networks.xmpp: found "xmpp", expected another name: this one is the XMPP side',
        ),
        (
            '[networks."a b"]\nconnector = "fake"\nhost = "h"',
            'networks."a b": found "a b", expected a name of lower-case letters, digits, dots and dashes',
        ),
        (
            '[networks.Home]\nconnector = "fake"\nhost = "h"',
            'networks.Home: found "Home", expected a name of lower-case letters, digits, dots and dashes',
        ),
        ("[networks]\nhome = 1", "networks.home: found a number, expected a table"),
        # links
        ("links = 1", "links: found 1, expected [[links]] tables"),
        ("[[links]]\nrooms = ['xmpp:a@b', 'libera:#a']", "links[0].name: missing, expected a string"),
        ("[[links]]\nname = 'dev'", "links[0].rooms: missing, expected a list of strings"),
        ("[[links]]\nname = 'dev'\nrooms = []", "links[0].rooms: found no room, expected two or more"),
        ("[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b']", "links[0].rooms: found one room, expected two or more"),
        (
            "[[links]]\nname = 'd/e'\nrooms = ['xmpp:a@b', 'libera:#a']",
            'links[0].name: found "d/e", expected up to 64 characters without slash or control characters',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b', '#dev']",
            'links[0].rooms[1]: found "#dev", expected NETWORK:ROOM such as "libera:#dev"',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b', 'libera:']",
            'links[0].rooms[1]: found "libera:", expected NETWORK:ROOM such as "libera:#dev"',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:dev', 'libera:#dev']",
            'links[0].rooms[0]: found "xmpp:dev", expected a room\'s address such as "xmpp:dev@conference.example.org"',
        ),
        (
            '[[links]]\nname = "dev"\nrooms = ["xmpp:a@b", "libera:#a\\r\\nQUIT"]',
            'links[0].rooms[1]: found "libera:#a\\r\\nQUIT", expected NETWORK:ROOM such as "libera:#dev"',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b', 'libra:#dev']",
            'links[0].rooms[1]: found "libra:#dev", but there is no network "libra": did you mean "libera"?',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b', 'oftc:#dev']",
            'links[0].rooms[1]: found "oftc:#dev", but there is no network "oftc": expected one of libera, xmpp',
        ),
        (
            "[[links]]\nname = 'dev'\nrooms = ['xmpp:a@b', 'libera:#dev', 'xmpp:A@B']",
            'links[0].rooms[2]: found "xmpp:A@B" as in links[0].rooms[0], expected a room that is in no other link',
        ),
        (
            f"{A_LINK}\n[[links]]\nname = 'b'\nrooms = ['xmpp:b@b', 'libera:#A']",
            'links[1].rooms[1]: found "libera:#A" as in links[0].rooms[1], expected a room that is in no other link',
        ),
        (
            f"{A_LINK}\n[[links]]\nname = 'a'\nrooms = ['xmpp:b@b', 'libera:#b']",
            'links[1].name: found "a" as in links[0].name, expected a name that no other link has',
        ),
        (
            f"{A_LINK}\npasswords = {{ 'xmpp:c@b' = 'x1' }}",
            f'links[0].passwords."xmpp:c@b": found {A_STRANGER}, did you mean "xmpp:a@b"?',
        ),
        (
            "[[links]]\nname = 'a'\nrooms = ['xmpp:a@b', 'libera:#a']\ntopic = 'on'",
            'links[0].topic: found "on", expected one of "both", "off"',
        ),
        (
            "[[links]]\nname = 'a'\nrooms = ['xmpp:a@b', 'libera:#a']\ntopics = 'off'",
            'links[0].topics: found an unknown key, did you mean "topic"?',
        ),
        # the other tables
        (
            "[network.oftc]\nconnector = 'fake'",
            'network: found an unknown key, did you mean "networks"?',
        ),
        ("[logs]\nlevel = 'info'", 'logs: found an unknown key, did you mean "log"?'),
        (
            "[log]\nlevel = 'verbose'",
            'log.level: found "verbose", expected one of "debug", "info", "warning", "error"',
        ),
        ("[log]\nformat = 'jsn'", 'log.format: found "jsn", expected one of "text", "json"; did you mean "json"?'),
        ("[http]\nlisten = '8080'", 'http.listen: found "8080", expected HOST:PORT such as "127.0.0.1:8080"'),
        (
            "[http]\nadmin_listen = '::1:8080'",
            'http.admin_listen: found "::1:8080", expected HOST:PORT such as "127.0.0.1:8080"',
        ),
        (
            "[http]\nlisten = '127.0.0.1:8081'",
            'http.admin_listen: found "127.0.0.1:8081", expected another address than http.listen',
        ),
        (
            "[http]\npublic_url = 'bridge.example.org'",
            'http.public_url: found "bridge.example.org", expected a URL such as "https://bridge.example.org"',
        ),
        (
            "[store]\nurl = 'mysql://root:hunter2@host/name'",
            'store.url: found a URL of scheme "mysql", expected "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/NAME"',
        ),
        (
            "[store]\nurl = 'postgresql://root:hunter2@host:port/name'",
            'store.url: found no usable host and port, expected "postgresql://USER:PASSWORD@HOST:PORT/NAME" with %XX for "/#?@:"',
        ),
        (
            "[store]\nurl = 'linkspan.db'",
            'store.url: found no URL, expected "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/NAME"',
        ),
        (
            "[store]\nurl = 'sqlite://'",
            'store.url: found a store in memory, which would be gone with the process, expected "sqlite:///FILE"',
        ),
        (
            "[store]\nurl = 'sqlite:///'",
            'store.url: found a store in memory, which would be gone with the process, expected "sqlite:///FILE"',
        ),
        (
            "[store]\nurl = 'sqlite:///:memory:'",
            'store.url: found a store in memory, which would be gone with the process, expected "sqlite:///FILE"',
        ),
        (
            "[gateway]\nopen_irc_tls = 'never'",
            'gateway.open_irc_tls: found "never", expected one of "required", "preferred"',
        ),
        (
            "[gateway]\ndeny = ['a b']",
            'gateway.deny: found "a b", expected a bare JID or a domain, with "*" for any part',
        ),
        (
            "[gateway]\nallow_on = { libera = ['x/y'] }",
            'gateway.allow_on: found "x/y", expected a bare JID or a domain, with "*" for any part',
        ),
        (
            "[gateway]\nallow_on = { libra = ['x.example'] }",
            'gateway.allow_on.libra: found no network of this name, did you mean "libera"?',
        ),
        (
            "[gateway]\nopen_irc_private = ['inside']",
            'gateway.open_irc_private: found "inside", expected an address ("192.0.2.7") or a range ("192.0.2.0/24", "2001:db8::/32")',
        ),
        (
            "[gateway]\nrate_joins = '30 a minute'",
            'gateway.rate_joins: found "30 a minute", expected HOW MANY/TIME such as "30/1m"',
        ),
        (
            "[media]\nrate_uploads = 'lots'",
            'media.rate_uploads: found "lots", expected MB/TIME such as "500/1d"',
        ),
        (
            "[identd]\nlisten = '113'",
            'identd.listen: found "113", expected HOST:PORT such as "0.0.0.0:113"',
        ),
        (
            "[gateway]\nhistory = '30'",
            'gateway.history: found "30", expected "30d", "5000 messages", "30d, 5000 messages", "forever" or "off"',
        ),
        (
            "[networks.more]\nconnector = 'fake'\nhost = 'x'\nhistory = 30",
            'networks.more.history: found "30", expected "30d", "5000 messages", "30d, 5000 messages", "forever" or "off"',
        ),
    ],
)
def test_one_mistake_is_one_line(more: str, problem: str) -> None:
    good = GOOD.replace('host = "irc.libera.chat"\n', "") if more.startswith("host") else GOOD
    text = f"{more}\n{good}" if more.startswith("links") else f"{good}{more}\n"
    assert problems(text) == [problem]


@pytest.mark.parametrize(
    ("xmpp", "problem"),
    [
        ('domain = "b.example"', f"xmpp.secret: missing, expected {SECRET_FORMS}"),
        ('secret = "x1"', "xmpp.domain: missing, expected a string"),
        ('domian = "b.example"\nsecret = "x1"', 'xmpp.domian: found an unknown key, did you mean "domain"?'),
        (
            'domain = "b@example"\nsecret = "x1"',
            'xmpp.domain: found "b@example", expected a domain name such as "bridge.example.org"',
        ),
        (
            'domain = "b example"\nsecret = "x1"',
            'xmpp.domain: found "b example", expected a domain name such as "bridge.example.org"',
        ),
        (
            'domain = ""\nsecret = "x1"',
            'xmpp.domain: found "", expected a domain name such as "bridge.example.org"',
        ),
        (
            'domain = "b.example"\nsecret = "x1"\nhost = " "',
            'xmpp.host: found " ", expected a host name or an IP address',
        ),
        (
            'domain = "b.example"\nsecret = "x1"\nnick = "a\\u0007b"',
            'xmpp.nick: found "a\\u0007b", expected a nick without control characters',
        ),
        (
            'domain = "b.example"\nsecret = "x1"\nadmins = ["me@example.org/phone"]',
            'xmpp.admins: found "me@example.org/phone", expected bare JIDs such as "admin@example.org"',
        ),
    ],
)
def test_the_xmpp_side(xmpp: str, problem: str) -> None:
    assert problems(f"[xmpp]\n{xmpp}\n") == [problem]


def test_all_mistakes_are_reported_at_once() -> None:
    text = """
    [xmpp]
    domain = "b@example"
    [networks.libera]
    connector = "fake"
    port = 0
    [networks.oftc]
    connector = "irk"
    [[links]]
    name = "dev"
    rooms = ["xmpp:dev@muc.example", "lib:#dev"]
    [log]
    level = 3
    """
    assert [line.split(":")[0] for line in problems(text)] == [
        "xmpp.secret",
        "log.level",
        "networks.libera.host",
        "networks.libera.port",
        "networks.oftc.connector",
        "links[0].rooms[1]",
    ]


def test_an_empty_file_says_what_is_needed() -> None:
    assert problems("") == [
        "xmpp.domain: missing, expected a string",
        f"xmpp.secret: missing, expected {SECRET_FORMS}",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[xmpp]\ndomain = bridge", "config.toml: line 2, column 10: found invalid value, expected TOML"),
        ("[xmpp\n", "config.toml: line 1, column 6: found"),
        ("a = 1\na = 2\n", "config.toml: line 2, column 6: found"),
        ("a = '", "config.toml: end of document: found"),
        ("a = " + "[" * 5000, "config.toml:"),
    ],
)
def test_a_syntax_error_has_line_and_column(text: str, line: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(line)
    assert problem.endswith("expected TOML")


@pytest.mark.parametrize(
    "wrong", ["[xmpp]\nsecrte = 'hunter2'", "[xmpp]\nsecret = ['hunter2']", "[[links]]\npasswords = 'hunter2'"]
)
def test_a_misplaced_secret_is_never_repeated(wrong: str) -> None:
    assert "hunter2" not in "\n".join(problems(wrong))
