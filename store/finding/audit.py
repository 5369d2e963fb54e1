"""The audit: what was taken in and what became of it, counted from independent places."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from store import retained
from store.access.audit_log import AuditEntry, append_audit, recent_audit, verify_audit_log
from store.statements import is_state, not_state
from store.tables import intake_ledger, messages, receipts

__all__ = [
    "AuditEntry",
    "BalanceRow",
    "append_audit",
    "balance",
    "recent_audit",
    "verify_audit_log",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """Both equations of one connector."""

    connector: str
    accepted: int
    """Deliveries by the intake ledger."""
    receipts: Mapping[str, int]
    """Receipts by state; `dropped` are those that retention has dropped."""
    translated: int
    """Messages and failed records by the receipts' own count, that of dropped ones included."""
    messages: Mapping[str, int]
    """Message rows by state, `dropped` ones included."""

    @property
    def missing_receipts(self) -> int:
        """Accepted deliveries without a receipt; negative: receipts nobody accepted."""
        return self.accepted - sum(self.receipts.values())

    @property
    def missing_messages(self) -> int:
        """Translated messages without a row; negative: rows no receipt accounts for."""
        return self.translated - sum(self.messages.values())

    @property
    def balanced(self) -> bool:
        """Whether both sides of both equations are equal."""
        return self.missing_receipts == 0 and self.missing_messages == 0


def balance(connection: Connection) -> list[BalanceRow]:
    """Both equations for every connector, by name. Read them on one snapshot."""
    ledger, counted = intake_ledger.c, receipts.c
    accepted = _sums(connection, select(ledger.connector, func.sum(ledger.accepted)))
    counts = select(counted.connector, func.sum(counted.message_count))
    translated = _sums(connection, *(counts.where(part) for part in _parts(receipts)))
    translated += retained.dropped_by_connector(connection, retained.TRANSLATED)
    by_receipt = _states(connection, receipts, retained.RECEIPTS)
    by_message = _states(connection, messages, retained.MESSAGES)
    names = accepted.keys() | translated.keys() | by_receipt.keys() | by_message.keys()
    return [
        BalanceRow(
            connector=name,
            accepted=accepted.get(name, 0),
            receipts=by_receipt.get(name, {}),
            translated=translated.get(name, 0),
            messages=by_message.get(name, {}),
        )
        for name in sorted(names)
    ]


def _parts(table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The settled and the pending: each has an index that is smaller than the table by far."""
    return not_state(table.c.state, "pending"), is_state(table.c.state, "pending")


def _sums(connection: Connection, *statements: Select[Any]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for statement in statements:
        for name, total in connection.execute(statement.group_by(statement.selected_columns[0])):
            sums[name] += int(total)  # PostgreSQL sums BIGINT to NUMERIC
    return sums


def _states(
    connection: Connection, table: Table, counted_as: retained.Part
) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    states = table.c.connector, table.c.state
    for part in _parts(table):
        statement = select(*states, func.count()).where(part).group_by(*states)
        for connector, state, number in connection.execute(statement):
            counts[connector][state] = number
    for connector, number in retained.dropped_by_connector(connection, counted_as).items():
        counts[connector]["dropped"] = number
    return counts
