"""Retention of what has no index by age: keys, references and history, walked in their own order.

An index by age would cost every message of every day; a walk costs seconds a million rows, once a
run. A step looks at the next few thousand keys and drops those that are due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
)

from store.ids import first_id_at
from store.retaining.retention import LOOKED_AT, Phase, Policy, Step
from store.statements import among, insert_all
from store.tables import (
    attempts,
    corrections,
    deliveries,
    entity_versions,
    fact_keys,
    intake_ledger,
    message_references,
    messages,
    raw_payloads,
    refusals,
    search_blocks,
    subscriber_inbox,
)
from store.times import micros

Key = tuple[Any, ...]
Due = Callable[[Connection], ColumnElement[bool]]


def reference_phases(before: datetime) -> list[Phase]:
    """What dropped messages were found by: references, and the words of whole blocks of them."""
    before_id = first_id_at(before)
    row_id, words = message_references.c.message_row_id, search_blocks.c
    gone = ~exists().where(messages.c.id == row_id)
    all_gone = ~exists().where(messages.c.id.between(words.first_id, words.last_id))
    return [
        _walk("references", message_references, and_(row_id < before_id, gone)),
        _walk("search blocks", search_blocks, and_(words.last_id < before_id, all_gone)),
    ]


def history_phases(before: datetime) -> list[Phase]:
    """Refusals, the attempts of subscribers, and the intake ledger's rows, which are added up."""
    at = micros(before)
    lone = and_(attempts.c.receipt_id.is_(None), attempts.c.at < at)

    def fold(connection: Connection, after: tuple[int, int] | None, dry: bool) -> Step:
        return Step(0) if dry else _fold_ledger(connection, after, at)

    return [
        _walk("attempts", attempts, lone),
        _walk("refusals", refusals, refusals.c.id < first_id_at(before)),
        Phase(name="ledger rows added up", begin=None, run=fold),
    ]


def key_phases(policy: Policy, now: datetime) -> list[Phase]:
    """What recognises things that come again; nothing where keys are kept for ever.

    Keys outlive whatever could bring them up again: where a body or a message is still there past
    its age, because somebody works on it, all keys are kept for as much longer.
    """
    if policy.keys is None:
        return []

    def of_age(column: Column[int]) -> Due:
        return lambda connection: column < first_id_at(keys_before(connection, policy, now))

    def handled(connection: Connection) -> ColumnElement[bool]:
        return subscriber_inbox.c.handled_at < micros(keys_before(connection, policy, now))

    uncorrected = ~exists().where(fact_keys.c.key_digest == corrections.c.key_digest)
    return [
        _walk("delivery keys", deliveries, of_age(deliveries.c.receipt_id)),
        _walk("fact keys", fact_keys, of_age(fact_keys.c.message_row_id)),
        _walk("corrections", corrections, uncorrected),
        _walk("entity versions", entity_versions, of_age(entity_versions.c.message_row_id)),
        _walk("handled messages", subscriber_inbox, handled),
    ]


def keys_before(connection: Connection, policy: Policy, now: datetime) -> datetime:
    """Before when keys are due: their age, and as much as anything else is past its own."""
    if policy.keys is None:
        return _EARLIEST
    overdue = timedelta(0)
    for age, column in ((policy.raw, raw_payloads.c.receipt_id), (policy.messages, messages.c.id)):
        oldest = connection.scalar(select(func.min(column)))
        if oldest is not None and age is not None:
            overdue = max(overdue, _behind(now - age, oldest))
    return now - policy.keys - overdue


_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
_ID_MS = first_id_at(_EARLIEST + timedelta(milliseconds=1)) - first_id_at(_EARLIEST)
"""How many ids there are in a millisecond."""


def _behind(expected: datetime, oldest_id: int) -> timedelta:
    """By how much the oldest is older than expected; less than nothing where it is younger."""
    return timedelta(milliseconds=(first_id_at(expected) - oldest_id) // _ID_MS)


def _walk(name: str, table: Table, due: ColumnElement[bool] | Due) -> Phase:
    """A phase that goes through a table by its primary key and drops what is due."""
    columns: list[Column[Any]] = list(table.primary_key)

    def run(connection: Connection, after: Key | None, dry: bool) -> Step:
        upto = _end_of_page(connection, columns, after)
        page = _between(columns, after, upto)
        condition = due(connection) if callable(due) else due
        counted = select(func.count()).select_from(table).where(condition, *page)
        number = connection.scalar(counted) or 0
        if number and not dry:
            number = connection.execute(delete(table).where(condition, *page)).rowcount
        return Step(number, after=upto)

    return Phase(name=name, begin=None, run=run)


def _end_of_page(
    connection: Connection, columns: Sequence[Column[Any]], after: Key | None
) -> Key | None:
    """The last key of the next page; None: the table ends in it."""
    statement = select(*columns).where(*_between(columns, after, None))
    found = connection.execute(statement.order_by(*columns).offset(LOOKED_AT - 1).limit(1)).first()
    return None if found is None else tuple(found)


def _between(
    columns: Sequence[Column[Any]], after: Key | None, upto: Key | None
) -> list[ColumnElement[bool]]:
    place = tuple_(*columns)
    bounds = []
    if after is not None:
        bounds.append(place > _given(columns, after))
    if upto is not None:
        bounds.append(place <= _given(columns, upto))
    return bounds


def _given(columns: Sequence[Column[Any]], key: Key) -> ColumnElement[Any]:
    pairs = zip(columns, key, strict=True)
    return tuple_(*(bindparam(None, value, type_=column.type) for column, value in pairs))


def _fold_ledger(connection: Connection, after: tuple[int, int] | None, before: int) -> Step:
    """Replace a page of the ledger's old rows by one row an account: no sum changes."""
    table = intake_ledger.c
    last, end = after or (0, connection.scalar(select(func.max(table.id))) or 0)
    page = connection.execute(
        select(intake_ledger)
        .where(table.id > last, table.id <= end, table.at < before)
        .order_by(table.id)
        .limit(LOOKED_AT)
    ).all()
    if not page:
        return Step(0)
    sums: Counter[tuple[str, str]] = Counter()
    for row in page:
        sums[row.connector, row.account] += row.accepted
    if len(sums) < len(page):
        gone = delete(intake_ledger).where(among(connection, table.id, [row.id for row in page]))
        connection.execute(gone)
        latest = max(row.at for row in page)
        rows = [
            {"at": latest, "connector": connector, "account": account, "accepted": accepted}
            for (connector, account), accepted in sorted(sums.items())
        ]
        insert_all(connection, intake_ledger, rows)
    return Step(len(page) - len(sums), after=(page[-1].id, end))
