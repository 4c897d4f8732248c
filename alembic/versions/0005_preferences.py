"""Preferences: how users want to be on networks.

Secrets that former versions kept in the clear are sealed when the bridge opens the store, for that needs its key file.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "home", "user", name="pk_preferences"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("preferences")
