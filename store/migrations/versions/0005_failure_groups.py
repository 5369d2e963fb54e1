"""Failures in groups, and what people do about them: edits, campaigns, corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GROUPINGS = ("field", "account", "code", "kind", "text")
OPEN_RECEIPT = (
    "state = 'open' AND message_row_id IS NULL AND subscriber IS NULL AND stage <> 'fetch'"
)


def upgrade() -> None:
    _group_dead_letters()
    _failure_groups()
    _edit_leases()
    _campaigns()
    _corrections()
    _reprocessings()
    _partial("messages_conflicts", "messages", ["id"], "state = 'conflict'")
    _partial("messages_stale", "messages", ["id"], "state = 'stale'")


def downgrade() -> None:
    op.drop_index("messages_stale", "messages")
    op.drop_index("messages_conflicts", "messages")
    for table in (
        "reprocessed",
        "reprocessings",
        "conflict_decisions",
        "corrections",
        "campaign_items",
        "campaigns",
        "edits",
        "edit_leases",
        "resends",
        "failure_notes",
        "failure_hours",
        "failure_groups",
    ):
        op.drop_table(table)
    for name in ("connector", "code"):
        op.drop_index(f"dead_letters_by_{name}", "dead_letters")
    op.drop_index("dead_letters_ungrouped", "dead_letters")
    for grouping in GROUPINGS:
        op.drop_index(f"dead_letters_by_{grouping}_group", "dead_letters")
    for grouping in GROUPINGS:
        op.drop_column("dead_letters", f"group_{grouping}")


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _counted(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


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


def _group_dead_letters() -> None:
    if op.get_context().dialect.name == "sqlite":
        _make_dead_letters_anew()
    else:
        for grouping in GROUPINGS:
            op.add_column("dead_letters", _number(f"group_{grouping}", nullable=True))
    for grouping in GROUPINGS:
        op.create_index(
            f"dead_letters_by_{grouping}_group",
            "dead_letters",
            [f"group_{grouping}", "state", "id"],
        )
    _partial("dead_letters_ungrouped", "dead_letters", ["id"], "group_field IS NULL")
    op.create_index("dead_letters_by_connector", "dead_letters", ["connector", "state", "id"])
    op.create_index("dead_letters_by_code", "dead_letters", ["error_code", "state", "id"])


def _make_dead_letters_anew() -> None:
    """SQLite puts an added column behind the constraints; made anew, the text stays in order."""
    kept: list[sa.Column[Any]] = [
        _number("id"),
        *_each(_number, "receipt_id", "message_row_id", nullable=True),
        *_each(_text, "subscriber", "message_id", nullable=True),
        *_each(
            _text,
            "connector",
            "account",
            "kind",
            "stage",
            "error_code",
            "field_path",
            "record_at",
            "message",
        ),
        *_each(_number, "attempts", "first_failed_at", "last_failed_at"),
        _text("state"),
        _number("closed_at", nullable=True),
        *_each(_text, "closed_by", "reason", nullable=True),
    ]
    names = ", ".join(column.name for column in kept)
    for index in ("by_message_id", "by_receipt", "by_state", *_OPEN):
        op.drop_index(f"dead_letters_{index}", "dead_letters")
    op.rename_table("dead_letters", "dead_letters_before")
    op.create_table(
        "dead_letters",
        *kept,
        *(_number(f"group_{grouping}", nullable=True) for grouping in GROUPINGS),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(f"INSERT INTO dead_letters ({names}) SELECT {names} FROM dead_letters_before")  # noqa: S608 - column names
    op.drop_table("dead_letters_before")
    op.create_index("dead_letters_by_message_id", "dead_letters", ["message_id"])
    op.create_index("dead_letters_by_receipt", "dead_letters", ["receipt_id"])
    op.create_index("dead_letters_by_state", "dead_letters", ["state", "id"])
    for name, (columns, where) in _OPEN.items():
        _partial(f"dead_letters_{name}", "dead_letters", columns, where, unique=True)


_OPEN = {
    "open_receipt": (["receipt_id"], OPEN_RECEIPT),
    "open_row": (["message_row_id"], "state = 'open' AND subscriber IS NULL"),
    "open_subscriber": (
        ["subscriber", "message_id"],
        "state = 'open' AND subscriber IS NOT NULL",
    ),
}


def _failure_groups() -> None:
    op.create_table(
        "failure_groups",
        _number("id"),
        *_each(
            _text,
            "grouping",
            "connector",
            "account",
            "kind",
            "stage",
            "error_code",
            "field_path",
            "text",
        ),
        *_each(
            _number,
            "open_count",
            "total_count",
            "failure_count",
            "first_seen",
            "last_seen",
            "opened_at",
            "reopened_count",
        ),
        _text("state"),
        _number("closed_at", nullable=True),
        *_each(_text, "closed_by", "close_reason", "owner", nullable=True),
        _text("severity"),
        _number("due_at", nullable=True),
        _text("tags"),
        _number("revision"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "failure_groups_largest", "failure_groups", ["grouping", "state", "open_count", "id"]
    )
    op.create_index(
        "failure_groups_recent", "failure_groups", ["grouping", "state", "last_seen", "id"]
    )
    op.create_table(
        "failure_hours",
        *_each(_number, "group_id", "hour", "failures"),
        sa.PrimaryKeyConstraint("group_id", "hour"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "failure_notes",
        _counted("id"),
        *_each(_number, "group_id", "dead_letter_id", nullable=True),
        _number("at"),
        *_each(_text, "author", "text"),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial("failure_notes_by_group", "failure_notes", ["group_id", "id"], "group_id IS NOT NULL")
    _partial(
        "failure_notes_by_letter",
        "failure_notes",
        ["dead_letter_id", "id"],
        "dead_letter_id IS NOT NULL",
    )
    op.create_table(
        "resends",
        *_each(_number, "receipt_id", "first_receipt_id"),
        sa.PrimaryKeyConstraint("receipt_id"),
    )
    op.create_index("resends_by_first", "resends", ["first_receipt_id"])


def _edit_leases() -> None:
    op.create_table(
        "edit_leases",
        _number("dead_letter_id"),
        _text("editor"),
        *_each(_number, "since", "until"),
        sa.PrimaryKeyConstraint("dead_letter_id"),
    )
    op.create_table(
        "edits",
        *_each(_number, "id", "dead_letter_id", "original_receipt_id"),
        *_each(_number, "edited_receipt_id", "campaign_id", nullable=True),
        _text("state"),
        _number("at"),
        *_each(_text, "editor", "reason"),
        *_each(_number, "proposal_id", "applied_at", nullable=True),
        _bytes("digest"),
        _number("size"),
        _bytes("body", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial(
        "edits_by_copy",
        "edits",
        ["edited_receipt_id"],
        "edited_receipt_id IS NOT NULL",
        unique=True,
    )
    op.create_index("edits_by_letter", "edits", ["dead_letter_id"])
    op.create_index("edits_by_original", "edits", ["original_receipt_id"])


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        _number("id"),
        *_each(_text, "kind", "state"),
        _number("group_id"),
        _text("grouping"),
        _text("rule", nullable=True),
        *_each(_text, "started_by", "reason"),
        _number("proposal_id", nullable=True),
        _number("created_at"),
        _number("finished_at", nullable=True),
        _text("stages"),
        _number("threshold_percent"),
        _number("per_second", nullable=True),
        *_each(
            _number,
            "stage",
            "released_in_stage",
            "succeeded_in_stage",
            "failed_in_stage",
            "total",
            "released",
            "succeeded",
            "failed",
            "skipped",
            "last_letter_id",
            "cursor",
        ),
        _number("released_at", nullable=True),
        _text("stop_reason", nullable=True),
        _number("revision"),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("campaigns_by_group", "campaigns", ["group_id"])
    _partial("campaigns_running", "campaigns", ["id"], "state = 'running'")
    _partial(
        "campaigns_under_way",
        "campaigns",
        ["group_id"],
        "state IN ('proposed', 'running', 'paused', 'stopped')",
        unique=True,
    )
    op.create_table(
        "campaign_items",
        *_each(_number, "campaign_id", "dead_letter_id"),
        _number("receipt_id", nullable=True),
        _text("state"),
        *_each(_number, "released_at", "attempts_before"),
        _number("settled_at", nullable=True),
        _text("error_code", nullable=True),
        sa.PrimaryKeyConstraint("campaign_id", "dead_letter_id"),
    )
    op.create_index(
        "campaign_items_by_state", "campaign_items", ["campaign_id", "state", "dead_letter_id"]
    )


def _corrections() -> None:
    op.create_table(
        "corrections",
        _bytes("key_digest"),
        *_each(_number, "number", "message_row_id", "corrects_row_id", "at"),
        *_each(_text, "actor", "reason"),
        sa.PrimaryKeyConstraint("key_digest", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conflict_decisions",
        _number("message_row_id"),
        _text("decision"),
        _number("at"),
        *_each(_text, "actor", "reason"),
        _number("correction_row_id", nullable=True),
        sa.PrimaryKeyConstraint("message_row_id"),
    )


def _reprocessings() -> None:
    op.create_table(
        "reprocessings",
        _number("id"),
        _text("connector"),
        *_each(_text, "account", "kind", nullable=True),
        *_each(_number, "since_id", "until_id"),
        *_each(_text, "started_by", "reason"),
        _number("created_at"),
        _number("finished_at", nullable=True),
        _text("state"),
        *_each(
            _number,
            "cursor",
            "receipts",
            "same",
            "changed",
            "new",
            "gone",
            "failing",
            "published",
            "left_out",
        ),
        _text("published_by", nullable=True),
        _number("revision"),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial(
        "reprocessings_running", "reprocessings", ["id"], "state IN ('comparing', 'publishing')"
    )
    op.create_table(
        "reprocessed",
        *_each(_number, "id", "reprocessing_id", "receipt_id"),
        *_each(_text, "outcome", "state", "key", "at"),
        _number("message_row_id", nullable=True),
        _text("error_code", nullable=True),
        _bytes("content_digest", nullable=True),
        _text("differences"),
        _number("correction_row_id", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reprocessed_by_run", "reprocessed", ["reprocessing_id", "state", "id"])
