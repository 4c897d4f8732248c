"""The room in memory does what XEP-0045 says, since the connector's tests lean on it."""

from collections.abc import Callable

import pytest

from bridge.xmpp.wire.shapes import Familiar
from tests.support.clock import VirtualClock, quiet
from tests.support.muc import MUC, NS, USER, Muc, Stream, xml

ROOM = "verona@conference.localhost"
LISTENER = "bridge.localhost/linkspan"


class Everything:
    """A session that wants all and keeps it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def stream_up(self) -> None:
        pass

    def stream_down(self, reason: str) -> None:
        pass

    def reads(self, room: str, to: str) -> bool:
        return True

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        return True

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        return False

    def recognised(self, said: Familiar) -> bool:
        return False

    def stanza(self, element) -> bool:
        kind = element.tag.removeprefix(f"{{{NS}}}")
        codes = ",".join(status.get("code") for status in element.iter(f"{{{USER}}}status"))
        body = element.findtext(f"{{{NS}}}body") or element.findtext(f"{{{NS}}}subject") or ""
        error = next((child.tag.rpartition("}")[2] for child in element.iter() if "xmpp-stanzas" in child.tag), "")
        what = " ".join(filter(None, (element.get("type"), codes, body, error)))
        self.seen.append(f"{kind} {element.get('from').partition('/')[2]} -> {element.get('to')}: {what}".rstrip(": "))
        return True


@pytest.fixture
def service() -> tuple[Muc, Everything, Callable[[str], None]]:
    stream = Stream(VirtualClock())
    session = Everything()
    stream.session = session
    stream._up = True
    return Muc(stream), session, stream.send


def join(nick: str, jid: str = LISTENER, history: str = "<history maxstanzas='0'/>") -> str:
    return f"<presence from='{jid}' to='{ROOM}/{nick}' id='j'><x xmlns='{MUC}'>{history}</x></presence>"


async def test_the_order_of_events(service) -> None:
    """Section 7.1: occupants, self-presence, history, subject, live."""
    muc, session, send = service
    muc.enter("juliet")
    muc.say("juliet", "old")
    muc.subject = ("juliet", "fire")
    send(join("l", history=""))
    muc.say("juliet", "new")
    await quiet()
    assert session.seen == [
        f"presence juliet -> {LISTENER}",
        f"presence l -> {LISTENER}: 110",
        f"message juliet -> {LISTENER}: groupchat old",
        f"message juliet -> {LISTENER}: groupchat fire",
        f"message juliet -> {LISTENER}: groupchat new",
    ]


async def test_everybody_of_ours_gets_a_copy(service) -> None:
    _, session, send = service
    send(join("l"))
    send(join("bob", "bob%irc@bridge.localhost/linkspan"))
    await quiet()
    session.seen.clear()
    send(
        f"<message type='groupchat' from='bob%irc@bridge.localhost/linkspan' to='{ROOM}' id='m'><body>hi</body></message>"
    )
    await quiet()
    assert session.seen == [
        f"message bob -> {LISTENER}: groupchat hi",
        "message bob -> bob%irc@bridge.localhost/linkspan: groupchat hi",
    ]


async def test_a_conflict_and_a_change_of_nick(service) -> None:
    muc, session, send = service
    muc.enter("juliet")
    send(join("juliet"))
    send(join("l"))
    send(f"<presence from='{LISTENER}' to='{ROOM}/m'/>")
    await quiet()
    assert session.seen[0] == f"presence juliet -> {LISTENER}: error conflict"
    assert session.seen[-2:] == [f"presence l -> {LISTENER}: unavailable 303,110", f"presence m -> {LISTENER}: 110"]


async def test_who_is_not_in_the_room_cannot_speak(service) -> None:
    _, session, send = service
    send(f"<message type='groupchat' from='{LISTENER}' to='{ROOM}' id='m'><body>hi</body></message>")
    await quiet()
    assert session.seen == [f"message  -> {LISTENER}: error not-acceptable"]


async def test_a_kick(service) -> None:
    muc, session, send = service
    send(join("l"))
    muc.kick("l", reason="out")
    await quiet()
    assert session.seen[-1] == f"presence l -> {LISTENER}: unavailable 307,110"


async def test_what_is_not_well_formed_does_not_pass(service) -> None:
    _, _, send = service
    with pytest.raises(SyntaxError):
        send("<message from='bridge.localhost' to='x'>\x01</message>")


def test_a_stanza_has_the_components_namespace() -> None:
    assert xml("<message/>").tag == f"{{{NS}}}message"
