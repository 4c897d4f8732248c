"""What an IRC line costs, in CPU microseconds: read, skipped, written; beside it what the ``irc`` library's own client needs.

``python -m bench.irc_lines [CONNECTIONS]``. The upper table has no sockets in it. The lower one has CONNECTIONS real ones
on loopback (default 200), of which each gets every line of a channel: what a puppet's copy costs, and what an idle puppet
weighs. A calibration loop beside the figures tells how fast the machine was.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from functools import partial

from irc.client import ServerConnection
from irc.client_aio import AioReactor

from bench.figures import calibration, least
from bridge.demo.processes import resident
from connectors.irc.connection.client import Connection, Flood, Identity, Line, Reads, Server, isupport_of
from connectors.irc.connection.marks import VIA
from connectors.irc.connection.stream import Stream
from connectors.irc.connection.wire import concerns, encode, parse
from connectors.irc.speaking.formatting import read, write
from connectors.irc.speaking.outbound import frame

PLAIN = b":nick!user@host.example.org PRIVMSG #channel :hello there, this is a line of ordinary length"
TAGGED = b"@time=2026-11-21T03:43:14.000Z;msgid=1a2b3c4d;account=nick " + PLAIN
ME, CHANNELS = (b":puppet!", b":puppet "), b"#&@+"
COUNT = 50_000


class Silent:
    """An owner that does nothing."""

    def up(self, connection: Connection) -> None: ...
    def down(self, connection: Connection, failure: object) -> None: ...
    def line(self, connection: Connection, line: object) -> None: ...
    def nick(self, connection: Connection, old: str, new: str) -> None: ...


class Nowhere(asyncio.Transport):
    """A socket that takes everything."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None: ...


class Asker:
    """Somebody who says lines over a puppet's connection, and is told what came of each."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.words = ("#channel", "hello there, this is a line")
        self.told = 0
        self.asked = 0

    def said(self, message: str) -> None:  # noqa: ARG002  # as the connection says it
        self.told += 1

    def answered(self, answers: list[Line]) -> None:  # noqa: ARG002
        self.told += 1

    def lost(self, *, written: bool) -> None:
        raise AssertionError(written)

    def briefly(self) -> None:
        """Say a line and have it come back, the short way."""
        assert self.connection.utter(self, self.words, frame("#channel", ("bridge",)))
        self._echoed(b"msgid=1a2b3c4d")

    def at_length(self) -> None:
        """Do the same the long way: an id with an escape is parsed."""
        self.connection.send_for(self, "PRIVMSG", self.words, tags={VIA: "bridge"})
        self._echoed(b"msgid=1a2b3c4\\:;batch=none")

    def _echoed(self, message: bytes) -> None:
        self.asked += 1
        line = b"@%s;label=%x :puppet!u@h PRIVMSG #channel :hello there, this is a line\r"
        self.connection.received([line % (message, self.asked)])
        assert self.told == self.asked


def cost(call: Callable[[], object], lines: int = 1) -> float:
    """Return the microseconds of one line: the best of five runs."""
    rounds = COUNT // lines // 5

    def spent() -> float:
        start = time.process_time()
        for _ in range(rounds):
            call()
        return time.process_time() - start

    return least(spent, per=rounds * lines)


async def connection(reads: Reads) -> tuple[Connection, Stream]:
    """Return a registered connection whose socket goes nowhere."""
    made = Connection(
        Silent(),
        (Server(host="nowhere", port=1),),
        Identity(nicks=("puppet",), username="u", realname="r"),
        reads=reads,
    )
    stream = made._stream = Stream(made, limit=1000)  # noqa: SLF001  # no server wanted: what it would have told is set
    stream.connection_made(Nowhere())
    who = made._ourselves  # noqa: SLF001
    who.nick, who.isupport = "puppet", isupport_of(("CHANTYPES=#&", "STATUSMSG=@+"), ("", ""))
    made._caps.enabled = frozenset({"labeled-response", "message-tags"})  # noqa: SLF001
    made._up = True  # noqa: SLF001
    made._aim()  # noqa: SLF001
    return made, stream


def library() -> Callable[[bytes], None]:
    """Return the library's way of taking one line: parsing, events, handlers."""
    reactor = AioReactor(loop=asyncio.get_running_loop())
    server = ServerConnection(reactor)
    server.real_nickname, server.real_server_name, server.handlers = "puppet", "s", {}
    return lambda data: server._process_line(data.decode())  # noqa: SLF001  # its data_received ends here


async def without_sockets() -> None:
    listener, _ = await connection(Reads.ALL)
    puppet, _ = await connection(Reads.OWN)
    block = [PLAIN + b"\r"] * 50
    taken = library()
    rows = {
        "parse": cost(partial(parse, PLAIN)),
        "parse, tags": cost(partial(parse, TAGGED)),
        "listener: parse and dispatch": cost(partial(listener.received, block), 50),
        "puppet: looked at and dropped": cost(partial(concerns, PLAIN, ME, CHANNELS)),
        "puppet: dropped, with all around it": cost(partial(puppet.received, block), 50),
        "puppet: said, and its echo": cost(Asker(puppet).briefly),
        "puppet: the same, the long way": cost(Asker((await connection(Reads.OWN))[0]).at_length),
        "encode PRIVMSG": cost(partial(encode, "PRIVMSG", ("#channel", "hello there, this is a line"))),
        "formatting: plain text read": cost(partial(read, "hello there, this is a line")),
        "formatting: plain text written": cost(partial(write, "hello there, this is a line")),
        "formatting: bold and colour read": cost(partial(read, "hello \x02there\x02, \x0304red\x03 line")),
        "the library: line without tags": cost(partial(taken, PLAIN)),
        "the library: line with tags": cost(partial(taken, TAGGED)),
    }
    print(f"{'one line':<40} {'µs':>6}")
    for name, micros in rows.items():
        print(f"{name:<40} {micros:>6.2f}")


class Channel:
    """The other end: registers whoever comes, and says each line to all."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not (await reader.readline()).startswith(b"USER"):
            pass
        writer.write(
            b":s CAP * LS :\r\n:s 001 puppet :hi\r\n:s 005 puppet CHANTYPES=# :are supported\r\n:s 422 puppet :none\r\n"
        )
        self.writers.append(writer)
        await reader.read()


async def with_sockets(many: int) -> None:
    channel = Channel()
    server = await asyncio.start_server(channel.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = Identity(nicks=("puppet",), username="u", realname="r")
    puppets = [
        Connection(Silent(), (Server(host="127.0.0.1", port=port),), who, reads=Reads.OWN, flood=Flood(rate=0))
        for _ in range(many)
    ]
    gc.collect()
    before, start = resident(os.getpid()), time.process_time()
    await asyncio.gather(*(puppet.connect() for puppet in puppets))
    connecting = time.process_time() - start
    gc.collect()
    weight = (resident(os.getpid()) - before) / many
    for rate in (20, 100, 1000):
        took, said = await _say(channel, rate)
        print(f"{f'copies at {rate} lines a second':<40} {took / said / many * 1e6:>6.2f}   (with the server's write)")
    print(f"connecting: {connecting / many * 1e6:.0f} µs, memory: {weight / 1024:.1f} KiB, each with its server's end")
    for puppet in puppets:
        puppet.abort()
    server.close()
    await asyncio.sleep(0.1)


async def _say(channel: Channel, rate: int) -> tuple[float, int]:
    said = rate
    start = time.process_time()
    for _ in range(said):
        for writer in channel.writers:
            writer.write(PLAIN + b"\r\n")
        await asyncio.sleep(1 / rate)
    await asyncio.sleep(0.2)
    return time.process_time() - start, said


async def main() -> None:
    print(f"calibration {calibration():.1f} ms")
    await without_sockets()
    await with_sockets(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    print(f"calibration {calibration():.1f} ms")


if __name__ == "__main__":
    asyncio.run(main())
