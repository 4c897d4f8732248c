"""What crosses between XMPP, IRC and Telegram: for each kind of thing a few lines that do it and read it on the wire.

One world, one link of three rooms, one person in each: juliet on XMPP, bob on IRC, Alice on Telegram. A check is named by
its feature and says which networks it reads. Run by tests/e2e/test_what_crosses.py; tests/rules/test_what_crosses.py sees
to it that every cell of the table in docs/users/what-crosses.md is read by one.
"""

import asyncio
import base64
import hashlib
import io
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from PIL import Image

from bridge.core.capabilities import Feature
from bridge.core.degrade import human_size
from bridge.demo.people import CLIENT, IrcPerson, XmppPerson, body, spoken, untagged
from tests.support.telegram.server import BotApi
from tests.support.telegram.world import Bot, Chat, Person
from tests.support.world import World

XMPP, IRC, TELEGRAM = "xmpp", "irc", "telegram"
MARK = {
    "reply": "{urn:xmpp:reply:0}reply",
    "replace": "{urn:xmpp:message-correct:0}replace",
    "retract": "{urn:xmpp:message-retract:1}retract",
    "reactions": "{urn:xmpp:reactions:0}reactions",
    "reference": "{urn:xmpp:reference:0}reference",
    "oob": "{jabber:x:oob}x/{jabber:x:oob}url",
    "file": "{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file/{urn:xmpp:file:metadata:0}",
    "photo": "{vcard-temp:x:update}x/{vcard-temp:x:update}photo",
    "stanza-id": "{urn:xmpp:sid:0}stanza-id",
}


class Scene(NamedTuple):
    """Who is where."""

    world: World
    api: BotApi
    bot: Bot
    group: Chat
    juliet: XmppPerson
    bob: IrcPerson
    alice: Person

    @property
    def room(self) -> str:
        return self.world.room

    async def on_xmpp(self, text: str, *, nick: str) -> Element:
        """Wait for a message in the MUC."""
        return await self.juliet.message(self.room, text, nick=nick)

    async def on_irc(self, text: str, *, nick: str) -> str:
        """Wait for a line in the channel."""
        return await self.bob.message("#verona", text, nick=nick)

    async def on_telegram(self, text: str) -> dict[str, object]:
        """Wait for a message in the group."""
        await self.api.until(lambda: text in self.group.texts())
        return next(each for each in self.group.messages.values() if text in (each.get("text"), each.get("caption")))

    async def stanza(self, condition: Callable[[Element], bool]) -> Element:
        """Wait for a message of the room that fits."""
        return await self.juliet.see(
            lambda el: el.tag == f"{CLIENT}message" and el.get("from", "").startswith(self.room) and condition(el)
        )

    def ids(self, stanza: Element) -> tuple[str, str]:
        """Return what the room calls a message, and what its sender does."""
        mark = stanza.find(MARK["stanza-id"])
        return "" if mark is None else mark.get("id", ""), stanza.get("id", "")


Check = Callable[[Scene], Awaitable[None]]


class Cell(NamedTuple):
    """A check, and the networks on whose wire it reads the feature."""

    feature: Feature
    networks: frozenset[str]
    check: Check


CELLS: list[Cell] = []


def crosses(feature: Feature, *networks: str) -> Callable[[Check], Check]:
    """Note a check."""

    def note(check: Check) -> Check:
        CELLS.append(Cell(feature, frozenset(networks), check))
        return check

    return note


@crosses(Feature.FORMATTING, XMPP, IRC, TELEGRAM)
async def formatting(scene: Scene) -> None:
    scene.juliet.say(scene.room, "*bold* and `code`")
    assert "\x02bold\x02 and \x11code\x11" in (await scene.on_irc("\x02bold\x02 and \x11code\x11", nick="juliet"))
    shown = await scene.on_telegram("juliet: bold and code")
    assert [each["type"] for each in shown["entities"]] == ["bold", "bold", "code"]
    scene.bob.say("#verona", "\x1dslanted\x1d words")
    await scene.on_xmpp("_slanted_ words", nick="bob")
    shown = await scene.on_telegram("bob: slanted words")
    assert [each["type"] for each in shown["entities"]] == ["bold", "italic"]
    scene.group.says(scene.alice, "struck 🚢", entities=[{"type": "strikethrough", "offset": 0, "length": 6}])
    await scene.on_xmpp("~struck~ 🚢", nick="Alice")
    await scene.on_irc("\x1estruck\x1e 🚢", nick="Alice")


@crosses(Feature.MULTILINE, XMPP, IRC, TELEGRAM)
async def several_lines(scene: Scene) -> None:
    scene.juliet.say(scene.room, "line one\nline two")
    await scene.on_irc("line one", nick="juliet")
    await scene.on_irc("line two", nick="juliet")
    await scene.on_telegram("juliet: line one\nline two")
    scene.group.says(scene.alice, "verse one\nverse two")
    await scene.on_xmpp("verse one\nverse two", nick="Alice")


@crosses(Feature.MULTILINE, IRC)
async def a_very_long_text(scene: Scene) -> None:
    text = "\n".join(f"chapter {number}: and so on – ünd weiter" for number in range(40))
    scene.juliet.say(scene.room, text)
    said = await scene.on_xmpp(text, nick="juliet")
    line = await scene.bob.line("33 more lines: http://", "/media/")
    url = line.rpartition(" ")[2]
    assert await asyncio.to_thread(fetched, url) == ("text/plain", hashlib.sha256(f"{text}\n".encode()).hexdigest())
    retract = f"<retract xmlns='urn:xmpp:message-retract:1' id='{scene.ids(said)[0]}'/>"
    scene.juliet.say(scene.room, "/me retracted a message", more=retract)
    await scene.on_irc("\x01ACTION took back a message\x01", nick="juliet")
    assert await asyncio.to_thread(fetched, url) == ("404", "")


@crosses(Feature.ACTION, XMPP, IRC, TELEGRAM)
async def an_action(scene: Scene) -> None:
    scene.juliet.say(scene.room, "/me waves")
    await scene.on_irc("\x01ACTION waves\x01", nick="juliet")
    await scene.on_telegram("* juliet waves")
    scene.bob.say("#verona", "\x01ACTION nods\x01")
    await scene.on_xmpp("/me nods", nick="bob")


@crosses(Feature.NOTICE, XMPP, IRC, TELEGRAM)
async def a_notice(scene: Scene) -> None:
    scene.bob.send("NOTICE #verona :mind the gap")
    await scene.on_xmpp("mind the gap", nick="bob")
    await scene.on_telegram("bob: mind the gap")
    scene.group.says(scene.alice, "and me")
    await scene.on_irc("and me", nick="Alice")


@crosses(Feature.EDIT, XMPP, IRC, TELEGRAM)
async def an_edit(scene: Scene) -> None:
    mark = scene.juliet.say(scene.room, "meet me at teh old orchard")
    await scene.on_irc("meet me at teh old orchard", nick="juliet")
    shown = await scene.on_telegram("juliet: meet me at teh old orchard")
    scene.juliet.say(
        scene.room, "meet me at the old orchard", more=f"<replace xmlns='urn:xmpp:message-correct:0' id='{mark}'/>"
    )
    await scene.on_irc("* teh → the", nick="juliet")
    await scene.on_telegram("juliet: meet me at the old orchard")
    assert scene.group.messages[shown["message_id"]]["text"] == "juliet: meet me at the old orchard"
    said = scene.group.says(scene.alice, "under the grene balcony tonight")
    _, id_ = scene.ids(await scene.on_xmpp("under the grene balcony tonight", nick="Alice"))
    scene.group.edits(said, text="under the green balcony tonight")
    fixed = await scene.on_xmpp("under the green balcony tonight", nick="Alice")
    replaced = fixed.find(MARK["replace"])
    assert replaced is not None
    assert replaced.get("id") == id_
    await scene.on_irc("* grene → green", nick="Alice")


@crosses(Feature.REPLY, XMPP, IRC, TELEGRAM)
async def a_reply(scene: Scene) -> None:
    said = scene.group.says(scene.alice, "who has the key?")
    stanza_id, _ = scene.ids(await scene.on_xmpp("who has the key?", nick="Alice"))
    line = await scene.on_irc("who has the key?", nick="Alice")
    quote = "> who has the key?\n"
    more = f"<reply xmlns='urn:xmpp:reply:0' id='{stanza_id}' to='{scene.room}/Alice'/>"
    more += "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
    more += f"<body start='0' end='{len(quote)}'/></fallback>"
    scene.juliet.say(scene.room, f"{quote}I have", more=more)
    answered = await scene.bob.see(lambda each: (spoken(each) or ("", "", ""))[2] == "Alice: I have")
    assert f"+draft/reply={tag(line, 'msgid')}" in answered
    shown = await scene.on_telegram("juliet: I have")
    assert shown["reply_to_message"]["message_id"] == said["message_id"]
    scene.bob.send(f"@+draft/reply={tag(line, 'msgid')} PRIVMSG #verona :so have I")
    reply = await scene.stanza(lambda el: (body(el) or "").endswith("so have I") and el.find(MARK["reply"]) is not None)
    found = reply.find(MARK["reply"])
    assert found is not None
    assert found.get("id") == stanza_id


@crosses(Feature.REACT, XMPP, IRC, TELEGRAM)
async def a_reaction(scene: Scene) -> None:
    said = scene.group.says(scene.alice, "react to this")
    stanza_id, _ = scene.ids(await scene.on_xmpp("react to this", nick="Alice"))
    line = await scene.on_irc("react to this", nick="Alice")
    scene.juliet.send(
        f"<message type='groupchat' to='{scene.room}' id='r1'><reactions xmlns='urn:xmpp:reactions:0' id='{stanza_id}'>"
        "<reaction>👍</reaction></reactions></message>"
    )
    reacted = await scene.bob.see(lambda each: " TAGMSG " in each and "+draft/react=👍" in each)
    assert f"+draft/reply={tag(line, 'msgid')}" in reacted
    key = (said["message_id"], scene.bot.person.id)
    await scene.api.until(lambda: [each["emoji"] for each in scene.group.reactions.get(key, ())] == ["👍"])
    scene.bob.send(f"@+draft/react=🎉;+draft/reply={tag(line, 'msgid')} TAGMSG #verona")
    shown = await scene.stanza(lambda el: (r := el.find(MARK["reactions"])) is not None and "🎉" in r.itertext())
    found = shown.find(MARK["reactions"])
    assert found is not None
    assert found.get("id") == stanza_id


@crosses(Feature.RETRACT, XMPP, IRC, TELEGRAM)
async def a_retraction(scene: Scene) -> None:
    scene.juliet.say(scene.room, "I never said this")
    mine = await scene.on_xmpp("I never said this", nick="juliet")
    await scene.on_irc("I never said this", nick="juliet")
    shown = await scene.on_telegram("juliet: I never said this")
    retract = f"<retract xmlns='urn:xmpp:message-retract:1' id='{scene.ids(mine)[0]}'/>"
    told = ("juliet", "\x01ACTION took back a message\x01")
    before = scene.bob.texts("#verona").count(told)
    scene.juliet.say(scene.room, "/me retracted a message", more=retract)
    await scene.bob.see(lambda _: scene.bob.texts("#verona").count(told) > before)
    await scene.api.until(lambda: shown["message_id"] not in scene.group.messages)


@crosses(Feature.THREAD, XMPP, IRC, TELEGRAM)
async def a_thread(scene: Scene) -> None:
    scene.group.forum = True
    topic = scene.group.topic(scene.alice, "Boats")
    scene.group.says(scene.alice, "in the topic", topic=topic)
    shown = await scene.on_xmpp("in the topic", nick="Alice")
    assert shown.findtext(f"{CLIENT}thread") == str(topic)
    await scene.on_irc("in the topic", nick="Alice")
    scene.juliet.say(scene.room, "there too", more=f"<thread>{topic}</thread>")
    answer = await scene.on_telegram("juliet: there too")
    assert answer["message_thread_id"] == topic
    await scene.on_irc("there too", nick="juliet")
    scene.juliet.say(scene.room, "in another thread", more="<thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>")
    assert "message_thread_id" not in await scene.on_telegram("juliet: in another thread")


@crosses(Feature.MENTION, XMPP, IRC, TELEGRAM)
async def a_mention(scene: Scene) -> None:
    scene.group.says(scene.alice, "juliet, are you there?")
    shown = await scene.on_xmpp("juliet, are you there?", nick="Alice")
    reference = shown.find(MARK["reference"])
    assert reference is not None
    assert (reference.get("type"), reference.get("begin"), reference.get("end")) == ("mention", "0", "6")
    assert reference.get("uri") == f"xmpp:{scene.room}/juliet"
    scene.juliet.say(scene.room, "I am, Alice, and so is bob")
    told = await scene.on_telegram("juliet: I am, Alice, and so is bob")
    named = [each for each in told["entities"] if each["type"] in {"text_mention", "mention"}]
    assert [(each["offset"], each["length"], each["user"]["id"]) for each in named] == [(14, 5, scene.alice.id)]
    await scene.on_irc("I am, Alice, and so is bob", nick="juliet")  # what highlights on IRC is the nick itself


@crosses(Feature.ATTACHMENT, XMPP, IRC, TELEGRAM)
async def a_file(scene: Scene) -> None:
    data = picture("teal")
    scene.group.photo(scene.alice, caption="the quay", data=data)
    await scene.on_xmpp("the quay", nick="Alice")
    shown = await scene.stanza(lambda el: (el.findtext(MARK["oob"]) or "").endswith(".jpg"))
    url = shown.findtext(MARK["oob"]) or ""
    assert "/file_share/" in url
    assert await asyncio.to_thread(fetched, url) == ("image/jpeg", hashlib.sha256(data).hexdigest())
    assert shown.findtext(MARK["file"] + "media-type") == "image/jpeg"
    assert shown.findtext(MARK["file"] + "size") == str(len(data))
    line = await scene.bob.see(
        lambda each: (
            (spoken(each) or ("", "", ""))[2].startswith(f"photo ({human_size(len(data))}): ") and "/media/" in each
        )
    )
    own = line.rpartition(" ")[2]
    assert await asyncio.to_thread(fetched, own) == ("image/jpeg", hashlib.sha256(data).hexdigest())
    # and what somebody shares on XMPP is a file on Telegram, a URL with name and size on IRC
    scene.juliet.say(scene.room, url, more=shared(url, name="quay.jpg", size=len(data)))
    await scene.on_irc(f"quay.jpg ({human_size(len(data))}): {url}", nick="juliet")
    await scene.api.until(
        lambda: any("photo" in each for each in scene.group.messages.values() if from_bot(scene, each))
    )
    sent = next(each for each in scene.group.messages.values() if "photo" in each and from_bot(scene, each))
    assert scene.api.world.files[sent["photo"][-1]["file_id"]].data == data
    assert sent["caption"] == "juliet"
    # most clients give just the address: the bridge looks how large it is
    scene.juliet.say(scene.room, url, more=f"<x xmlns='jabber:x:oob'><url>{url}</url></x>")
    await scene.on_irc(f"{url.rpartition('/')[2]} ({human_size(len(data))}): {url}", nick="juliet")
    # what nobody but its reader can read is words
    scene.juliet.say(scene.room, "aesgcm://upload.example/a.png#00ff")
    await scene.on_irc("aesgcm://upload.example/a.png#00ff", nick="juliet")


@crosses(Feature.ATTACHMENT, TELEGRAM)
async def nothing_private_is_read(scene: Scene) -> None:
    """Somebody shares an address on the bridge's own machine: people get it as words, and nobody is asked there."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
            url = f"http://{host}:{port}/secret.png"
            scene.juliet.say(scene.room, url, more=f"<x xmlns='jabber:x:oob'><url>{url}</url></x>")
            await scene.api.until(lambda url=url: any(url in text for text in scene.group.texts()))  # type: ignore[misc]
    assert asked == []


@crosses(Feature.TOPIC, XMPP, IRC, TELEGRAM)
async def a_topic(scene: Scene) -> None:
    scene.juliet.send(f"<message type='groupchat' to='{scene.room}' id='t1'><subject>ferries</subject></message>")
    await scene.bob.line(" TOPIC #verona :ferries")
    await scene.on_telegram("* juliet changed the topic to “ferries”")
    await scene.world.op("bob")
    scene.bob.send("TOPIC #verona :boats")
    await scene.stanza(lambda el: el.findtext(f"{CLIENT}subject") == "boats")


@crosses(Feature.TYPING, XMPP, IRC, TELEGRAM)
async def composing(scene: Scene) -> None:
    scene.juliet.send(
        f"<message type='groupchat' to='{scene.room}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    await scene.bob.see(lambda each: "+typing=active" in each and ":juliet!" in each)
    await scene.api.until(lambda: "typing" in scene.group.actions)
    scene.bob.send("@+typing=active TAGMSG #verona")
    await scene.stanza(
        lambda el: (
            el.get("from") == f"{scene.room}/bob"
            and el.find("{http://jabber.org/protocol/chatstates}composing") is not None
        )
    )


@crosses(Feature.DIRECT, XMPP, IRC, TELEGRAM)
async def a_private_word(scene: Scene) -> None:
    scene.juliet.tell(f"{scene.room}/bob", "psst bob")
    await scene.bob.message("bob", "psst bob", nick="juliet")
    scene.bob.say("juliet", "psst juliet")
    await scene.juliet.see(lambda el: el.tag == f"{CLIENT}message" and body(el) == "psst juliet")
    private = scene.api.world.private(scene.alice, scene.bot)
    scene.juliet.tell(f"{scene.room}/Alice", "psst alice")
    await scene.api.until(lambda: "juliet: psst alice" in private.texts())


@crosses(Feature.PRESENCE, XMPP, IRC, TELEGRAM)
async def who_is_there(scene: Scene) -> None:
    scene.bob.send("AWAY :at sea")
    await scene.juliet.see(
        lambda el: el.get("from") == f"{scene.room}/bob" and el.findtext(f"{CLIENT}status") == "at sea"
    )
    scene.bob.send("AWAY")
    scene.juliet.send(f"<presence to='{scene.room}/juliet'><show>away</show><status>out</status></presence>")
    await scene.world.on_irc(scene.bob, "juliet")
    scene.bob.send("WHOIS juliet juliet")
    await scene.bob.see(lambda each: " 301 bob juliet " in each or " 318 bob juliet " in each)
    before = len(scene.group.messages)
    scene.juliet.send(f"<presence to='{scene.room}/juliet'/>")
    await scene.juliet.fence()
    assert len(scene.group.messages) == before  # Telegram has no presence, and is told nothing of it


@crosses(Feature.AVATAR, XMPP, IRC, TELEGRAM)
async def pictures_of_people(scene: Scene) -> None:
    frank = scene.api.world.person("Frank", username="frank")
    scene.api.world.portrays(frank, picture("navy"))
    scene.group.joins(frank)
    scene.group.says(frank, "I have a picture")
    await scene.on_xmpp("I have a picture", nick="Frank")
    shown = await scene.juliet.see(
        lambda el: el.get("from") == f"{scene.room}/Frank" and bool(el.findtext(MARK["photo"]))
    )
    card = await scene.juliet.iq("get", "<vCard xmlns='vcard-temp'/>", to=f"{scene.room}/Frank")
    data = base64.b64decode(card.findtext("{vcard-temp}vCard/{vcard-temp}PHOTO/{vcard-temp}BINVAL") or "")
    assert hashlib.sha1(data).hexdigest() == shown.findtext(MARK["photo"])
    assert Image.open(io.BytesIO(data)).size == (128, 128)
    jid = f"{frank.id}%family@bridge.localhost"
    node = "<items node='urn:xmpp:avatar:data'/>"
    item = await scene.juliet.iq("get", f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{node}</pubsub>", to=jid)
    assert item.findtext(".//{urn:xmpp:avatar:data}data") == base64.b64encode(data).decode()
    # IRC has no pictures, and a bot has only its own: nothing is shown there, and nothing is asked
    assert scene.juliet.occupants(scene.room)["bob"].findtext(MARK["photo"]) is None
    await scene.on_irc("I have a picture", nick="Frank")
    assert scene.api.wire("setMyProfilePhoto") == []


@crosses(Feature.KICK, XMPP, IRC, TELEGRAM)
async def a_kick(scene: Scene) -> None:
    await scene.world.op("linkspan")
    await scene.juliet.kick(scene.room, "bob", "enough")
    await scene.bob.see(lambda each: " KICK #verona bob " in each)
    eve = scene.api.world.person("Eve")
    scene.group.joins(eve)
    scene.group.says(eve, "I am new here")
    await scene.on_xmpp("I am new here", nick="Eve")
    await scene.juliet.kick(scene.room, "Eve", "enough")
    await scene.api.until(lambda: scene.group.standing(eve).status == "kicked" or not scene.group.standing(eve).inside)


def tag(line: str, name: str) -> str:
    """Return the value of a tag of a line."""
    tags = line[1:].partition(" ")[0] if line.startswith("@") else ""
    return next((each.partition("=")[2] for each in tags.split(";") if each.partition("=")[0] == name), "")


def picture(colour: str) -> bytes:
    """Make a small JPEG."""
    out = io.BytesIO()
    Image.new("RGB", (320, 200), colour).save(out, "JPEG")
    return out.getvalue()


def shared(url: str, *, name: str, size: int) -> str:
    """Return the elements with which a client shares a file."""
    return (
        f"<x xmlns='jabber:x:oob'><url>{url}</url></x><file-sharing xmlns='urn:xmpp:sfs:0'>"
        f"<file xmlns='urn:xmpp:file:metadata:0'><name>{name}</name><size>{size}</size><media-type>image/jpeg</media-type>"
        f"</file><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/></sources></file-sharing>"
    )


def fetched(url: str) -> tuple[str, str]:
    """Fetch a file as anybody would; return its type and the SHA-256 of its bytes, or the status that says why not."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.headers.get_content_type(), hashlib.sha256(response.read()).hexdigest()
    except urllib.error.HTTPError as error:
        return str(error.code), ""


def from_bot(scene: Scene, message: dict[str, dict[str, object]]) -> bool:
    """Tell whether the bridge said this."""
    return message.get("from", {}).get("id") == scene.bot.person.id


__all__ = ["CELLS", "Scene", "untagged"]
