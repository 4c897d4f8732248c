"""The tables, as typed SQLAlchemy Core: what is on disk, and why each index is there.

A message through a link costs four small rows, and no more: a fact in ``journal``, a delivery into and out of
``outbox``, a name in ``message_ids``. So rooms are numbers, values that nothing searches are msgpack, and a message
*is* its fact. Nothing is here for the members of rooms: who is where is asked of the networks after every start
(docs/decisions/0003-one-writer-thread.md).

``alembic/versions`` makes exactly these tables; a test compares. A change needs a migration and a new :data:`HEAD`.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

HEAD: Final = "0006"
"""The newest migration that this program knows. A constant, so that an ordinary start need not load Alembic."""

ALIAS: Final = -1
"""``message_ids.part`` of a further name; it gives way to everything that is newer."""
OWN: Final = -2
"""``message_ids.part`` of the id under which a message was said, where its fact has another key."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; SQLite clusters a table by an INTEGER PRIMARY KEY and by no other."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("network", Text, nullable=False),
    Column("name", Text, nullable=False),
    # The newest fact that was pruned, so that a quiet room does not lose its place in the history; null: none was.
    Column("pruned", BigInteger),
    Column("pruned_key", Text),
    Column("pruned_at", BigInteger),
    UniqueConstraint("network", "name"),
)

people = Table(
    "people",
    metadata,
    Column("network", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spoke", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("room", NUMBER, ForeignKey("rooms.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),  # the highest number that any delivery had by then
    Column("own_id", Text),  # what the message is called, where that is not the key
    Column("sender", LargeBinary),  # msgpack of a Member; null: the fact is no message
    Column("content", LargeBinary),  # msgpack of a Content, as it reads now; null: taken back
    UniqueConstraint("room", "key"),
)

message_ids = Table(
    "message_ids",
    metadata,
    Column("room", NUMBER, ForeignKey("rooms.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("message", NUMBER, ForeignKey("journal.id", ondelete="CASCADE"), nullable=False),
    Column("part", SmallInteger, nullable=False),  # 0, 1, … of the copy in this room; ALIAS; OWN
    Index(None, "message", "room", "part"),
    sqlite_with_rowid=False,
)

# What was written last, on SQLite, and is not in the tables yet: one row for each transaction (bridge/storage/ledger.py).
daybook = Table(
    "daybook",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("writes", LargeBinary, nullable=False),  # msgpack of a list of Hot
)

# The two below have no foreign key to the journal: it would need an index per delivery, and pruning looks for itself.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("room", NUMBER, ForeignKey("rooms.id"), nullable=False),
    Column("event", BigInteger),  # the fact that caused it
    Column("message", BigInteger),  # the fact that it copies or changes
    Column("part", SmallInteger),  # what Sent.ids become: from 0 on parts of a copy; ALIAS; null: nothing
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # msgpack of a Delivery
    Index(None, "room", "seq"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("room", NUMBER, ForeignKey("rooms.id"), nullable=False),
    Column("event", BigInteger),
    Column("message", BigInteger),
    Column("part", SmallInteger),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("verdict", Text, nullable=False),  # why it was given up
    Column("certain", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
)

memory = Table(
    "memory",
    metadata,
    Column("network", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

shared = Table(
    "shared",
    metadata,
    Column("token", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("payload", LargeBinary, nullable=False),  # msgpack of a Shared
    sqlite_with_rowid=False,
)

links = Table(
    "links",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

link_rooms = Table(
    "link_rooms",
    metadata,
    Column("room", NUMBER, ForeignKey("rooms.id"), primary_key=True),  # a room belongs to one link at most
    Column("link", NUMBER, ForeignKey("links.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("network", Text, primary_key=True),
    Column("home", Text, primary_key=True),  # the user's own network
    Column("user", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("credentials", Text, nullable=False),  # as the network's connector wrote them, sealed
    Column("at", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),  # why it is not used any more
    sqlite_with_rowid=False,
)

preferences = Table(
    "preferences",
    metadata,
    Column("network", Text, primary_key=True),
    Column("home", Text, primary_key=True),  # the user's own network
    Column("user", Text, primary_key=True),
    Column("chosen", Text, nullable=False),  # as the network's connector wrote it, sealed: passwords may be in it
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

archive = Table(
    "archive",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),  # grows with what is said: the order of pages
    Column("room", Text, nullable=False),  # a hosted room's address
    Column("id", Text, nullable=False),  # the stanza-id
    Column("at", BigInteger, nullable=False),
    Column("nick", Text, nullable=False),
    Column("head", Text, nullable=False),  # the stanza up to its addressee
    Column("tail", Text, nullable=False),  # and behind it
    UniqueConstraint("room", "id"),
    Index(None, "room", "seq"),
    Index(None, "at"),
)

attendance = Table(
    "attendance",
    metadata,
    Column("room", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger),  # null: still there
    sqlite_with_rowid=False,
)
