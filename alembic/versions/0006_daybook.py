"""Daybook: what was written last, before it is entered in the other tables.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "daybook",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("writes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_daybook"),
    )


def downgrade() -> None:
    op.drop_table("daybook")
