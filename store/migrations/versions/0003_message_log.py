"""Hash chains over the message log, one for each of its partitions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTITIONS = 16


def upgrade() -> None:
    heads = op.create_table(
        "log_heads",
        _number("partition"),
        _number("sequence"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("partition"),
    )
    op.bulk_insert(
        heads,
        [{"partition": one, "sequence": 0, "hash": bytes(32)} for one in range(PARTITIONS)],
    )
    op.create_table(
        "log_blocks",
        _number("partition"),
        _number("sequence"),
        _number("at"),
        _number("rows"),
        _bytes("entries", nullable=True),
        _bytes("entries_digest"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("partition", "sequence"),
    )


def downgrade() -> None:
    op.drop_table("log_blocks")
    op.drop_table("log_heads")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=False)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)
