"""Hash chains over the message log; indexes that cost a message less."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTITIONS = 16
OLD_INDEXES = (
    ("receipts_by_state", "receipts"),
    ("messages_by_state", "messages"),
    ("messages_by_message_id", "messages"),
)


def upgrade() -> None:
    _log()
    for name, table in OLD_INDEXES:
        op.drop_index(name, table)
    # What is pending is soon something else: it is counted through the indexes of the pending.
    counted = ["connector", "account", "state", "message_count"]
    _partial("receipts_by_state", "receipts", counted, "state <> 'pending'")
    _partial("messages_by_state", "messages", counted[:3], "state <> 'pending'")
    # The first report of a fact is found by its key; only the others need another way.
    _partial("messages_repeated", "messages", ["message_id"], "verdict <> 'new'")
    if op.get_context().dialect.name == "postgresql":
        _partial("messages_in_line", "messages", ["partition_key", "id"], "state = 'pending'")


def _log() -> None:
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
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("messages_in_line", "messages")
    for name, table in (*OLD_INDEXES[:2], ("messages_repeated", "messages")):
        op.drop_index(name, table)
    for table in ("receipts", "messages"):
        op.create_index(f"{table}_by_state", table, ["connector", "account", "state"])
    op.create_index("messages_by_message_id", "messages", ["message_id"])
    op.drop_table("log_blocks")
    op.drop_table("log_heads")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=False)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
