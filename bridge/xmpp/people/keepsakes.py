"""What the bridge keeps in users' own accounts, where their server lets it (XEP-0356): contacts and bookmarks.

A network that somebody uses, and the people to whom they write, come into their roster; a hosted room in which they stay becomes a
bookmark (XEP-0402), and none when they stay no more. Each is put there once: what a user has taken out is not put back, and
what they had there before is left as it is. Nothing here is needed for anything else.
"""

from collections.abc import Callable
from typing import Final
from xml.etree.ElementTree import Element

from bridge.core.ids import Network
from bridge.core.jids import to_localpart
from bridge.xmpp.people.privileges import Privileges
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_PREFIX: Final = "kept "
_OPTIONS: Final = {
    "pubsub#persist_items": "true",
    "pubsub#max_items": "max",
    "pubsub#send_last_published_item": "never",
    "pubsub#access_model": "whitelist",
}
"""What a node of bookmarks is like (XEP-0402 section 4.4)."""


class Keepsakes:
    """Puts things into users' accounts."""

    def __init__(self, around: Surroundings, privileges: Privileges, *, probe: Callable[[str, str], None]) -> None:
        """``probe`` shows a user the presence of one of our addresses."""
        self._around = around
        self._privileges = privileges
        self._probe = probe
        self._busy: set[tuple[str, str]] = set()

    # -- contacts

    def network(self, user: str, network: Network) -> None:
        """Note that a user is on a network."""
        address = f"{to_localpart(network, None)}@{self._around.component.domain}"
        self._contact(user, address, name=network, group="")

    def person(self, user: str, address: str, *, name: str, network: Network) -> None:
        """Note that a user has written to somebody."""
        self._contact(user, address, name=name, group=network)

    def _contact(self, user: str, address: str, *, name: str, group: str) -> None:
        if "set" not in self._privileges.of(user).roster or (user, address) in self._busy:
            return
        self._busy.add((user, address))
        if not self._around.spawn(self._put_contact(user, address, name, group)):
            self._busy.discard((user, address))

    async def _put_contact(self, user: str, address: str, name: str, group: str) -> None:
        try:
            if await self._is_kept(user, address):
                return
            roster = await self._privileges.roster(user)
            if roster is not None and address in roster:
                self._keep(user, address)
            elif await self._privileges.put_contact(user, address, name=name, group=group):
                self._keep(user, address)
                self._probe(address, user)
        finally:
            self._busy.discard((user, address))

    # -- bookmarks

    def stays(self, user: str, room: str, *, name: str, nick: str) -> None:
        """Note that a user stays in a room."""
        if "set" in self._privileges.of(user).iqs.get(ns.PUBSUB, ()):
            self._around.spawn(self._bookmark(user, room, name, nick))

    def stays_no_more(self, user: str, room: str) -> None:
        """Note that a user stays in a room no more."""
        if "set" in self._privileges.of(user).iqs.get(ns.PUBSUB, ()):
            self._around.spawn(self._retract(user, room))

    async def _bookmark(self, user: str, room: str, name: str, nick: str) -> None:
        if await self._is_kept(user, room) or await self._has_bookmark(user, room):
            return
        inner = stanzas.element("nick", words=nick) if nick else ""
        conference = stanzas.element(
            "conference", ns.BOOKMARKS, attrs={"name": name, "autojoin": "true"}, children=inner
        )
        item = stanzas.element("item", attrs={"id": room}, children=conference)
        publish = stanzas.element("publish", attrs={"node": ns.BOOKMARKS}, children=item)
        options = stanzas.element("publish-options", children=_submitted(_OPTIONS))
        payload = stanzas.element("pubsub", ns.PUBSUB, children=publish + options)
        if await self._privileges.ask("set", user, payload, namespace=ns.PUBSUB) is not None:
            self._keep(user, room)

    async def _has_bookmark(self, user: str, room: str) -> bool:
        """Tell whether a user has a bookmark of a room, as far as that may be looked at."""
        item = stanzas.element("item", attrs={"id": room})
        items = stanzas.element("items", attrs={"node": ns.BOOKMARKS}, children=item)
        payload = stanzas.element("pubsub", ns.PUBSUB, children=items)
        answer = await self._privileges.ask("get", user, payload, namespace=ns.PUBSUB)
        return answer is not None and any(_id(each) == room for each in answer.iter(f"{{{ns.PUBSUB}}}item"))

    async def _retract(self, user: str, room: str) -> None:
        if not await self._is_kept(user, room):
            return  # it is theirs
        item = stanzas.element("item", attrs={"id": room})
        retract = stanzas.element("retract", attrs={"node": ns.BOOKMARKS, "notify": "true"}, children=item)
        payload = stanzas.element("pubsub", ns.PUBSUB, children=retract)
        if await self._privileges.ask("set", user, payload, namespace=ns.PUBSUB) is not None:
            self._keep(user, room, kept=False)

    # -- remembering what was put

    async def _is_kept(self, user: str, what: str) -> bool:
        hub = self._around.hub
        return hub is None or bool(await hub.recall(f"{_PREFIX}{user} {what}"))

    def _keep(self, user: str, what: str, *, kept: bool = True) -> None:
        self._around.remember(f"{_PREFIX}{user} {what}", "1" if kept else "")


def _id(item: Element) -> str:
    return item.get("id", "")


def _submitted(fields: dict[str, str]) -> str:
    kind = "http://jabber.org/protocol/pubsub#publish-options"
    inner = stanzas.element("field", attrs={"var": "FORM_TYPE", "type": "hidden"}, children=f"<value>{kind}</value>")
    for name, value in fields.items():
        inner += stanzas.element("field", attrs={"var": name}, children=stanzas.element("value", words=value))
    return stanzas.element("x", ns.DATA, attrs={"type": "submit"}, children=inner)
