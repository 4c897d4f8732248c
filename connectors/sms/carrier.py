"""What a provider of short messages has to do, and the values that go to and fro.

Two kinds. Most speak HTTP: what is asked of them, what their answer means and what they call back with are pure functions
of values (:class:`Provider`), and one piece of code does the asking. Others have a connection or a folder of their own
(:class:`Carrier`), which is also what that one piece of code looks like from outside.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from bridge.connector import Answer, Request
from bridge.core.content import Attachment
from bridge.core.failures import Permanent
from connectors.sms.consent import Keyword
from connectors.sms.reports import State
from connectors.sms.segments import Place, Segment


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One short message, or one text where the provider cuts for itself."""

    ref: str  # ours: comes back in reports; letters, digits and "-" only
    to: str  # "+15551230001" or a short code
    text: str
    segment: Segment | None = None  # how it is coded, where we have cut
    media: tuple[str, ...] = ()  # URLs of files that go along, where the provider takes any


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a telephone said."""

    id: str  # the provider's, "" where it has none
    sender: str  # as the provider writes it
    to: str
    text: str
    at: int = 0  # milliseconds since the epoch; 0: not told
    place: Place | None = None  # a part of a longer message
    files: tuple[Attachment, ...] = ()
    answered: Keyword | None = None  # the provider has dealt with this word by itself


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of something that we sent."""

    state: State
    ref: str = ""  # ours, where it came back
    id: str = ""  # the provider's
    reason: str = ""
    blocked: bool = False  # they have told the provider that they want no more


News = Incoming | Report


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request to a provider."""

    url: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    user: tuple[str, str] | None = None  # name and password, for Basic authentication


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body where it is a JSON object, else an empty one."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError:
            return {}

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try is welcome, where the provider says so."""
        given = self.headers.get("retry-after", "")
        return float(given) if given.isdecimal() else None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback said, and how it is to be answered once that is safely stored."""

    news: tuple[News, ...] = ()
    answer: Answer = Answer(status=200)


class Provider(Protocol):
    """A provider that speaks HTTP. Pure."""

    cuts: bool  # takes whole texts
    unique: bool  # a second message with the same ``ref`` is refused, or does nothing: asking again is safe

    def ask(self, outgoing: Outgoing, *, callback: str) -> Ask:
        """Return how a message is sent; ``callback`` is our URL for reports and answers."""

    def accepted(self, reply: Reply) -> str:
        """Return the provider's id for a message, "" where it has none. Raises: a DeliveryFailure that says why it was not taken."""

    def file(self, handle: str) -> Ask | None:
        """Return how a file that a telephone has sent is fetched; None where the provider has none."""

    def probe(self) -> Ask:
        """Return a harmless request that shows whether name and password are right."""

    def usable(self, reply: Reply) -> str:
        """Return "" if the answer to :meth:`probe` is good, else what is wrong, in a sentence."""

    def heard(self, request: Request, *, url: str) -> Heard:
        """Read a callback; ``url`` is its address as the provider knows it. Raises: Forged, Unreadable."""


class Carrier(Protocol):
    """A provider with a life of its own."""

    cuts: bool
    unique: bool

    async def run(self, take: Callable[[News], Awaitable[None]], ready: Callable[[str], None]) -> None:
        """Stay connected until cancelled; ``take`` returns once something is safe, ``ready`` is told "" or what is wrong."""

    async def submit(self, outgoing: Outgoing) -> str:
        """Send; return the provider's id. Raises: a DeliveryFailure."""

    async def check(self) -> str:
        """Return "" if messages can be sent, else what is wrong."""


class Unsubscribed(Permanent):
    """The receiver has told the provider that they want no more."""


class Forged(Exception):
    """A callback does not come from the provider."""


class Unreadable(Exception):
    """A callback says nothing that can be understood; the text names the field."""
