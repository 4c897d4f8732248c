"""What the store costs per message (journal with one delivery, then settle), in CPU microseconds of our process.

``python -m bench.store [URL]``; without a URL a new SQLite file. First the transactions alone, by messages per transaction: a
server's own CPU is not counted. Then the whole store at a steady pace, thread, futures and pauses included, less what the
same loop costs with a store that does nothing. Half of the ids are random (a MUC's archive), half count up (an IRC
server's msgid), as through a link. The last column is a fixed loop of arithmetic run beside each row: it tells how fast the
machine was at that moment.
"""

import asyncio
import itertools
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Iterator
from typing import Protocol

from bench.figures import calibration
from bridge.core.content import Content
from bridge.core.deliveries import AsPuppet, Head, Post, Sent
from bridge.core.events import Member, MessagePosted, Origin
from bridge.core.ids import (
    DeliveryKey,
    EventKey,
    MessageId,
    MessageRef,
    Network,
    Person,
    PersonId,
    Room,
    RoomId,
    digest,
)
from bridge.engine.ports import Queued
from bridge.storage.database import Claim, engine_for, parse, ready
from bridge.storage.ledger import Ledger
from bridge.storage.store import SqlStore
from bridge.storage.writes import Journal, Settle

MUC = Room(Network("xmpp"), RoomId("dev@conference.example.org"))
CHANNEL = Room(Network("libera"), RoomId("#dev"))
ANN = Member(person=Person(MUC.network, PersonId("ann@example.org")), name="Ann")
TEXT = Content(text="The ferry leaves at a quarter past nine, so be on the pier by nine at the latest. ")
BATCHES = {1: 1_000, 8: 4_000, 50: 15_000, 250: 30_000}
PACES = {50: 150, 300: 900, 1_000: 3_000, 5_000: 15_000}
TURN = 0.005  # seconds between turns of the loop at a steady pace

Message = tuple[MessagePosted, Queued, Sent]


class Writes(Protocol):
    """The part of a store that is measured."""

    def journal(self, event: MessagePosted, queued: tuple[Queued, ...], /) -> Awaitable[None]: ...
    def settle(self, key: DeliveryKey, sent: Sent, /) -> Awaitable[None]: ...


class Nothing:
    """A store that does nothing, one turn of the loop later."""

    def journal(self, *_: object) -> Awaitable[None]:
        return asyncio.sleep(0)

    def settle(self, *_: object) -> Awaitable[None]:
        return asyncio.sleep(0)


def conversation(first: int) -> Iterator[Message]:
    for seq in itertools.count(first):
        key, at = EventKey(str(uuid.uuid4())), 1_760_000_000_000 + seq
        message = MessageId(key)
        event = MessagePosted(origin=Origin(room=MUC, key=key, at=at), sender=ANN, id=message, content=TEXT)
        head = Head(
            key=DeliveryKey(digest(MUC.id, key, CHANNEL.id)),
            room=CHANNEL,
            voice=AsPuppet(member=ANN),
            source=MUC,
            event=key,
            at=at,
        )
        post = Post(head=head, message=MessageRef(MUC, message), content=TEXT)
        yield event, Queued(seq=seq, delivery=post), Sent((MessageId(f"srv~{seq:08}"),))


def transactions(url: str, size: int) -> float:
    """Return µs per message of transactions of this size: one for the journal, one that settles."""
    address = parse(url)
    claim, ledger = Claim(address), Ledger()
    connection = ready(engine_for(address), address, claim)
    ledger.load(connection)
    source = conversation(ledger.last_seq + 1)
    spent = 0.0
    for _ in range(BATCHES[size] // size):
        batch = list(itertools.islice(source, size))
        start = time.process_time()
        ledger.transact(connection, [Journal(event, (queued,)) for event, queued, _ in batch])
        ledger.transact(connection, [Settle(queued.delivery.head.key, sent) for _, queued, sent in batch])
        if ledger.is_full:
            ledger.transact(connection, ())
        spent += time.process_time() - start
    start = time.process_time()
    ledger.transact(connection, ())
    spent += time.process_time() - start
    connection.close()
    claim.release()
    return spent / BATCHES[size] * 1e6


async def steadily(store: Writes, messages: list[Message], pace: int) -> float:
    """Return µs per message at so many messages a second."""

    async def one(event: MessagePosted, queued: Queued, sent: Sent) -> None:
        await store.journal(event, (queued,))
        await store.settle(queued.delivery.head.key, sent)

    loop = asyncio.get_running_loop()
    start, spent = loop.time(), time.process_time()
    done = 0
    async with asyncio.TaskGroup() as group:
        while done < len(messages):
            due = min(len(messages), int((loop.time() - start) * pace) + 1)
            for message in messages[done:due]:
                group.create_task(one(*message))
            done = due
            await asyncio.sleep(max(TURN, 1 / pace))
    return (time.process_time() - spent) / len(messages) * 1e6


async def at_pace(url: str, pace: int) -> float:
    store = SqlStore(url)
    await store.open()
    messages = list(itertools.islice(conversation(await store.last_seq() + 1), PACES[pace]))
    cost = await steadily(store, messages, pace)
    await store.close()
    return cost - await steadily(Nothing(), messages, pace)


def main(url: str) -> None:
    print(f"{'messages':>22} {'µs each':>9} {'calibration ms':>16}")
    for size in BATCHES:
        cost, speed = min((transactions(url, size), calibration()) for _ in range(3))
        print(f"{size:>6} per transaction {cost:>9.1f} {speed:>16.1f}")
    for pace in PACES:
        cost, speed = min((asyncio.run(at_pace(url, pace)), calibration()) for _ in range(2))
        print(f"{pace:>11} per second {cost:>9.1f} {speed:>16.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(f"sqlite:///{folder}/bench.db")
