"""Reading what domains derived: records in lists, one with the facts and decisions it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, or_, select
from sqlalchemy import Row as Found

from canonical.errors import Unsupported
from domains.contract import Decision
from domains.engine.tables import decisions, evidence, record_facts, record_names, records
from store.statements import select_among, storable
from store.times import moment

MOST_FACTS_SHOWN: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as a domain derived it last."""

    domain: str
    key: str
    kind: str
    label: str
    status: str
    state: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFact:
    """A fact a record rests on, without its data: that is the message's."""

    message_id: str
    type: str
    source: str
    key: str
    occurred_at: datetime
    arrived_at: datetime
    receipt: str
    correlation: str
    corrected_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records of a domain are asked for; None: whatever."""

    domain: str
    kind: str | None = None
    status: str | None = None
    text: str = ""
    """Part of the label or the key, or a whole name people look for it by."""


def list_records(
    connection: Connection, wanted: RecordQuery, *, after: str | None = None, limit: int = 100
) -> list[StoredRecord]:
    """A page of records by their keys; `after` is the last key of the page before."""
    table = records.c
    statement = select(records).where(table.domain == wanted.domain)
    for column, value in ((table.kind, wanted.kind), (table.status, wanted.status)):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.text:
        text, names = storable(wanted.text), record_names.c
        named = select(names.record_key).where(names.domain == wanted.domain, names.value == text)
        statement = statement.where(
            or_(
                table.label.icontains(text, autoescape=True),
                table.key.icontains(text, autoescape=True),
                table.key.in_(named),
            )
        )
    if after is not None:
        statement = statement.where(table.key > after)
    ordered = statement.order_by(table.key).limit(limit)
    return [_record(one) for one in connection.execute(ordered)]


def load_record(connection: Connection, domain: str, key: str) -> StoredRecord:
    """One record. Raises Unsupported (`unknown_record`)."""
    table = records.c
    statement = select(records).where(table.domain == domain, table.key == storable(key))
    found = connection.execute(statement).first()
    if found is None:
        raise Unsupported("there is no such record", code="unknown_record")
    return _record(found)


def records_of_key(
    connection: Connection, domains: Iterable[str], keys: Iterable[str]
) -> list[tuple[str, str]]:
    """(domain, key) of those of these keys that are records."""
    table = records.c
    statement = select(table.domain, table.key).where(table.domain.in_(sorted(domains)))
    return sorted(
        (one.domain, one.key)
        for one in select_among(connection, statement, table.key, sorted(set(keys)))
    )


def kinds_of(connection: Connection, domain: str) -> dict[str, dict[str, int]]:
    """Kind → status → how many records of the domain."""
    table = records.c
    found: dict[str, dict[str, int]] = {}
    statement = (
        select(table.kind, table.status, func.count())
        .where(table.domain == domain)
        .group_by(table.kind, table.status)
        .order_by(table.kind, table.status)
    )
    for kind, status, number in connection.execute(statement):
        found.setdefault(kind, {})[status] = number
    return found


def facts_of(connection: Connection, domain: str, key: str) -> list[KeptFact]:
    """The facts a record rests on, as they happened; at most 500."""
    rests = record_facts.c
    statement = (
        select(evidence)
        .join(
            record_facts,
            (rests.domain == evidence.c.domain) & (rests.message_id == evidence.c.message_id),
        )
        .where(rests.domain == domain, rests.record_key == key)
        .order_by(evidence.c.occurred_at, evidence.c.message_id)
        .limit(MOST_FACTS_SHOWN)
    )
    return [_fact(one) for one in connection.execute(statement)]


def facts_named(connection: Connection, domain: str, ids: Iterable[str]) -> list[KeptFact]:
    """Those of these facts that the domain keeps, as they happened; at most 500."""
    statement = select(evidence).where(evidence.c.domain == domain)
    some = sorted(set(ids))[:MOST_FACTS_SHOWN]
    found = select_among(connection, statement, evidence.c.message_id, some)
    facts = [_fact(one) for one in found]
    return sorted(facts, key=lambda one: (one.occurred_at, one.message_id))


def decisions_on(connection: Connection, domain: str, key: str) -> list[Decision]:
    """What people decided about a record, oldest first."""
    table = decisions.c
    statement = (
        select(decisions)
        .where(table.domain == domain, table.record_key == key)
        .order_by(table.at, table.id)
    )
    return [
        Decision(
            id=one.id,
            at=moment(one.at),
            by=one.by,
            action=one.action,
            record=one.record_key,
            subject=one.subject,
            values=orjson.loads(one.given),
            reason=one.reason,
        )
        for one in connection.execute(statement)
    ]


def _record(found: Found[Any]) -> StoredRecord:
    return StoredRecord(
        domain=found.domain,
        key=found.key,
        kind=found.kind,
        label=found.label,
        status=found.status,
        state=orjson.loads(found.state),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def _fact(found: Found[Any]) -> KeptFact:
    return KeptFact(
        message_id=found.message_id,
        type=found.type,
        source=found.source,
        key=found.idempotency_key,
        occurred_at=moment(found.occurred_at),
        arrived_at=moment(found.arrived_at),
        receipt=found.receipt,
        correlation=found.correlation,
        corrected_by=found.corrected_by,
    )
