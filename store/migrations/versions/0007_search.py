"""What is kept up behind the pipeline: traffic by minute and hour, and the blocks search reads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "follow_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    for span in ("minutes", "hours"):
        op.create_table(
            f"traffic_{span}",
            sa.Column("start", NUMBER, nullable=False),
            *(
                sa.Column(name, sa.Text(), nullable=False)
                for name in ("connector", "account", "what")
            ),
            *(sa.Column(name, NUMBER, nullable=False) for name in ("number", "last_at")),
            sa.PrimaryKeyConstraint("start", "connector", "account", "what"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "search_blocks",
        sa.Column("first_id", NUMBER, primary_key=True, autoincrement=False, nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("last_id", "rows")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("words", "amounts")),
    )


def downgrade() -> None:
    for table in ("search_blocks", "traffic_hours", "traffic_minutes", "follow_marks"):
        op.drop_table(table)
