"""THE CONTRACT between the bridge and a network: all that the author of a connector has to read.

A connector has two methods and a property. What it can do beyond that is one or more of the small abilities further down;
the bridge finds them by ``isinstance``. There is nothing to inherit from, and nothing to register: a package names its
:class:`Manifest` in the entry-point group ``linkspan.connectors``.
"""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import msgspec

from bridge.core.acts import Act, Configuration, Roll
from bridge.core.addresses import Range
from bridge.core.capabilities import Capabilities
from bridge.core.commands import Field, Values
from bridge.core.content import Attachment
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import (
    DirectCopied,
    Event,
    Member,
    MemberLeft,
    MembersListed,
    Presence,
    PuppetJoined,
    PuppetLeft,
    RoomChanged,
    RoomClosed,
    RoomOpened,
    TopicChanged,
)
from bridge.core.ids import EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId
from bridge.core.profiles import Profile, Question, Wanted

API = 1
"""Version of this contract; a connector that was written for another one is refused with a clear sentence."""


Abroad = PuppetJoined | PuppetLeft | MembersListed | MemberLeft | RoomOpened | RoomClosed | RoomChanged | TopicChanged
"""What is told to who :class:`Follows`; of those who left, whoever was removed, of topics, those that were there before."""


class Status(StrEnum):
    """How a network is, as its connector sees it."""

    CONNECTING = "connecting"
    READY = "ready"
    DEGRADED = "degraded"  # works, but not for everybody or not everywhere
    NEEDS_LOGIN = "needs login"  # a person has to do something: no retry helps
    DOWN = "down"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody's own connection to a network is."""

    status: Status = Status.DOWN
    detail: str = ""  # why, in words for them
    name: str = ""  # the nick that they have there
    since: int = 0  # when it came up, milliseconds since the epoch
    own: bool = False  # they have asked to be there as themselves; else they are shown because of a link


class Cursor(msgspec.Struct, frozen=True):
    """The last fact of a room that is safely stored: where history has to go on."""

    key: EventKey
    at: int  # milliseconds since the epoch


class OpenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is being read, once, from its beginning."""

    chunks: AsyncIterator[bytes]  # a bad end raises Unreadable; nobody keeps the whole in memory
    media_type: str = ""  # "image/png"; what a hub opened is judged by its first bytes, and is never ""
    name: str = ""
    size: int | None = None  # bytes, where the source tells


class Unreadable(Exception):
    """A file cannot be had: gone, too large, or somewhere that must not be asked. In words for people, without the address."""

    def __init__(self, reason: str, *, for_now: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_now = for_now  # another try may succeed: the source was busy, or not there


class Hub(Protocol):
    """All a connector is given. Everything here may be called at any time, from the event loop's thread only."""

    def emit(self, event: Event) -> Awaitable[None]:
        """Hand over a fact; the order of calls is kept. Awaiting returns once it is durable, and is only needed to tell the source so.

        Raises (in the awaitable): StoreAway when the store cannot take it; the source must then keep it.
        """

    async def drained(self) -> None:
        """Return once the hub can take more: whoever reads without end awaits this between reads."""

    def congested(self) -> str:
        """Return "" when facts are stored without delay, else why not: a source that can be told to come again (HTTP 503) asks first."""

    def report(self, status: Status, detail: str = "") -> None:
        """Say how the network is; ``detail`` is one line for an operator, without secrets."""

    def alarm(self, words: str) -> None:
        """Tell the bridge's administrators, in private, what only a person can mend; one line, without secrets. Nothing is repeated."""

    async def cursor(self, room: RoomId) -> Cursor | None:
        """Return the last journalled fact of a room of this network."""

    async def waiting_since(self, room: RoomId) -> int | None:
        """Return when the oldest happened of what waits to be said in a room, in milliseconds since the epoch; None: nothing does.

        Some of it may have been said already, by a process that was killed.
        """

    async def recall(self, name: str) -> str | None:
        """Return what :meth:`remember` kept under this name for this network."""

    async def recollect(self, prefix: str) -> dict[str, str]:
        """Return everything that :meth:`remember` keeps for this network under names that begin so."""

    def remember(self, name: str, value: str) -> Awaitable[None]:
        """Keep a small text, in the same transaction as the events emitted just before; a Secret is encrypted on disk."""

    def page(self, message: MessageRef, at: int) -> str:
        """Return the URL of a page with the whole text of a message that happened ``at``, "" where others could not reach it.

        The page says what the message says now, expires, and is gone when the message is taken back.
        """

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:
        """Open a file of any network, or what stands behind an http(s) URL; leaving the block closes it.

        Not more than ``most`` bytes, and than the operator allows. A private, loopback or link-local address is never asked,
        whatever a name stands for and wherever a redirect leads.

        Raises: Unreadable, when entered or in the middle of the chunks.
        """

    async def forget(self, name: str) -> None:
        """Keep it no longer."""

    async def known(self, room: RoomId, key: EventKey) -> bool:
        """Tell whether a fact of a room of this network is journalled; it is for a month at least."""

    async def author(self, room: RoomId, message: MessageId) -> Member | None:
        """Return who said a message in a room of this network, None where that is not known."""

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        """Tell somebody once what is wrong with their login; ``over``: it is used no more until they log in anew."""

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        """Tell somebody who is on this network as themselves that ``by``, a nick there, invites them into a room of it."""

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        """Tell how somebody is whom this connector was asked to :meth:`Sights.sight`; None: they are not on the network."""

    def session_is(self, person: Person, session: Session) -> None:
        """Tell somebody how their own connection to this network is now."""

    def server_said(self, person: Person, words: str) -> None:
        """Pass on to somebody what the network itself has said to them alone, over their own connection."""

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Ask the program of somebody of another network, for ``by`` on this one. Raises: ActRefused."""


class StoreAway(Exception):
    """The store is full, locked or gone: nothing was taken, nothing may be acknowledged to the source."""


class Connector(Protocol):
    """Everything a network must be able to do: stay connected, and speak."""

    @property
    def capabilities(self) -> Capabilities:
        """What the network can carry. Constant while ``run`` runs."""

    async def run(self, hub: Hub) -> None:
        """Connect, read, reconnect, until cancelled; then leave politely, within 3 seconds.

        Trouble with the network is reported, not raised; what is raised is a crash, and the supervisor starts anew.
        """

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Carry out one order; an ``async def`` will do, a Future is faster.

        Called in the order in which the room shall see things. At most ``capabilities.pipeline`` of one room are under way
        at once; with more than 1 the connector must itself keep their order on the wire.

        Raises (in the awaitable): a :class:`bridge.core.failures.DeliveryFailure`. One that the connector cancels was not said
        and comes again in its place: so are those given back that may not go before one that failed for now.
        """


@runtime_checkable
class Listens(Protocol):
    """Has to be told which rooms matter (IRC, XMPP; a Telegram bot just gets everything)."""

    def listen(self, room: RoomId, *, password: str = "") -> None:
        """Be in this room and read it, from now until :meth:`unlisten`, whatever happens in between. Does not block.

        What comes of it is told by RoomOpened and RoomClosed.
        """

    def unlisten(self, room: RoomId) -> None:
        """Leave the room, and take every puppet out of it."""


@runtime_checkable
class Attends(Protocol):
    """Has rooms that people may ask for by name, and that can be read without a listener: whoever is shown there reads."""

    def named(self, name: str) -> RoomId | None:
        """Return the room that a name means, in the one form that it has in events; None for what is no room's name."""

    def attend(self, room: RoomId, *, password: str = "") -> None:
        """Be ready to show people in this room and to read it through them, until ``Listens.unlisten``. Does not block.

        Nobody of ours is in the room but those who are shown in it. ``Listens.listen`` for the same room adds the listener.
        """


@runtime_checkable
class Moderates(Protocol):
    """Lets people who are shown in a room do there what only some members may, as themselves."""

    async def moderate(self, room: RoomId, by: Person, act: Act) -> None:
        """Do it. Raises: ActRefused, with what the network said."""

    async def roll(self, room: RoomId, by: Person, roll: Roll) -> list[tuple[str, str]]:
        """Return who is on a list of the room, and who has put them there ("" where that is not known). Raises: ActRefused."""

    def configuration(self, room: RoomId) -> Configuration:
        """Return what a room is, as far as is known."""


@runtime_checkable
class Pictures(Protocol):
    """Has pictures of rooms."""

    def picture(self, room: RoomId) -> str:
        """Return what a room's picture is called (as ``Member.avatar``), "" while none is known. Another one is told by RoomChanged."""


@runtime_checkable
class Forgives(Protocol):
    """Can take back bans. Never raises, never waits."""

    def forgive(self, room: RoomId, person: Person) -> None:
        """Lift the ban of this person that the bridge itself has set in the room, and no other; later, if it cannot be done now."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A room that a network shows to everybody."""

    room: RoomId
    members: int = 0
    topic: str = ""


@runtime_checkable
class Informs(Protocol):
    """Can say who its people are. What is asked over and over is answered from what is known."""

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what the network tells this user of somebody there. Raises: ActRefused; ABSENT where there is nobody."""

    async def people(self, wanted: Wanted, by: Person) -> list[Profile]:
        """Return who fits, by name, as this user may see them. Raises: ActRefused."""


@runtime_checkable
class Asks(Protocol):
    """Can ask the program of one of its people something."""

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Return what it says, for ``by`` of another network. Raises: ActRefused; IMPOSSIBLE where ``by`` is not there as themselves."""


@runtime_checkable
class Sights(Protocol):
    """Can tell of people, wherever they are, whether they are there: told by ``Hub.sighted``, at first as soon as it is known."""

    def sight(self, person: PersonId, *, on: bool) -> None:
        """Look out for somebody from now on, over restarts of ``run``, or no more. Does not block."""


@runtime_checkable
class Sessions(Protocol):
    """Has a connection of its own for each user, which they may have a look at, and speak over in the network's own words."""

    def session(self, person: Person) -> Session:
        """Return how somebody's connection is; changes are told by ``Hub.session_is``."""

    async def raw(self, person: Person, line: str) -> None:
        """Send a line over it as it is; what the network says to that comes by ``Hub.server_said``. Raises: ActRefused."""


@runtime_checkable
class KeepsContacts(Protocol):
    """Has contact lists, in which people see remote people, and networks."""

    def sighted(self, person: Person, presence: Presence | None) -> None:
        """Show how a remote person is; None: not there."""

    def session_is(self, person: Person, network: Network, session: Session) -> None:
        """Show somebody how their connection to a network is."""

    def server_said(self, person: Person, network: Network, words: str) -> None:
        """Tell somebody what a network has said to them alone, if they want to know."""


@runtime_checkable
class Lists(Protocol):
    """Can say which rooms there are."""

    async def rooms(self, by: Person) -> list[Listed]:
        """Return them, by name, as this user may see them; may take a while. Raises: ActRefused."""


@runtime_checkable
class Titles(Protocol):
    """Knows what people call its rooms, where their ids say nothing to anybody."""

    def title(self, room: RoomId) -> str:
        """Return it, in one line, "" while it is not known."""


@runtime_checkable
class Follows(Protocol):
    """Has rooms whose members are in the linked rooms as themselves, and wants to know how they fare there (hosted rooms)."""

    def follow(self, room: RoomId, event: Abroad) -> None:
        """Take note of a fact in another room of the same link; ``room`` is ours."""

    def invited(self, person: Person, room: Room, *, by: str) -> None:
        """Pass an invitation into a room of another network on to a person of ours."""


@runtime_checkable
class Joins(Protocol):
    """Can show people of other networks as members of a room: puppets on IRC, ghosts on XMPP.

    These two set a wish and return at once. The connector works towards it in its own time and within its budget, a later wish
    replaces an earlier one, and PuppetJoined and PuppetLeft tell what came of it.
    """

    def join(self, room: RoomId, member: Member) -> None:
        """Show this member in the room, or update them: name and presence may have changed."""

    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        """Show this person in the room no more."""


@runtime_checkable
class Renames(Protocol):
    """Can turn somebody shown into another person in place, where ids follow nicks. Without it the old one leaves and the new one joins."""

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        """Show ``member`` in the place of ``old``, whom they were; as a wish this is ``leave(old)`` and ``join(member)`` in one."""


@runtime_checkable
class Types(Protocol):
    """Can show that somebody is composing. Best effort: never raises, never waits."""

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that this member started or stopped composing."""


@runtime_checkable
class Receipts(Protocol):
    """Can tell the sender of a private message what became of it. Best effort: never raises, never waits."""

    def bounced(self, room: RoomId, message: MessageId, *, to: Person, by: Person, reason: str) -> bool:
        """Tell ``to`` that ``by`` will not get what was said in this conversation under this id; False where that cannot be shown."""

    def received(self, room: RoomId, message: MessageId, *, to: Person, by: Person) -> None:
        """Tell ``to`` that ``by`` has what was said in this conversation under this id."""


@runtime_checkable
class Copies(Protocol):
    """Can show people what they have said themselves elsewhere. Best effort: never raises, never waits."""

    def copied(self, event: DirectCopied) -> None:
        """Show somebody of this network what they said on another one by a client of their own."""


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said that they want nothing more from an address of ours, or that they do again."""

    ours: str
    theirs: str
    at: int  # milliseconds since the epoch
    out: bool  # False: they want to hear from us again
    why: str  # "STOP", "START", "provider"


@runtime_checkable
class OptsOut(Protocol):
    """Keeps who wants nothing more from us, as the rules of its network demand. Only they themselves can change their minds."""

    def opt_outs(self) -> Sequence[OptOut]:
        """Return every change of mind, oldest first; the last one between two addresses counts."""


@runtime_checkable
class Opens(Protocol):
    """Can read files that only its network's connection can get at (``Attachment.handle``, ``Member.avatar``).

    The hub makes others able to: it gives such a file a URL of the bridge's own, and opens it for other connectors.
    """

    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        """Open the file that this connector called so, also long ago; leaving the block closes it.

        Chunks are not longer than 256 KiB. Raises: Unreadable.
        """


@runtime_checkable
class Divides(Protocol):
    """Passes on what is said in a room to several, of whom none may wait for another: a webhook's endpoints.

    Such a room is not told anything itself; each of its shares is, in a lane of its own, with its own dead letters and its
    own ids of messages. A share is also told who comes and goes in the link's other rooms, what was given up there and how
    networks are: as :class:`bridge.core.deliveries.Announce` with ``about``, which is not kept over a restart.
    """

    def shares(self, room: RoomId) -> tuple[RoomId, ...]:
        """Return the rooms that stand for those who hear this one. Constant; () where nobody does."""


@runtime_checkable
class Checks(Protocol):
    """Can tell before anything runs what would not work (``linkspan check``)."""

    async def check(self, rooms: list[RoomId]) -> "list[Finding]":
        """Connect, look, disconnect: one finding for the network and one for each room."""


class Secret(str):
    """A configured secret: a plain string, except that it never shows itself in a repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Hide the value from logs, errors and listings."""
        return "Secret('…')"


class LoginForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a login takes, for whoever asks: a form of XEP-0050, or a line of chat."""

    title: str
    instructions: str
    fields: tuple[Field, ...]


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials of a user, which were tried and found good."""

    person: Person  # whom the bridge speaks for
    name: str  # who they are on the network, for listings: "@juliet_bot"
    credentials: Secret  # in whatever form the connector likes to have them back; nobody else looks inside
    remark: str = ""  # what they have to know besides; told once, and not kept


class LoginRefused(Exception):
    """The credentials are no good, or could not be tried; one sentence for whoever gave them."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field  # of the form: where it went wrong, "" where that is nowhere in particular


@runtime_checkable
class LogsIn(Protocol):
    """Can speak for people with credentials of their own.

    The bridge keeps logins, and hands each over by :meth:`use` before ``run`` runs, and again after a crash. Where the
    network has one shared identity (``RELAY``), what these people say comes with the voice AsPuppet; a connector that then
    cannot speak for them raises VoiceLost, and it is relayed. What is wrong is told by ``hub.login_trouble``.
    """

    @property
    def login_form(self) -> LoginForm:
        """What has to be given. Constant."""

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Try what somebody gave (a text for each field). Nothing is used before :meth:`use`. Raises: LoginRefused."""

    def use(self, login: Login) -> None:
        """Speak for this person with this login from now on, instead of any that they had before."""

    def drop(self, person: Person) -> None:
        """Speak for this person with a login of theirs no more."""


@runtime_checkable
class Inherits(LogsIn, Protocol):
    """Can take over an account that another program has used, before it runs: nothing is tried."""

    def inherit(self, person: Person, account: str, password: str) -> Login:
        """Return the login of an account, as :meth:`log_in` would. Raises: LoginRefused for what can be none."""


class Unsuitable(Exception):
    """What somebody would like cannot be; one sentence, and at which field."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


@runtime_checkable
class Adapts(Protocol):
    """Can be on its network for each user as they like it: under which name, in which encoding, saying what after connecting.

    The bridge keeps what users choose, and hands it over by :meth:`adapt` before ``run`` runs, and again after a crash.
    """

    def preference_fields(self, person: Person) -> tuple[Field, ...]:
        """Return what somebody may choose, with what it is now (``Field.value``; of secrets nothing is shown)."""

    def choose(self, person: Person, given: Values) -> Secret:
        """Return what to keep when somebody changes this; nothing of it is used before :meth:`adapt`. Raises: Unsuitable."""

    def adapt(self, person: Person, chosen: Secret) -> str:
        """Be for somebody as they like it from now on ("": as usual); returns in words what only their next connection brings."""

    def rooms_at_start(self, person: Person) -> Mapping[RoomId, str]:
        """Return the rooms in which somebody wants to be without being asked, each with its password or ""."""

    def reconnect(self, person: Person) -> bool:
        """Connect somebody anew; False where they have no connection of their own just now."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One family of paths on the public listener (``http.listen``) that a connector answers."""

    prefix: str  # "/hooks/": begins and ends with a slash
    methods: frozenset[str]  # {"POST", "PUT"}; others are answered with 405
    largest: int  # bytes of a request's body; more is answered with 413


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked over HTTP; nothing in it has been checked but its size."""

    method: str
    path: str  # as it was sent, still percent-encoded, without the query
    query: str  # as it was sent, without "?"
    headers: tuple[tuple[str, str], ...]  # in order, names in lower case
    body: bytes  # as it was sent: signatures are over exactly these bytes
    remote: str  # address of who asks, behind the trusted proxies


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What they are told."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@runtime_checkable
class Serves(Protocol):
    """Answers requests on the public listener: incoming webhooks, callbacks of a provider."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Which paths; constant while ``run`` runs. Several networks may have the same prefix: they are asked in turn."""

    async def serve(self, request: Request) -> Answer | None:
        """Answer, or return None where the path belongs to nobody here: then the next network is asked, and 404 is said last.

        May be asked while ``run`` does not run; then 503 is the answer. Where GET is, HEAD may be asked; OPTIONS is not.
        Whoever acknowledges what was taken awaits ``hub.emit`` first, and answers 503 where ``hub.congested()`` says why.
        """


@runtime_checkable
class Sifts(Protocol):
    """Serves, and knows by a path alone whether it is anybody's here: then no stranger's body is ever read."""

    def concerns(self, path: str) -> bool:
        """Tell whether :meth:`Serves.serve` could answer under this path; in a time that tells nothing about secrets."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a connector has counted since it was built."""

    name: str  # "hook_calls": shown as linkspan_hook_calls_total
    means: str  # one line for an operator
    by: str  # name of its label, beside the network: "outcome"
    values: Mapping[str, int]  # by value of the label: few, fixed, and never anybody's id, name or address


@runtime_checkable
class Counts(Protocol):
    """Has numbers of its own for ``/metrics``."""

    def counted(self) -> Sequence[Counted]:
        """Return them as they are now; they only grow."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A URL at which programs say something in a room."""

    id: str
    room: RoomId
    name: str  # who speaks, where a message does not say so
    origin: str  # "file", or "command" where an administrator made it while the bridge ran
    state: str  # "active", "paused" or "expired"
    made: int  # milliseconds since the epoch; 0 where nobody knows
    used: int  # when it last took something; 0: never
    expires: int  # 0: never
    rotating: bool  # its secret was replaced, and the one before is still good


class NewUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Where a hook is called: told once, for only a hash of the secret is kept."""

    id: str
    path: str  # "/hooks/ID/TOKEN", on the public listener


class HookCall(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody sent to a hook, as far as it is still known."""

    id: str
    at: int  # milliseconds since the epoch
    outcome: str  # "posted", "edited", "retracted", "skipped: …"
    size: int  # bytes of the body
    kept: bool  # whether the body is still there, for a replay


class HookRefused(Exception):
    """An administrator asked of a hook what cannot be; the text is a sentence. ``missing``: there is no such hook or call."""

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing


@runtime_checkable
class TakesHooks(Protocol):
    """Has hooks that an administrator makes, and takes back. All of this raises HookRefused, and StoreAway."""

    @property
    def hook_settings(self) -> type[msgspec.Struct]:
        """What an administrator may choose for a hook; it has a key ``room``."""

    def hooks(self) -> Sequence[Hook]:
        """Return all hooks."""

    async def create_hook(self, settings: Any) -> NewUrl:
        """Make a hook; ``settings`` is an instance of :attr:`hook_settings`."""

    async def rotate_hook(self, hook: str, *, overlap: float) -> NewUrl:
        """Give it another secret; the one before is good for so many seconds more."""

    async def pause_hook(self, hook: str, *, paused: bool) -> None:
        """Take what comes and say nothing, or speak again."""

    async def revoke_hook(self, hook: str) -> None:
        """Take it back: whoever calls it is told that it is gone for good."""

    async def test_hook(self, hook: str) -> str:
        """Let it say something; returns the message's id."""

    async def hook_calls(self, hook: str) -> Sequence[HookCall]:
        """Return what was sent to it lately, newest first."""

    async def replay_hook(self, hook: str, call: str) -> str:
        """Read once more what was sent, by today's settings, and say it as something new; returns the message's id."""


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """The two ends of a TCP connection: addresses as the system writes them, and ports."""

    local: str
    local_port: int
    remote: str
    remote_port: int


@runtime_checkable
class Identifies(Protocol):
    """Knows whose connection is whose, for a server that asks the bridge's identd about one of its own (RFC 1413)."""

    def user_of(self, wire: Wire) -> str:
        """Return the user name of an open connection, "" where it is none of ours."""

    def marks(self, person: Person) -> tuple[str, ...]:
        """Return by what the network tells somebody's connections from those of others: user name, address, host."""


class Finding(msgspec.Struct, frozen=True):
    """One line of ``linkspan check``."""

    subject: str  # "libera" or "libera:#dev"
    ok: bool
    detail: str
    hint: str = ""  # what to do about it


class PuppetMode(StrEnum):
    """Who of the others' members gets a puppet here."""

    FULL = "full"  # everybody, when they join
    LAZY = "lazy"  # whoever speaks, from their first message on
    RELAY = "relay"  # nobody


class PuppetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[networks.NAME.puppets]``."""

    mode: PuppetMode = PuppetMode.FULL
    nick: str = "{nick}"
    max: int = 200
    idle: float = 172_800.0  # seconds; written "48h"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector's factory is given."""

    network: Network
    settings: Any  # an instance of the type that the manifest names
    puppets: PuppetSettings
    instance: str  # id of this bridge, for Origin.via and its marker on the wire
    version: str
    public_url: str = ""  # where others reach the public listener, without a slash at the end
    announced: bool = False  # the operator says that the whole Internet does (``http.public_url``)
    key: Secret = Secret("")  # with which ids are made that nobody else can make: of people, for a network to see
    reach: tuple[Range, ...] | None = None
    """Where the network may be, if a user has named it: at public addresses, and in these ranges. None: the operator has."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Static facts about a connector, readable without importing what it needs."""

    kind: str  # "irc": the value of ``connector`` in the configuration
    title: str  # "Internet Relay Chat"
    api: int  # the contract that it was written for: API
    settings: str  # "connectors.irc.config:IrcSettings", a msgspec Struct; the keys of [networks.NAME]
    factory: str  # "connectors.irc.connector:build", a callable Setup -> Connector
    extra: str = ""  # the pip extra that brings what it imports
    capabilities: str = (
        ""  # "connectors.irc.connection.capabilities:DEFAULT", a Capabilities: what listings show, where it is known
    )


__all__ = [
    "API",
    "Abroad",
    "Adapts",
    "Answer",
    "Asks",
    "Attends",
    "Checks",
    "Connector",
    "Counted",
    "Counts",
    "Cursor",
    "Divides",
    "Finding",
    "Follows",
    "Forgives",
    "Hook",
    "HookCall",
    "HookRefused",
    "Hub",
    "Identifies",
    "Informs",
    "Inherits",
    "Joins",
    "KeepsContacts",
    "Listed",
    "Listens",
    "Lists",
    "Login",
    "LoginForm",
    "LoginRefused",
    "LogsIn",
    "Manifest",
    "Moderates",
    "NewUrl",
    "OpenFile",
    "Opens",
    "OptOut",
    "OptsOut",
    "PersonId",
    "Presence",
    "PuppetMode",
    "PuppetSettings",
    "Receipts",
    "Renames",
    "Request",
    "Room",
    "Route",
    "Secret",
    "Serves",
    "Session",
    "Sessions",
    "Setup",
    "Sifts",
    "Sights",
    "Status",
    "StoreAway",
    "TakesHooks",
    "Titles",
    "Types",
    "Unreadable",
    "Unsuitable",
    "Wire",
]
