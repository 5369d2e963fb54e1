"""Cursors of polls, objects to fetch, accounts that are paused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN_RECEIPT = "state = 'open' AND message_row_id IS NULL AND subscriber IS NULL"


def upgrade() -> None:
    _polls()
    _fetches()
    _pauses()
    # Several fetches of one receipt may have failed: each has a dead letter of its own.
    _replace_open_receipt(f"{OPEN_RECEIPT} AND stage <> 'fetch'")
    _partial("receipts_polled", "receipts", ["connector", "account"], "transport = 'poll'")


def downgrade() -> None:
    op.drop_index("receipts_polled", "receipts")
    op.execute("DELETE FROM dead_letters WHERE stage = 'fetch'")
    _replace_open_receipt(OPEN_RECEIPT)
    for table in ("account_pauses", "fetches", "poll_cursors"):
        op.drop_table(table)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _partial(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition
    )


def _replace_open_receipt(where: str) -> None:
    op.drop_index("dead_letters_open_receipt", "dead_letters")
    _partial("dead_letters_open_receipt", "dead_letters", ["receipt_id"], where, unique=True)


def _polls() -> None:
    op.create_table(
        "poll_cursors",
        _text("connector"),
        _text("account"),
        _text("poll"),
        _text("cursor", nullable=True),
        _number("since"),
        _number("due_at"),
        _number("last_started", nullable=True),
        _number("last_finished", nullable=True),
        _text("last_error", nullable=True),
        _number("failures"),
        _number("turns"),
        _number("found"),
        _number("new_by_poll"),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("connector", "account", "poll"),
    )


def _fetches() -> None:
    op.create_table(
        "fetches",
        _number("id"),
        _number("receipt_id"),
        _text("connector"),
        _text("account"),
        _text("kind"),
        _text("object_id"),
        _text("at"),
        _text("state"),
        _number("attempts"),
        _number("due_at"),
        _number("created_at"),
        _number("fetched_receipt_id", nullable=True),
        _text("error_code", nullable=True),
        _text("message", nullable=True),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("receipt_id", "kind", "object_id", name="fetches_wish"),
    )
    _partial("fetches_pending", "fetches", ["connector", "account", "due_at"], "state = 'pending'")


def _pauses() -> None:
    op.create_table(
        "account_pauses",
        _text("connector"),
        _text("account"),
        _number("since"),
        _text("code"),
        _text("message"),
        sa.PrimaryKeyConstraint("connector", "account"),
    )
