"""What is measured on: real servers, biboumi, and crowds that are in rooms and say nothing.

Crowds are cheap for whoever measures: those on IRC are deaf, those on XMPP are a component of their own, which has a
listener where the server knows our module. Started by hand on loopback, like everything in tests and demonstration.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from bridge.demo.processes import Server, program, until
from bridge.demo.servers import Prosody
from bridge.xmpp.wire.marks import COLLAPSE
from tests.support.servers import CollapsingProsody, Ejabberd, MulticastEjabberd
from tests.support.xmpp_component import BareComponent, entered

PEOPLE = dict.fromkeys(("juliet", "romeo"), "pw")
CROWD = "crowd.localhost"
BIBOUMI = "biboumi.localhost"
SECRET = "secret"
GATEWAY = "irc.localhost"
"""What biboumi's users call the IRC server."""

PROMPT = "network_settings = { nagle = false }\n"
"""Or Prosody's kernel waits for a client's acknowledgement, up to 40 ms, and that would be all one sees."""
XMPP: Mapping[str, Callable[[], Prosody | Ejabberd]] = {
    "prosody": lambda: Prosody(people=PEOPLE, options=PROMPT),
    "prosody+module": lambda: CollapsingProsody(people=PEOPLE, options=PROMPT),
    "ejabberd": lambda: Ejabberd(people=PEOPLE, archive=False),
    "ejabberd+multicast": lambda: MulticastEjabberd(people=PEOPLE, archive=False),
}
"""The XMPP servers, each as it comes and as the operators' pages advise.

ejabberd's rooms have no archive here: the one in Mnesia is dearer with every message in it, which would be all one sees.
"""


def with_components(kind: type[Prosody], *domains: str) -> Prosody:
    """Return a Prosody with more component domains."""
    more = "\n".join(f'Component "{domain}"\n  component_secret = "{SECRET}"' for domain in domains)
    return kind(people=PEOPLE, options=PROMPT, more=more)


class Biboumi(Server):
    """The gateway of the Debian package, with its archive on disk as it comes or with none."""

    name = "biboumi"

    def __init__(self, port: int, irc_port: int) -> None:
        super().__init__()
        self._port = port
        self._irc_port = irc_port

    def command(self) -> Sequence[str]:
        settings = self.folder / "biboumi.cfg"
        settings.write_text(
            f"hostname={BIBOUMI}\npassword={SECRET}\nxmpp_server_ip=127.0.0.1\nport={self._port}\n"
            f"db_name={self.folder}/biboumi.sqlite\nlog_level=1\n"
        )
        return [program("biboumi", package="biboumi"), str(settings)]

    async def ready(self) -> bool:
        return "Authenticated" in self.log.read_text(errors="replace")

    def know(self, people: Sequence[str], *, archive: bool) -> None:
        """Say where the IRC server is, to these bare JIDs, as its form does; nobody is throttled."""
        with contextlib.closing(sqlite3.connect(self.folder / "biboumi.sqlite", timeout=30)) as database, database:
            database.executemany(
                "INSERT INTO ircserveroptions_ (owner_, server_, address_, ports_, tlsports_, throttlelimit_) "
                "VALUES (?, ?, '127.0.0.1', ?, '', -1)",
                [(jid, GATEWAY, str(self._irc_port)) for jid in people],
            )
            database.executemany(
                "INSERT INTO globaloptions_ (owner_, maxhistorylength_, recordhistory_, persistent_) VALUES (?, 20, ?, 0)",
                [(jid, int(archive)) for jid in people],
            )


class _Idler(asyncio.Protocol):
    """One connection to IRC that answers PING and hears nothing else."""

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self.send(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")

    def data_received(self, data: bytes) -> None:
        if b"PING " in data:
            asked = data.partition(b"PING ")[2].partition(b"\r")[0]
            self.send(f"PONG {asked.decode()}")
        if not self.registered.done() and b" 001 " in data:
            self.registered.set_result(None)
        if not self.joined.done() and b" 366 " in data:
            self.joined.set_result(None)

    def send(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def close(self) -> None:
        self._transport.abort()


class IrcCrowd:
    """People in channels who only listen, and not even that where the server lets them be deaf."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idlers: list[_Idler] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for idler in self._idlers:
            idler.close()

    async def enter(self, channel: str, many: int) -> None:
        """Bring so many new ones into a channel."""
        loop = asyncio.get_running_loop()
        first = len(self._idlers)
        new = [_Idler(f"i{number}") for number in range(first, first + many)]
        self._idlers += new
        for idler in new:
            await loop.create_connection(lambda idler=idler: idler, "127.0.0.1", self._port)
        async with asyncio.timeout(60):
            await asyncio.gather(*(idler.registered for idler in new))
            for idler in new:
                idler.send(f"MODE {idler.nick} +d", f"JOIN {channel}")
            await asyncio.gather(*(idler.joined for idler in new))


class XmppCrowd:
    """Users of one component who are in rooms and say nothing; without copies where the server can do that."""

    def __init__(self, port: int) -> None:
        self.component = BareComponent(CROWD, SECRET, port=port)
        self.many = 0

    async def __aenter__(self) -> Self:
        await self.component.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.component.__aexit__()

    async def listen(self, room: str) -> None:
        """Have one of them ask for the only copy."""
        await self.component.occupy(room, f"{CROWD}/listener", "crowd", more=COLLAPSE)
        self.many += 1

    async def enter(self, many: int, room: Callable[[int], str], *, patience: float = 120.0) -> None:
        """Bring so many more in, each into ``room`` of their number; returns when all are in."""
        waiting = set()
        for number in range(self.many, self.many + many):
            jid = f"{person(number)}/x"
            waiting.add(jid)
            self.component.ask_in(room(number), jid, f"u{number}")
        self.many += many

        async def all_in() -> bool:
            seen, self.component.seen = self.component.seen, []
            for element in seen:
                to = element.get("to", "")
                if to in waiting and entered(element, to):
                    waiting.discard(to)
            return not waiting

        await until(all_in, patience=patience, what=f"{many} people in their rooms")


def person(number: int) -> str:
    """Return the bare JID of one of the crowd."""
    return f"u{number}@{CROWD}"
