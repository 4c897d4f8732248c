"""``linkspan demo``: the main job, on real servers, as a transcript in two columns.

A real Prosody, a real InspIRCd and the bridge as a process of its own with its embedded store. Every line of the
transcript is printed when the person on the other side has really seen it; the exit status is 0 only if every one
arrived. Called by ``bridge.cli``.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.demo.people import CLIENT, IrcPerson, NotSeen, XmppPerson, spoken, untagged
from bridge.demo.processes import StartError, free_port
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd, Prosody

_PEOPLE = {"juliet": "balcony", "romeo": "garden", "nurse": "kitchen"}
_CHANNEL = "#verona"
_WIDTH = 50
_REACTIONS = "{urn:xmpp:reactions:0}"


class Xmpp(Protocol):
    """What the configuration says of an XMPP server."""

    component: str
    secret: str
    component_port: int


def configuration(xmpp: Xmpp, ircd: InspIRCd, room: str, channel: str = _CHANNEL) -> str:
    """Return the configuration that links a MUC with a channel."""
    return f"""{gateway(xmpp, ircd)}
[[links]]
name = "verona"
rooms = ["xmpp:{room}", "irc:{channel}"]
"""


def gateway(xmpp: Xmpp, ircd: InspIRCd) -> str:
    """Return the configuration that links nothing."""
    return f"""
[xmpp]
domain = "{xmpp.component}"
secret = "{xmpp.secret}"
host = "127.0.0.1"
port = {xmpp.component_port}

[store]
url = "sqlite:///linkspan.db"

[http]
listen = "127.0.0.1:{free_port()}"
admin_listen = "127.0.0.1:{free_port()}"

[networks.irc]
connector = "irc"
host = "127.0.0.1"
port = {ircd.port}
tls = false
nick = "linkspan"
"""


class Step(msgspec.Struct, frozen=True):
    """One line of the transcript."""

    title: str
    left: str
    right: str


class Stage:
    """Who is where, and what has been shown so far."""

    def __init__(self, juliet: XmppPerson, bob: IrcPerson, room: str, say: Callable[[str], None]) -> None:
        self.juliet, self.bob, self.room = juliet, bob, room
        self.steps = 0
        self._say = say

    def show(self, step: Step) -> None:
        """Print one line that has really been seen on both sides."""
        self.steps += 1
        self._say(f"{step.title:<12}{step.left:<{_WIDTH}} {step.right}")

    async def chat(self, text: str, answer: str) -> None:
        """Say something on each side and see it on the other."""
        self.juliet.say(self.room, text)
        await self.bob.message(_CHANNEL, text, nick="juliet")
        self.show(Step("message", f"juliet: {text}", f"<juliet> {text}"))
        self.bob.say(_CHANNEL, answer)
        await self.juliet.message(self.room, answer, nick="bob")
        self.show(Step("message", f"bob: {answer}", f"<bob> {answer}"))

    async def action(self) -> None:
        """Act on each side."""
        self.juliet.say(self.room, "/me sighs")
        await self.bob.line("PRIVMSG", "\x01ACTION sighs\x01")
        self.show(Step("action", "* juliet sighs", "* juliet sighs"))
        self.bob.say(_CHANNEL, "\x01ACTION waves\x01")
        await self.juliet.message(self.room, "/me waves", nick="bob")
        self.show(Step("action", "* bob waves", "* bob waves"))

    async def edit(self) -> None:
        """Correct a message on XMPP; IRC has no edits, so it reads a short correction."""
        first = self.juliet.say(self.room, "Good night, good nite, parting is such sweet sorrow")
        await self.bob.line("PRIVMSG", "good nite")
        mark = len(self.bob.seen)
        self.juliet.say(
            self.room,
            "Good night, good night, parting is such sweet sorrow",
            more=f"<replace xmlns='urn:xmpp:message-correct:0' id='{first}'/>",
        )

        def corrected(line: str) -> bool:
            said = spoken(line)
            return said is not None and said[0] == "juliet" and line in self.bob.seen[mark:]

        said = spoken(await self.bob.see(corrected))
        assert said is not None
        self.show(Step("edit", "juliet: … good nite → good night …", f"<juliet> {said[2]}"))

    async def reaction(self) -> None:
        """React on each side to what the other side said."""
        self.bob.say(_CHANNEL, "shall I come up?")
        heard = await self.juliet.message(self.room, "shall I come up?", nick="bob")
        self.juliet.send(
            f"<message type='groupchat' to='{self.room}' id='r1'><reactions xmlns='urn:xmpp:reactions:0' "
            f"id='{stanza_id(heard, self.room)}'><reaction>❤</reaction></reactions></message>"
        )
        await self.bob.line("TAGMSG", "+draft/react=❤", "juliet!")
        self.show(Step("reaction", "juliet: ❤", "juliet reacted with ❤"))
        self.juliet.say(self.room, "come, gentle night")
        line = await self.bob.message(_CHANNEL, "come, gentle night", nick="juliet")
        self.bob.send(f"@+draft/reply={tag(line, 'msgid')};+draft/react=👍 TAGMSG {_CHANNEL}")
        await self.juliet.see(lambda el: reacted(el) == "👍")
        self.show(Step("reaction", "bob: 👍", "bob reacted with 👍"))

    async def people(self, romeo: XmppPerson, carol: IrcPerson) -> None:
        """Come, change the nick and go, on each side."""
        await romeo.join(self.room, "romeo")
        await self.bob.line(":romeo!", f" JOIN :{_CHANNEL}")
        self.show(Step("join", "→ romeo has joined", "→ romeo has joined"))
        await carol.join(_CHANNEL)
        await self.juliet.presence(f"{self.room}/carol")
        self.show(Step("join", "→ carol has joined", "→ carol has joined"))
        romeo.send(f"<presence to='{self.room}/montague'/>")
        await self.bob.line(":romeo!", " NICK :montague")
        self.show(Step("nick", "romeo is now montague", "romeo is now montague"))
        carol.send("NICK caroline")
        await self.juliet.presence(f"{self.room}/caroline")
        self.show(Step("nick", "carol is now caroline", "carol is now caroline"))
        romeo.leave(self.room, "montague")
        await self.bob.see(
            lambda line: untagged(line).startswith(":montague!") and (" PART " in line or " QUIT " in line)
        )
        self.show(Step("part", "← montague has left", "← montague has left"))
        carol.send(f"PART {_CHANNEL} :good night")
        await self.juliet.presence(f"{self.room}/caroline", gone=True)
        self.show(Step("part", "← caroline has left", "← caroline has left"))

    async def topic(self, bridge: str) -> None:
        """Give the bridge the right on each side, and set the topic on each side."""
        admin = (
            f"<query xmlns='http://jabber.org/protocol/muc#admin'><item jid='{bridge}' affiliation='admin'/></query>"
        )
        await self.juliet.iq("set", admin, to=self.room)
        self.bob.send(f"MODE {_CHANNEL} +o linkspan")
        await self.bob.line(" MODE ", "+o")
        self.juliet.send(f"<message type='groupchat' to='{self.room}'><subject>Wherefore art thou?</subject></message>")
        await self.bob.line(" TOPIC ", "Wherefore art thou?")
        self.show(Step("topic", "topic: Wherefore art thou?", "topic: Wherefore art thou?"))
        self.bob.send(f"TOPIC {_CHANNEL} :A plague on both your houses")
        await self.juliet.see(lambda el: el.findtext(f"{CLIENT}subject") == "A plague on both your houses")
        self.show(Step("topic", "topic: A plague on both your houses", "topic: A plague on both your houses"))

    def judge(self) -> list[str]:
        """Return what was seen twice."""
        twice = [f"in the MUC: {said}" for said in doubled(self.juliet.texts(self.room))]
        return twice + [f"on IRC: {said}" for said in doubled(self.bob.texts(_CHANNEL))]


async def play(say: Callable[[str], None], *, keep: bool = False) -> int:
    """Run the whole demonstration and print it line by line; returns the exit status."""
    try:
        await _play(say, keep=keep)
    except StartError as trouble:
        say(f"linkspan demo: {trouble}")
        return 1
    except NotSeen as trouble:
        say(f"linkspan demo: did not arrive: {trouble}")
        return 1
    return 0


async def _play(say: Callable[[str], None], *, keep: bool) -> None:
    async with Prosody(people=_PEOPLE) as prosody, InspIRCd() as ircd:
        room = f"verona@{prosody.conference}"
        async with (
            XmppPerson("juliet", _PEOPLE["juliet"], port=prosody.port) as juliet,
            IrcPerson("bob", port=ircd.port, caps=("message-tags", "server-time")) as bob,
        ):
            await juliet.join(room, "juliet")
            await bob.join(_CHANNEL)
            async with Program(configuration(prosody, ircd, room)):
                await _transcript(say, juliet=juliet, bob=bob, room=room, prosody=prosody, ircd=ircd)
                if keep:
                    await _stay(say, prosody, ircd, room)


async def _transcript(
    say: Callable[[str], None], *, juliet: XmppPerson, bob: IrcPerson, room: str, prosody: Prosody, ircd: InspIRCd
) -> None:
    stage = Stage(juliet, bob, room, say)
    say(f"{'':<12}{'juliet sees, in ' + room:<{_WIDTH}} bob sees, on {_CHANNEL}")
    say(f"{'':<12}{'-' * (_WIDTH - 2):<{_WIDTH}} {'-' * (_WIDTH - 2)}")
    await juliet.presence(f"{room}/bob")
    await bob.see(lambda line: untagged(line).startswith(":juliet!") and f" JOIN :{_CHANNEL}" in line)
    stage.show(Step("join", "→ bob has joined", "→ juliet has joined"))
    await stage.chat("But soft! What light?", "It is the east")
    await stage.chat("O, be some other name & <more>", "A rose by any other word")
    await stage.action()
    await stage.edit()
    await stage.reaction()
    await stage.topic(prosody.component)
    async with (
        XmppPerson("romeo", _PEOPLE["romeo"], port=prosody.port) as romeo,
        IrcPerson("carol", port=ircd.port) as carol,
    ):
        await stage.people(romeo, carol)
    await juliet.fence()
    await bob.fence()
    if twice := stage.judge():
        msg = "arrived more than once: " + "; ".join(twice)
        raise NotSeen(msg)
    say(f"\n{stage.steps} lines, each seen on both sides, once.")


async def _stay(say: Callable[[str], None], prosody: Prosody, ircd: InspIRCd, room: str) -> None:
    say("\nStill running; connect with clients of your own:")
    for user, password in _PEOPLE.items():
        say(f"  XMPP  {user}@{prosody.domain}  password {password}  server 127.0.0.1 port {prosody.port}, without TLS")
    say(f"        join the room {room}")
    say(f"  IRC   server 127.0.0.1 port {ircd.port}, without TLS; join the channel {_CHANNEL}")
    say("Ctrl-C ends it.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    await stop.wait()


def stanza_id(message: Element, room: str) -> str:
    """Return the id that the room gave to a message (XEP-0359), else its own."""
    for el in message.iter("{urn:xmpp:sid:0}stanza-id"):
        if el.get("by") == room:
            return el.get("id", "")
    return message.get("id", "")


def reacted(message: Element) -> str | None:
    """Return the reaction that a message carries (XEP-0444), None without one."""
    found = message.find(f"{_REACTIONS}reactions/{_REACTIONS}reaction")
    return None if found is None else found.text


def tag(line: str, name: str) -> str:
    """Return the value of an IRCv3 message tag, "" without it."""
    tags = line[1:].partition(" ")[0].split(";") if line.startswith("@") else []
    return next((value for key, _, value in (one.partition("=") for one in tags) if key == name), "")


def doubled(said: list[tuple[str, str]]) -> list[str]:
    """Return what the same person was heard saying more than once."""
    return [f"{who}: {what}" for who, what in dict.fromkeys(said) if said.count((who, what)) > 1]


__all__ = ["configuration", "doubled", "play", "reacted", "stanza_id", "tag"]
