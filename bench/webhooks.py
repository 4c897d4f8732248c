"""Deliveries to a hook at a steady rate from several clients, while a MUC is linked: how soon each is taken, and that none is lost.

The bridge is killed in the middle, as by a power cut, and started again; clients come again with the same delivery until it
is taken. Everything must arrive in the MUC once. The time of an answer is wall time, of those taken at the first try:
on a machine that does something else meanwhile it says little. CPU is the bridge's, without its start.
"""

import argparse
import asyncio
import json

from bridge.demo.processes import until
from tests.support.senders import Heard, Senders
from tests.support.world import World

HOOK = '[networks.ci]\nconnector = "webhook"\n'


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--deliveries", type=int, default=10_000)
    options.add_argument("--per-second", type=float, default=200)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--quick", action="store_true", help="a tenth of it")
    wanted = options.parse_args()
    count = wanted.deliveries // 10 if wanted.quick else wanted.deliveries
    async with World(rooms=["xmpp:verona@conference.localhost", "ci:builds"], more=HOOK) as world:
        juliet = await world.user("juliet")
        made = await world.bridge.command("hooks", "create", "ci:builds", "--json")
        senders = Senders(json.loads(made.output)["url"], clients=wanted.clients, per_second=wanted.per_second)
        heard = Heard(juliet, world.room)
        began = world.bridge.cpu()
        sending = asyncio.create_task(senders.send(count))

        async def half() -> bool:
            return senders.taken >= count // 2

        await until(half, patience=count, what="half of it", pause=0.1)
        cpu = world.bridge.cpu() - began
        await world.bridge.kill()
        await world.bridge.start()
        await sending

        async def all_heard() -> bool:
            return len(heard.counts()) == count

        await until(all_heard, patience=120, what=f"all {count} in the MUC", pause=0.5)
        await juliet.fence()
        doubled = sum(times > 1 for times in heard.counts().values())
    took = sorted(senders.took)
    at = {share: 1000 * took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99)}
    print(f"{count} deliveries at {wanted.per_second:.0f}/s from {wanted.clients} clients, killed once in the middle")
    print(f"answer: p50 {at[0.5]:.1f} ms, p99 {at[0.99]:.1f} ms (goal: under 50 ms on a quiet machine)")
    print(f"lost: 0, doubled: {doubled}, sent again: {senders.again}")
    print(f"CPU of the bridge until then: {1e6 * cpu / (count // 2):.0f} us per delivery, said in the MUC")


if __name__ == "__main__":
    asyncio.run(main())
