"""URLs at which programs say something in a room: ``hooks list``, ``create``, ``rotate``, ``pause`` and so on."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from bridge import listing
from bridge.core.commands import Answer, Call, Command, Field, Offer, Sort, Values, Who
from bridge.web.ports import HookCallDocument, HookDocument, HookUrlDocument, NewHook, SaidDocument

_HOOK: Final = Field(name="hook", label="Hook", description="Its id, or NETWORK:ID")
_OWN: Final = ("name", "avatar", "format")

LIST: Final = Command(name="hooks list", title="List all hooks", who=Who.ADMIN, result=list[HookDocument])
CREATE: Final = Command(
    name="hooks create",
    title="Make a hook, and show its URL this once",
    who=Who.ADMIN,
    fields=(
        Field(name="room", label="Room", description="Where it speaks, as NETWORK:ROOM"),
        Field(
            name="name",
            label="Name",
            required=False,
            named=True,
            description="Who speaks, where a message does not say so",
        ),
        Field(name="avatar", label="Picture", required=False, named=True, description="The URL of their picture"),
        Field(
            name="format",
            label="Format",
            required=False,
            named=True,
            description="What is sent: github, alertmanager …; without, it is recognised by itself",
        ),
        Field(
            name="expires_in",
            label="How long it is good",
            sort=Sort.DURATION,
            required=False,
            default="0",
            named=True,
            description="30d; 0 is for ever",
        ),
        Field(
            name="settings",
            label="More settings",
            sort=Sort.TABLE,
            required=False,
            description="Any key that a hook may have, as KEY=VALUE",
        ),
    ),
    result=HookUrlDocument,
)
ROTATE: Final = Command(
    name="hooks rotate",
    title="Give a hook another secret, and show its URL this once",
    who=Who.ADMIN,
    fields=(
        _HOOK,
        Field(
            name="overlap",
            label="How long the old URL is good, too",
            sort=Sort.DURATION,
            required=False,
            default="24h",
            named=True,
        ),
    ),
    result=HookUrlDocument,
)
PAUSE: Final = Command(
    name="hooks pause",
    title="Let a hook take what comes and say nothing",
    who=Who.ADMIN,
    fields=(_HOOK, Field(name="paused", label="Be silent", sort=Sort.FLAG, required=False, default="yes")),
)
RESUME: Final = Command(name="hooks resume", title="Let a hook speak again", who=Who.ADMIN, fields=(_HOOK,))
REVOKE: Final = Command(name="hooks revoke", title="Take a hook back for good", who=Who.ADMIN, fields=(_HOOK,))
TEST: Final = Command(
    name="hooks test", title="Let a hook say something", who=Who.ADMIN, fields=(_HOOK,), result=SaidDocument
)
CALLS: Final = Command(
    name="hooks calls",
    title="List what was sent to a hook lately, newest first",
    who=Who.ADMIN,
    fields=(_HOOK,),
    result=list[HookCallDocument],
)
REPLAY: Final = Command(
    name="hooks replay",
    title="Read once more what was sent, and say it as something new",
    who=Who.ADMIN,
    fields=(_HOOK, Field(name="call", label="Call", description='As listed by "hooks calls"')),
    result=SaidDocument,
)
COMMANDS: Final = (LIST, CREATE, ROTATE, PAUSE, RESUME, REVOKE, TEST, CALLS, REPLAY)


class HookDesk(Protocol):
    """The hooks of all networks: :class:`bridge.hookdesk.Hooks`. ``hook`` is an id, or ``NETWORK:ID``. All may raise CommandRefused."""

    def hooks(self) -> Sequence[HookDocument]:
        """Return all hooks."""

    async def create(self, hook: NewHook) -> HookUrlDocument:
        """Make a hook."""

    async def rotate(self, hook: str, *, overlap: float) -> HookUrlDocument:
        """Give it another secret."""

    async def pause(self, hook: str, *, paused: bool) -> None:
        """Silence it, or let it speak again."""

    async def revoke(self, hook: str) -> None:
        """Take it back for good."""

    async def test(self, hook: str) -> SaidDocument:
        """Let it say something."""

    async def calls(self, hook: str) -> Sequence[HookCallDocument]:
        """Return what was sent to it lately, newest first."""

    async def replay(self, hook: str, call: str) -> SaidDocument:
        """Say once more what was sent."""


def offers(desk: HookDesk, *, is_linked: Callable[[str], bool]) -> tuple[Offer, ...]:
    """Return the commands with what runs them; ``is_linked`` tells whether a ``NETWORK:ROOM`` is in a link."""
    return (
        Offer(command=LIST, run=partial(_list, desk)),
        Offer(command=CREATE, run=partial(_create, desk, is_linked)),
        Offer(command=ROTATE, run=partial(_rotate, desk)),
        Offer(command=PAUSE, run=partial(_pause, desk)),
        Offer(command=RESUME, run=partial(_resume, desk)),
        Offer(command=REVOKE, run=partial(_revoke, desk)),
        Offer(command=TEST, run=partial(_test, desk)),
        Offer(command=CALLS, run=partial(_calls, desk)),
        Offer(command=REPLAY, run=partial(_replay, desk)),
    )


async def _list(desk: HookDesk, _: Call, __: Values) -> Answer:
    found = desk.hooks()
    return Answer(table=listing.hooks(found), data=found)


async def _create(desk: HookDesk, is_linked: Callable[[str], bool], _: Call, values: Values) -> Answer:
    room = values.text("room")
    settings: dict[str, Any] = {**values.table("settings"), **{key: values.text(key) for key in _OWN if key in values}}
    made = await desk.create(NewHook(room=room, expires_in=values.seconds("expires_in"), settings=settings))
    alone = f"{room} is in no link yet: until it is, nobody hears what is sent there"
    return Answer(text=made.url, data=made, remark="" if is_linked(room) else alone)


async def _rotate(desk: HookDesk, _: Call, values: Values) -> Answer:
    made = await desk.rotate(values.text("hook"), overlap=values.seconds("overlap"))
    return Answer(text=made.url, data=made)


async def _pause(desk: HookDesk, _: Call, values: Values) -> Answer:
    return await _silence(desk, values.text("hook"), paused=values.flag("paused"))


async def _resume(desk: HookDesk, _: Call, values: Values) -> Answer:
    return await _silence(desk, values.text("hook"), paused=False)


async def _silence(desk: HookDesk, hook: str, *, paused: bool) -> Answer:
    await desk.pause(hook, paused=paused)
    return Answer(text=f"{hook} is paused: what comes is kept, and not said" if paused else f"{hook} speaks again")


async def _revoke(desk: HookDesk, _: Call, values: Values) -> Answer:
    hook = values.text("hook")
    await desk.revoke(hook)
    return Answer(text=f"{hook} is taken back: whoever calls it is told that it is gone")


async def _test(desk: HookDesk, _: Call, values: Values) -> Answer:
    said = await desk.test(values.text("hook"))
    return Answer(text=f"said as {said.id}", data=said)


async def _calls(desk: HookDesk, _: Call, values: Values) -> Answer:
    found = await desk.calls(values.text("hook"))
    return Answer(table=listing.hook_calls(found), data=found)


async def _replay(desk: HookDesk, _: Call, values: Values) -> Answer:
    said = await desk.replay(values.text("hook"), values.text("call"))
    return Answer(text=f"said as {said.id}", data=said)
