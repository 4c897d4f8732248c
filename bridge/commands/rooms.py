"""What a user can say about their being in a hosted room: ``stay``, ``unstay``, ``part``, ``export``, ``forget``."""

from functools import partial
from typing import Final, Protocol

from bridge.commands.refusals import in_words
from bridge.core.commands import About, Answer, Call, Command, CommandRefused, Offer, Values, Why
from bridge.core.ids import PersonId, RoomId
from bridge.core.wording import counted

STAY: Final = Command(name="stay", title="Stay in this room when my clients leave", about=About.ROOM, personal=True)
UNSTAY: Final = Command(name="unstay", title="Leave this room with my last client", about=About.ROOM, personal=True)
PART: Final = Command(name="part", title="Leave this room now, with all clients", about=About.ROOM, personal=True)
FORGET: Final = Command(
    name="forget",
    title="Forget what was said while I was here",
    about=About.ROOM,
    personal=True,
    help="You can read it no more, and what nobody else may read is deleted.",
)
EXPORT: Final = Command(
    name="export",
    title="Get what was said while I was here, as a file",
    about=About.ROOM,
    personal=True,
    help="A line of JSON for each message.",
)
COMMANDS: Final = (STAY, UNSTAY, PART, EXPORT, FORGET)


class Stays(Protocol):
    """Who knows who stays where: :class:`bridge.xmpp.hosted.stays.Stays`."""

    def wish(self, room: str, user: str, *, stays: bool) -> str:
        """Note whether somebody wants to stay in a room when their last client leaves; returns why they cannot."""

    def part(self, room: str, user: str) -> bool:
        """Take somebody out of a room; False if they are not there."""

    async def forget(self, room: str, user: str) -> int | None:
        """Forget that somebody was ever there; returns how many messages went with it, None where none are kept. Raises: StoreError."""


class Exported(Protocol):
    """What became of an export."""

    @property
    def messages(self) -> int:
        """How many it has."""

    @property
    def url(self) -> str:
        """Where it is, "" where it could be put nowhere."""

    @property
    def text(self) -> str:
        """The whole of it, where it has no URL and is not too much."""


class Exports(Protocol):
    """Who makes files of archives: :class:`bridge.xmpp.hosted.exports.Exports`."""

    async def export(self, room: RoomId, user: PersonId) -> Exported | None:
        """Return what somebody may read of a room; None where nothing is kept. Raises: StoreError."""


def offers(stays: Stays, exports: Exports) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=STAY, run=partial(_stay, stays)),
        Offer(command=UNSTAY, run=partial(_unstay, stays)),
        Offer(command=PART, run=partial(_part, stays)),
        Offer(command=EXPORT, run=partial(_export, exports)),
        Offer(command=FORGET, run=partial(_forget, stays)),
    )


async def _stay(stays: Stays, call: Call, _: Values) -> Answer:
    if why := stays.wish(call.room, call.user, stays=True):
        raise CommandRefused(f"{why[0].upper()}{why[1:]}: say unstay in another one first.", why=Why.CONFLICT)
    return Answer(text="You stay here when your clients leave.")


async def _unstay(stays: Stays, call: Call, _: Values) -> Answer:
    stays.wish(call.room, call.user, stays=False)
    return Answer(text="You leave with your last client.")


async def _part(stays: Stays, call: Call, _: Values) -> Answer:
    if not stays.part(call.room, call.user):
        msg = "You are not in this room."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(text="You have left this room.")


async def _export(exports: Exports, call: Call, _: Values) -> Answer:
    with in_words():
        exported = await exports.export(RoomId(call.room), PersonId(call.user))
    if exported is None or not exported.messages:
        msg = "Nothing is kept here that you may read."
        raise CommandRefused(msg, why=Why.MISSING)
    if exported.url:
        return Answer(text=f"{counted(exported.messages, 'message')}: {exported.url}")
    if exported.text:
        return Answer(text=exported.text)
    kept = counted(exported.messages, "message is", "messages are")
    msg = f"{kept} kept, and this server has no place for a file: read them in your client."
    raise CommandRefused(msg, why=Why.AWAY)


async def _forget(stays: Stays, call: Call, _: Values) -> Answer:
    with in_words():
        gone = await stays.forget(call.room, call.user)
    if gone is None:
        msg = "Nothing is kept here."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(
        text=f"What was said here before is closed to you now. Deleted, since nobody else may read it: {gone}."
    )
