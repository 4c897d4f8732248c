"""The four pairs of servers that hosted rooms are played on: Prosody and ejabberd, each with InspIRCd and ngircd.

One world for each XMPP server has both IRC servers as networks, ``irc`` and ``old``. A file's screenplays share it, each with
channels and people of its own.
"""

from typing import NamedTuple

from bridge.demo.people import IrcPerson, XmppPerson
from tests.support.world import World


class Stage(NamedTuple):
    """One of the four pairs."""

    world: World
    network: str
    port: int  # of the IRC server
    password: str = ""  # that it asks for

    @property
    def address(self) -> str:
        """The network's own address."""
        return f"{self.network}@{self.world.xmpp.component}"

    def room(self, channel: str) -> str:
        """Return the address of a channel."""
        return f"{channel}%{self.address}"

    def person(self, nick: str) -> str:
        """Return the address of somebody on IRC."""
        return f"{nick}%{self.address}"

    async def irc(self, nick: str, channel: str = "") -> IrcPerson:
        """Connect somebody to IRC."""
        return await self.world.irc_user(
            nick, join=bool(channel), channel=channel, port=self.port, password=self.password
        )

    async def user(self, name: str) -> XmppPerson:
        """Log somebody in on XMPP, in no room; each network has users of its own."""
        return await self.world.user(f"{name}{self.network}", join=False)


def users(*names: str) -> list[str]:
    """Return the accounts that :meth:`Stage.user` logs in."""
    return [f"{name}{network}" for name in names for network in ("irc", "old")]
