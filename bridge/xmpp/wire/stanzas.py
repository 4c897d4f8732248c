"""What we say, as text: builders of outbound stanzas and of the elements inside them.

Every builder returns a string of well-formed XML, whatever it is given: it escapes, and drops what XML 1.0 cannot carry
(IRC's colours, NUL, lone surrogates), because one such character makes a server close the whole stream.
``Component.send`` writes the result and looks once more, also whether ``from`` is ours. Stanzas carry no ``xmlns``:
they take the stream's.

Called by all that speaks on XMPP. No parsing here (inbound), no decision about what to say, and no ids made up.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from bridge.xmpp.wire import namespaces as ns

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]+")
_NOTHING: Mapping[str, str] = {}


def legal(value: str) -> str:
    """Return ``value`` without the characters that XML 1.0 (section 2.2) cannot carry, not even escaped."""
    # isprintable() is ten times faster than the search and true for most texts; nothing illegal is printable.
    if value.isprintable() or _ILLEGAL.search(value) is None:
        return value
    return _ILLEGAL.sub("", value)


def text(value: str) -> str:
    """Return ``value`` as character data."""
    value = legal(value)
    if "&" in value:
        value = value.replace("&", "&amp;")
    if "<" in value:
        value = value.replace("<", "&lt;")
    if ">" in value:
        value = value.replace(">", "&gt;")
    return value


def attribute(value: str) -> str:
    """Return ``value`` as it stands between quotes of either kind; line ends and tabs survive the reading."""
    value = text(value)
    if "'" in value:
        value = value.replace("'", "&apos;")
    if '"' in value:
        value = value.replace('"', "&quot;")
    if value.isprintable():
        return value
    return value.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def element(
    name: str, namespace: str = "", *, attrs: Mapping[str, str] = _NOTHING, words: str = "", children: str = ""
) -> str:
    """Return ``<name xmlns='namespace' …attrs>words children</name>``.

    ``name`` and the keys of ``attrs`` are ours and written as they are; ``words`` and the values are escaped;
    ``children`` is XML already. An attribute with an empty value is written; to have none, leave it out.
    """
    head = f"<{name} xmlns='{namespace}'" if namespace else f"<{name}"
    for key, value in attrs.items():
        head += f" {key}='{attribute(value)}'"
    if not words and not children:
        return head + "/>"
    return f"{head}>{text(words)}{children}</{name}>"


# Stanzas. `from` comes first: that is where Component.send looks for it.


def _head(name: str, sender: str, to: str, kind: str, id_: str) -> str:
    head = _addressed(name, sender, to, kind)
    return f"{head} id='{attribute(id_)}'" if id_ else head


def _addressed(name: str, sender: str, to: str, kind: str) -> str:
    """Return how a stanza begins."""
    head = f"<{name} from='{attribute(sender)}'"
    if to:
        head += f" to='{attribute(to)}'"
    return f"{head} type='{kind}'" if kind else head


_addressed_again = lru_cache(maxsize=512)(_addressed)
"""The same for messages, of which there are many from one to another; a presence is told once."""


def message(
    sender: str,
    to: str,
    *,
    kind: str = "",
    id_: str = "",
    body: str | None = None,
    subject: str | None = None,
    extra: str = "",
) -> str:
    """Return a message; ``kind`` is its type ("groupchat", "chat"; "" is normal), ``extra`` is XML.

    ``subject=""`` is an empty subject (XEP-0045 section 8.1: clears it), ``None`` is none; the same for ``body``.
    """
    inner = "" if subject is None else f"<subject>{text(subject)}</subject>"
    if body is not None:
        inner += f"<body>{text(body)}</body>"
    head = _addressed_again("message", sender, to, kind)
    ident = f" id='{attribute(id_)}'" if id_ else ""
    return f"{head}{ident}>{inner}{extra}</message>"


def presence(
    sender: str, to: str, *, kind: str = "", id_: str = "", show: str = "", status: str = "", extra: str = ""
) -> str:
    """Return a presence; ``kind`` "" is available, ``show`` is away, chat, dnd or xa."""
    inner = f"<show>{show}</show>" if show else ""
    if status:
        inner += f"<status>{text(status)}</status>"
    return f"{_head('presence', sender, to, kind, id_)}>{inner}{extra}</presence>"


def iq(sender: str, to: str, *, kind: str, id_: str, payload: str = "") -> str:
    """Return an IQ; requests are better sent by ``Component.iq``, which waits for the answer."""
    return f"{_head('iq', sender, to, kind, id_)}>{payload}</iq>"


def error(condition: str, *, kind: str = "cancel", words: str = "", special: str = "") -> str:
    """Return the ``<error/>`` of an error stanza (RFC 6120 section 8.3); ``kind`` is auth, cancel, modify or wait.

    ``special`` is an application-specific condition, as XML (section 8.3.4).
    """
    inner = f"<{condition} xmlns='{ns.STANZA_ERRORS}'/>"
    if words:
        inner += f"<text xmlns='{ns.STANZA_ERRORS}'>{text(words)}</text>"
    return f"<error type='{kind}'>{inner}{special}</error>"


# What stands inside messages and presences.


def muc_join(*, password: str = "", maxstanzas: int | None = None, since: str = "") -> str:
    """Return the ``<x/>`` of a join (XEP-0045 section 7.2).

    ``maxstanzas=0`` asks for no history, ``since`` (UTC, XEP-0082) for what came after.
    """
    history = {}
    if maxstanzas is not None:
        history["maxstanzas"] = str(maxstanzas)
    if since:
        history["since"] = since
    inner = element("history", attrs=history) if history else ""
    if password:
        inner += element("password", words=password)
    return element("x", ns.MUC, children=inner)


def nick(name: str) -> str:
    """Return ``<nick/>``: the name that a person gives themselves (XEP-0172)."""
    return f"<nick xmlns='{ns.NICK}'>{text(name)}</nick>"


def avatar(sha1: str) -> str:
    """Return ``<x/>`` with the hash of a picture, which is in the vCard (XEP-0153); "" for none."""
    if not sha1:
        return ""
    return f"<x xmlns='{ns.VCARD_UPDATE}'><photo>{text(sha1)}</photo></x>"


def caps(node: str, ver: str) -> str:
    """Return ``<c/>``, the digest of what an address can do (XEP-0115)."""
    return f"<c xmlns='{ns.CAPS}' hash='sha-1' node='{attribute(node)}' ver='{attribute(ver)}'/>"


def origin_id(id_: str) -> str:
    """Return ``<origin-id/>`` (XEP-0359)."""
    return f"<origin-id xmlns='{ns.IDS}' id='{attribute(id_)}'/>"


def replaces(id_: str) -> str:
    """Return ``<replace/>``: this message corrects the one that its sender gave ``id_`` (XEP-0308)."""
    return f"<replace xmlns='{ns.CORRECT}' id='{attribute(id_)}'/>"


def reply(id_: str, *, to: str = "") -> str:
    """Return ``<reply/>``: an answer to message ``id_`` (in rooms its stanza-id) of occupant ``to`` (XEP-0461)."""
    return element("reply", ns.REPLY, attrs={"to": to, "id": id_} if to else {"id": id_})


def fallback(namespace: str, *, start: int | None = None, end: int | None = None) -> str:
    """Return ``<fallback/>``: the body, or ``body[start:end]``, is for who does not know ``namespace`` (XEP-0428).

    ``start`` and ``end`` count code points.
    """
    body = "" if start is None or end is None else element("body", attrs={"start": str(start), "end": str(end)})
    return element("fallback", ns.FALLBACK, attrs={"for": namespace}, children=body)


def reactions(id_: str, emojis: tuple[str, ...]) -> str:
    """Return ``<reactions/>``, the whole set; none takes all back (XEP-0444)."""
    inner = "".join(f"<reaction>{text(emoji)}</reaction>" for emoji in emojis)
    return element("reactions", ns.REACTIONS, attrs={"id": id_}, children=inner)


def retract(id_: str) -> str:
    """Return ``<retract/>``: the sender takes a message back (XEP-0424)."""
    return f"<retract xmlns='{ns.RETRACT}' id='{attribute(id_)}'/>"


def mention(uri: str, *, begin: int, end: int) -> str:
    """Return ``<reference/>``: ``body[begin:end]``, in code points, names whom ``uri`` leads to (XEP-0372)."""
    attrs = {"type": "mention", "begin": str(begin), "end": str(end), "uri": uri}
    return element("reference", ns.REFERENCES, attrs=attrs)


def thread(name: str) -> str:
    """Return ``<thread/>`` (RFC 6121 section 5.2.5, XEP-0201), "" for none."""
    return f"<thread>{text(name)}</thread>" if name else ""


def chat_state(state: str) -> str:
    """Return ``<active/>``, ``<composing/>``, ``<paused/>``, ``<inactive/>`` or ``<gone/>`` (XEP-0085)."""
    return f"<{state} xmlns='{ns.CHAT_STATES}'/>"


def hint(name: str) -> str:
    """Return ``<store/>``, ``<no-store/>``, ``<no-copy/>`` or ``<no-permanent-store/>`` (XEP-0334)."""
    return f"<{name} xmlns='{ns.HINTS}'/>"


def delay(stamp: str, *, sender: str = "") -> str:
    """Return ``<delay/>``: said at ``stamp`` (UTC, XEP-0082), held back by ``sender`` (XEP-0203)."""
    return element("delay", ns.DELAY, attrs={"from": sender, "stamp": stamp} if sender else {"stamp": stamp})


def oob(url: str, *, description: str = "") -> str:
    """Return ``<x/>`` with the address of a file (XEP-0066); clients show it in line when the body is the same URL."""
    inner = element("url", words=url)
    if description:
        inner += element("desc", words=description)
    return element("x", ns.OOB, children=inner)
