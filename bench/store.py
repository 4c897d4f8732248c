"""What the store costs: CPU of our process per message (journal with one delivery, then settle), by size of the batch.

``python bench/store.py [URL]``; without a URL a new SQLite file. A PostgreSQL server's own CPU is not counted. Half of the
ids are random (a MUC's archive), half count up (an IRC server's msgid), as through a link. The last column is a loop of plain
arithmetic run beside each row: it tells how fast the machine was at that moment.
"""

import asyncio
import itertools
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator

from bridge.core.content import Content
from bridge.core.deliveries import AsPuppet, Head, Post, Sent
from bridge.core.events import Member, MessagePosted, Origin
from bridge.core.ids import EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId, digest
from bridge.core.ids import DeliveryKey as Key
from bridge.engine.ports import Queued
from bridge.storage.store import SqlStore

MUC = Room(Network("xmpp"), RoomId("dev@conference.example.org"))
CHANNEL = Room(Network("libera"), RoomId("#dev"))
ANN = Member(person=Person(MUC.network, PersonId("ann@example.org")), name="Ann")
TEXT = Content(text="The ferry leaves at a quarter past nine, so be on the pier by nine at the latest. ")
MESSAGES = {1: 1_000, 8: 4_000, 50: 15_000, 250: 30_000}


def conversation(first: int) -> Iterator[tuple[MessagePosted, Queued, Sent]]:
    for seq in itertools.count(first):
        key, at = str(uuid.uuid4()), 1_760_000_000_000 + seq
        event = MessagePosted(
            origin=Origin(room=MUC, key=EventKey(key), at=at), sender=ANN, id=MessageId(key), content=TEXT
        )
        head = Head(
            key=Key(digest(MUC.id, key, CHANNEL.id)),
            room=CHANNEL,
            voice=AsPuppet(member=ANN),
            source=MUC,
            event=EventKey(key),
            at=at,
        )
        post = Post(head=head, message=MessageRef(MUC, MessageId(key)), content=TEXT)
        yield event, Queued(seq=seq, delivery=post), Sent((MessageId(f"srv~{seq:08}"),))


async def measure(store: SqlStore, size: int) -> float:
    """Return µs of CPU per message."""
    source = conversation(await store.last_seq() + 1)
    spent = 0.0
    for _ in range(MESSAGES[size] // size):
        batch = list(itertools.islice(source, size))
        start = time.process_time()
        await asyncio.gather(*(store.journal(event, (queued,)) for event, queued, _ in batch))
        await asyncio.gather(*(store.settle(queued.delivery.head.key, sent) for _, queued, sent in batch))
        spent += time.process_time() - start
    return spent / MESSAGES[size] * 1e6


def calibration() -> float:
    """Return ms of CPU for a fixed loop."""
    start = time.process_time()
    sum(number * number for number in range(150_000))
    return (time.process_time() - start) * 1e3


async def main(url: str) -> None:
    store = SqlStore(url)
    await store.open()
    print(f"{'messages per batch':>20} {'µs CPU each':>12} {'calibration ms':>15}")
    for size in MESSAGES:
        rounds = [(await measure(store, size), calibration()) for _ in range(3)]
        cost, speed = min(rounds)
        print(f"{size:>20} {cost:>12.1f} {speed:>15.1f}")
    await store.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(main(f"sqlite:///{folder}/bench.db"))
