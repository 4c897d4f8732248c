"""Registering with the bridge's addresses (XEP-0077): for clients that know it, another door to ``login`` and ``settings``.

At a network's address one form has what both ask for; at a hosted room's a nick is kept (:mod:`bridge.xmpp.hosted.reservations`); the
bridge's own address tells where to go. What is asked and done is the commands' own (:mod:`bridge.core.dialogue`): here they are put
together, and taken apart again. Made by the connector.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.commands import Answer, Caller, Field, Form, Place, Why
from bridge.core.dialogue import Stuck, proceed
from bridge.core.fields import fill
from bridge.core.ids import Network
from bridge.core.jids import to_localpart
from bridge.xmpp.commands import forms
from bridge.xmpp.commands.reception import Reception
from bridge.xmpp.hosted.requests import Refused
from bridge.xmpp.ports import Answer as Answers
from bridge.xmpp.ports import IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_REGISTER: Final = f"{{{ns.REGISTER}}}"
_VARS: Final[Mapping[tuple[str, str], str]] = {("login", "account"): "username", ("settings", "username"): "ident"}
"""Fields that have another name here: in forms of this kind ``username`` is that of an account (XEP-0077 section 8.2)."""
_MINE: Final = "This is kept for you. What you leave empty becomes what it usually is, but for secrets, which stay."
_NEW: Final = "With an account of yours, or without: each field may be left empty."


class Known(Protocol):
    """Who knows what is kept of users: the application."""

    def networks(self) -> Sequence[Network]:
        """Return the networks with which users can register."""

    def kept(self, user: str) -> Sequence[Network]:
        """Return the networks where somebody (a bare JID) is registered, whether these are there now or not."""

    def account(self, network: Network, user: str) -> str | None:
        """Return the name of somebody's login, "" where only settings of theirs are kept; None where nothing is."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one command asks for."""

    command: str
    form: Form


class Registering:
    """Answers what is asked by XEP-0077 at any of our addresses."""

    def __init__(
        self,
        reception: Reception,
        *,
        domain: str,
        rooms: Mapping[str, Answers],
        leave: Callable[[Network, str], bool],
        bars: Callable[[str, str], Refused | None],
        visit: Callable[[Network], None],
    ) -> None:
        """``rooms`` answer for hosted rooms (``get``, ``set``), ``leave`` takes a user out of all rooms of a network.

        ``bars`` says why somebody may not give commands at an address; ``visit`` has a server be there that nobody is on.
        """
        self.known: Known | None = None  # until the application has introduced itself
        self._reception = reception
        self._domain = domain
        self._rooms = rooms
        self._leave = leave
        self._bars = bars
        self._visit = visit

    def answers(self) -> Iterator[tuple[str, str, Answers]]:
        """Return what is asked and who answers it."""
        yield "get", f"{_REGISTER}query", self._get
        yield "set", f"{_REGISTER}query", self._set

    def registers(self, network: Network) -> bool:
        """Tell whether users can register with a network."""
        return self.known is not None and network in self.known.networks()

    def _get(self, request: Request) -> str | Awaitable[str]:
        place, caller = self._where(request)
        if place is None or place.room:
            return self._rooms["get"](request)
        if place.network is None:
            return stanzas.element(
                "query", ns.REGISTER, children=stanzas.element("instructions", words=self._directions())
            )
        return self._form(place.network, place, caller)

    def _set(self, request: Request) -> str | Awaitable[str]:
        place, caller = self._where(request)
        if place is None or place.room:
            return self._rooms["set"](request)
        if request.payload.find(f"{_REGISTER}remove") is not None:
            return self._remove(place, caller)
        if place.network is None:
            raise IqRefused("not-allowed", self._directions())
        return self._register(place.network, place, caller, request.payload)

    def _where(self, request: Request) -> tuple[Place | None, Caller]:
        """Return what is asked, and by whom. Raises: IqRefused."""
        place = self._reception.place(request.to)
        caller = self._reception.caller(request.sender)
        if place is None or place.room:
            return place, caller or Caller()
        if caller is None:
            raise IqRefused("forbidden", "register from your own address, not through a room")
        refused = self._bars(request.sender, request.to)
        if refused is not None:
            raise IqRefused(refused.condition, refused.words)
        if place.network is not None and not self.registers(place.network):
            raise IqRefused("service-unavailable", f"there is nothing to register with {place.network}")
        return place, caller

    def _directions(self) -> str:
        networks = self.known.networks() if self.known is not None else ()
        names = ", ".join(f"{to_localpart(network, None)}@{self._domain}" for network in networks)
        if not names:
            return "There is nothing to register with here."
        return f"You need not register with the bridge itself. Register with a network, at its own address: {names}"

    # -- a network's

    async def _form(self, network: Network, place: Place, caller: Caller) -> str:
        account = self._account(network, caller)
        parts = await self._parts(place, caller)
        shown = Form(
            title=f"You on {network}",
            instructions=" ".join(
                [_NEW if account is None else _MINE, *(part.form.instructions for part in parts[:1])]
            ),
            fields=tuple(_shown(part.command, field, account) for part in parts for field in part.form.fields),
            then=_never,
            form_type=ns.REGISTER,
        )
        inner = "" if account is None else stanzas.element("registered")
        inner += stanzas.element("instructions", words=shown.instructions)
        if any(field.name == "account" for part in parts for field in part.form.fields):
            inner += stanzas.element("username", words=account or "") + stanzas.element("password")
        return stanzas.element("query", ns.REGISTER, children=inner + forms.form(shown, {}))

    async def _register(self, network: Network, place: Place, caller: Caller, query: Element) -> str:
        """Log in, and set what was given, each if it was (section 3.1.1). Raises: IqRefused, naming the field."""
        account = self._account(network, caller)
        parts = [(part, _given(part, query)) for part in await self._parts(place, caller)]
        wanted = [(part, given) for part, given in parts if _is_wanted(part, given, account)]
        if not wanted and account is None:
            wanted = [(part, given) for part, given in parts if any(field.required for field in part.form.fields)][:1]
        for part, given in wanted:
            filled = fill(part.form.fields, given)
            if filled.wrong:
                raise _unacceptable(part, [(each.field, each.reason) for each in filled.wrong])
        for part, given in reversed(wanted):  # settings first: the server's password is among them
            step = await proceed(part.form, given)
            if isinstance(step, Stuck):
                raise _unacceptable(part, [(each.field, each.reason) for each in step.wrong])
            if isinstance(step, Answer) and step.why is not None:
                raise IqRefused("not-acceptable", step.text)
        if self._account(network, caller) is None:
            raise IqRefused("not-acceptable", "nothing was given: fill in at least one field")
        return ""

    async def _parts(self, place: Place, caller: Caller) -> list[_Part]:
        found = []
        for name in ("login", "settings"):
            step = await self._call(name, place, caller)
            if isinstance(step, Form):
                found.append(_Part(command=name, form=step))
        return found

    async def _call(self, name: str, place: Place, caller: Caller) -> object:
        """Begin a command that asks for nothing at first; None where it is not offered."""
        commands = self._reception.commands
        offer = commands.find(name, place) if commands is not None else None
        if commands is None or offer is None:
            return None
        return await proceed(commands.first(offer, place, caller), {})

    def _account(self, network: Network, caller: Caller) -> str | None:
        return self.known.account(network, caller.user) if self.known is not None else None

    # -- leaving

    async def _remove(self, place: Place, caller: Caller) -> str:
        """Forget somebody on a network or (the bridge's address) on all, and let them leave its rooms (section 3.2)."""
        networks = {place.network} if place.network is not None else set()
        if self.known is not None and place.network is None:
            networks = {*self.known.networks(), *self.known.kept(caller.user)}
        found = False
        for network in sorted(networks):
            self._visit(network)
            found |= await self._forget(network, caller)
        if not found:
            raise IqRefused("registration-required", "you are not registered")
        return ""

    async def _forget(self, network: Network, caller: Caller) -> bool:
        was = self._account(network, caller) is not None
        left = self._leave(network, caller.user)
        if was:
            for name in ("logout", "settings reset"):
                step = await self._call(name, Place(network=network), caller)
                if isinstance(step, Answer) and step.why not in (None, Why.MISSING):
                    raise IqRefused("resource-constraint", step.text)
        if self._account(network, caller) is not None:
            raise IqRefused("recipient-unavailable", f"{network} is not there now, and what is kept for it stays")
        return was or left


async def _never(_: object) -> Answer:
    """Follow no form that is only shown."""
    return Answer()


def _shown(command: str, field: Field, account: str | None) -> Field:
    """Return a field as it stands in the form: none has to be filled in, and one says who somebody is."""
    value = account or "" if field.name == "account" else field.value
    return msgspec.structs.replace(field, var=_var(command, field), required=False, value=value)


def _var(command: str, field: Field) -> str:
    return _VARS.get((command, field.name), field.name)


def _given(part: _Part, query: Element) -> dict[str, object]:
    """Return what was given for a command, by its fields' names; without a form the account and its password."""
    renamed = tuple(msgspec.structs.replace(field, var=_var(part.command, field)) for field in part.form.fields)
    if query.find(f"{{{ns.DATA}}}x") is not None:
        given = forms.submitted(query, msgspec.structs.replace(part.form, fields=renamed))
        if given is None:
            raise IqRefused("bad-request", "expected a form of type submit")
        return given
    if part.command != "login":
        return {}
    plain = {"account": "username", "password": "password"}
    return {
        field.name: query.findtext(f"{_REGISTER}{plain.get(field.name, '')}", "")
        for field in renamed
        if field.name in plain
    }


def _is_wanted(part: _Part, given: Mapping[str, object], account: str | None) -> bool:
    """Tell whether somebody has given anything that changes something."""
    if part.command != "login":
        return bool(given)
    return any(
        value not in ("", [], field.default, [field.default]) and not (field.name == "account" and value == account)
        for field in part.form.fields
        if (value := given.get(field.name, "")) is not None
    )


def _unacceptable(part: _Part, wrong: Iterable[tuple[str, str]]) -> IqRefused:
    """Refuse, naming each field as the form names it."""
    by_name = {field.name: field for field in part.form.fields}
    words = [f"{_var(part.command, by_name[name])}: {reason}" if name in by_name else reason for name, reason in wrong]
    return IqRefused("not-acceptable", "; ".join(words))
