"""What a new configuration comes to: only what differs is touched."""

import pytest

from bridge.administration import as_link, merged
from bridge.app import Changes, changes, instance_id
from bridge.config import Config, Flow, LinkSettings
from bridge.core.ids import Network, Room, RoomId
from bridge.core.routing import Policy
from bridge.engine.ports import StoredLink
from tests.support.configs import GOOD, parse

LIBERA, OFTC, XMPP = Network("libera"), Network("oftc"), Network("xmpp")
NOTHING = Changes(stop=(), start=(), listener=False, restart_needed=())


def read(more: str = "", *, old: str = "", new: str = "") -> Config:
    return parse(f"{GOOD}{more}".replace(old, new) if old else f"{GOOD}{more}")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (read(), NOTHING),
        (read("[log]\nlevel = 'debug'\n[gateway]\nenabled = false"), NOTHING),
        (read("[[links]]\nname = 'a'\nrooms = ['xmpp:a@b', 'libera:#a']"), NOTHING),
        (read("port = 7000"), Changes(stop=(LIBERA,), start=(LIBERA,), listener=False, restart_needed=())),
        (read("[networks.libera.puppets]\nmax = 3"), Changes(stop=(LIBERA,), start=(LIBERA,), listener=False, restart_needed=())),
        (read("[networks.oftc]\nconnector = 'fake'\nhost = 'h'"), Changes(stop=(), start=(OFTC,), listener=False, restart_needed=())),
        (read(old="libera]", new="oftc]"), Changes(stop=(LIBERA,), start=(OFTC,), listener=False, restart_needed=())),
        (read(old='"s3cr3t"', new='"an0ther"'), Changes(stop=(XMPP,), start=(XMPP,), listener=False, restart_needed=())),
        (read("[http]\nadmin_listen = '127.0.0.1:9'"), Changes(stop=(), start=(), listener=True, restart_needed=())),
        (read("[store]\nurl = 'sqlite:///other.db'"), Changes(stop=(), start=(), listener=False, restart_needed=("store.url",))),
        (
            read(old='"bridge.example.org"', new='"other.example.org"'),
            Changes(stop=(XMPP,), start=(XMPP,), listener=False, restart_needed=("xmpp.domain",)),
        ),
    ],
)  # fmt: skip
def test_what_has_to_be_done(new: Config, expected: Changes) -> None:
    assert changes(read(), new) == expected


def test_the_bridge_is_the_same_after_a_restart_and_nobody_else() -> None:
    assert instance_id("bridge.example.org") == instance_id("bridge.example.org")
    assert instance_id("bridge.example.org") != instance_id("bridge.example.net")


def rooms(*texts: str) -> tuple[Room, ...]:
    return tuple(Room(Network(text.partition(":")[0]), RoomId(text.partition(":")[2])) for text in texts)


WRITTEN = [LinkSettings(name="dev", rooms=rooms("xmpp:dev@muc", "libera:#dev"))]
NETWORKS = ["xmpp", "libera"]


def test_links_of_the_file_and_links_by_command_stand_side_by_side() -> None:
    stored = StoredLink(name="ops", rooms=rooms("xmpp:ops@muc", "libera:#ops"))
    links, trouble = merged(WRITTEN, [stored], NETWORKS)
    assert [link.name for link in links] == ["dev", "ops"]
    assert trouble == []


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (
            StoredLink(name="Dev", rooms=rooms("xmpp:ops@muc", "libera:#ops")),
            'link "Dev" was added by command and rests: there is a link "dev" already',
        ),
        (
            StoredLink(name="ops", rooms=rooms("xmpp:ops@muc", "libera:#DEV")),
            'link "ops" was added by command and rests: libera:#dev is in link "dev" already',
        ),
        (
            StoredLink(name="ops", rooms=rooms("xmpp:ops@muc", "libra:#ops")),
            'link "ops" was added by command and rests: there is no network "libra": did you mean "libera"?',
        ),
    ],
)
def test_a_link_by_command_gives_way_to_the_file(stored: StoredLink, why: str) -> None:
    assert merged(WRITTEN, [stored], NETWORKS) == (WRITTEN, [why])


def test_a_link_as_the_hub_knows_it() -> None:
    made = as_link(LinkSettings(name="dev", rooms=WRITTEN[0].rooms, topic=Flow.OFF))
    assert (made.name, made.rooms, made.policy) == ("dev", WRITTEN[0].rooms, Policy(topic=False, kicks=True))
