"""Commands by forms: XEP-0050 over XEP-0004, for every address of ours that offers commands.

Listed in disco#items of the node ``http://jabber.org/protocol/commands`` (``disco``). What a command asks and does is in
:mod:`bridge.xmpp.commands`. A session is one caller's: nobody else can go on with it, and an abandoned one is forgotten.
Called by ``component``, to which it is registered as an answer.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from bridge.xmpp import namespaces as ns
from bridge.xmpp import stanzas
from bridge.xmpp.commands import Ask, Command, CommandsAt, Input, Step, Told
from bridge.xmpp.ports import IqRefused, Request

PAYLOAD: Final = f"{{{ns.COMMANDS}}}command"
LASTS: Final = 600.0
"""Seconds until a command that nobody goes on with is forgotten."""
MOST: Final = 500
LONGEST: Final = 4_096
"""Characters of a value that somebody gives."""

_FORM = f"{{{ns.DATA}}}x"
_FIELD = f"{{{ns.DATA}}}field"
_VALUE = f"{{{ns.DATA}}}value"
_ON = frozenset({"", "execute", "complete", "next"})


class _Session(NamedTuple):
    """A command under way."""

    caller: str
    node: str
    ask: Ask
    until: float


class AdHoc:
    """Answers what is asked by XEP-0050."""

    def __init__(self, *, commands: CommandsAt, now: Callable[[], float], token: Callable[[], str]) -> None:
        self._commands = commands
        self._now = now  # seconds of a clock that never goes back
        self._token = token
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    async def execute(self, request: Request) -> str:
        """Begin a command, go on with it, or give it up. Raises: IqRefused."""
        node, session = request.payload.get("node", ""), request.payload.get("sessionid", "")
        action = request.payload.get("action", "")
        if session:
            return await self._go_on(request, node, session, action)
        command = self._command(request, node)
        if action not in _ON:
            raise IqRefused("bad-request", "a command begins with execute")
        return self._written(request, node, self._token(), await command.begin(request.sender.partition("/")[0]))

    async def _go_on(self, request: Request, node: str, session: str, action: str) -> str:
        known = self._sessions.get(session)
        if known is None or known.caller != request.sender or known.node != node or known.until < self._now():
            raise IqRefused("bad-request", "this command is not under way any more: begin anew")
        if action == "cancel":
            del self._sessions[session]
            return _command(node, session, "canceled")
        if action not in _ON:
            raise IqRefused("bad-request", "there is no step back")
        given = _given(request.payload)
        missing = [one.label for one in known.ask.inputs if not given.get(one.name, "").strip()]
        if missing:
            raise IqRefused("not-acceptable", f"missing: {', '.join(missing)}")
        del self._sessions[session]
        wanted = {one.name: given[one.name].strip() for one in known.ask.inputs}
        return self._written(request, node, session, await known.ask.then(wanted))

    def _command(self, request: Request, node: str) -> Command:
        localpart = request.to.partition("/")[0].rpartition("@")[0]
        found = next((command for command in self._commands(localpart) if command.node == node), None)
        if found is None:
            raise IqRefused("item-not-found")
        return found

    def _written(self, request: Request, node: str, session: str, step: Step) -> str:
        if isinstance(step, Told):
            kind = "error" if step.wrong else "info"
            note = stanzas.element("note", attrs={"type": kind}, words=step.words)
            return _command(node, session, "completed", children=note)
        self._sessions[session] = _Session(request.sender, node, step, self._now() + LASTS)
        if len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        actions = stanzas.element("actions", attrs={"execute": "complete"}, children="<complete/>")
        return _command(node, session, "executing", children=actions + _form(step))


def _command(node: str, session: str, status: str, *, children: str = "") -> str:
    attrs = {"node": node, "sessionid": session, "status": status}
    return stanzas.element("command", ns.COMMANDS, attrs=attrs, children=children)


def _form(ask: Ask) -> str:
    inner = stanzas.element("title", words=ask.title) + stanzas.element("instructions", words=ask.instructions)
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner + "".join(map(_field, ask.inputs)))


def _field(one: Input) -> str:
    kind = "text-private" if one.secret else "text-single"
    return stanzas.element("field", attrs={"var": one.name, "type": kind, "label": one.label}, children="<required/>")


def _given(payload: Element) -> dict[str, str]:
    """Return what was filled in."""
    form = payload.find(_FORM)
    if form is None or form.get("type") != "submit":
        return {}
    return {field.get("var", ""): (field.findtext(_VALUE) or "")[:LONGEST] for field in form.iterfind(_FIELD)}
