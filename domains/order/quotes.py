"""Accepted quotes, and the orders they became."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from canonical.keys import Key
from canonical.order import QuoteAccepted
from canonical.values import Identifier
from domains.contract import Fact, Record
from domains.facts import Told, ids, told
from domains.order.figures import unit_of
from domains.written import counted

T = TypeVar("T")


def quote_key(data: QuoteAccepted) -> str:
    return Key.of("quote", data.channel, data.account, data.quote_id).text


def quote_records(facts: Iterable[Fact], order_of: Mapping[str, str]) -> list[Record]:
    """One record a quote; `order_of` is the order of a fact, by its id."""
    by_key: dict[str, list[Told[QuoteAccepted]]] = {}
    for one in told(facts, QuoteAccepted):
        by_key.setdefault(quote_key(one.data), []).append(one)
    return [_record(key, reports, order_of) for key, reports in sorted(by_key.items())]


def _record(key: str, reports: list[Told[QuoteAccepted]], order_of: Mapping[str, str]) -> Record:
    # A quote is told again with every change, and some reports have no figures: the newest that
    # has something says it.
    reports = sorted(reports, key=lambda one: (one.fact.version or "", one.at, one.fact.id))
    newest = reports[-1].data
    number = _last(one.data.quote_number for one in reports)
    total = _last(one.data.totals.total for one in reports)
    lines = _last(one.data.lines or None for one in reports) or ()
    orders = sorted({order_of[one.fact.id] for one in reports if one.fact.id in order_of})
    return Record(
        kind="quote",
        key=key,
        label=number or newest.quote_id,
        status="ORDERED" if orders else "ACCEPTED",
        state={
            "channel": newest.channel,
            "account": newest.account,
            "quote_id": newest.quote_id,
            "quote_number": number,
            "accepted_at": newest.accepted_at.isoformat(),
            "currency": _last(one.data.currency for one in reports),
            "total": f"{total.amount:f}" if total else None,
            "lines": [
                {
                    "line_id": line.line_id,
                    "sku": line.sku,
                    "quantity": counted(line.quantity.value, unit_of(line.quantity)),
                    "unit_price": f"{line.unit_price.amount:f}" if line.unit_price else None,
                }
                for line in lines
            ],
            "orders": orders,
        },
        facts=ids(reports),
        names=_names(reports, number),
    )


def _names(reports: list[Told[QuoteAccepted]], number: str | None) -> tuple[Identifier, ...]:
    data = reports[-1].data
    told_by = [one for report in reports for one in report.data.references]
    own = [("quote", data.quote_id), ("quote_number", number)]
    named = [
        Identifier(scheme=f"{data.channel[:60]}:{scheme}", value=value[:400])
        for scheme, value in own
        if value
    ]
    return tuple(dict.fromkeys([*named, *told_by]))


def _last(values: Iterable[T | None]) -> T | None:
    found: T | None = None
    for value in values:
        found = found if value is None else value
    return found
