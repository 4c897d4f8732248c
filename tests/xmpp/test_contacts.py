"""Ghosts and networks in somebody's contact list."""

import pytest

from bridge.core.events import Presence, Show
from bridge.core.ids import XMPP, Network
from tests.support.xmpp_connector import Bridge

BOB, IRC, DOMAIN = "bob%irc@bridge.localhost", "irc@bridge.localhost", "bridge.localhost"
JULIET = "juliet@localhost"
Seen = list[tuple[str, str, str]]


async def answers(kind: str, to: str, *, shown: Presence | None = None) -> Seen:
    """Return what answers a presence to one of our addresses: type or show, from, to."""
    bridge = Bridge()
    bridge.connector.know_networks({Network("irc"): "irc", XMPP: "xmpp"})
    async with bridge:
        if shown is not None:
            await bridge.wish("bob", presence=shown)
        before = len(bridge.stream.sent)
        bridge.stream.deliver(f"<presence type='{kind}' from='{JULIET}' to='{to}'/>")
        found = bridge.stream.sent[before:]
        return [
            (each.get("type") or each.findtext("{*}show") or "", each.get("from", ""), each.get("to", ""))
            for each in found
        ]


@pytest.mark.parametrize(
    ("kind", "to", "shown", "seen"),
    [
        ("subscribe", IRC, None, [("subscribed", IRC, JULIET), ("", f"{IRC}/linkspan", JULIET)]),
        ("subscribe", DOMAIN, None, [("subscribed", DOMAIN, JULIET), ("", f"{DOMAIN}/linkspan", JULIET)]),
        ("subscribe", BOB, None, [("subscribed", BOB, JULIET), ("unavailable", f"{BOB}/linkspan", JULIET)]),
        ("subscribe", BOB, Presence(), [("subscribed", BOB, JULIET), ("", f"{BOB}/linkspan", JULIET)]),
        ("probe", BOB, Presence(Show.AWAY), [("away", f"{BOB}/linkspan", JULIET)]),
        ("probe", IRC, None, [("", f"{IRC}/linkspan", JULIET)]),
        ("unsubscribe", BOB, None, [("unsubscribed", BOB, JULIET)]),
        ("subscribe", f"bob%nowhere@{DOMAIN}", None, [("unsubscribed", f"bob%nowhere@{DOMAIN}", JULIET)]),
        ("probe", f"%@{DOMAIN}", None, [("unsubscribed", f"%@{DOMAIN}", JULIET)]),
        ("subscribed", BOB, None, []),
        ("unsubscribed", IRC, None, []),
    ],
)
async def test_what_answers_a_subscription(kind: str, to: str, shown: Presence | None, seen: Seen) -> None:
    assert await answers(kind, to, shown=shown) == seen
