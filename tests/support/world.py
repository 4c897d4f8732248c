"""A whole world for one scenario: an XMPP server, an IRC server, the bridge as a process between them, and people.

A scenario reads as who does what and who sees what; everything here is started by hand on loopback and stopped at
the end.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.processes import Server, free_port, until
from bridge.demo.program import READY, Program
from tests.support.servers import Ejabberd, InspIRCd, Jabberd2, Ngircd, Prosody

T = TypeVar("T")

XMPP = {"prosody": Prosody, "ejabberd": Ejabberd, "jabberd2": Jabberd2}
PASSWORD = "pw"


class World:
    """Servers, a link between one MUC and one channel, and the running bridge.

    ``people`` names the XMPP accounts; ``puppets``, ``network`` and ``link`` are lines of the configuration's tables;
    ``more`` is appended to the file. ``announced``: there is a ``public_url``. ``start=False`` leaves the start of the
    bridge to the scenario.
    """

    def __init__(
        self,
        *,
        xmpp: str = "prosody",
        irc: str = "inspircd",
        people: Sequence[str] = ("juliet", "romeo", "nurse"),
        puppets: str = "",
        network: str = "",
        link: str = "",
        rooms: Sequence[str] | None = None,
        more: str = "",
        admins: Sequence[str] = (),
        xmpp_options: Mapping[str, str] | None = None,
        irc_options: Mapping[str, object] | None = None,
        start: bool = True,
        rights: bool = True,
        announced: bool = False,
    ) -> None:
        accounts = dict.fromkeys([*people, "founder"], PASSWORD)
        self.xmpp: Prosody | Ejabberd | Jabberd2 = XMPP[xmpp](people=accounts, **dict(xmpp_options or {}))
        self.irc: InspIRCd | Ngircd = InspIRCd(**dict(irc_options or {})) if irc == "inspircd" else Ngircd()  # type: ignore[arg-type]
        self.room = f"verona@{self.xmpp.conference}"
        self.channel = "#verona"
        self.admin_port = free_port()
        self.public_port = free_port()  # opened only while something is served there
        self.puppets, self.network, self.link, self.more = puppets, network, link, more
        self.rooms = list(rooms) if rooms is not None else [f"xmpp:{self.room}", f"irc:{self.channel}"]
        self.admins = list(admins)
        self._start = start
        self._rights = rights
        self._announced = announced
        self._stack = contextlib.AsyncExitStack()

    def config(self) -> str:
        """Return the configuration file's text."""
        rooms = ", ".join(f'"{room}"' for room in self.rooms)
        admins = ", ".join(f'"{jid}"' for jid in self.admins)
        announced = f'public_url = "http://127.0.0.1:{self.public_port}"' if self._announced else ""
        return f"""
[xmpp]
domain = "{self.xmpp.component}"
secret = "{self.xmpp.secret}"
host = "127.0.0.1"
port = {self.xmpp.component_port}
admins = [{admins}]

[store]
url = "sqlite:///linkspan.db"

[http]
listen = "127.0.0.1:{self.public_port}"
admin_listen = "127.0.0.1:{self.admin_port}"
{announced}

[log]
level = "debug"

[networks.irc]
connector = "irc"
host = "127.0.0.1"
port = {self.irc.port}
tls = false
nick = "linkspan"
{self.network}

[networks.irc.puppets]
{self.puppets}

[[links]]
name = "verona"
rooms = [{rooms}]
{self.link}

{self.more}
"""

    async def __aenter__(self) -> Self:
        stack = await self._stack.__aenter__()
        try:
            await stack.enter_async_context(self.xmpp)
            await stack.enter_async_context(self.irc)
            await self.found()
            self.bridge = Program(self.config())
            stack.push_async_exit(self.bridge)
            if self._start:
                await self.bridge.start()
        except BaseException:
            await stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and hasattr(self, "bridge"):
            print("---- the bridge's log ----", self.bridge.log()[-8000:], sep="\n")
        await self._stack.aclose()

    async def found(self) -> None:
        """Make the room as its owner would: persistent, juliet owns it, everybody may set the subject, the bridge moderates."""
        async with XmppPerson("founder", PASSWORD, port=self.xmpp.port) as founder:
            await founder.join(self.room, "founder")
            await founder.configure(self.room, persistentroom="1", changesubject="1")
            await founder.affiliate(self.room, f"juliet@{self.xmpp.domain}", "owner")
            if self._rights:
                await founder.affiliate(self.room, self.xmpp.component, "admin")
            founder.leave(self.room, "founder")
            await founder.fence()

    async def user(
        self, name: str, *, join: bool = True, nick: str = "", room: str = "", password: str = "", history: int = 0
    ) -> XmppPerson:
        """Log somebody in on XMPP, by default into the linked room under their own name."""
        person = await self._stack.enter_async_context(XmppPerson(name, PASSWORD, port=self.xmpp.port))
        if join:
            await person.join(room or self.room, nick or name, password=password, history=history)
        return person

    async def irc_user(
        self,
        nick: str,
        *,
        join: bool = True,
        channel: str = "",
        caps: Sequence[str] = (),
        port: int = 0,
        password: str = "",
    ) -> IrcPerson:
        """Connect somebody to IRC, by default into the linked channel; ``port``: of another server of the network."""
        person = IrcPerson(nick, port=port or self.irc.port, caps=caps, password=password)
        await self._stack.enter_async_context(person)
        if join:
            await person.join(channel or self.channel)
        return person

    async def enter(self, more: contextlib.AbstractAsyncContextManager[T]) -> T:
        """Have something more in the world, which ends with it."""
        return await self._stack.enter_async_context(more)

    async def server(self, server: Server) -> None:
        """Start one more server, which ends with the world."""
        await self._stack.enter_async_context(server)

    async def linked(self, user: XmppPerson, irc_user: IrcPerson) -> None:
        """Return once each of the two sees the other through the bridge."""
        await user.presence(f"{self.room}/{irc_user.nick}")
        await self.on_irc(irc_user, user.user)

    async def op(self, nick: str) -> None:
        """Make somebody operator of the channel (InspIRCd: by the server's operator)."""
        await self.mode(f"+o {nick}")

    async def mode(self, change: str) -> None:
        """Change the channel's modes (InspIRCd: by the server's operator)."""
        async with IrcPerson("oper", port=self.irc.port) as oper:
            oper.send("OPER oper oper")
            await oper.line(" 381 ")
            oper.send(f"SAMODE {self.channel} {change}")
            await oper.fence()

    async def on_irc(
        self, irc_user: IrcPerson, nick: str, *, there: bool = True, patience: float = 30.0, channel: str = ""
    ) -> None:
        """Return once a nick is in the channel, or is not."""

        async def so() -> bool:
            return (nick in await irc_user.names(channel or self.channel)) is there

        await until(so, patience=patience, what=f"{nick} {'is' if there else 'is not'} in {self.channel}", pause=0.2)


__all__ = ["PASSWORD", "READY", "World"]
