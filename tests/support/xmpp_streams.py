"""Random component streams, and two ways to read them: slixmpp's own, which is the measure, and the fast one.

A stream is bytes as servers write them, and as none ever would: rooms that repeat a message for many recipients, whose
membership changes; messages in messages, CDATA, comments, raw ``>``, quotes of both kinds, prefixes, keep-alives.
"""

import random
from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

from slixmpp.componentxmpp import ComponentXMPP

from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.stream import Reader

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
    b" xmlns:ext='urn:example:declared-on-the-stream' from='bridge.example.org' id='1'>"
)
DOMAIN = "bridge.example.org"
_WORDS = (
    "hello", "", "&lt;b&gt; &amp;amp; &apos;", "grüße ☃ 🙂", "a > b", "to='x'", "]]&gt;", "  ", "&#38;&#x1F600;", "/>",
    "x" * 300,
)  # fmt: skip
_PAYLOADS = (
    "<body>{words}</body>",
    "<body>{words}</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
    "<subject/>",
    "<body><![CDATA[</message> <b>]]></body>",
    "<body>one<!-- </message> -->two</body>",
    "<body>one<?pi </message>?>two</body>",
    "<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='z'><body>{words}</body></message></f>",
    "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded><body/>",
    "<messages xmlns='urn:example:alike'/>",
    '<x xmlns="urn:example:quotes" a="it\'s" b=\'"\' c=">"/>',
    "<y:x xmlns:y='urn:example:prefix' y:to='nobody'><message/></y:x>",
    "<ext:tag>{words}</ext:tag>",
    "<presence xmlns='jabber:client'/><iq/>",
    "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:{words}</gone></error>",
)
_FROMS = (
    "room@conference.example.org/nick",
    "room@conference.example.org",
    "two@conference.example.org/it&apos;s",
    "a@b",
)
_TYPES = ("groupchat", "groupchat", "groupchat", "chat", "error", "", "normal")
_IDS = ("", "id1", "x&quot; to=&apos;y", "☃", "a/>", " ", "/", " /")
_OPENINGS = (  # how one and the same start tag may be written
    "<{name} from='{sender}' to='{to}' type='{type}' id='{id}'>",
    "<{name} to='{to}' from='{sender}' id='{id}' type='{type}' xml:lang='en'>",
    "<{name} xmlns='jabber:client' to='{to}' from='{sender}' type='{type}'>",
    '<{name} from="{sender}" to="{to}" type="{type}" id="{id}">',
    "<{name} id=' to=' to='{to}' type='{type}' from='{sender}'>",
    "<{name} id='a>b' to='{to}' type='{type}' from='{sender}'>",
    "<{name} id='/>' to='{to}' type='{type}' from='{sender}'>",
    "<{name}\n to = '{to}'\t type='{type}' from='{sender}' >",
    "<{name} to=\"{to}\" id='\"' type='{type}' from='{sender}'>",
    "<{name} ext:to='prefixed' to='{to}' type='{type}' from='{sender}'>",
    "<{name} id='1' type='{type}' from='{sender}'>",
    "<{name} xmlns='urn:example:foreign' to='{to}' type='{type}' from='{sender}'>",
    "<{name} to='{to}' from='{sender}' type='{type}' b='x\ny' a='&#9;'>",
)
_BETWEEN = ("", "", "", "", " ", "\n\n", "<!-- > -->", "<?pi x > y?>", "\t ")
_OTHERS = (
    "<iq type='get' id='q' from='a@b' to='c'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "<iq type='result' id='q' from='a@b' to='c'/>",
    "<iq type='result' id='/>' from='a@b' to='c'><iq xmlns='urn:example:inner'/></iq>",
    "<ext:message to='x'><body/></ext:message>",
    "<handshake/>",
    "<message/>",
    "<presence></presence >",
    "<message to='x' ><body>y</body></message\n>",
    "<presencex to='x'/>",
)


def wanted(name: str, attrs: dict[str, str]) -> bool:
    """Decide in a way that depends on every attribute that the fast path may change between two copies."""
    return (len(name) + sum(len(attrs.get(key, "")) for key in ("to", "from", "type", "id"))) % 3 > 0


def reads(room: str, to: str) -> bool:
    """Read few of a room's copies, others in another room."""
    return (len(room) + to.count("1")) % 4 == 1


def random_stream(dice: random.Random, stanzas: int) -> bytes:
    """Return a whole stream with about so many stanzas."""
    recipients = [f"ghost{number}%net@bridge.example.org/é" for number in range(dice.randrange(1, 40))]
    parts = ["" if dice.random() < 0.5 else " "]
    while len(parts) < stanzas:
        if dice.random() < 0.3:
            parts += [dice.choice(_OTHERS), dice.choice(_BETWEEN)]
        elif dice.random() < 0.5:
            parts += _broadcasts(dice, recipients)
        else:
            parts.append(_stanza(dice, dice.choice([*recipients, "x@y", "it&apos;s@y"])))
        parts.append(dice.choice(_BETWEEN))
    if dice.random() < 0.5:
        parts.append("</stream:stream>")
    return HEADER + "".join(parts).encode()


_BEFORE = (
    "",
    "",
    "<archived xmlns='urn:xmpp:mam:tmp' by='a@b' id='1'/><stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='/>'/>",
    "<body>one > two /> three</body>",
    "<x xmlns='urn:example:x' a='>' b=\"it's/\"><y>/></y></x>",
)


def random_multicast(dice: random.Random, stanzas: int) -> tuple[bytes, bytes]:
    """Return a stream whose stanzas list their recipients (XEP-0033), and the one of the copies that they stand for."""
    recipients = [f"ghost{number}%net@{DOMAIN}/é" for number in range(dice.randrange(1, 30))]
    listed, single = [], []
    for _ in range(stanzas):
        opening, payload, closing = _parts(dice)
        while "{to}" not in opening or "foreign" in opening:
            opening, payload, closing = _parts(dice)
        some = recipients if dice.random() < 0.7 else dice.sample(recipients, dice.randrange(len(recipients) + 1))
        before = dice.choice(_BEFORE)
        payload = before + payload
        listed.append(
            f"{opening}{payload.replace(before, before + _addresses(dice, some), 1)}{closing}".format(to=DOMAIN)
        )
        if some and "type='error'" not in opening and 'type="error"' not in opening:
            single += [f"{opening}{payload}{closing}".format(to=to) for to in some]
        else:
            single.append(listed[-1])
        listed.append(dice.choice(_BETWEEN))
    return (HEADER + "".join(listed).encode(), HEADER + "".join(single).encode())


def _addresses(dice: random.Random, recipients: list[str]) -> str:
    written = [f"<address type='{dice.choice(('to', 'cc', 'bcc'))}' jid='{to}'/>" for to in recipients]
    others = (
        "<address type='replyto' jid='ghost1%net@bridge.example.org'/>", "<address type='noreply'/>",
        "<address type='to' delivered='true' jid='ghost2%net@bridge.example.org/é'/>", "<address type='bcc' jid='x@else.where'/>",
        "<address type='to' uri='sip:x'/>", "<address/>", " ", "<a xmlns='urn:example:more'/>",
    )  # fmt: skip
    for _ in range(dice.randrange(3)):
        written.insert(dice.randrange(len(written) + 1), dice.choice(others))
    opening = dice.choice(("<addresses xmlns='{}'>", '<addresses xmlns="{}">', "<addresses xmlns='{}' >"))
    return opening.format("http://jabber.org/protocol/address") + "".join(written) + "</addresses>"


def _stanza(dice: random.Random, to: str) -> str:
    return _written(dice).format(to=to)


def _written(dice: random.Random) -> str:
    """Return a stanza with a hole for the recipient."""
    opening, payload, closing = _parts(dice)
    if dice.random() < 0.15:
        return opening[:-1] + "/>"
    return opening + payload + closing


def _parts(dice: random.Random) -> tuple[str, str, str]:
    """Return a start tag with a hole for the recipient, what stands behind it, and the end tag."""
    name = dice.choice(("message", "message", "presence"))
    opening = dice.choice(_OPENINGS).format(
        name=name, sender=dice.choice(_FROMS), type=dice.choice(_TYPES), id=dice.choice(_IDS), to="{to}"
    )
    payload = "".join(dice.choice(_PAYLOADS).format(words=dice.choice(_WORDS)) for _ in range(dice.randrange(3)))
    return opening, payload, f"</{name}>"


def _broadcasts(dice: random.Random, recipients: list[str]) -> Iterator[str]:
    """Say some things to a whole room, in the same order, or nearly."""
    for _ in range(dice.randrange(1, 5)):
        written = _written(dice)
        for to in recipients:
            yield written.format(to=to)
            if dice.random() < 0.01:
                yield _written(dice).format(to=to)
        match dice.randrange(6):
            case 0 if len(recipients) > 1:
                recipients.pop(dice.randrange(len(recipients)))
            case 1:
                recipients.insert(dice.randrange(len(recipients)), f"new{dice.randrange(1000)}@bridge.example.org")
            case 2:
                dice.shuffle(recipients)
            case _:
                pass


def random_cuts(dice: random.Random, stream: bytes) -> list[bytes]:
    """Cut a stream as a socket may."""
    size = dice.choice((1, 7, 100, 1000, 10_000, len(stream)))
    pieces, at = [], 0
    while at < len(stream):
        end = at + dice.randrange(1, size + 1)
        pieces.append(stream[at:end])
        at = end
    return pieces


class Stock(ComponentXMPP):
    """slixmpp as it is, up to where it would look for handlers; keeps what the fast way has to hand over."""

    def __init__(self) -> None:
        super().__init__("bridge.example.org", "secret")
        self.stanzas: list[bytes] = []
        self.ended = False
        self.init_parser()

    def start_stream_handler(self, xml: Element) -> None:
        pass

    def abort(self) -> None:
        self.ended = True

    def _spawn_event(self, xml: Element) -> None:
        if xml.tag.startswith("{jabber:client}"):
            for each in xml.iter():
                each.tag = each.tag.replace("{jabber:client}", "{jabber:component:accept}")
        if _passes(xml):
            self.stanzas.append(written(xml))


class Fast:
    """The reader with what it handed over."""

    def __init__(self, *, domain: str = "") -> None:
        self.stanzas: list[bytes] = []
        self.ended = False
        self.asked = 0
        self.reader = Reader(self, domain=domain)

    def opened(self, root: Element) -> None:
        assert root.get("id") == "1"

    def reads(self, room: str, to: str) -> bool:
        return reads(room, to)

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        self.asked += 1
        return wanted(name, attrs)

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        return False

    def recognised(self, said: Familiar) -> bool:
        return False

    def built(self, element: Element) -> None:
        self.stanzas.append(written(element))

    def closed(self) -> None:
        self.ended = True


def written(element: Element) -> bytes:
    """Write a stanza as it is compared: without what stands behind it on the stream."""
    element.tail = None
    return tostring(element)


def _passes(element: Element) -> bool:
    name = element.tag.removeprefix("{jabber:component:accept}")
    if name not in {"message", "presence"}:
        return True
    attrs = {key: value for key, value in element.items() if "}" not in key}
    if name == "message" and attrs.get("type") == "groupchat" and "to" in attrs:
        room = attrs.get("from", "").partition("/")[0]
        if not reads(room, attrs["to"]):
            return False
    return wanted(name, attrs)
