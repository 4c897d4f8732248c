"""What users do against abuse, and what administrators hear of it.

``block``, ``unblock``, ``blocked`` and ``report`` are everybody's, ``reports list`` and ``reports settle`` the administrators'.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import msgspec

from bridge.commands.refusals import in_words
from bridge.core.commands import Answer, Call, Command, CommandRefused, Field, Offer, Sort, Table, Values, Who, Why
from bridge.engine.complaints import Complaint

_ADDRESS: Final = Field(
    name="address", label="Their address here", sort=Sort.JID, description="bob%libera@bridge.example.org"
)
BLOCK: Final = Command(
    name="block",
    title="Hear nothing more from somebody in private",
    personal=True,
    fields=(_ADDRESS,),
    help="Their private messages, invitations and presence do not reach you. What they say in a room you are in does.",
)
UNBLOCK: Final = Command(name="unblock", title="Hear from somebody again", personal=True, fields=(_ADDRESS,))
BLOCKED: Final = Command(name="blocked", title="Whom you have blocked here", personal=True)
REPORT: Final = Command(
    name="report",
    title="Tell the bridge's operators of spam or abuse",
    personal=True,
    fields=(
        _ADDRESS,
        Field(
            name="reason",
            label="What it is",
            sort=Sort.CHOICE,
            choices={"spam": "unwanted messages", "abuse": "abuse"},
            required=False,
            default="spam",
            named=True,
        ),
        Field(name="text", label="In your words", required=False, longest=1_000),
    ),
)


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A report that nobody has dealt with yet."""

    id: str
    by: str
    about: str
    person: str
    """Who that is, as ``outcasts add`` takes it; "" where nobody knows."""
    reason: str
    text: str
    messages: tuple[str, ...]
    at: int
    """Milliseconds since the epoch."""


LIST: Final = Command(
    name="reports list", title="What users have reported", who=Who.ADMIN, result=tuple[ReportDocument, ...]
)
SETTLE: Final = Command(
    name="reports settle",
    title="Take a report off the list",
    who=Who.ADMIN,
    fields=(Field(name="id", label="Its id"),),
)
COMMANDS: Final = (BLOCK, UNBLOCK, BLOCKED, REPORT, LIST, SETTLE)


class Blocking(Protocol):
    """Who keeps block lists: :class:`bridge.xmpp.people.blocking.Blocking`."""

    def block(self, user: str, addresses: Iterable[str]) -> None:
        """Keep these from a user. Raises: ValueError."""

    def unblock(self, user: str, addresses: Iterable[str]) -> list[str]:
        """Keep these from a user no more; returns who of them were kept."""

    def listed(self, user: str) -> list[str]:
        """Return whom a user has blocked."""


class Complaints(Protocol):
    """Who keeps complaints: :class:`bridge.engine.complaints.Complaints`."""

    def listed(self) -> Sequence[Complaint]:
        """Return all, oldest first."""

    async def settle(self, id_: str) -> bool:
        """Forget one; False if there is none such. Raises: StoreError."""


Complain = Callable[[Complaint], Awaitable[None]]
"""Keeps a complaint, and tells administrators. Raises: StoreError, ValueError for what is no address of ours."""


def offers(blocking: Blocking, complaints: Complaints, complain: Complain) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=BLOCK, run=partial(_block, blocking)),
        Offer(command=UNBLOCK, run=partial(_unblock, blocking)),
        Offer(command=BLOCKED, run=partial(_blocked, blocking)),
        Offer(command=REPORT, run=partial(_report, complain)),
        Offer(command=LIST, run=partial(_list, complaints)),
        Offer(command=SETTLE, run=partial(_settle, complaints)),
    )


async def _block(blocking: Blocking, call: Call, values: Values) -> Answer:
    address = values.text("address")
    try:
        blocking.block(call.user, [address])
    except ValueError as error:
        raise CommandRefused(str(error), why=Why.WRONG, field="address") from None
    return Answer(text=f"You hear nothing more from {address} in private.")


async def _unblock(blocking: Blocking, call: Call, values: Values) -> Answer:
    address = values.text("address")
    if not blocking.unblock(call.user, [address]):
        msg = f"You have not blocked {address}."
        raise CommandRefused(msg, why=Why.MISSING, field="address")
    return Answer(text=f"You hear from {address} again.")


async def _blocked(blocking: Blocking, call: Call, _: Values) -> Answer:
    listed = blocking.listed(call.user)
    return Answer(text="\n".join(listed) or "You have blocked nobody here.", data=listed)


async def _report(complain: Complain, call: Call, values: Values) -> Answer:
    reason, text = values.text("reason") or "spam", values.text("text")
    try:
        with in_words():
            await complain(Complaint(id="", by=call.user, about=values.text("address"), reason=reason, text=text))
    except ValueError as error:
        raise CommandRefused(str(error), why=Why.WRONG, field="address") from None
    return Answer(text="Thank you; the operators of this bridge are told.")


async def _list(complaints: Complaints, _: Call, __: Values) -> Answer:
    listed = complaints.listed()
    documents = tuple(map(_document, listed))
    rows = tuple(
        (
            each.id,
            datetime.fromtimestamp(each.at / 1000, UTC).date().isoformat(),
            each.by,
            each.about,
            each.reason,
            each.text,
        )
        for each in listed
    )
    text = "" if rows else "Nothing is reported."
    return Answer(
        text=text, table=Table(columns=("ID", "ON", "BY", "ABOUT", "REASON", "WORDS"), rows=rows), data=documents
    )


async def _settle(complaints: Complaints, _: Call, values: Values) -> Answer:
    with in_words():
        found = await complaints.settle(values.text("id"))
    if not found:
        msg = f"There is no report {values.text('id')}."
        raise CommandRefused(msg, why=Why.MISSING, field="id")
    return Answer(text="It is off the list.")


def _document(complaint: Complaint) -> ReportDocument:
    person = complaint.person
    return ReportDocument(
        id=complaint.id,
        by=complaint.by,
        about=complaint.about,
        person="" if person is None else f"{person.network}:{person.id}",
        reason=complaint.reason,
        text=complaint.text,
        messages=complaint.messages,
        at=complaint.at,
    )
