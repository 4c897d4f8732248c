"""Commands by forms: XEP-0050 over XEP-0004, for every address of ours that offers commands.

Listed in disco#items of the node ``http://jabber.org/protocol/commands`` (``disco``). What a command asks and does is in
:mod:`bridge.core.dialogue`; here are its stanzas (``forms``) and its sessions. A session is one caller's: nobody else can go on
with it, and an abandoned one is forgotten. Called by ``component``, to which it is registered as an answer.

What is missing is refused (``bad-payload``, section 4.5); what is wrong brings the form back, with a note for each field.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from bridge.core.commands import Answer, Caller, Form, Offer, Place, Step
from bridge.core.dialogue import Commands, Stuck, may, proceed
from bridge.xmpp.commands import forms
from bridge.xmpp.commands.reception import Reception
from bridge.xmpp.ports import IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

PAYLOAD: Final = f"{{{ns.COMMANDS}}}command"
LASTS: Final = 600.0
"""Seconds until a command that nobody goes on with is forgotten."""
MOST: Final = 500
MOST_OF_ONE: Final = 20
"""Commands under way, in all and of one user."""
_ON: Final = frozenset({"", "execute", "complete", "next"})
_KNOWN: Final = _ON | {"prev", "cancel"}


class _Page(msgspec.Struct, frozen=True):
    """A form that was shown, and what was given for it."""

    form: Form
    given: dict[str, object] = {}


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """A command under way: the form that is shown now is the last."""

    caller: str
    node: str
    pages: tuple[_Page, ...]
    until: float


class AdHoc:
    """Answers what is asked by XEP-0050."""

    def __init__(self, *, reception: Reception, now: Callable[[], float], token: Callable[[], str]) -> None:
        self._reception = reception
        self._now = now  # seconds of a clock that never goes back
        self._token = token
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    async def execute(self, request: Request) -> str:
        """Begin a command, go on with it, go back in it, or give it up. Raises: IqRefused."""
        action = request.payload.get("action", "")
        if action not in _KNOWN:
            raise _refused("malformed-action", "there is no such action")
        if request.payload.get("sessionid", ""):
            return await self._go_on(request, action)
        return await self._begin(request, action)

    async def _begin(self, request: Request, action: str) -> str:
        commands, offer, place, caller = self._offer(request)
        if action not in _ON:
            raise _refused("bad-action", "a command begins with execute")
        form = commands.first(offer, place, caller)
        step: Step | Stuck = form if form.fields else await proceed(form, {})
        return await self._answer(request, self._token(), step, ())

    async def _go_on(self, request: Request, action: str) -> str:
        id_ = request.payload.get("sessionid", "")
        session = self._session(request, id_)
        if action == "cancel":
            del self._sessions[id_]
            return _command(session.node, id_, "canceled")
        if action == "prev":
            return self._back(request, id_, session)
        page = session.pages[-1]
        given = forms.submitted(request.payload, page.form)
        if given is None:
            raise _refused("bad-payload", "expected a form of type submit")
        del self._sessions[id_]  # nobody submits it twice while it is worked on
        step = await proceed(page.form, given)
        if isinstance(step, Stuck) and step.is_incomplete:
            self._sessions[id_] = session
            labels = [field.label for field in page.form.fields if any(each.field == field.name for each in step.wrong)]
            raise _refused("bad-payload", f"missing: {', '.join(labels)}")
        return await self._answer(request, id_, step, (*session.pages[:-1], _Page(page.form, given)))

    def _back(self, request: Request, id_: str, session: _Session) -> str:
        if len(session.pages) < 2:
            raise _refused("bad-action", "there is no step back")
        pages = session.pages[:-1]
        return self._show(request, id_, pages)

    async def _answer(self, request: Request, id_: str, step: Step | Stuck, pages: tuple[_Page, ...]) -> str:
        """Write what has followed: an answer, the same form again, or the next."""
        while isinstance(step, Form) and not step.fields:
            step = await proceed(step, {})
        if isinstance(step, Stuck) and not step.form.fields:
            step = Answer(text=str(step), why=step.why)
        match step:
            case Answer():
                asked = pages[0].form if pages else self._first(request)
                written = forms.answer(step, title=asked.title, form_type=asked.form_type)
                return _command(request.payload.get("node", ""), id_, "completed", children=written)
            case Stuck():
                shown = pages if pages and pages[-1].form is step.form else (*pages, _Page(step.form, dict(step.given)))
                return self._show(request, id_, shown, stuck=step)
            case Form():
                return self._show(request, id_, (*pages, _Page(step)))

    def _first(self, request: Request) -> Form:
        commands, offer, place, caller = self._offer(request)
        return commands.first(offer, place, caller)

    def _show(self, request: Request, id_: str, pages: tuple[_Page, ...], *, stuck: Stuck | None = None) -> str:
        node = request.payload.get("node", "")
        self._sessions[id_] = _Session(caller=request.sender, node=node, pages=pages, until=self._now() + LASTS)
        self._forget(request.sender)
        page = pages[-1]
        on = "next" if page.form.more else "complete"
        inner = (stanzas.element("prev") if len(pages) > 1 else "") + stanzas.element(on)
        actions = stanzas.element("actions", attrs={"execute": on}, children=inner)
        form = forms.form(page.form, page.given, wrong=() if stuck is None else stuck.wrong)
        notes = "" if stuck is None else forms.complaints(stuck)
        return _command(node, id_, "executing", children=actions + form + notes)

    def _forget(self, caller: str) -> None:
        """Forget what nobody goes on with, secrets that were given among it; the oldest where one caller or all have too many."""
        now = self._now()
        for id_ in [id_ for id_, session in self._sessions.items() if session.until < now]:
            del self._sessions[id_]
        bare = caller.partition("/")[0]
        own = [id_ for id_, session in self._sessions.items() if session.caller.partition("/")[0] == bare]
        for id_ in own[:-MOST_OF_ONE]:
            del self._sessions[id_]
        if len(self._sessions) > MOST:
            self._sessions.popitem(last=False)

    def _session(self, request: Request, id_: str) -> _Session:
        known = self._sessions.get(id_)
        if known is None or known.until < self._now():
            self._sessions.pop(id_, None)
            raise _refused("session-expired", "this command is not under way any more: begin anew", "not-allowed")
        if known.caller != request.sender or known.node != request.payload.get("node", ""):
            raise _refused("bad-sessionid", "this is not your command: begin anew")
        return known

    def _offer(self, request: Request) -> tuple[Commands, Offer, Place, Caller]:
        """Find what is called, by whom, where. Raises: IqRefused."""
        commands, place = self._reception.commands, self._reception.place(request.to)
        offer = commands.find(request.payload.get("node", ""), place) if commands and place else None
        if commands is None or place is None or offer is None:
            raise IqRefused("item-not-found")
        caller = self._reception.caller(request.sender)
        if caller is None:
            raise IqRefused("forbidden", "call this from your own address, not through a room")
        if not may(offer, caller):
            raise IqRefused("forbidden", f"{offer.command.title}: you may not do this")
        return commands, offer, place, caller


def _refused(condition: str, words: str, defined: str = "bad-request") -> IqRefused:
    """Return a refusal with a condition of XEP-0050's own (section 4.5)."""
    return IqRefused(defined, words, special=f"<{condition} xmlns='{ns.COMMANDS}'/>")


def _command(node: str, session: str, status: str, *, children: str = "") -> str:
    attrs = {"node": node, "sessionid": session, "status": status}
    return stanzas.element("command", ns.COMMANDS, attrs=attrs, children=children)
