"""Files in messages, as elements: written with all that is known of them, read from every way of saying it. Pure.

Specifications: XEP-0066 (the address), 0447 with 0446 (the address and what is known), 0264 (a small picture), 0300
(a hash), and 0385, which is only read. Called by ``inbound`` and ``outbound``; bytes are the business of ``uploads``.
"""

import base64
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

import msgspec
from msgspec.structs import replace

from bridge.core.content import Attachment
from bridge.core.text import clean_name
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

MOST_ATTACHMENTS = 20
LONGEST_NAME = 200

_OOB, _OOB_URL, _OOB_TEXT = f"{{{ns.OOB}}}x", f"{{{ns.OOB}}}url", f"{{{ns.OOB}}}desc"
_SHARING, _SOURCES = f"{{{ns.FILE_SHARING}}}file-sharing", f"{{{ns.FILE_SHARING}}}sources"
_URL_DATA = f"{{{ns.URL_DATA}}}url-data"
_REFERENCE, _MEDIA = f"{{{ns.REFERENCES}}}reference", f"{{{ns.MEDIA_SHARING}}}media-sharing"
_MEDIA_SOURCES = f"{{{ns.MEDIA_SHARING}}}sources"
_SHOWN = ("image/", "audio/", "video/")


class Thumbnail(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture of a file, somewhere."""

    url: str
    media_type: str
    width: int
    height: int


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A file where everybody can fetch it, and what was learned on the way there."""

    file: Attachment
    sha256: bytes = b""  # b"": its bytes were never seen
    thumbnail: Thumbnail | None = None


def written(placed: Placed, *, body: str) -> str:
    """Return the elements that stand beside a body with the file's address: for old clients, and for new ones.

    New ones leave the body out if it is the address and nothing else.
    """
    file = placed.file
    shown = {"disposition": "inline"} if file.media_type.startswith(_SHOWN) else {}
    source = stanzas.element("url-data", ns.URL_DATA, attrs={"target": file.url})
    children = _metadata(placed) + stanzas.element("sources", children=source)
    extra = stanzas.oob(file.url, description=file.description)
    extra += stanzas.element("file-sharing", ns.FILE_SHARING, attrs=shown, children=children)
    if body == file.url:
        extra += stanzas.element("fallback", ns.FALLBACK, attrs={"for": ns.FILE_SHARING}, children="<body/>")
    return extra


def _metadata(placed: Placed) -> str:
    """Return what is known of a file (XEP-0446 section 3)."""
    file = placed.file
    told = {
        "media-type": file.media_type,
        "name": clean_name(file.name).replace("/", "_"),
        "size": "" if file.size is None else str(file.size),
        "width": str(file.width or ""),
        "height": str(file.height or ""),
        "length": str(round(file.duration * 1000)) if file.duration else "",
        "desc": file.description,
    }
    children = "".join(stanzas.element(name, words=words) for name, words in told.items() if words)
    if placed.sha256:
        hashed = base64.b64encode(placed.sha256).decode()
        children += stanzas.element("hash", ns.HASHES, attrs={"algo": "sha-256"}, words=hashed)
    small = placed.thumbnail
    if small is not None:
        attrs = {"uri": small.url, "media-type": small.media_type}
        attrs |= {"width": str(small.width), "height": str(small.height)}
        children += stanzas.element("thumbnail", ns.THUMBNAILS, attrs=attrs)
    return stanzas.element("file", ns.FILE_METADATA, children=children)


def read(element: Element) -> tuple[Attachment, ...]:
    """Return the files that a message points at; only addresses that anybody can fetch, each once."""
    found: dict[str, Attachment] = {}
    for file in (*_shared(element), *_sims(element), *_oob(element)):
        known = found.get(file.url)
        if known is None:
            found[file.url] = file
        elif file.description and not known.description:
            found[file.url] = replace(known, description=file.description)
    return tuple(found.values())[:MOST_ATTACHMENTS]


def _oob(element: Element) -> Iterator[Attachment]:
    for oob in element.findall(_OOB)[:MOST_ATTACHMENTS]:
        url = (oob.findtext(_OOB_URL) or "").strip()
        if fetchable(url):
            yield Attachment(url=url, name=_name_in(url), description=oob.findtext(_OOB_TEXT) or "")


def _shared(element: Element) -> Iterator[Attachment]:
    for sharing in element.findall(_SHARING)[:MOST_ATTACHMENTS]:
        sources = sharing.find(_SOURCES)
        targets = [] if sources is None else [each.get("target", "") for each in sources.findall(_URL_DATA)]
        yield from _file(sharing.find(f"{{{ns.FILE_METADATA}}}file"), targets, ns.FILE_METADATA)


def _sims(element: Element) -> Iterator[Attachment]:
    for reference in element.findall(_REFERENCE)[:MOST_ATTACHMENTS]:
        media = reference.find(_MEDIA)
        sources = None if media is None else media.find(_MEDIA_SOURCES)
        if media is not None and sources is not None:
            targets = [each.get("uri", "") for each in sources.findall(_REFERENCE)]
            yield from _file(media.find(f"{{{ns.JINGLE_FILE}}}file"), targets, ns.JINGLE_FILE)


def _file(metadata: Element | None, targets: list[str], namespace: str) -> Iterator[Attachment]:
    url = next(filter(fetchable, targets), "")
    if not url:
        return
    told: dict[str, str] = {}
    for child in () if metadata is None else metadata:
        told.setdefault(child.tag.removeprefix(f"{{{namespace}}}"), (child.text or "").strip())
    length = _number(told.get("length", ""))
    yield Attachment(
        url=url,
        name=clean_name(told.get("name", ""))[:LONGEST_NAME] or _name_in(url),
        media_type=clean_name(told.get("media-type", "")),
        size=_number(told.get("size", "")),
        width=_number(told.get("width", "")),
        height=_number(told.get("height", "")),
        duration=None if length is None else length / 1000,
        description=told.get("desc", ""),
    )


def fetchable(url: str) -> bool:
    """Tell whether anybody can fetch this; aesgcm:// and the like are words for those who know them."""
    return url.startswith(("https://", "http://")) and not any(c <= " " for c in url)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _name_in(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return clean_name(unquote(path.rpartition("/")[2]))[:LONGEST_NAME]
