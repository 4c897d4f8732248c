"""What our addresses say of themselves: identity and features, items, vCards, version, time, and that they are there.

Specifications: XEP-0030, 0128, 0115, 0054, 0292, 0092, 0199, 0202. What stands at an address comes with the request; nothing is
known here. The answers are given to ``answers`` by the component; ``caps`` is for who sends presence.
"""

import base64
import functools
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bridge.xmpp.ports import Answer, Described, Form, IqRefused, Item, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

NODE = "urn:linkspan"
"""What XEP-0115 calls the node: whose capabilities they are."""
FEATURES = (ns.DISCO_INFO, ns.DISCO_ITEMS, ns.LAST, ns.PING, ns.TIME, ns.VCARD, ns.VCARD4, ns.VERSION)
"""What every address of ours can do."""

_VCARD = ("FN", "NICKNAME", "URL", "DESC")
_VCARD4 = (("fn", "text"), ("nickname", "text"), ("url", "uri"), ("note", "text"))


class Disco:
    """Answers for every address of ours."""

    def __init__(self, *, software: str, version: str, now: Callable[[], int]) -> None:
        self._software = software
        self._version = version
        self._now = now  # milliseconds since the epoch

    def answers(self) -> Iterator[tuple[str, Answer]]:
        """Return what is asked (the child of an IQ of type get) and who answers it."""
        yield f"{{{ns.DISCO_INFO}}}query", info
        yield f"{{{ns.DISCO_ITEMS}}}query", items
        yield f"{{{ns.VCARD}}}vCard", vcard
        yield f"{{{ns.VCARD4}}}vcard", vcard4
        yield f"{{{ns.PUBSUB}}}pubsub", avatar
        yield f"{{{ns.PING}}}ping", ping
        yield f"{{{ns.VERSION}}}query", self.version
        yield f"{{{ns.TIME}}}time", self.time

    def version(self, _: Request) -> str:
        """Return name and version of the program (XEP-0092); the system it runs on is nobody's business."""
        inner = stanzas.element("name", words=self._software) + stanzas.element("version", words=self._version)
        return stanzas.element("query", ns.VERSION, children=inner)

    def time(self, _: Request) -> str:
        """Return the time in UTC (XEP-0202)."""
        utc = datetime.fromtimestamp(self._now() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return stanzas.element("time", ns.TIME, children=f"<tzo>+00:00</tzo><utc>{utc}</utc>")


def ping(_: Request) -> str:
    """Say that the address is there (XEP-0199)."""
    return ""


def info(request: Request) -> str:
    """Return identity, features and forms (XEP-0030 section 3, XEP-0128), also for the node that :func:`caps` tells.

    Raises: IqRefused.
    """
    described = request.described
    node = request.payload.get("node", "")
    if node and (command := _of_commands(request, node)):
        return stanzas.element("query", ns.DISCO_INFO, attrs={"node": node}, children=command)
    if node and node != f"{NODE}#{_ver(*_able(described))}":
        raise IqRefused("item-not-found")
    identity = {"category": described.category, "type": described.kind, "name": described.name}
    inner = stanzas.element("identity", attrs=identity)
    inner += "".join(stanzas.element("feature", attrs={"var": feature}) for feature in _features(described))
    inner += "".join(_form(form) for form in described.forms)
    return stanzas.element("query", ns.DISCO_INFO, attrs={"node": node} if node else {}, children=inner)


def items(request: Request) -> str:
    """Return what there is below an address (XEP-0030 section 4), or its commands (XEP-0050). Raises: IqRefused."""
    node = request.payload.get("node", "")
    if node not in ("", ns.COMMANDS):
        raise IqRefused("item-not-found")
    inner = ""
    for item in _commands(request) if node else request.described.items:
        attrs = {"jid": item.jid, "name": item.name, "node": item.node}
        inner += stanzas.element("item", attrs={key: value for key, value in attrs.items() if value})
    return stanzas.element("query", ns.DISCO_ITEMS, attrs={"node": node} if node else {}, children=inner)


def vcard(request: Request) -> str:
    """Return the vCard (XEP-0054)."""
    inner = "".join(
        stanzas.element(name, words=words)
        for name, words in zip(_VCARD, _card(request.described), strict=True)
        if words
    )
    photo = request.described.photo
    if photo is not None:
        words = base64.b64encode(photo.data).decode()
        told = stanzas.element("TYPE", words=photo.media_type) + stanzas.element("BINVAL", words=words)
        inner += stanzas.element("PHOTO", children=told)
    return stanzas.element("vCard", ns.VCARD, children=inner)


def vcard4(request: Request) -> str:
    """Return the vCard in its newer form (XEP-0292 section 4)."""
    inner = "".join(
        stanzas.element(name, children=stanzas.element(kind, words=words))
        for (name, kind), words in zip(_VCARD4, _card(request.described), strict=True)
        if words
    )
    photo = request.described.photo
    if photo is not None:
        uri = f"data:{photo.media_type};base64,{base64.b64encode(photo.data).decode()}"
        inner += stanzas.element("photo", children=stanzas.element("uri", words=uri))
    return stanzas.element("vcard", ns.VCARD4, children=inner)


def avatar(request: Request) -> str:
    """Return an item of the nodes of a picture: what it is, or its bytes (XEP-0084 section 4). Raises: IqRefused."""
    photo = request.described.photo
    wanted = request.payload.find(f"{{{ns.PUBSUB}}}items")
    node = "" if wanted is None else wanted.get("node", "")
    asked = None if wanted is None else wanted.find(f"{{{ns.PUBSUB}}}item")
    if photo is None or (asked is not None and asked.get("id") != photo.sha1):
        raise IqRefused("item-not-found")
    match node:
        case ns.AVATAR_DATA:
            payload = stanzas.element("data", node, words=base64.b64encode(photo.data).decode())
        case ns.AVATAR_METADATA:
            about = {"bytes": str(len(photo.data)), "id": photo.sha1, "type": photo.media_type}
            if photo.width and photo.height:
                about |= {"width": str(photo.width), "height": str(photo.height)}
            payload = stanzas.element("metadata", node, children=stanzas.element("info", attrs=about))
        case _:
            raise IqRefused("item-not-found")
    item = stanzas.element("item", attrs={"id": photo.sha1}, children=payload)
    return stanzas.element("pubsub", ns.PUBSUB, children=stanzas.element("items", attrs={"node": node}, children=item))


def caps(described: Described) -> str:
    """Return ``<c/>`` for the presence of an address: whoever knows the digest need not ask (XEP-0115).

    Addresses that are described alike have the same digest: a ghost's ``name`` should be its network's, not its own.
    """
    return stanzas.caps(NODE, _ver(*_able(described)))


def _card(described: Described) -> tuple[str, str, str, str]:
    full_name = described.full_name or described.nickname or described.name
    return full_name, described.nickname, described.url, described.description


def _commands(request: Request) -> tuple[Item, ...]:
    """Return what whoever asks may do here."""
    commands = request.described.commands
    return commands(request.sender) if commands is not None else ()


def _of_commands(request: Request, node: str) -> str:
    """Return what the list of commands, or one of them, is (XEP-0050 section 2.1); "" for another node."""
    if request.described.commands is None:
        return ""
    if node == ns.COMMANDS:
        return stanzas.element("identity", attrs={"category": "automation", "type": "command-list", "name": "Commands"})
    name = next((item.name for item in _commands(request) if item.node == node), "")
    if not name:
        return ""
    identity = stanzas.element("identity", attrs={"category": "automation", "type": "command-node", "name": name})
    return identity + "".join(stanzas.element("feature", attrs={"var": var}) for var in (ns.COMMANDS, ns.DATA))


def _features(described: Described) -> list[str]:
    commands = (ns.COMMANDS,) if described.commands is not None else ()
    return sorted({*FEATURES, *described.features, *commands})


def _form(form: Form) -> str:
    kind = stanzas.element("value", words=form.kind)
    inner = stanzas.element("field", attrs={"var": "FORM_TYPE", "type": "hidden"}, children=kind)
    for name, value in form.fields.items():
        inner += stanzas.element("field", attrs={"var": name}, children=stanzas.element("value", words=value))
    return stanzas.element("x", ns.DATA, attrs={"type": "result"}, children=inner)


def _able(described: Described) -> tuple[str, tuple[str, ...]]:
    """Return what the digest is made of, each part in its order (XEP-0115 section 5.1)."""
    parts = _features(described)
    for form in sorted(described.forms, key=lambda form: form.kind):
        parts.append(form.kind)
        parts += [part for field in sorted(form.fields.items()) for part in field]
    return f"{described.category}/{described.kind}//{described.name}", tuple(parts)


@functools.lru_cache(maxsize=256)
def _ver(identity: str, parts: tuple[str, ...]) -> str:
    """Return the verification string (XEP-0115 section 5.1)."""
    text = "".join(f"{part}<" for part in (identity, *parts))
    return base64.b64encode(hashlib.sha1(text.encode(errors="replace"), usedforsecurity=False).digest()).decode()
