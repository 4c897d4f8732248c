"""Whom users do not want to hear from: a block list for each, kept here (XEP-0191), and reports of abuse with it (XEP-0377).

A client keeps its block list with its own server, and most never ask a component. What that server blocks it sends back to us
(service-unavailable), which ends like any other bounce; nothing here is needed for it. What is here is for those who ask the bridge
itself: by the protocol at the component's domain, or by a command. What they block is kept back by the bridge: private messages,
invitations and presence. Rooms are left, not blocked: what is said in one comes to everybody there. Called by the connector, ``directs``
and hosted rooms.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.connector import Hub
from bridge.xmpp.ports import Answer, Component, IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

LONGEST = 200
"""Entries of one user's list."""
BLOCKED = stanzas.element("blocked", ns.BLOCKING_ERRORS)
"""What an error says of who has blocked whom they write to (XEP-0191 section 3.5)."""
FEATURES = (ns.BLOCKING, ns.REPORTING, ns.REPORTING_SPAM, ns.REPORTING_ABUSE)
_PREFIX = "blocked "
_MOST_CLIENTS = 1_000
_ITEM, _REPORT = f"{{{ns.BLOCKING}}}item", f"{{{ns.REPORTING}}}report"
_TEXT, _STANZA_ID, _JID = f"{{{ns.REPORTING}}}text", f"{{{ns.IDS}}}stanza-id", "{urn:xmpp:jid:0}jid"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a user has to say of somebody at one of our addresses."""

    by: str  # a bare JID, or a server's
    about: str  # one of our addresses
    reason: str  # "spam", "abuse" or what else they wrote
    text: str = ""
    messages: tuple[str, ...] = ()  # their stanza-ids


Complain = Callable[[Report], Coroutine[Any, Any, None]]
"""Has a report looked at. Raises: StoreError."""


class Judges(Protocol):
    """Says who may ask."""

    def __call__(self, sender: str, to: str) -> IqRefused | None:
        """Return why somebody may not, None if they may."""


class Blocking:
    """The block lists of all users."""

    def __init__(self, component: Component, hub: Callable[[], Hub | None]) -> None:
        self._component = component
        self._domain = component.domain
        self._hub = hub
        self._lists: dict[str, dict[str, None]] = {}  # by bare JID, in the order of blocking
        self._clients: dict[str, None] = {}  # who have asked for their list, and are told of changes
        self.complain: Complain | None = None
        """Set by the application."""
        self.judges: Judges = lambda _, __: None
        """Set by the connector."""

    async def recall(self) -> None:
        """Read what the last run has left."""
        hub = self._hub()
        for name, text in (await hub.recollect(_PREFIX)).items() if hub is not None else ():
            self._lists[name.removeprefix(_PREFIX)] = dict.fromkeys(msgspec.json.decode(text, type=list[str]))

    # -- who is blocked

    def blocks(self, user: str, address: str) -> bool:
        """Tell whether a user (any JID of theirs) has blocked one of our addresses: itself, without its resource, or our domain."""
        blocked = self._lists.get(user.partition("/")[0])
        if not blocked:
            return False
        bare = address.partition("/")[0]
        return any(each in blocked for each in (address, bare, self._domain))

    def listed(self, user: str) -> list[str]:
        """Return whom a user has blocked."""
        return list(self._lists.get(user, ()))

    # -- blocking

    def block(self, user: str, addresses: Iterable[str]) -> None:
        """Keep these from a user. Raises: ValueError for what is none of our addresses, and for too many."""
        addresses = [each.strip() for each in addresses]
        for address in addresses:
            bare = address.partition("/")[0]
            if bare.rpartition("@")[2].lower() != self._domain:
                msg = f"{address} is no address of this bridge: block it with your own server"
                raise ValueError(msg)
        blocked = {**self._lists.get(user, {}), **dict.fromkeys(map(_folded, addresses))}
        if len(blocked) > LONGEST:
            msg = f"you have blocked {LONGEST} addresses, and cannot block more"
            raise ValueError(msg)
        self._keep(user, blocked)
        self._tell("block", user, addresses)

    def unblock(self, user: str, addresses: Iterable[str]) -> list[str]:
        """Keep these from a user no more, or nobody where none is named; returns who they were."""
        blocked = dict(self._lists.get(user, {}))
        named = list(map(_folded, addresses))
        gone = [each for each in named or list(blocked) if blocked.pop(each, _MISSING) is not _MISSING]
        self._keep(user, blocked)
        self._tell("unblock", user, named)
        return gone

    def _keep(self, user: str, blocked: dict[str, None]) -> None:
        self._lists[user] = blocked
        if not blocked:
            del self._lists[user]
        hub = self._hub()
        if hub is not None:
            hub.remember(f"{_PREFIX}{user}", msgspec.json.encode(list(blocked)).decode())

    def _tell(self, change: str, user: str, addresses: Iterable[str]) -> None:
        """Tell the clients of a user that have asked for the list (section 3.6)."""
        payload = stanzas.element(change, ns.BLOCKING, children=_items(addresses))
        for number, client in enumerate(self._clients):
            if client.partition("/")[0] == user:
                push = stanzas.iq(self._domain, client, kind="set", id_=f"block{number}", payload=payload)
                self._component.send(push)

    # -- the protocol

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{{{ns.BLOCKING}}}blocklist", self._get
        yield "set", f"{{{ns.BLOCKING}}}block", self._set
        yield "set", f"{{{ns.BLOCKING}}}unblock", self._unset

    def _caller(self, request: Request) -> str:
        if (refused := self.judges(request.sender, request.to)) is not None:
            raise refused
        return request.sender.partition("/")[0]

    def _get(self, request: Request) -> str:
        user = self._caller(request)
        self._clients[request.sender] = None
        if len(self._clients) > _MOST_CLIENTS:
            del self._clients[next(iter(self._clients))]
        return stanzas.element("blocklist", ns.BLOCKING, children=_items(self.listed(user)))

    async def _set(self, request: Request) -> str:
        user = self._caller(request)
        items = request.payload.findall(_ITEM)
        addresses = [item.get("jid", "") for item in items]
        if not addresses:
            raise IqRefused("bad-request", "whom?")
        try:
            self.block(user, addresses)
        except ValueError as error:
            raise IqRefused("not-acceptable", str(error)) from None
        for item in items:
            report = item.find(_REPORT)
            if report is not None and self.complain is not None:
                await self.complain(report_of(report, by=user, about=item.get("jid", "")))
        return ""

    def _unset(self, request: Request) -> str:
        user = self._caller(request)
        self.unblock(user, [item.get("jid", "") for item in request.payload.findall(_ITEM)])
        return ""

    def told(self, element: Element) -> Report | None:
        """Return the report that is in a message, None where there is none: as a server passes it on, or of whom it goes to.

        XEP-0377 leaves open how ``report-origin`` is carried out; a message with a ``<jid/>`` is Prosody's way.
        """
        report = element.find(_REPORT)
        about = "" if report is None else (report.findtext(_JID, "") or element.get("to", "")).strip()
        if report is None or about.partition("/")[0].rpartition("@")[2] != self._domain:
            return None
        return report_of(report, by=element.get("from", "").partition("/")[0], about=about)


_MISSING = object()


def report_of(report: Element, *, by: str, about: str) -> Report:
    """Read a ``<report/>``."""
    reason = report.get("reason", "").removeprefix(f"{ns.REPORTING_REASONS}:")
    ids = tuple(each.get("id", "")[:200] for each in report.findall(_STANZA_ID))
    text = (report.findtext(_TEXT) or "").strip()
    return Report(by=by, about=about, reason=reason[:100], text=text[:1_000], messages=ids[:20])


def _folded(address: str) -> str:
    bare, slash, resource = address.partition("/")
    return f"{bare.lower()}{slash}{resource}"


def _items(addresses: Iterable[str]) -> str:
    return "".join(stanzas.element("item", attrs={"jid": each}) for each in addresses)
