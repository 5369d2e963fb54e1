"""A small domain to try the engine with: orders, the payments for them, and boxes of payments.

An order is `PAID` when the payments that name it cover its total. A payout (a box) lends its state
to the payments in it. A payment that names an order nobody has seen waits.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import MetaData, Table

from canonical.cash import PaymentCaptured, PayoutLineReported, PayoutSettled
from canonical.chain import OrderStateChanged
from canonical.keys import Key, message_id
from canonical.order import OrderPlaced, OrderTotals
from canonical.payload import Payload, schema_uri
from canonical.values import Identifier, Money
from domains.contract import (
    Announcement,
    Cluster,
    Derived,
    Domain,
    Fact,
    Finding,
    Names,
    Owner,
    Parked,
    Record,
)
from domains.names import order_names, qualified
from routing.envelope import Envelope
from store.tables.columns import number, text_column

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
orders = Table(
    "till_orders", MetaData(), number("at"), text_column("record_key"), text_column("paid")
)


def envelope(
    payload: Payload, *, version: str | None = None, corrects: str | None = None, name: str = ""
) -> Envelope:
    """A message of this payload as it is read from a stream."""
    key = Key.of(payload.TYPE, payload.json_data(), version or "", name)
    return Envelope(
        id=message_id(key.digest),
        source="/shopify/acme",
        type=payload.TYPE,
        subject="order/1",
        time=NOW,
        dataschema=schema_uri(type(payload)),
        idempotencykey=key.text,
        correlationid="shopify/acme/order/1",
        causationid="rcp_0000000000001",
        partitionkey="shopify/acme/order/1",
        data=payload.json_data(),
        entityversion=version,
        corrects=corrects,
    )


def placed(order_id: str, total: str = "10.00") -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        channel="shopify",
        account="acme",
        totals=OrderTotals(total=Money(amount=Decimal(total), currency="EUR")),
    )


def captured(payment_id: str, order_id: str | None, amount: str = "10.00") -> PaymentCaptured:
    return PaymentCaptured(
        gateway="stripe",
        account="acme",
        payment_id=payment_id,
        order_id=order_id,
        amount=Money(amount=Decimal(amount), currency="EUR"),
        occurred_at=NOW,
    )


def boxed(payout_id: str, payment_id: str) -> PayoutLineReported:
    money = Money(amount=Decimal("10.00"), currency="EUR")
    return PayoutLineReported(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        line_id=f"{payout_id}-{payment_id}",
        kind="charge",
        gross=money,
        net=money,
        payment_id=payment_id,
        occurred_at=NOW,
    )


def settled(payout_id: str) -> PayoutSettled:
    return PayoutSettled(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        status="paid",
        settled_at=NOW,
        net=Money(amount=Decimal("10.00"), currency="EUR"),
    )


def _payment(payment_id: str) -> frozenset[str]:
    return frozenset({qualified("payment", "stripe", "acme", payment_id)})


def _box(payout_id: str) -> frozenset[str]:
    return frozenset({qualified("payout", "stripe", "acme", payout_id)})


LISTENS: dict[str, Any] = {
    OrderPlaced.TYPE: lambda data: Names(strong=order_names("shopify", "acme", data.order_id)),
    PaymentCaptured.TYPE: lambda data: Names(
        strong=order_names("shopify", "acme", data.order_id) | _payment(data.payment_id)
    ),
    PayoutSettled.TYPE: lambda data: Names(strong=_box(data.payout_id)),
    PayoutLineReported.TYPE: lambda data: Names(
        strong=_box(data.payout_id), weak=_payment(data.payment_id)
    ),
}


def borrows(cluster: Cluster) -> frozenset[str]:
    return frozenset(
        Key.of("box", one.data.payout_id).text
        for one in cluster.nearby
        if isinstance(one.data, PayoutLineReported)
    )


def derive(cluster: Cluster, now: datetime) -> Derived:
    if any(getattr(one.data, "order_id", "") == "poison" for one in cluster.facts):
        raise RuntimeError("a fault of the domain")
    known = [one for one in cluster.facts if isinstance(one.data, OrderPlaced)]
    paid = {one.id: one.data for one in cluster.facts if isinstance(one.data, PaymentCaptured)}
    boxes = _boxes(cluster)
    if not known:
        waiting = tuple(
            Parked(
                fact=fact,
                awaits=f"order:{payment.order_id}",
                kind="unknown_order",
                owner=Owner.IT,
                explanation="The order never came.",
                patience=timedelta(hours=1),
            )
            for fact, payment in paid.items()
        )
        return Derived(records=boxes, parked=waiting)
    return _of_order(cluster, known[-1], paid, boxes, now)


def _boxes(cluster: Cluster) -> tuple[Record, ...]:
    told: dict[str, set[str]] = {}
    closed: set[str] = set()
    names: set[str] = set()
    for one in cluster.facts:
        if isinstance(one.data, PayoutSettled | PayoutLineReported):
            told.setdefault(one.data.payout_id, set()).add(one.id)
            closed |= {one.data.payout_id} if isinstance(one.data, PayoutSettled) else set()
            names |= set(LISTENS[one.type](one.data).weak)
    return tuple(
        Record(
            kind="box",
            key=Key.of("box", number).text,
            label=number,
            status="CLOSED" if number in closed else "OPEN",
            state={"closed": number in closed},
            facts=frozenset(facts),
            disturbs=frozenset(names),
        )
        for number, facts in sorted(told.items())
    )


def _of_order(
    cluster: Cluster,
    order: Fact,
    paid: dict[str, PaymentCaptured],
    boxes: tuple[Record, ...],
    now: datetime,
) -> Derived:
    data = order.data
    assert isinstance(data, OrderPlaced)
    assert data.totals.total is not None
    total = data.totals.total.amount
    received = sum((one.amount.amount for one in paid.values()), Decimal(0))
    waived = any(one.action == "waive" for one in cluster.decisions)
    status = "PAID" if received >= total or waived else "OPEN"
    key = Key.of("order", data.order_id).text
    record = Record(
        kind="order",
        key=key,
        label=data.order_id,
        status=status,
        state={
            "received": f"{received:f}",
            "boxed": all(state["closed"] for state in cluster.borrowed.values())
            and bool(cluster.borrowed),
        },
        facts=frozenset({order.id, *paid}),
        rows={"till_orders": [{"at": 1, "paid": f"{received:f}"}]},
        names=(Identifier(scheme="order", value=data.order_id),),
    )
    findings: tuple[Finding, ...] = ()
    if received > total:
        findings = (
            Finding(
                kind="paid_too_much",
                record=key,
                owner=Owner.FINANCE,
                explanation="More than its total.",
                expected=f"{total:f} EUR",
                received=f"{received:f} EUR",
                balance=f"{received - total:f} EUR",
            ),
        )
    told = Announcement(
        subject=key,
        correlation=order.correlation,
        occurred_at=order.occurred_at,
        data=OrderStateChanged(
            revision=1,
            channel="shopify",
            account="acme",
            order_id=data.order_id,
            document="PLACED",
            approval="OPEN",
            credit="CLEAR",
            allocation="NONE",
            fulfilment="NONE",
            billing="NONE",
            payment=status,
            closure="OPEN",
        ),
    )
    due = order.arrived_at + timedelta(hours=2)
    late = status == "OPEN" and now >= due
    if late:
        findings += (
            Finding(kind="not_paid", record=key, owner=Owner.SALES, explanation="Nothing came."),
        )
    return Derived(
        records=(record, *boxes),
        findings=findings,
        announcements=(told,),
        wake_at=due if status == "OPEN" and not late else None,
    )


TILL = Domain(
    name="till",
    listens=LISTENS,
    derive=derive,
    borrows=borrows,
    actions={"waive": lambda _values: None},
)
