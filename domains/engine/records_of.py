"""Which records rest on what, and what they are known by: read for whoever shows a chain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, select

from canonical.keys import Key
from domains.engine.tables import evidence, filed_names, record_facts, record_names, records
from store.statements import among, select_among
from store.tables import fact_keys
from store.times import moment

NAMES: Final = ("order", "shipment", "billing", "cash")
"""The domains whose records are looked for: an index over records begins with the domain."""
MOST_FACTS: Final = 20_000
"""Facts of records that are read at once."""

MOST_OF_A_NAME: Final = 100
"""A name that more facts are filed under joins nothing."""


class Name(NamedTuple):
    """Of a record."""

    domain: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """A record as it is kept."""

    name: Name
    kind: str
    label: str
    status: str
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """A fact as a domain was told it, without its data."""

    message_id: str
    type: str
    source: str
    key: str
    """Its idempotency key in readable form."""
    occurred_at: datetime
    receipt: str


def named(connection: Connection, value: str, *, most: int) -> list[Name]:
    """Records by one of the names people look for them by, or by their key."""
    table = record_names.c
    by_name = (
        select(table.domain, table.record_key)
        .where(table.value == value)
        .distinct()
        .order_by(table.domain, table.record_key)
        .limit(most)
    )
    by_key = select(records.c.domain, records.c.key).where(
        among(connection, records.c.domain, NAMES), records.c.key == value
    )
    found = [Name(*one) for query in (by_key, by_name) for one in connection.execute(query)]
    return list(dict.fromkeys(found))


def resting_on(connection: Connection, message_ids: Iterable[str]) -> list[tuple[str, Name]]:
    """Each of these facts with each record that rests on it, as far as `MOST_FACTS`."""
    table = record_facts.c
    statement = select(table.message_id, table.domain, table.record_key).where(
        among(connection, table.domain, NAMES)
    )
    rows = select_among(connection, statement, table.message_id, sorted(message_ids))
    return [(one.message_id, Name(one.domain, one.record_key)) for one in islice(rows, MOST_FACTS)]


def filed_beside(
    connection: Connection, domain: str, facts: Collection[str]
) -> dict[str, set[str]]:
    """Each of these facts with those the domain files under one of its names."""
    table = filed_names.c
    statement = select(table.name, table.message_id).where(table.domain == domain)
    names: dict[str, set[str]] = {}
    rows = select_among(connection, statement, table.message_id, sorted(facts))
    for one in islice(rows, MOST_FACTS):
        names.setdefault(one.name, set()).add(one.message_id)
    holders: dict[str, set[str]] = {}
    for one in islice(select_among(connection, statement, table.name, sorted(names)), MOST_FACTS):
        holders.setdefault(one.name, set()).add(one.message_id)
    found: dict[str, set[str]] = {fact: set() for fact in facts}
    for name, beside in holders.items():
        if len(beside) <= MOST_OF_A_NAME:
            for fact in names[name]:
                found[fact] |= beside
    return found


def facts_of(connection: Connection, names: Collection[Name]) -> dict[Name, set[str]]:
    """The ids of the facts each record rests on, as far as `MOST_FACTS`."""
    table = record_facts.c
    found: dict[Name, set[str]] = {name: set() for name in names}
    left = MOST_FACTS
    for domain, keys in _by_domain(names).items():
        statement = select(table.record_key, table.message_id).where(table.domain == domain)
        rows = islice(select_among(connection, statement, table.record_key, keys), left)
        for one in rows:
            found[Name(domain, one.record_key)].add(one.message_id)
            left -= 1
    return found


def read_records(connection: Connection, names: Collection[Name]) -> dict[Name, RecordRow]:
    """Those of these records that exist."""
    table = records.c
    found: dict[Name, RecordRow] = {}
    for domain, keys in _by_domain(names).items():
        statement = select(records).where(table.domain == domain)
        for one in select_among(connection, statement, table.key, keys):
            name = Name(domain, one.key)
            found[name] = RecordRow(
                name=name,
                kind=one.kind,
                label=one.label,
                status=one.status,
                state=orjson.loads(one.state),
            )
    return found


def read_facts(connection: Connection, message_ids: Collection[str]) -> dict[str, FactRow]:
    """Facts by id, each once, whichever domains were told it."""
    table = evidence.c
    statement = select(
        table.message_id, table.type, table.source, table.idempotency_key, table.occurred_at,
        table.receipt,
    )  # fmt: skip
    return {
        one.message_id: FactRow(
            message_id=one.message_id,
            type=one.type,
            source=one.source,
            key=one.idempotency_key,
            occurred_at=moment(one.occurred_at),
            receipt=one.receipt,
        )
        for one in select_among(connection, statement, table.message_id, sorted(message_ids))
    }


def read_data(connection: Connection, message_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """What facts say, by id."""
    table = evidence.c
    statement = select(table.message_id, table.data)
    rows = select_among(connection, statement, table.message_id, sorted(message_ids))
    return {one.message_id: orjson.loads(one.data) for one in rows}


def rows_of_keys(connection: Connection, keys: Iterable[str]) -> dict[int, int]:
    """The message rows that hold these idempotency keys, each with its receipt."""
    table = fact_keys.c
    digests = [Key(one).digest for one in sorted(keys)]
    statement = select(table.message_row_id, table.receipt_id)
    return {
        one.message_row_id: one.receipt_id
        for one in select_among(connection, statement, table.key_digest, digests)
    }


def _by_domain(names: Iterable[Name]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.domain, []).append(name.key)
    return found
