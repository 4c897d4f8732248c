"""The archive of hosted rooms, and who was in them when.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "archive",
        sa.Column("seq", number, autoincrement=False, nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("nick", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("tail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_archive"),
        sa.UniqueConstraint("room", "id", name="uq_archive_room_id"),
    )
    op.create_index("ix_archive_room_seq", "archive", ["room", "seq"])
    op.create_index("ix_archive_at", "archive", ["at"])
    op.create_table(
        "attendance",
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.PrimaryKeyConstraint("room", "user", "since", name="pk_attendance"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("attendance")
    op.drop_table("archive")
