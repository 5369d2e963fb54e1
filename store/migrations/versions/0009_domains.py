"""What domains keep: facts, names, what is due, records, announcements; and exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _facts()
    _records()
    _announcements()
    _exceptions()


def downgrade() -> None:
    for table in (
        "exception_history",
        "exceptions",
        "domain_decisions",
        "domain_outbox",
        "domain_announced",
        "domain_parked",
        "domain_record_names",
        "domain_record_facts",
        "domain_records",
        "domain_due",
        "domain_names",
        "domain_evidence",
    ):
        op.drop_table(table)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _counted(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _each(
    kind: Callable[..., sa.Column[Any]], *names: str, nullable: bool = False
) -> list[sa.Column[Any]]:
    return [kind(name, nullable=nullable) for name in names]


def _partial(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition
    )


def _facts() -> None:
    op.create_table(
        "domain_evidence",
        *_each(_text, "domain", "message_id", "type", "source", "idempotency_key"),
        *_each(_number, "occurred_at", "arrived_at"),
        _text("version", nullable=True),
        *_each(_text, "receipt", "correlation"),
        *_each(_text, "corrects", "corrected_by", nullable=True),
        _text("data"),
        sa.PrimaryKeyConstraint("domain", "message_id"),
    )
    op.create_index("domain_evidence_by_corrected", "domain_evidence", ["domain", "corrects"])
    op.create_index("domain_evidence_by_message", "domain_evidence", ["message_id"])
    op.create_table(
        "domain_names",
        *_each(_text, "domain", "name", "message_id"),
        _number("strong"),
        sa.PrimaryKeyConstraint("domain", "name", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("domain_names_by_message", "domain_names", ["domain", "message_id"])
    op.create_table(
        "domain_due",
        *_each(_text, "domain", "name"),
        *_each(_number, "due_at", "mark"),
        sa.PrimaryKeyConstraint("domain", "name"),
    )
    op.create_index("domain_due_by_time", "domain_due", ["domain", "due_at"])


def _records() -> None:
    op.create_table(
        "domain_records",
        *_each(_text, "domain", "key", "kind", "label", "status", "state", "digest"),
        *_each(_number, "created_at", "updated_at"),
        sa.PrimaryKeyConstraint("domain", "key"),
    )
    op.create_index("domain_records_by_kind", "domain_records", ["domain", "kind", "key"])
    op.create_index(
        "domain_records_by_status", "domain_records", ["domain", "kind", "status", "key"]
    )
    op.create_table(
        "domain_record_facts",
        *_each(_text, "domain", "record_key", "message_id"),
        sa.PrimaryKeyConstraint("domain", "record_key", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "domain_record_facts_by_message", "domain_record_facts", ["domain", "message_id"]
    )
    op.create_table(
        "domain_record_names",
        *_each(_text, "domain", "record_key", "scheme", "value"),
        sa.PrimaryKeyConstraint("domain", "record_key", "scheme", "value"),
        sqlite_with_rowid=False,
    )
    op.create_index("domain_record_names_by_value", "domain_record_names", ["value"])
    op.create_table(
        "domain_parked",
        *_each(_text, "domain", "message_id", "awaits", "kind", "owner", "explanation"),
        *_each(_number, "since", "until"),
        sa.PrimaryKeyConstraint("domain", "message_id", "awaits"),
    )
    op.create_index("domain_parked_by_time", "domain_parked", ["domain", "since", "message_id"])


def _announcements() -> None:
    op.create_table(
        "domain_announced",
        *_each(_text, "domain", "type", "subject", "digest"),
        _number("revision"),
        sa.PrimaryKeyConstraint("domain", "type", "subject"),
    )
    op.create_table(
        "domain_outbox",
        _number("id"),
        *_each(_text, "domain", "body"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("domain_outbox_by_domain", "domain_outbox", ["domain", "id"])
    op.create_table(
        "domain_decisions",
        *_each(_text, "domain", "id", "record_key"),
        _number("at"),
        *_each(_text, "by", "action", "subject", "given", "reason"),
        sa.PrimaryKeyConstraint("domain", "id"),
    )
    op.create_index("domain_decisions_by_record", "domain_decisions", ["domain", "record_key"])


def _exceptions() -> None:
    op.create_table(
        "exceptions",
        _number("id"),
        *_each(
            _text,
            "domain",
            "finding_key",
            "kind",
            "record_key",
            "record_label",
            "owner",
            "derived_owner",
            "state",
            "explanation",
        ),
        *_each(_text, "expected", "received", "balance", nullable=True),
        *_each(_text, "involved", "facts"),
        _number("since", nullable=True),
        *_each(_number, "opened_at", "due_at", "escalated"),
        _text("assigned_to", nullable=True),
        _number("changed_at"),
        _number("ended_at", nullable=True),
        *_each(_text, "ended_by", "reason", "words", "branch", nullable=True),
        *_each(_number, "times_opened", "revision"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("exceptions_by_change", "exceptions", ["changed_at", "id"])
    op.create_index("exceptions_by_due", "exceptions", ["state", "due_at", "id"])
    op.create_index("exceptions_by_finding", "exceptions", ["domain", "finding_key"], unique=True)
    op.create_index("exceptions_by_owner", "exceptions", ["owner", "state", "due_at", "id"])
    op.create_index("exceptions_by_record", "exceptions", ["domain", "record_key"])
    op.create_index("exceptions_by_state_change", "exceptions", ["state", "changed_at", "id"])
    _partial("exceptions_to_escalate", "exceptions", ["escalated", "opened_at"], "state = 'open'")
    op.create_table(
        "exception_history",
        _counted("id"),
        *_each(_number, "exception_id", "at"),
        *_each(_text, "by", "action", "detail"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("exception_history_by_exception", "exception_history", ["exception_id", "id"])
