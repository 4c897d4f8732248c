"""First tables: rooms, people, journal, message map, outbox, dead letters, memory, links.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration is history: it repeats what bridge/storage/tables.py said on its day, and never imports it.
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def delivery_columns() -> list[sa.Column]:
    return [
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("room", NUMBER, nullable=False),
        sa.Column("event", sa.BigInteger),
        sa.Column("message", sa.BigInteger),
        sa.Column("part", sa.SmallInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("pruned", sa.BigInteger),
        sa.Column("pruned_key", sa.Text),
        sa.Column("pruned_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
        sa.UniqueConstraint("network", "name", name="uq_rooms_network_name"),
    )
    op.create_table(
        "people",
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spoke", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "id", name="pk_people"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("room", NUMBER, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("own_id", sa.Text),
        sa.Column("sender", sa.LargeBinary),
        sa.Column("content", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.UniqueConstraint("room", "key", name="uq_journal_room_key"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_journal_room_rooms"),
    )
    op.create_table(
        "message_ids",
        sa.Column("room", NUMBER, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("part", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("room", "id", name="pk_message_ids"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_message_ids_room_rooms"),
        sa.ForeignKeyConstraint(["message"], ["journal.id"], name="fk_message_ids_message_journal", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_message_ids_message_room_part", "message_ids", ["message", "room", "part"])
    op.create_table(
        "outbox",
        *delivery_columns(),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_outbox_room_rooms"),
    )
    op.create_index("ix_outbox_room_seq", "outbox", ["room", "seq"])
    op.create_table(
        "dead_letters",
        *delivery_columns(),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("certain", sa.Boolean, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_dead_letters"),
        sa.UniqueConstraint("key", name="uq_dead_letters_key"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_dead_letters_room_rooms"),
    )
    op.create_table(
        "memory",
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("network", "name", name="pk_memory"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "links",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("name", name="uq_links_name"),
    )
    op.create_table(
        "link_rooms",
        sa.Column("room", NUMBER, autoincrement=False, nullable=False),
        sa.Column("link", NUMBER, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("room", name="pk_link_rooms"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_link_rooms_room_rooms"),
        sa.ForeignKeyConstraint(["link"], ["links.id"], name="fk_link_rooms_link_links", ondelete="CASCADE"),
    )
    op.create_index("ix_link_rooms_link", "link_rooms", ["link"])


def downgrade() -> None:
    for table in (
        "link_rooms",
        "links",
        "memory",
        "dead_letters",
        "outbox",
        "message_ids",
        "journal",
        "people",
        "rooms",
    ):
        op.drop_table(table)
