"""Casting people out, and pardoning them: ``outcasts list``, ``outcasts add``, ``outcasts remove``."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import msgspec

from bridge.commands.refusals import in_words
from bridge.core.commands import Answer, Call, Command, CommandRefused, Field, Offer, Table, Values, Who, Why
from bridge.core.ids import XMPP, Network
from bridge.core.outcasts import Outcast, parsed


class OutcastDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is cast out."""

    network: str
    mask: str
    reason: str
    by: str
    """The bare JID of the administrator; "" through the admin API."""
    at: int
    """Milliseconds since the epoch."""


_WHOM: Final = 'libera:*!*@evil.example, family:123456 or xmpp:spam.example; "*" is anything'


def _is_mask(text: str) -> str:
    return "" if parsed(text) is not None else f"NETWORK:MASK such as {_WHOM}"


_WHO: Final = Field(
    name="who",
    label="Whom: NETWORK:MASK",
    description=_WHOM,
    check=_is_mask,
)
LIST: Final = Command(name="outcasts list", title="Who is cast out", who=Who.ADMIN, result=tuple[OutcastDocument, ...])
ADD: Final = Command(
    name="outcasts add",
    title="Cast somebody out",
    who=Who.ADMIN,
    fields=(_WHO, Field(name="reason", label="Why", required=False, longest=500)),
    help=(
        "What they say and do is passed on to no other room, and nobody is shown there for them; users of XMPP are put out "
        "of hosted rooms, and may use nothing of the bridge."
    ),
    result=OutcastDocument,
)
REMOVE: Final = Command(
    name="outcasts remove",
    title="Pardon somebody who was cast out",
    who=Who.ADMIN,
    fields=(_WHO,),
    help="They are seen again with the next thing that they do.",
)
COMMANDS: Final = (LIST, ADD, REMOVE)


class Outcasts(Protocol):
    """Who keeps the list: :class:`bridge.engine.outcasts.Outcasts`."""

    def listed(self) -> Sequence[Outcast]:
        """Return all, oldest first."""

    async def cast(self, network: Network, mask: str, *, reason: str = "", by: str = "") -> Outcast:
        """Cast somebody out. Raises: StoreError."""

    async def pardon(self, network: Network, mask: str) -> bool:
        """Let somebody in again; False if there was no such entry. Raises: StoreError."""


class Networks(Protocol):
    """Says which networks there are."""

    def __call__(self) -> Collection[Network]:
        """Return their names."""


def offers(outcasts: Outcasts, networks: Networks) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=LIST, run=partial(_list, outcasts)),
        Offer(command=ADD, run=partial(_add, outcasts, networks)),
        Offer(command=REMOVE, run=partial(_remove, outcasts)),
    )


async def _list(outcasts: Outcasts, _: Call, __: Values) -> Answer:
    documents = tuple(map(_document, outcasts.listed()))
    rows = tuple((f"{each.network}:{each.mask}", _day(each.at), each.by or "-", each.reason) for each in documents)
    text = "" if rows else "Nobody is cast out."
    return Answer(text=text, table=Table(columns=("WHO", "SINCE", "BY", "WHY"), rows=rows), data=documents)


async def _add(outcasts: Outcasts, networks: Networks, call: Call, values: Values) -> Answer:
    network, mask = _meant(values)
    with in_words():
        outcast = await outcasts.cast(network, mask, reason=values.text("reason"), by=call.caller.user)
    known = network == XMPP or network in networks()
    remark = "" if known else f'No network is called "{network}" at the moment.'
    return Answer(text=f"{outcast} is cast out.", remark=remark, data=_document(outcast))


async def _remove(outcasts: Outcasts, _: Call, values: Values) -> Answer:
    network, mask = _meant(values)
    with in_words():
        found = await outcasts.pardon(network, mask)
    if not found:
        msg = f"{network}:{mask} is not on the list."
        raise CommandRefused(msg, why=Why.MISSING, field="who")
    return Answer(text=f"{network}:{mask} is pardoned.")


def _meant(values: Values) -> tuple[Network, str]:
    found = parsed(values.text("who"))
    assert found is not None, "the field was checked"
    return found


def _document(outcast: Outcast) -> OutcastDocument:
    return OutcastDocument(
        network=outcast.network, mask=outcast.mask, reason=outcast.reason, by=outcast.by, at=outcast.at
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
