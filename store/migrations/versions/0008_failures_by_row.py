"""An index of failures by the message row they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    there = sa.text("message_row_id IS NOT NULL")
    op.create_index(
        "dead_letters_by_row",
        "dead_letters",
        ["message_row_id"],
        postgresql_where=there,
        sqlite_where=there,
    )


def downgrade() -> None:
    op.drop_index("dead_letters_by_row", "dead_letters")
