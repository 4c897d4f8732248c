"""CPU that a component stream costs the bridge, per stanza: the fast reader's ways against slixmpp's own.

Run: ``python -m bench.stream``. Figures are microseconds of process time, the least of several repetitions; compare
the lines, not the machines. No sockets, no servers: bytes go straight into the reader.
"""

import sys
import time
from collections.abc import Callable
from xml.etree.ElementTree import Element

from slixmpp.componentxmpp import ComponentXMPP

from bench.figures import least
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.stream import Reader

HEADER = (
    b"<?xml version='1.0'?><stream:stream xml:lang='en' xmlns:stream='http://etherx.jabber.org/streams'"
    b" from='bridge.example.org' xmlns='jabber:component:accept' id='1'>"
)
COPY = (
    "<message xml:lang='en' to='{to}' from='dev@conference.example.org/ann' id='m{number}' type='groupchat'>"
    "<body>good morning everybody, number {number}</body>"
    "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='QGudrDNaYy941xsryItwSo7YfBikR/A27r1bZ+PrRuo='/>"
    "<stanza-id by='dev@conference.example.org' xmlns='urn:xmpp:sid:0' id='GrMm5WRpioFeLAlQ75Xt1Z_{number}'/></message>"
)
PRESENCE = (
    "<presence xml:lang='en' from='dev@conference.example.org/nick{number}' to='g1%irc@bridge.example.org/x'>"
    "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='bv4Nb4qT/kkBrCg22lis/B6/vqp2/Rd6vCRFGTQ1IDc='/>"
    "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x></presence>"
)
LISTENER = "bridge.example.org/listener"
CHUNK = 65536


class Reads:
    """A session that reads the listener's copies and wants what it is told to."""

    def __init__(self, *, wants: bool) -> None:
        self.wants = wants
        self.built_ = 0

    def opened(self, root: Element) -> None:
        """Nothing."""

    def closed(self) -> None:
        """Nothing."""

    def reads(self, _room: str, to: str) -> bool:
        return to == LISTENER

    def wanted(self, _name: str, _attrs: dict[str, str]) -> bool:
        return self.wants

    def understood(self, _attrs: dict[str, str], _stanza: bytes) -> bool:
        return False

    def recognised(self, _said: Familiar) -> bool:
        return False

    def built(self, _element: Element) -> None:
        self.built_ += 1


class Stock(ComponentXMPP):
    """slixmpp with the plugins that a gateway loads, and a handler for messages."""

    def __init__(self, plugins: tuple[str, ...]) -> None:
        super().__init__("bridge.example.org", "secret")
        for plugin in plugins:
            self.register_plugin(plugin)
        self.add_event_handler("groupchat_message", lambda message: message["body"])
        self.init_parser()

    def start_stream_handler(self, xml: Element) -> None:
        """No handshake."""


NUMBERS = (
    4, 30, 45, 50, 54, 59, 66, 77, 85, 92, 115, 128, 172, 184, 199,
    202, 203, 280, 297, 308, 313, 333, 334, 359, 363, 424, 425, 428, 444, 461,
)  # fmt: skip
PLUGINS = tuple(f"xep_{number:04}" for number in NUMBERS)


def broadcasts(messages: int, ghosts: int, *, shuffled: bool = False) -> bytes:
    """Return the stream of a room where each message comes once for the listener and for every ghost."""
    to = [f"ghost{number}%irc@bridge.example.org/x" for number in range(ghosts)]
    to.insert(len(to) // 2, LISTENER)
    parts = []
    for number in range(messages):
        if shuffled:  # no order is the same as the one before
            to = to[7:] + to[:7]
            to[number % len(to)], to[0] = to[0], to[number % len(to)]
        parts += [COPY.format(to=each, number=number) for each in to]
    return "".join(parts).encode()


def fast(stream: bytes, *, wants: bool) -> float:
    reader = Reader(Reads(wants=wants))
    reader.feed(HEADER)
    return spent(reader.feed, stream)


def stock(stream: bytes, plugins: tuple[str, ...] = ()) -> float:
    component = Stock(plugins)
    component.data_received(HEADER)
    return spent(component.data_received, stream)


def spent(feed: Callable[[bytes], object], stream: bytes) -> float:
    """Return the CPU seconds that a stream costs, in pieces as a socket gives them."""
    pieces = [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]
    start = time.process_time()
    for piece in pieces:
        feed(piece)
    return time.process_time() - start


def main() -> None:
    ghosts, messages = 300, 40
    room = broadcasts(messages, ghosts)
    churning = broadcasts(messages, ghosts, shuffled=True)
    alone = broadcasts(4000, 0)
    presences = "".join(PRESENCE.format(number=number) for number in range(4000)).encode()
    copies = messages * (ghosts + 1)
    rows = [
        ("copy of a message, order foretold", least(lambda: fast(room, wants=False), per=copies)),
        ("copy of a message, order new each time", least(lambda: fast(churning, wants=False), per=copies)),
        ("presence looked at, not wanted", least(lambda: fast(presences, wants=False), per=4000)),
        ("message built", least(lambda: fast(alone, wants=True), per=4000)),
        ("presence built", least(lambda: fast(presences, wants=True), per=4000)),
        ("slixmpp, message, no plugins", least(lambda: stock(alone[: len(alone) // 8]), per=500, times=3)),
        ("slixmpp, message, 30 plugins", least(lambda: stock(alone[: len(alone) // 8], PLUGINS), per=500, times=3)),
    ]
    for name, figure in rows:
        print(f"{name:42} {figure:9.2f} µs")
    one = least(lambda: fast(alone, wants=True), per=4000)
    many = least(lambda: fast(room, wants=True), per=messages)
    print(f"{'one message, 1 reader':42} {one:9.2f} µs")
    print(f"{f'one message, 1 reader and {ghosts} ghosts':42} {many:9.2f} µs")


if __name__ == "__main__":
    sys.exit(main())
