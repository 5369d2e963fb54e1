"""Conflicts: other content under a known key, and what people decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, literal, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from store.access.audit_log import append_audit
from store.ids import MESSAGE, show_id
from store.log.known_facts import KnownFact, known_facts
from store.log.outbox import load_message, message_row
from store.mending.contested import Contested
from store.mending.corrections import Content, publish_correction
from store.records import MessageRow
from store.statements import insert_all, is_state, select_among, storable
from store.tables import conflict_decisions, message_references, messages
from store.times import micros, moment

Decision = Literal["accepted", "kept_first", "discarded"]
DECISIONS: Final = ("accepted", "kept_first", "discarded")
Verdict = Literal["conflict", "stale", "duplicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A report that contradicts what is known, and what is known."""

    report: MessageRow
    known: KnownFact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a person decided about a conflict."""

    message_row_id: int
    decision: str
    at: datetime
    actor: str
    reason: str
    correction_row_id: int | None


def list_judged(
    connection: Connection,
    verdict: Verdict,
    *,
    connector: str | None = None,
    account: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[MessageRow]:
    """Messages that were not routed for this reason, newest first, page by page.

    Conflicts are those nobody has decided about.
    """
    # The second condition is the index's: SQLite does not see that the first one implies it.
    settled = messages.c.state != literal("pending", literal_execute=True)
    statement = select(messages).where(is_state(messages.c.state, verdict), settled)
    for column, value in ((messages.c.connector, connector), (messages.c.account, account)):
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(messages.c.id < before)
    found = connection.execute(statement.order_by(messages.c.id.desc()).limit(limit))
    return [message_row(one) for one in found]


def list_decided(
    connection: Connection, *, before: int | None = None, limit: int = 100
) -> list[tuple[MessageRow, Decided]]:
    """Conflicts somebody has decided about, the newest reports first, page by page."""
    table = conflict_decisions.c
    statement = select(conflict_decisions).order_by(table.message_row_id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(table.message_row_id < before)
    decided = [_decided(found) for found in connection.execute(statement)]
    wanted = sorted(one.message_row_id for one in decided)
    rows = {
        row.id: message_row(row)
        for row in select_among(connection, select(messages), messages.c.id, wanted)
    }
    # Retention keeps decisions longer than what was decided about.
    return [(rows[one.message_row_id], one) for one in decided if one.message_row_id in rows]


def load_conflict(connection: Connection, row_id: int) -> Conflict:
    """A conflict, decided or not. Raises Unsupported (`unknown_conflict`)."""
    report = load_message(connection, row_id)
    if report is None or report.verdict != "conflict":
        raise Unsupported("there is no such conflict", code="unknown_conflict")
    digest = Key(report.key).digest
    return Conflict(report=report, known=known_facts(connection, [digest]).get(digest))


def decision_on(connection: Connection, row_id: int) -> Decided | None:
    """What was decided about a conflict, or None."""
    table = conflict_decisions
    found = connection.execute(select(table).where(table.c.message_row_id == row_id)).first()
    if found is None:
        return None
    return _decided(found)


def _decided(found: Found[Any]) -> Decided:
    return Decided(
        message_row_id=found.message_row_id,
        decision=found.decision,
        at=moment(found.at),
        actor=found.actor,
        reason=found.reason,
        correction_row_id=found.correction_row_id,
    )


def decide_conflict(
    connection: Connection,
    row_id: int,
    decision: Decision,
    *,
    actor: str,
    reason: str,
    now: datetime,
    correction_row_id: int,
) -> Decided:
    """Accept the report as a correction (its message gets `correction_row_id`), or leave it out.

    Raises Malformed without a name or reason, Unsupported, Contested: `decided_already`,
    `already_so`, `outdated`.
    """
    if not actor.strip() or not reason.strip() or decision not in DECISIONS:
        raise Malformed("deciding needs a name and a reason", code="reason_required")
    conflict = load_conflict(connection, row_id)
    taken = connection.execute(
        update(messages)
        .where(messages.c.id == row_id, messages.c.state == "conflict")
        .values(state="discarded")
    )
    if not taken.rowcount:
        held = decision_on(connection, row_id)
        who = "somebody" if held is None else held.actor
        raise Contested(f"{who} has decided on this already", code="decided_already")
    corrects = decision == "accepted"
    if corrects:
        content = _content(connection, conflict.report, correction_row_id)
        publish_correction(connection, content, actor=actor, reason=storable(reason), now=now)
    row = {
        "message_row_id": row_id,
        "decision": decision,
        "at": micros(now),
        "actor": actor,
        "reason": storable(reason),
        "correction_row_id": correction_row_id if corrects else None,
    }
    insert_all(connection, conflict_decisions, [row])
    append_audit(
        connection,
        at=now,
        actor=actor,
        action=f"conflict.{decision}",
        target=show_id(MESSAGE, row_id),
        details={"reason": reason, "key": conflict.report.key},
    )
    decided = decision_on(connection, row_id)
    assert decided is not None  # noqa: S101 - just inserted
    return decided


def _content(connection: Connection, report: MessageRow, row_id: int) -> Content:
    if report.data is None or report.content_digest is None or report.occurred_at is None:
        raise Unsupported("what it said is no longer kept", code="data_missing")
    table = message_references.c
    references = connection.execute(
        select(table.scheme, table.value).where(table.message_row_id == report.row_id)
    ).all()
    return Content(
        row_id=row_id,
        receipt_id=report.receipt_id,
        key=report.key,
        content_digest=bytes(report.content_digest),
        type=report.type,
        source=report.source,
        subject=report.subject,
        occurred_at=report.occurred_at,
        entity=report.entity,
        version=report.version,
        correlation=report.correlation,
        partition_key=report.partition_key,
        traceparent=report.traceparent,
        schema_uri=report.schema_uri,
        data=report.data,
        destinations=report.destinations,
        references=[(one.scheme, one.value) for one in references],
        at=report.at,
        connector=report.connector,
        account=report.account,
    )
