"""What the admin API shows and does: values, and the face of the bridge behind it. Implemented by :mod:`bridge.app`.

The values are the API's documents: their fields are part of the product, :mod:`bridge.web.openapi` describes them from
here, and the command line prints them. No message body and no secret is in any of them.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from bridge.connector import Counted
from bridge.engine.counters import Counters


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """Shape of all documents."""


class ProblemDocument(_Document, frozen=True, kw_only=True):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: "tuple[FieldProblem, ...]" = ()
    """What was wrong with what was sent, field by field."""


class FieldProblem(_Document, frozen=True):
    """What is wrong at one field."""

    field: str
    detail: str


class FieldDocument(_Document, frozen=True):
    """What a command has to know."""

    name: str
    label: str
    sort: str
    """What it takes: ``text``, ``lines``, ``secret``, ``number``, ``flag``, ``choice``, ``list``, ``jid``, ``jids``, ``nick``, …"""
    required: bool
    default: str
    description: str
    choices: tuple[str, ...]


class CommandDocument(_Document, frozen=True):
    """Something that the bridge can be told to do."""

    name: str
    path: str
    title: str
    help: str
    usage: str
    """How a line with it is written: for ``linkspan do``, and in a chat."""
    who: str
    """``anyone``, ``user`` or ``admin``."""
    about: str
    """``bridge``, ``network`` or ``room``."""
    more: bool
    """Whether more has to be given than these fields: what depends on the network."""
    fields: tuple[FieldDocument, ...]


class Said(_Document, frozen=True, forbid_unknown_fields=True):
    """A command as the words of a line."""

    words: tuple[str, ...]


class TableDocument(_Document, frozen=True):
    """Rows under headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class AnswerDocument(_Document, frozen=True):
    """What came of a command."""

    text: str
    """All of it, for people."""
    done: bool
    """False where it could not be done wholly; :attr:`remark` says why."""
    remark: str = ""
    table: TableDocument | None = None
    data: Any = None
    """For programs, where a command has that."""


class PuppetCount(_Document, frozen=True):
    """How many people are shown on a network."""

    wanted: int
    present: int
    refused: int


class NetworkDocument(_Document, frozen=True):
    """How a network is."""

    name: str
    connector: str
    status: str
    """``connecting``, ``ready``, ``degraded``, ``needs login`` or ``down``."""
    detail: str
    since: int
    """Milliseconds since the epoch."""
    puppets: PuppetCount


class RoomDocument(_Document, frozen=True):
    """A room of a link."""

    room: str
    """``NETWORK:ROOM``."""
    open: bool
    """Whether it is read."""
    reason: str = ""
    """Why it is not."""


class LinkDocument(_Document, frozen=True):
    """Rooms that are joined."""

    name: str
    rooms: tuple[RoomDocument, ...]
    origin: str
    """``file``, or ``command`` where it was added while the bridge ran."""


class QueueDocument(_Document, frozen=True):
    """What waits for one room."""

    room: str
    waiting: int
    more: bool
    """Whether the store has others beyond those counted."""
    flying: int
    """Handed to the network, not yet accepted."""
    oldest: int
    """Milliseconds since the epoch: when the first of them was said; 0 if nothing waits."""
    reason: str


class GatewayDocument(_Document, frozen=True):
    """Hosted rooms at a glance."""

    users: int = 0
    """In hosted rooms, or on their way into one."""
    max_users: int = 0
    """0: no bound."""
    rooms: int = 0
    refused: dict[str, int] = {}
    """How often somebody was refused since the start, by ``denied``, ``full`` and ``fast``."""


class StatusDocument(_Document, frozen=True):
    """The bridge at a glance."""

    version: str
    started: int
    """Milliseconds since the epoch."""
    ready: bool
    unready: dict[str, str]
    """What is not up, and why: ``store``, networks, and links as ``links.NAME``."""
    networks: tuple[NetworkDocument, ...]
    links: tuple[LinkDocument, ...]
    queues: tuple[QueueDocument, ...]
    dead_letters: int
    gateway: GatewayDocument = GatewayDocument()


class DeliveryDocument(_Document, frozen=True):
    """What has become of one copy of a message, or of one change to it."""

    room: str
    """The room that is told."""
    source: str
    """The room where it was said."""
    what: str
    """As in a dead letter."""
    state: str
    """``queued``, ``sent`` (the network has it, and has not confirmed it), ``retrying``, ``confirmed`` or ``failed``."""
    certain: bool
    """Of a failed one: False if it may have arrived."""
    reason: str
    attempts: int
    at: int
    """Milliseconds since the epoch: when it was said; of a confirmed one 0."""
    due: int
    """Milliseconds since the epoch: when it will be tried again; 0 if it is not waiting for that."""
    ids: tuple[str, ...]
    """What the room calls its copy; () where it has no names, or has none yet."""


class DeadLetterDocument(_Document, frozen=True):
    """A delivery that was given up."""

    key: str
    room: str
    what: str
    """``post``, ``edit``, ``retract``, ``react``, ``topic``, ``announce``, ``kick`` or ``tell``."""
    reason: str
    certain: bool
    """False: it may have arrived."""
    at: int
    """Milliseconds since the epoch: when it was given up."""
    attempts: int


class LoginDocument(_Document, frozen=True):
    """A user's login on a network; what it consists of is shown to nobody."""

    network: str
    user: str
    """The user's bare JID."""
    name: str
    """Who they are on the network."""
    at: int
    """Milliseconds since the epoch: when they logged in."""
    trouble: str
    """Why it is not used any more, "" while it is."""


class SessionDocument(_Document, frozen=True):
    """A user on a network."""

    user: str
    """Their bare JID, or the address of an occupant where the room hides it."""
    network: str
    room: str
    """``NETWORK:ROOM``."""
    nick: str
    state: str
    """``present``, ``on the way``, or ``through the bridge`` where they are not there as themselves."""
    clients: tuple[str, ...]
    """Full JIDs of the clients in the hosted room; none in a linked one, and where they stay without."""


class WhoseDocument(_Document, frozen=True):
    """By what a network tells somebody's connections from those of others."""

    user: str
    network: str
    marks: tuple[str, ...]


class OptOutDocument(_Document, frozen=True):
    """Somebody on a network wants nothing more from an address of ours, or wants to hear from it again."""

    network: str
    ours: str
    theirs: str
    at: int
    """Milliseconds since the epoch."""
    out: bool
    """False: they want to hear from us again."""
    why: str
    """What they sent, or ``provider``."""


class NewLink(_Document, frozen=True, forbid_unknown_fields=True):
    """A link to be made."""

    name: str
    rooms: tuple[str, ...]
    """Two or more, each ``NETWORK:ROOM``."""


class Chosen(_Document, frozen=True, forbid_unknown_fields=True):
    """Which dead letters are meant: those with these keys, or all."""

    keys: tuple[str, ...] = ()
    all: bool = False


class Done(_Document, frozen=True):
    """How many were retried or discarded."""

    count: int


class HookDocument(_Document, frozen=True):
    """A URL at which programs say something in a room. Times are milliseconds since the epoch; 0: never."""

    id: str
    room: str
    name: str
    """Who speaks, where a message does not say so."""
    origin: str
    """``file``, or ``command`` where it was made while the bridge ran."""
    state: str
    """``active``, ``paused`` or ``expired``."""
    made: int
    used: int
    expires: int
    rotating: bool
    """Whether its last secret but one is still good."""


class NewHook(_Document, frozen=True, forbid_unknown_fields=True):
    """A hook to be made."""

    room: str
    """``NETWORK:ROOM``."""
    expires_in: float = 0.0
    """Seconds; 0: it stays."""
    settings: dict[str, Any] = {}
    """The keys that a hook may have in the configuration file, but for its token and room."""


class HookUrlDocument(_Document, frozen=True):
    """Where a hook is called. The URL is shown this once: only a hash of it is kept."""

    id: str
    url: str


class NewSecret(_Document, frozen=True, forbid_unknown_fields=True):
    """An order to give a hook another secret."""

    overlap: float = 86_400.0
    """Seconds for which the one before is good, too."""


class Paused(_Document, frozen=True, forbid_unknown_fields=True):
    """Whether a hook is to be silent."""

    paused: bool = True


class HookCallDocument(_Document, frozen=True):
    """What was sent to a hook."""

    id: str
    at: int
    """Milliseconds since the epoch."""
    outcome: str
    size: int
    """Bytes of the body."""
    kept: bool
    """Whether it can be replayed."""


class Replayed(_Document, frozen=True, forbid_unknown_fields=True):
    """An order to say once more what was sent."""

    call: str


class SaidDocument(_Document, frozen=True):
    """The id of a message that was said."""

    id: str


class Refused(Exception):
    """The administrator asked for what cannot be; ``status`` is the HTTP status that says so."""

    def __init__(self, reason: str, *, status: int = 409, errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.errors = errors


class CannotListen(Exception):
    """A listener did not get its address; the text is a sentence for an operator that names the key."""


class Bridge(Protocol):
    """The running bridge, for its administrator."""

    @property
    def counters(self) -> Counters:
        """What was counted."""

    def counted(self) -> Sequence[tuple[str, Counted]]:
        """Return what connectors have counted, each with its network."""

    def unready(self) -> dict[str, str]:
        """Return what of store and networks is not up, and why; {} when everything is."""

    def networks(self) -> Sequence[NetworkDocument]:
        """Return how all networks are."""

    def queues(self) -> Sequence[QueueDocument]:
        """Return what waits."""

    def links(self) -> Sequence[LinkDocument]:
        """Return all links."""

    def gateway(self) -> GatewayDocument:
        """Return how hosted rooms are used."""
