"""What stands at the bridge's own media URLs.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_shared"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_shared_expires", "shared", ["expires"])


def downgrade() -> None:
    op.drop_table("shared")
