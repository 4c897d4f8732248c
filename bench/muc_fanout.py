"""What one message costs Prosody in a room with many occupants of one component, without and with mod_muc_puppets.

CPU time of the Prosody process; the component only counts bytes. Compare the two rows of one pair.
"""

import argparse
import asyncio

from bridge.demo.people import XmppPerson
from bridge.demo.servers import Prosody
from tests.support.servers import CollapsingProsody
from tests.support.xmpp_component import NS, BareComponent

DOMAIN = "bridge.localhost"
ROOM = "garden@conference.localhost"
COLLAPSE = "<collapse xmlns='urn:linkspan:muc-puppets:0'/>"


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--puppets", type=int, nargs="+", default=[2, 100, 300])
    options.add_argument("--messages", type=int, default=300)
    wanted = options.parse_args()
    print(f"{'puppets':>8} {'module':<8} {'us/message':>11} {'join all, s':>12} {'join, kB':>9}   CPU of Prosody")
    for puppets in wanted.puppets:
        for server in (Prosody(people={"juliet": "pw"}), CollapsingProsody(people={"juliet": "pw"})):
            print(await measure(server, puppets, wanted.messages), flush=True)


async def measure(server: Prosody, puppets: int, messages: int) -> str:
    """Return one row of the table."""
    async with (
        server,
        XmppPerson("juliet", "pw", port=server.port) as juliet,
        BareComponent(DOMAIN, server.secret, port=server.component_port) as component,
    ):
        await juliet.join(ROOM, "juliet")
        before, received = server.cpu(), component.bytes
        await join(component, f"{DOMAIN}/linkspan", "linkspan", COLLAPSE)
        for number in range(puppets):
            await join(component, f"p{number}%irc@{DOMAIN}/linkspan", f"p{number}", "")
            component.seen.clear()
        joined, size = server.cpu() - before, component.bytes - received
        await talk(juliet, component, range(messages // 10))
        before = server.cpu()
        await talk(juliet, component, range(messages // 10, messages // 10 + messages))
        cost = (server.cpu() - before) / messages * 1e6
    module = "yes" if isinstance(server, CollapsingProsody) else "no"
    return f"{puppets:>8} {module:<8} {cost:>11.0f} {joined:>12.2f} {size / 1000:>9.0f}"


async def join(component: BareComponent, jid: str, nick: str, more: str) -> None:
    """Let one address of the component enter the room."""
    component.send(
        f"<presence from='{jid}' to='{ROOM}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>"
        f"<history maxstanzas='0'/></x>{more}</presence>"
    )
    await component.see(lambda el: el.tag == f"{NS}presence" and el.get("to") == jid, patience=60)


async def talk(juliet: XmppPerson, component: BareComponent, numbers: range) -> None:
    """Let juliet say so many things, twenty at a time."""
    for number in numbers:
        juliet.say(ROOM, f"message {number}")
        if number % 20 == 19:
            await juliet.message(ROOM, f"message {number}", patience=60)
            juliet.seen.clear()
            component.seen.clear()
    await component.fence()


if __name__ == "__main__":
    asyncio.run(main())
