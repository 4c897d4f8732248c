"""The seam between the component stream (below) and rooms, inbound and outbound (above): who asks what of whom.

Below are ``stream`` and ``component``, which know bytes, sockets and XEP-0114; above is the connector, which knows
rooms and events. Both sides see only what stands here, so each is tested with a fake of the other. No slixmpp here.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.xmpp.wire.shapes import Familiar


class Session(Protocol):
    """Who uses the component: the connector. All calls come on the loop; none may block, none may raise."""

    def stream_up(self) -> None:
        """Learn that the handshake went through: nothing of an earlier stream is true any more."""

    def stream_down(self, reason: str) -> None:
        """Learn that the stream is gone, or could not be had: ``reason`` is a sentence for an operator.

        Called for every attempt that fails; the component goes on trying by itself.
        """

    def reads(self, room: str, to: str) -> bool:
        """Say whether the copies of the groupchat messages of ``room`` that go to ``to`` are read: the listener's are.

        Asked once per pair; the answer is good until ``Component.forget``. Copies that are not read are skipped
        unparsed, so of a message in a room with 300 ghosts one copy is looked at. Both are addresses as on the wire,
        ``room`` is bare.
        """

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        """Decide on the start tag of a message or presence whether it has to be built at all.

        ``attrs`` are its attributes, unescaped, without those that have a prefix. Not asked for copies that nobody
        reads.
        """

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Take a whole groupchat message that is read, if its bytes say all there is to know.

        Asked before ``wanted``, and spares the parser the reflections of our own words, and plain ones. False, at the
        slightest doubt: it is looked at as any other.
        """

    def recognised(self, said: Familiar) -> bool:
        """Take a groupchat message that differs from one that was understood in its ids, names and words alone.

        Asked before anything else. False, at the slightest doubt: it is looked at as any other.
        """

    def stanza(self, element: Element) -> bool:
        """Take a message or presence as a bare element; False: it is not mine, let the library have it.

        Its tags are in ``jabber:component:accept``, whatever the server wrote.
        """


class IqRefused(Exception):
    """An IQ was answered by an error, or not in time (condition ``remote-server-timeout``)."""

    def __init__(self, condition: str, text: str = "", *, by: str = "", special: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text
        self.by = by
        self.special = special
        """An application-specific condition (RFC 6120 section 8.3.4), as XML; only of those that we write."""


class Item(msgspec.Struct, frozen=True):
    """One line of disco#items."""

    jid: str
    name: str = ""
    node: str = ""


class Form(msgspec.Struct, frozen=True):
    """More that disco#info tells, as a form (XEP-0128): its FORM_TYPE, and a value for each field."""

    kind: str
    fields: Mapping[str, str]


class Photo(Protocol):
    """A picture of somebody."""

    @property
    def data(self) -> bytes:
        """The bytes."""

    @property
    def media_type(self) -> str:
        """Their type."""

    @property
    def sha1(self) -> str:
        """Their SHA-1, in hexadecimal."""

    @property
    def width(self) -> int:
        """Pixels; 0 where unknown."""

    @property
    def height(self) -> int:
        """Pixels; 0 where unknown."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our addresses shows of itself.

    A ghost is ``client/pc`` (``client/bot`` for a program), a network ``gateway/irc``, a hosted room
    ``conference/irc``, the component itself ``gateway/xmpp`` or the kind of its only network: all from the registry
    of XEP-0030.
    """

    category: str
    kind: str
    name: str
    features: tuple[str, ...] = ()  # beyond those that every address of ours has
    forms: tuple[Form, ...] = ()
    items: tuple[Item, ...] = ()
    commands: Callable[[str], tuple[Item, ...]] | None = (
        None  # XEP-0050, for who asks; each item's node is the command's
    )
    full_name: str = ""  # vCard FN
    nickname: str = ""
    url: str = ""
    description: str = ""
    photo: Photo | None = None


class Describes(Protocol):
    """Who knows what our addresses are: asked for disco#info and items, vCard, version."""

    def describe(self, localpart: str) -> Described | None:
        """Return what stands at ``localpart@domain``; None if nothing does.

        ``localpart`` is in the escaped form that it has on the wire, "" is the component itself.
        """


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An IQ get or set that came to one of our addresses."""

    kind: str  # "get" or "set"
    sender: str
    to: str
    id: str
    payload: Element  # the one child
    described: Described  # of ``to``


Answer = Callable[[Request], str | Awaitable[str]]
"""Answers an IQ: returns the payload of the result as XML ("" is an empty one). Raises: IqRefused, with a condition."""


class Cancellable(Protocol):
    """A call that stands out."""

    def cancel(self) -> None:
        """Do not call."""


class Component(Protocol):
    """The face of the component that the rest of ``bridge.xmpp`` uses; the real one and the tests' fake have it."""

    domain: str
    namespace: str  # of the elements handed to Session.stanza and returned by iq: always "jabber:component:accept"

    def send(self, stanza: str) -> None:
        """Write one whole stanza, built by ``bridge.xmpp.wire.stanzas``; all of one loop turn leave in one write, in order.

        Dropped, and counted, when the stream is down. Raises: ValueError when ``from`` is not an address of ours.
        """

    async def iq(self, kind: str, *, to: str, payload: str, sender: str = "", timeout: float = 30.0) -> Element:  # noqa: ASYNC109 - what it means is "no answer", which is one of the answers
        """Ask, and return the ``<iq type='result'>``; ``sender`` "" is the component itself. Raises: IqRefused."""

    async def barrier(self) -> None:
        """Return once the server has read all that was sent before. Raises: IqRefused if the stream goes down first."""

    async def drained(self) -> None:
        """Return when little enough is waiting to be written: whoever sends without end awaits this in between."""

    def connected(self) -> bool:
        """Say whether the stream is up."""

    def forget(self) -> None:
        """Ask ``Session.reads`` anew for every pair: a listener changed."""

    def answer(self, kind: str, payload: str, answer: Answer) -> None:
        """Let ``answer`` answer the IQs of ``kind`` whose child is ``payload``, written ``{namespace}name``."""

    def pace(self, *, whose: Callable[[str], str], hurries: Callable[[str], str]) -> None:
        """Ask whether somebody has to wait before they ask one more thing by an IQ.

        ``hurries`` says why, "" for no; ``whose`` returns whom it is asked of, by the address that a question comes from.
        """

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Call once, later."""
