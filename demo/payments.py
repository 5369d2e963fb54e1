"""What the demo's payment gateway says, in the structure of Stripe's events and lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from demo.shop import ShopOrder


def payment_intent_event(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """`payment_intent.succeeded` of an order."""
    amount = _minor(order.subtotal)
    return _event(
        f"evt_demo_pi_{order.number}",
        "payment_intent.succeeded",
        moment,
        {
            "id": f"pi_demo_{order.number}",
            "object": "payment_intent",
            "amount": amount,
            "amount_received": amount,
            "currency": "eur",
            "created": int(order.placed_at.timestamp()),
            "latest_charge": charge_id(order),
            "livemode": True,
            "metadata": {"order_id": str(order.order_id)},
            "payment_method_types": ["card"],
            "status": "succeeded",
        },
    )


def charge_event(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """`charge.succeeded`: the same capture, told by another object."""
    amount = _minor(order.subtotal)
    return _event(
        f"evt_demo_ch_{order.number}",
        "charge.succeeded",
        moment,
        {
            "id": charge_id(order),
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "captured": True,
            "paid": True,
            "refunded": False,
            "currency": "eur",
            "created": int(moment.timestamp()),
            "livemode": True,
            "metadata": {"order_id": str(order.order_id)},
            "payment_intent": f"pi_demo_{order.number}",
            "payment_method_details": {"type": "card"},
            "status": "succeeded",
        },
    )


def refund_event(order: ShopOrder, amount: Decimal, moment: datetime) -> dict[str, Any]:
    """`refund.created`: money goes back."""
    return _event(
        f"evt_demo_re_{order.number}",
        "refund.created",
        moment,
        {
            "id": refund_id(order),
            "object": "refund",
            "amount": _minor(amount),
            "balance_transaction": f"txn_re_{order.number}",
            "charge": charge_id(order),
            "created": int(moment.timestamp()),
            "currency": "eur",
            "metadata": {"order_id": str(order.order_id)},
            "payment_intent": f"pi_demo_{order.number}",
            "reason": "requested_by_customer",
            "receipt_number": None,
            "status": "succeeded",
        },
    )


def dispute_event(
    order: ShopOrder, moment: datetime, *, status: str = "needs_response"
) -> dict[str, Any]:
    """`charge.dispute.created`, or `.closed` where the status is `won` or `lost`."""
    closed = status in {"won", "lost"}
    kind = "charge.dispute.closed" if closed else "charge.dispute.created"
    return _event(
        f"evt_demo_du_{order.number}_{status}",
        kind,
        moment,
        {
            "id": f"du_demo_{order.number}",
            "object": "dispute",
            "amount": _minor(order.subtotal),
            "balance_transactions": [],
            "charge": charge_id(order),
            "created": int(moment.timestamp()),
            "currency": "eur",
            "evidence_details": {"due_by": int(moment.timestamp()) + 864_000},
            "is_charge_refundable": False,
            "livemode": True,
            "metadata": {},
            "payment_intent": f"pi_demo_{order.number}",
            "reason": "fraudulent",
            "status": status,
        },
    )


class Movement(NamedTuple):
    """A balance transaction of a payout; what goes out is negative, and so is its amount."""

    kind: str
    """`charge`, `refund`, `adjustment` …"""
    source: str
    amount: Decimal
    fee: Decimal
    moment: datetime


def charged(order: ShopOrder, fee: Decimal, moment: datetime) -> Movement:
    """The charge of an order in a payout."""
    return Movement("charge", charge_id(order), order.subtotal, fee, moment)


def refunded(order: ShopOrder, amount: Decimal, moment: datetime) -> Movement:
    """The refund of an order in a payout."""
    return Movement("refund", refund_id(order), -amount, Decimal(0), moment)


def net_of(movements: Sequence[Movement]) -> Decimal:
    """What is paid out of these."""
    return sum((one.amount - one.fee for one in movements), Decimal(0))


def payout_event(payout: str, amount: Decimal, moment: datetime) -> dict[str, Any]:
    """`payout.paid`; the bank line is expected to carry the payout's id."""
    return _event(f"evt_{payout}", "payout.paid", moment, _payout(payout, amount, moment))


def payout_list(payout: str, movements: Sequence[Movement], moment: datetime) -> dict[str, Any]:
    """A payout with its balance transactions, as they are fetched from the API and filed."""
    net = net_of(movements)
    itself = Movement("payout", payout, -net, Decimal(0), moment)
    listed = [_transaction(payout, *one) for one in enumerate([itself, *movements])]
    return {
        "payout": _payout(payout, net, moment),
        "balance_transactions": {
            "object": "list",
            "data": listed,
            "has_more": False,
            "url": "/v1/balance_transactions",
        },
    }


def charge_id(order: ShopOrder) -> str:
    """The gateway's id of the charge of an order."""
    return f"ch_demo_{order.number}"


def refund_id(order: ShopOrder) -> str:
    """The gateway's id of the refund of an order."""
    return f"re_demo_{order.number}"


def _payout(payout: str, amount: Decimal, moment: datetime) -> dict[str, Any]:
    return {
        "id": payout,
        "object": "payout",
        "amount": _minor(amount),
        "arrival_date": int(moment.timestamp()),
        "automatic": True,
        "balance_transaction": f"txn_{payout}_0",
        "created": int(moment.timestamp()),
        "currency": "eur",
        "destination": "ba_demo",
        "livemode": True,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "completed",
        "statement_descriptor": payout.upper(),
        "status": "paid",
        "type": "bank_account",
    }


def _transaction(payout: str, index: int, one: Movement) -> dict[str, Any]:
    return {
        "id": f"txn_{payout}_{index}",
        "object": "balance_transaction",
        "amount": _minor(one.amount),
        "available_on": int(one.moment.timestamp()),
        "created": int(one.moment.timestamp()),
        "currency": "eur",
        "description": None,
        "exchange_rate": None,
        "fee": _minor(one.fee),
        "fee_details": [],
        "net": _minor(one.amount - one.fee),
        "reporting_category": one.kind,
        "source": one.source,
        "status": "available",
        "type": one.kind,
    }


def _event(event_id: str, kind: str, moment: datetime, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": int(moment.timestamp()),
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": document},
    }


def _minor(amount: Decimal) -> int:
    return int(amount * 100)
