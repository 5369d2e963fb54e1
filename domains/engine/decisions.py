"""Decisions: what people decide becomes evidence, and the record is derived again with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from canonical.errors import Malformed, Unsupported
from domains.contract import Decision, Domain
from domains.engine.filing import mark_due, own_name
from domains.engine.tables import decisions, filed_names, record_facts
from store.ids import IdSource
from store.statements import insert_all, insert_missing, storable
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
    fact = _first_fact(connection, domain.name, decision.record)
    if fact is None:
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
    mark_due(connection, domain.name, {own_name(fact)}, ids, now)
    _join_clusters(connection, domain.name, decision, fact)


def _join_clusters(connection: Connection, domain: str, decision: Decision, fact: str) -> None:
    """A decision may name other records (apply this receipt to that invoice): from then on they
    are of one cluster, so that it can be seen whether it fits."""
    others = {_first_fact(connection, domain, key) for key in sorted(_texts(decision.values))}
    facts = {fact, *(one for one in others if one is not None)}
    name = f"decision:{decision.id}"
    rows = [
        {"domain": domain, "name": name, "message_id": one, "strong": 1} for one in sorted(facts)
    ]
    if len(rows) > 1:
        insert_missing(connection, filed_names, rows)


def _texts(values: Any) -> set[str]:
    """All texts in JSON that may be a record's key."""
    if isinstance(values, str):
        return {values} if "/" in values else set()
    if isinstance(values, Mapping):
        return {text for one in values.values() for text in _texts(one)}
    if isinstance(values, list | tuple):
        return {text for one in values for text in _texts(one)}
    return set()


def _first_fact(connection: Connection, domain: str, record: str) -> str | None:
    table = record_facts.c
    statement = select(func.min(table.message_id)).where(
        table.domain == domain, table.record_key == record
    )
    found: str | None = connection.scalar(statement)
    return found
