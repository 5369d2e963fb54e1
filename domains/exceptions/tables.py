"""Where exceptions are kept: one row for whatever is wrong, and all that ever happened to it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from store.tables.columns import counted_id, index_where, metadata, number, row_id, text_column

# `involved` and `facts` are JSON lists. `derived_owner` is whose it is by the rule; `owner`, whose
# it is now. `opened_at` is when it was opened last: the clock and the ages count from there.
exceptions = Table(
    "exceptions",
    metadata,
    row_id(),
    text_column("domain"),
    text_column("finding_key"),
    text_column("kind"),
    text_column("record_key"),
    text_column("record_label"),
    text_column("owner"),
    text_column("derived_owner"),
    text_column("state"),
    text_column("explanation"),
    text_column("expected", nullable=True),
    text_column("received", nullable=True),
    text_column("balance", nullable=True),
    text_column("involved"),
    text_column("facts"),
    number("since", nullable=True),
    number("opened_at"),
    number("due_at"),
    number("escalated"),
    text_column("assigned_to", nullable=True),
    number("changed_at"),
    number("ended_at", nullable=True),
    text_column("ended_by", nullable=True),
    text_column("reason", nullable=True),
    text_column("words", nullable=True),
    text_column("branch", nullable=True),
    number("times_opened"),
    number("revision"),
    Index("exceptions_by_finding", "domain", "finding_key", unique=True),
    Index("exceptions_by_record", "domain", "record_key"),
    Index("exceptions_by_due", "state", "due_at", "id"),
    Index("exceptions_by_owner", "owner", "state", "due_at", "id"),
    Index("exceptions_by_change", "changed_at", "id"),
    Index("exceptions_by_state_change", "state", "changed_at", "id"),
    index_where("exceptions_to_escalate", "escalated", "opened_at", where="state = 'open'"),
)

# What happened to an exception, by whom; `detail` is a JSON object. Rows are only ever added.
exception_history = Table(
    "exception_history",
    metadata,
    counted_id(),
    number("exception_id"),
    number("at"),
    text_column("by"),
    text_column("action"),
    text_column("detail"),
    Index("exception_history_by_exception", "exception_id", "id"),
)

TABLES: Final[tuple[Table, ...]] = (exceptions, exception_history)
