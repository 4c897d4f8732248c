"""Commands as values: what somebody can have the bridge do, defined once, offered at every door.

Here are the definition (:class:`Command`, of typed fields: :class:`Field`), what comes of it (:class:`Answer`, or a further
:class:`Form`), and who asks where (:class:`Caller`, :class:`Place`). Not here: reading what was given (``fields``), the words
of a line (``lines``), the way through the forms (``dialogue``), which commands there are (``bridge.commands``), and
the doors: forms and chat on XMPP (``bridge.xmpp.commands.adhoc``, ``bridge.xmpp.commands.console``), HTTP (``bridge.web.commands``), the
command line, which goes through HTTP.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, IntEnum
from typing import Any, Final

import msgspec

from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.wording import columns

LONGEST: Final = 4_096
"""Characters of a value, unless its field says otherwise."""

Value = str | int | float | bool | tuple[str, ...] | Mapping[str, Any]
"""What stands in a field, once read: see :class:`Sort`."""


class Who(IntEnum):
    """Who may; each may what those before it may."""

    ANYONE = 0
    """Whoever can write to the bridge."""
    USER = 1
    """Whoever may use it: ``[gateway] allow`` and ``deny``."""
    ADMIN = 2
    """The administrators (``[xmpp] admins``), and whoever has the admin API's token."""


class About(IntEnum):
    """What a command is about. What an address does not say already is asked for: ``network=``, ``room=``."""

    BRIDGE = 0
    NETWORK = 1
    ROOM = 2
    """A hosted room."""


class Sort(Enum):
    """What a field takes."""

    TEXT = "text"
    """One line: ``str``."""
    LINES = "lines"
    """Several lines: ``str``."""
    SECRET = "secret"  # noqa: S105 - the name of a sort
    """One line that is repeated to nobody: ``str``."""
    NUMBER = "number"
    """A whole number: ``int``."""
    FLAG = "flag"
    """Yes or no: ``bool``."""
    CHOICE = "choice"
    """One of the field's ``choices``: ``str``."""
    LIST = "list"
    """Several words: ``tuple[str, ...]``."""
    JID = "jid"
    """A bare JID: ``str``."""
    JIDS = "jids"
    """Several bare JIDs: ``tuple[str, ...]``."""
    NICK = "nick"
    """A name on a network: ``str``."""
    DURATION = "duration"
    """``90``, ``10m``, ``30d``: ``float``, in seconds."""
    TABLE = "table"
    """``key=value`` pairs, where ``a.b=1`` is a table in the table: a mapping of TOML's values."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a command has to know."""

    name: str
    """In a line and in JSON: ``user``."""
    label: str
    """In a form: ``The user``."""
    sort: Sort = Sort.TEXT
    required: bool = True
    default: str = ""
    """As it would be given; only of a field that is not required."""
    value: str | None = None
    """What it is already, of what can be changed: shown in a form. Left away it stays, given as nothing it becomes empty."""
    hidden: bool = False
    """It is repeated to nobody, as a SECRET; of LINES."""
    description: str = ""
    choices: Mapping[str, str] = {}
    """Of a CHOICE: each value with its label."""
    least: int | None = None
    most: int | None = None
    """Bounds of a NUMBER, and of how many a LIST may have."""
    longest: int = LONGEST
    check: Callable[[str], str] | None = None
    """Looks at each word or line that was given: returns what would be right (``a room such as …``), "" if it is."""
    named: bool = False
    """In a line it is only given by its name: ``network=libera``."""
    var: str = ""
    """Its name in a form, where a specification gives it another (XEP-0133)."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be done, as everybody sees it; what does it is its :class:`Offer`."""

    name: str
    """The words by which it is called: ``links add``."""
    title: str
    """A few words for a menu, without a full stop."""
    who: Who = Who.USER
    about: About = About.BRIDGE
    personal: bool = False
    """It is about the caller's own things; whoever is no user (the admin API) says whose: ``user=``."""
    fields: tuple[Field, ...] = ()
    help: str = ""
    """Sentences for whoever wants to know more."""
    more: bool = False
    """A further form may follow, which says what else has to be given."""
    node: str = ""
    """Its node (XEP-0050), where a specification gives it one."""
    form_type: str = ""
    """The FORM_TYPE of its form (XEP-0068), likewise."""
    result: Any = None
    """The type of :attr:`Answer.data`, None where there is none."""

    @property
    def slug(self) -> str:
        """Its name in one word: ``links-add``."""
        return self.name.replace(" ", "-")


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Lay it out in columns."""
        return columns(self.columns, self.rows)


class Why(Enum):
    """Why something was not done."""

    WRONG = "wrong"
    """What was given makes no sense, whatever the state of the bridge."""
    MISSING = "missing"
    """There is no such thing."""
    CONFLICT = "conflict"
    """It cannot be now."""
    AWAY = "away"
    """What it takes is not there: the store, a network."""
    FORBIDDEN = "forbidden"


class CommandRefused(Exception):
    """A command cannot do what it was asked for; raised by what runs it, with a sentence for the caller."""

    def __init__(self, reason: str, *, why: Why = Why.CONFLICT, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.why = why
        self.field = field
        """At which field it went wrong, "" if at none: a form is then shown again."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command, which it ends."""

    text: str = ""
    """For people; with a table, what stands above it."""
    table: Table | None = None
    data: Any = None
    """For programs."""
    form: Mapping[str, tuple[str, ...]] = {}
    """For forms, in place of the table: the fields that a specification wants (XEP-0133), each with its values."""
    remark: str = ""
    """What else has to be known: a warning."""
    why: Why | None = None
    """Why it was not done, or not wholly; None if it was."""


def cut(table: Table, *, most: int) -> tuple[Table, int]:
    """Return as many rows as have so many characters together, and how many are left out."""
    room = most
    for index, row in enumerate(table.rows):
        room -= sum(map(len, row)) + len(row)
        if room < 0:
            return msgspec.structs.replace(table, rows=table.rows[:index]), len(table.rows) - index
    return table, 0


def told(answer: Answer) -> str:
    """Return what an answer says as text, its table in columns; its remark goes elsewhere."""
    listed = str(answer.table) if answer.table is not None else ""
    return "\n\n".join(part for part in (answer.text, listed) if part) or "Done."


def written(answer: Answer, *, most: int = 1_000_000) -> str:
    """Return an answer as text, with its remark, in about so many characters at most."""
    left = 0
    if answer.table is not None:
        table, left = cut(answer.table, most=most // 2)  # the blanks between the columns count, too
        answer = msgspec.structs.replace(answer, table=table)
    text = told(answer)
    text = text if len(text) <= most else f"{text[:most]}…"
    return "\n".join(part for part in (text, _left_out(left), answer.remark) if part)


def _left_out(rows: int) -> str:
    return f"{rows} more are not shown here: give a smaller limit, or ask the admin API." if rows else ""


class Values:
    """What was given, read; an absent one is "", 0, False or ()."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        """Tell whether a field was filled in."""
        return name in self._values

    def text(self, name: str) -> str:
        """Return a TEXT, LINES, SECRET, CHOICE, JID or NICK."""
        value = self._values.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """Return a NUMBER."""
        value = self._values.get(name, 0)
        return value if isinstance(value, int) else 0

    def seconds(self, name: str) -> float:
        """Return a DURATION."""
        value = self._values.get(name, 0.0)
        return float(value) if isinstance(value, int | float) else 0.0

    def flag(self, name: str) -> bool:
        """Return a FLAG."""
        return self._values.get(name) is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a LIST or JIDS."""
        value = self._values.get(name, ())
        return value if isinstance(value, tuple) else ()

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a TABLE."""
        value = self._values.get(name, {})
        return value if isinstance(value, Mapping) else {}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks."""

    user: str = ""
    """A bare JID that their server vouches for; "" through the admin API."""
    who: Who = Who.ANYONE


OPERATOR: Final = Caller(who=Who.ADMIN)
"""Whoever has the admin API's token."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is asked, or what it is about."""

    network: Network | None = None
    room: str = ""
    """The bare address of a hosted room."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and about what: complete for the command that it is given to."""

    caller: Caller
    network: Network = Network("")
    """Of a command that is about a network or a room."""
    room: str = ""
    """The bare address of a hosted room, of a command that is about one."""
    user: str = ""
    """The bare JID of whom it is about, of one that is personal."""

    @property
    def person(self) -> Person:
        """The same, as the engine knows them."""
        return Person(XMPP, PersonId(self.user))


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A question in the midst of a command."""

    title: str
    fields: tuple[Field, ...]
    then: "Callable[[Values], Awaitable[Step]]"
    instructions: str = ""
    more: bool = False
    """Yet another may follow."""
    form_type: str = ""


Step = Answer | Form
Run = Callable[[Call, Values], Awaitable[Step]]
"""Does it. Raises: CommandRefused."""


def everywhere(_: Place) -> bool:
    """Offer a command wherever it could be."""
    return True


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A command with what does it."""

    command: Command
    run: Run
    on: Callable[[Place], bool] = everywhere
    """Whether it can be done to this network or room."""
