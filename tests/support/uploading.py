"""An upload service of an XMPP server (XEP-0363) in memory: slots by IQ, and a :class:`bridge.xmpp.messages.uploads.Puts` into it."""

from collections.abc import AsyncIterator, Mapping
from xml.etree.ElementTree import Element

from bridge.connector import Unreadable
from tests.support.muc import Refused

UPLOAD = "upload.localhost"
NS = "urn:xmpp:http:upload:0"


class Service:
    """An upload service, and what was put there."""

    def __init__(self, *, most: int = 1_000_000, refuses: str = "") -> None:
        self.most, self.refuses = most, refuses
        self.asked: list[dict[str, str]] = []
        self.stored: dict[str, tuple[bytes, str, Mapping[str, str]]] = {}
        self.trusted: list[str] = []
        self.broken = False

    def server(self, iq: Element) -> str:
        return f"<query xmlns='http://jabber.org/protocol/disco#items'><item jid='conference.localhost'/><item jid='{UPLOAD}'/></query>"

    def service(self, iq: Element) -> str:
        request = iq.find(f"{{{NS}}}request")
        if request is None:
            return (
                f"<query xmlns='http://jabber.org/protocol/disco#info'><feature var='{NS}'/><x xmlns='jabber:x:data'>"
                f"<field var='max-file-size'><value>{self.most}</value></field></x></query>"
            )
        self.asked.append(dict(request.attrib))
        if self.refuses:
            raise Refused(self.refuses)
        url = f"http://127.0.0.1:5280/files/{len(self.asked)}/{request.get('filename')}"
        return (
            f"<slot xmlns='{NS}'><put url='{url}?put'><header name='Authorization'>Bearer\n x</header>"
            f"<header name='Host'>elsewhere</header></put><get url='{url}'/></slot>"
        )

    async def put(self, url: str, headers: Mapping[str, str], *, chunks: AsyncIterator[bytes], size: int, kind: str):
        data = b"".join([chunk async for chunk in chunks])
        assert len(data) == size
        if self.broken:
            raise Unreadable("the upload service said 507")
        self.stored[url] = (data, kind, dict(headers))

    def trust(self, beginning: str) -> None:
        self.trusted.append(beginning)
