"""Who did what: an append-only log whose rows are chained by their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy import Row as Found

from store.statements import insert_all, is_postgresql
from store.tables import audit_log
from store.times import micros, moment

_START = bytes(32)
_LOCK = 0x6F32635F617564
"""The advisory lock under which rows are appended, one transaction after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row of the log."""

    number: int
    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, Any]


def append_audit(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    target: str,
    details: Mapping[str, Any],
) -> int:
    """Append a row behind the last; returns its number, counted from 1 without gaps."""
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = connection.execute(
        select(audit_log.c.id, audit_log.c.hash).order_by(audit_log.c.id.desc()).limit(1)
    ).first()
    row = {
        "id": 1 if last is None else last.id + 1,
        "at": micros(at),
        "actor": actor,
        "action": action,
        "target": target,
        "details": json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }
    previous = _START if last is None else bytes(last.hash)
    chained = row | {"previous_hash": previous, "hash": _hash(previous, row)}
    insert_all(connection, audit_log, [chained])
    return int(chained["id"])


def verify_audit_log(connection: Connection) -> int | None:
    """The number of the first row that was changed, put in or taken out; None: all is as written.

    Rows cut off at the end leave no gap behind them: keep the last hash elsewhere to see that.
    """
    previous = _START
    rows = connection.execution_options(yield_per=1000).execute(
        select(audit_log).order_by(audit_log.c.id)
    )
    for expected, found in enumerate(rows, start=1):
        names = ("id", "at", "actor", "action", "target", "details")
        row = {name: getattr(found, name) for name in names}
        intact = bytes(found.previous_hash) == previous and bytes(found.hash) == _hash(
            previous, row
        )
        if found.id != expected or not intact:
            return expected
        previous = bytes(found.hash)
    return None


def recent_audit(connection: Connection, limit: int = 100) -> list[AuditEntry]:
    """The last rows, newest first."""
    rows = connection.execute(select(audit_log).order_by(audit_log.c.id.desc()).limit(limit))
    return [_entry(found) for found in rows]


def _hash(previous: bytes, row: Mapping[str, Any]) -> bytes:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + text.encode("utf-8", "surrogatepass")).digest()


def _entry(found: Found[Any]) -> AuditEntry:
    return AuditEntry(
        number=found.id,
        at=moment(found.at),
        actor=found.actor,
        action=found.action,
        target=found.target,
        details=json.loads(found.details),
    )
