"""Decisions: what people decide becomes evidence, and the record is derived again with it."""

from __future__ import annotations

from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from canonical.errors import Malformed, Unsupported
from domains.contract import Decision, Domain
from domains.engine.filing import mark_due, own_name
from domains.engine.tables import decisions, record_facts
from store.ids import IdSource
from store.statements import insert_all, storable
from store.times import micros


def decide(
    connection: Connection, domain: Domain, decision: Decision, ids: IdSource, now: datetime
) -> None:
    """Keep a decision and have its record derived with it.

    Raises Unsupported (`unknown_action`, `unknown_record`), and Malformed for values the domain
    does not take. Whether it still fits the facts is found when it is derived: what does not is a
    finding, and nothing of it is applied.
    """
    check = domain.actions.get(decision.action)
    if check is None:
        raise Unsupported(
            f"the {domain.name} domain knows no action {decision.action[:40]!r}",
            code="unknown_action",
        )
    check(decision.values)
    facts = _facts_of(connection, domain.name, decision.record)
    if not facts:
        raise Unsupported("there is no such record", code="unknown_record")
    if len(decision.reason) > 2000:
        raise Malformed("the reason is too long", code="too_long", path="reason")
    insert_all(
        connection,
        decisions,
        [
            {
                "domain": domain.name,
                "id": decision.id,
                "record_key": decision.record,
                "at": micros(decision.at),
                "by": decision.by,
                "action": decision.action,
                "subject": storable(decision.subject),
                "given": orjson.dumps(dict(decision.values)).decode(),
                "reason": storable(decision.reason),
            }
        ],
    )
    mark_due(connection, domain.name, {own_name(facts[0])}, ids, now)


def _facts_of(connection: Connection, domain: str, record: str) -> list[str]:
    table = record_facts.c
    statement = select(table.message_id).where(table.domain == domain, table.record_key == record)
    return sorted(connection.scalars(statement))
