"""An order as its snapshots tell it together: one order for each channel, account and id.

The newest version wins, then the time. A snapshot that tells changed parts only lies over what was
told before; one that tells all replaces the lines, and those it leaves out are cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from canonical.keys import Key
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced
from canonical.values import Identifier, Money
from domains.contract import Finding, Owner
from domains.facts import Told, ids
from domains.names import bare
from domains.order.figures import NOTHING, unit_of
from domains.order.names import Snapshot, order_mentions, order_payments, quote_mentions
from domains.written import counted

_PAID: Final = frozenset({"paid", "captured"})
_DONE: Final = frozenset({"completed"})
_SINGLE: Final = (
    "order_number", "currency", "placed_at", "payment_status", "fulfilment_status",
    "delivery_address", "ship_to",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it stands now; `ordered` is 0 when it was cancelled."""

    key: str
    """Its id; where several lines have one, the second is `<id>#2`."""
    line_id: str
    sku: str | None
    products: tuple[Identifier, ...]
    ordered: Decimal
    unit: str
    unit_price: Money | None
    discount: Money | None
    tax: Money | None
    total: Money | None

    @property
    def is_goods(self) -> bool:
        """A fee, which some shops tell as a line, never ships."""
        return not any(one.scheme.endswith(":fee") for one in self.products)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the channel says of an order."""

    key: str
    channel: str
    account: str
    order_id: str
    order_number: str | None
    currency: str | None
    total: Money | None
    placed_at: datetime | None
    test: bool
    lines: tuple[Line, ...]
    cancelled_at: datetime | None
    """Since when the channel says that it is cancelled."""
    paid_since: datetime | None
    """Since when the channel says that it is paid."""
    handed_over: bool
    """Sold at a counter: complete at once, with no place to send anything to."""
    facts: frozenset[str]
    numbers: frozenset[str]
    """`order:…` of its id and number."""
    mentions: frozenset[str]
    """`order:…` of its references."""
    quotes: frozenset[str]
    payments: frozenset[str]
    references: tuple[Identifier, ...]
    correlation: str
    told_at: datetime
    """When the newest snapshot was true."""

    @property
    def label(self) -> str:
        return self.order_number or self.order_id


@dataclass(slots=True)
class _Draft:
    single: dict[str, Any] = field(default_factory=dict)
    total: Money | None = None
    lines: dict[str, Line] = field(default_factory=dict)
    cancelled_at: datetime | None = None
    test: bool = False
    change: str = ""


def order_key(channel: str, account: str, order_id: str) -> str:
    return Key.of("order", channel, account, order_id).text


def orders_of(snapshots: Sequence[Told[Snapshot]]) -> tuple[list[Order], list[Finding]]:
    """All orders by key, and the snapshots that were refused."""
    by_key: dict[str, list[Told[Snapshot]]] = {}
    for one in sorted(snapshots, key=_rank):
        key = order_key(one.data.channel, one.data.account, one.data.order_id)
        by_key.setdefault(key, []).append(one)
    orders: list[Order] = []
    refused: list[Finding] = []
    for key, told in sorted(by_key.items()):
        good = [one for one in told if not _bad_lines(one.data)]
        if good:
            orders.append(_order(key, good))
        refused += [_refusal(key if good else one.fact.id, one) for one in told if one not in good]
    return orders, refused


def _rank(one: Told[Snapshot]) -> tuple[object, ...]:
    # Senders that give versions give them with what tells the whole order; reports without a
    # version only announce those.
    version = one.fact.version
    kind = (OrderPlaced, OrderChanged, OrderCancelled).index(type(one.data))
    return (version is not None, version or "", one.at, kind, one.fact.key, one.fact.id)


def _bad_lines(data: Snapshot) -> list[OrderLine]:
    """Lines with a negative quantity, or, in a new order, with none.

    Later a quantity of 0 says that the line was cancelled.
    """
    lowest = Decimal(0)
    fresh = isinstance(data, OrderPlaced)
    return [
        line
        for line in data.lines
        if line.quantity.value < lowest or (fresh and line.quantity.value == lowest)
    ]


def _refusal(record: str, one: Told[Snapshot]) -> Finding:
    line = _bad_lines(one.data)[0]
    return Finding(
        kind="bad_quantity",
        record=record,
        owner=Owner.IT,
        subject=one.fact.id,
        explanation=f"Line {line.line_id[:40]} is ordered in a quantity that is not above zero:"
        " the whole snapshot is left out.",
        facts=frozenset({one.fact.id}),
        received=counted(line.quantity.value, unit_of(line.quantity)),
        since=one.at,
    )


def _order(key: str, told: Sequence[Told[Snapshot]]) -> Order:
    draft = _Draft()
    for one in told:
        _lay_over(draft, one)
    data = told[-1].data
    references = tuple(dict.fromkeys(named for one in told for named in one.data.references))
    single = draft.single
    return Order(
        key=key,
        channel=data.channel,
        account=data.account,
        order_id=data.order_id,
        order_number=single.get("order_number"),
        currency=_currency(draft),
        total=draft.total,
        placed_at=single.get("placed_at") or min(one.at for one in told),
        test=draft.test,
        lines=tuple(draft.lines.values()),
        cancelled_at=draft.cancelled_at,
        paid_since=_paid_since(told, single),
        handed_over=_handed_over(draft),
        facts=ids(told),
        numbers=bare("order", data.order_id, *(one.data.order_number for one in told)),
        mentions=order_mentions(references),
        quotes=quote_mentions(references),
        payments=order_payments(references),
        references=references,
        correlation=told[-1].fact.correlation,
        told_at=max(one.at for one in told),
    )


def _lay_over(draft: _Draft, one: Told[Snapshot]) -> None:
    data = one.data
    for name in _SINGLE:
        value = getattr(data, name)
        if value is not None:
            draft.single[name] = value
    draft.total = data.totals.total or draft.total
    draft.test = draft.test or data.test
    draft.cancelled_at = data.cancelled_at if isinstance(data, OrderCancelled) else None
    draft.change = (data.change or "") if isinstance(data, OrderChanged) else ""
    lines = _lines(data)
    if _tells_all(data) and lines:
        left_out = {key: line for key, line in draft.lines.items() if key not in lines}
        draft.lines = {**lines, **_cancelled(left_out)}
    else:
        draft.lines.update(lines)


def _tells_all(data: Snapshot) -> bool:
    return data.complete if isinstance(data, OrderChanged) else True


def _cancelled(lines: Mapping[str, Line]) -> dict[str, Line]:
    return {key: replace(line, ordered=NOTHING) for key, line in lines.items()}


def _lines(data: Snapshot) -> dict[str, Line]:
    counted: dict[str, int] = {}
    found: dict[str, Line] = {}
    for one in data.lines:
        counted[one.line_id] = times = counted.get(one.line_id, 0) + 1
        key = one.line_id if times == 1 else f"{one.line_id}#{times}"
        found[key] = Line(
            key=key,
            line_id=one.line_id,
            sku=one.sku,
            products=one.product,
            ordered=one.quantity.value,
            unit=unit_of(one.quantity),
            unit_price=one.unit_price,
            discount=one.discount,
            tax=one.tax,
            total=one.total,
        )
    return found


def _currency(draft: _Draft) -> str | None:
    told: str | None = draft.single.get("currency")
    if told or draft.total:
        return told or (draft.total.currency if draft.total else None)
    priced: Iterable[Money] = (one.unit_price for one in draft.lines.values() if one.unit_price)
    found = {one.currency for one in priced}
    return found.pop() if len(found) == 1 else None


def _paid_since(told: Sequence[Told[Snapshot]], single: Mapping[str, Any]) -> datetime | None:
    if _word(single.get("payment_status")) not in _PAID:
        return None
    return min(one.at for one in told if _word(one.data.payment_status) in _PAID)


def _handed_over(draft: _Draft) -> bool:
    somewhere = {"delivery_address", "ship_to", "fulfilment_status"} & draft.single.keys()
    return not somewhere and _word(draft.change) in _DONE


def _word(value: str | None) -> str:
    return (value or "").strip().casefold()
