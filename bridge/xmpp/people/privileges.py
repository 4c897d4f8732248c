"""What a server lets us do in the name of its users (XEP-0356): their rosters, their bookmarks, messages that they have said elsewhere.

A server says so by itself when the stream is up, in the namespace of version 2 (Prosody, newer ejabberd) or of version 1 (ejabberd of
2023 and before), which knows no IQs. Whoever has no such right for a user is answered False, and does without. What is
done with the rights is in ``keepsakes``.
"""

import logging
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.errors import refusal

log = logging.getLogger(__name__)

_MESSAGE: Final = f"{{{ns.COMPONENT}}}message"
_BOTH: Final = frozenset({"get", "set"})
_IQ: Final = f"{{{ns.CLIENT}}}iq"


class Grant(msgspec.Struct, frozen=True):
    """What one server allows."""

    namespace: str
    roster: frozenset[str] = frozenset()  # "get", "set"
    speaks: bool = False
    iqs: Mapping[str, frozenset[str]] = {}  # by namespace


class Privileges:
    """The rights that servers have given, by their domain."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._grants: dict[str, Grant] = {}

    def forget(self) -> None:
        """Have none any more: there is a new stream."""
        self._grants.clear()

    def take(self, element: Element) -> bool:
        """Take what a server allows; False: the stanza is about something else.

        A server can only give rights over its own users, so anybody may say it.
        """
        if element.tag != _MESSAGE or element.get("type") == "error":
            return False
        for namespace in (ns.PRIVILEGE, ns.PRIVILEGE_1):
            told = element.find(f"{{{namespace}}}privilege")
            sender = element.get("from", "")
            if told is not None and "@" not in sender and "/" not in sender:
                self._grants[sender] = _read(told, namespace)
                log.info("xmpp.privileged server=%s", sender)
                return True
        return False

    def of(self, user: str) -> Grant:
        """Return what we may do for a user (a bare JID)."""
        return self._grants.get(user.rpartition("@")[2], _NONE)

    # -- doing it

    async def roster(self, user: str) -> dict[str, Element] | None:
        """Return a user's roster, by JID; None where it may not be read, or cannot be had."""
        if "get" not in self.of(user).roster:
            return None
        try:
            answer = await self._around.component.iq("get", to=user, payload=f"<query xmlns='{ns.ROSTER}'/>")
        except IqRefused as refused:
            log.info("xmpp.roster.refused: %s", refused.condition)
            return None
        return {item.get("jid", ""): item for item in answer.iter(f"{{{ns.ROSTER}}}item")}

    async def put_contact(self, user: str, jid: str, *, name: str, group: str) -> bool:
        """Put somebody into a user's roster, subscribed both ways; tells whether that was done."""
        if "set" not in self.of(user).roster:
            return False
        inner = stanzas.element("group", words=group) if group else ""
        item = stanzas.element("item", attrs={"jid": jid, "name": name, "subscription": "both"}, children=inner)
        payload = stanzas.element("query", ns.ROSTER, children=item)
        try:
            await self._around.component.iq("set", to=user, payload=payload)
        except IqRefused as refused:
            log.info("xmpp.roster.refused: %s", refused.condition)
            self._cannot_set(user)
            return False
        return True

    def _cannot_set(self, user: str) -> None:
        """Ask a server no more that says that it lets us change rosters, and does not: ejabberd 23 fails at every try."""
        server, grant = user.rpartition("@")[2], self.of(user)
        if server in self._grants:
            self._grants[server] = msgspec.structs.replace(grant, roster=grant.roster - {"set"})

    async def ask(self, kind: str, user: str, payload: str, *, namespace: str) -> Element | None:
        """Send an IQ to a user's own account as that user (section 6); None where that may not be, or was refused."""
        grant = self.of(user)
        if kind not in grant.iqs.get(namespace, ()):
            return None
        inner = f"<iq xmlns='{ns.CLIENT}' type='{kind}' id='{self._around.token()}'>{payload}</iq>"
        wrapped = stanzas.element("privileged_iq", grant.namespace, children=inner)
        try:
            answer = await self._around.component.iq(kind, to=user, payload=wrapped)
        except IqRefused as refused:
            log.info("xmpp.privileged.refused: %s", refused.condition)
            return None
        result = next(answer.iter(_IQ), None)
        if result is not None and result.get("type") == "error":
            log.info("xmpp.privileged.refused: %s", refusal(result).condition)
            return None
        return result

    def say(self, user: str, message: str) -> bool:
        """Send a message (in ``jabber:client``) of a user's bare JID as that user (section 5); False where that may not be."""
        grant = self.of(user)
        if not grant.speaks:
            return False
        forwarded = stanzas.element("forwarded", ns.FORWARD, children=message)
        extra = stanzas.element("privilege", grant.namespace, children=forwarded)
        self._around.component.send(
            stanzas.message(self._around.component.domain, user.rpartition("@")[2], extra=extra)
        )
        return True


_NONE: Final = Grant("")


def _read(told: Element, namespace: str) -> Grant:
    roster: frozenset[str] = frozenset()
    speaks, iqs = False, {}
    for perm in told.findall(f"{{{namespace}}}perm"):
        kind = perm.get("type", "")
        match perm.get("access"):
            case "roster":
                roster = _kinds(kind)
            case "message":
                speaks = kind == "outgoing"
            case "iq":
                iqs = {
                    each.get("ns", ""): _kinds(each.get("type", ""))
                    for each in perm.findall(f"{{{namespace}}}namespace")
                }
            case _:
                pass  # presence: our own rooms tell us who is there
    return Grant(namespace, roster, speaks, iqs)


def _kinds(kind: str) -> frozenset[str]:
    return _BOTH if kind == "both" else frozenset({kind}) & _BOTH
