"""Chains: from some messages to all that belong to the same business, across systems.

Messages belong together when they share their correlation, or a reference that few others have.
A reference many have (a payout, a statement, a customer) joins nothing: it is told as a relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from store.finding.trace import MOST, Trail
from store.statements import among
from store.tables import message_references, messages

FEW: Final = 40
"""So many messages may share a reference that joins them."""
ROUNDS: Final = 4
_LONG: Final = 6
"""Shorter values are the same by chance: among other schemes they join nothing."""
_MOST_REFERENCES: Final = 400
_MOST_RELATIONS: Final = 30
_NOT_OF_A_CHAIN: Final = frozenset(
    {
        "account", "merchant_account", "location", "company", "customer", "contract", "store",
        "cup", "CdtrSchmeId", "MndtId", "subscription", "MsgId", "StmtId", "statement", "payout",
    }
)  # fmt: skip
"""What names a party, a place, a report or the money of many, by the last part of the scheme."""

_NAMES: Final = (
    "order_id", "order_number", "quote_id", "invoice_number", "payment_id", "shipment_id",
    "return_id", "end_to_end_id", "creditor_reference",
)  # fmt: skip

Reference = tuple[str, str]
"""Scheme and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A reference that leads to other chains."""

    scheme: str
    value: str
    messages: int
    """That have it, counted up to a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What belongs together, and what is related to it."""

    trail: Trail
    relations: Sequence[Relation]
    whole: bool
    """Whether all of it is in the trail."""


@dataclass(slots=True)
class _Growing:
    rows: dict[int, int]
    """Message row → receipt."""
    receipts: set[int]
    correlations: set[str] = field(default_factory=set)
    asked: set[Reference] = field(default_factory=set)
    related: dict[Reference, int] = field(default_factory=dict)
    whole: bool = True

    def take(self, found: Iterable[tuple[int, int]]) -> set[int]:
        """The message rows among these that are new, as many as there is room for."""
        new: set[int] = set()
        for row_id, receipt_id in found:
            if row_id in self.rows:
                continue
            if len(self.rows) >= MOST:
                self.whole = False
                break
            self.rows[row_id] = receipt_id
            self.receipts.add(receipt_id)
            new.add(row_id)
        return new


def follow(connection: Connection, trail: Trail) -> Chain:
    """The chain a trail is part of: at most a thousand messages, four steps away."""
    rows = _receipts_of(connection, trail.message_row_ids)
    chain = _Growing(rows=rows, receipts={*trail.receipt_ids, *rows.values()})
    new = set(chain.rows)
    for _ in range(ROUNDS):
        if not new:
            break
        correlations, references = _what_they_name(connection, new)
        new = chain.take(_by_correlation(connection, correlations - chain.correlations))
        chain.correlations |= correlations
        for reference in sorted(references - chain.asked)[:_MOST_REFERENCES]:
            chain.asked.add(reference)
            new |= chain.take(_by_reference(connection, reference, chain))
    chain.whole = chain.whole and not new and len(chain.rows) < MOST
    return Chain(
        trail=Trail(
            receipt_ids=tuple(sorted(chain.receipts)), message_row_ids=tuple(sorted(chain.rows))
        ),
        relations=_relations(chain),
        whole=chain.whole,
    )


def _receipts_of(connection: Connection, row_ids: Sequence[int]) -> dict[int, int]:
    statement = select(messages.c.id, messages.c.receipt_id)
    found = connection.execute(statement.where(among(connection, messages.c.id, row_ids)))
    return {int(row_id): int(receipt_id) for row_id, receipt_id in found}


def _what_they_name(
    connection: Connection, row_ids: Iterable[int]
) -> tuple[set[str], set[Reference]]:
    statement = select(messages.c.correlation, messages.c.data)
    correlations: set[str] = set()
    references: set[Reference] = set()
    for correlation, data in connection.execute(
        statement.where(among(connection, messages.c.id, sorted(row_ids)))
    ):
        if correlation and not _is_of_many(correlation):
            correlations.add(correlation)
        references.update(references_in(data))
    return correlations, references


def _is_of_many(correlation: str) -> bool:
    """Whether it names, e.g., a payout: `stripe/acme/payout/po_1` holds the money of many."""
    kind = correlation.rpartition("/")[0].rpartition("/")[2]
    return kind in _NOT_OF_A_CHAIN


def names_in(data: str | None) -> Iterator[Reference]:
    """What a message's data says it is about, by field: an order, a payment, an invoice …"""
    document: Any = orjson.loads(data) if data else {}
    for field_name in _NAMES:
        value = document.get(field_name)
        if isinstance(value, str) and len(value) >= _LONG:
            yield field_name, value


def own_names(data: str | None) -> Iterator[str]:
    """By what others may name this message, where it is not a party, a place or a report."""
    for scheme, value in references_in(data):
        if len(value) >= _LONG and scheme.rpartition(":")[2] not in _NOT_OF_A_CHAIN:
            yield value


def references_in(data: str | None) -> Iterator[Reference]:
    """The references a message's data names, those by their field among them."""
    yield from names_in(data)
    document: Any = orjson.loads(data) if data else {}
    for one in document.get("references") or ():
        scheme, value = one.get("scheme"), one.get("value")
        if scheme and value:
            yield scheme, value


def _by_correlation(connection: Connection, correlations: set[str]) -> Iterator[tuple[int, int]]:
    statement = select(messages.c.id, messages.c.receipt_id)
    for correlation in sorted(correlations):
        here = statement.where(messages.c.correlation == correlation).limit(MOST)
        yield from ((row.id, row.receipt_id) for row in connection.execute(here).all())


def _by_reference(
    connection: Connection, reference: Reference, chain: _Growing
) -> list[tuple[int, int]]:
    """Messages that share it, if they are few; many of them are noted as a relation."""
    scheme, value = reference
    table = message_references.c
    held = select(table.message_row_id).where(table.value == value)
    if len(value) < _LONG:
        held = held.where(table.scheme == scheme)
    found = set(connection.scalars(held.limit(FEW + 1)))
    others = found - chain.rows.keys()
    if not others:
        return []
    if len(found) > FEW or scheme.rpartition(":")[2] in _NOT_OF_A_CHAIN:
        counted = select(func.count()).select_from(held.limit(MOST).subquery())
        chain.related[reference] = connection.scalar(counted) or 0
        return []
    statement = select(messages.c.id, messages.c.receipt_id)
    rows = connection.execute(statement.where(among(connection, messages.c.id, sorted(others))))
    return [(row.id, row.receipt_id) for row in rows]


def _relations(chain: _Growing) -> list[Relation]:
    fewest_first = sorted(chain.related.items(), key=lambda one: (one[1], one[0]))
    return [
        Relation(scheme=scheme, value=value, messages=number)
        for (scheme, value), number in fewest_first[:_MOST_RELATIONS]
    ]
