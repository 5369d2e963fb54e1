"""Transactions of an order, refunds, and disputes.

Source: Shopify REST Admin API reference, Transaction, Refund and Dispute; webhook topics
`order_transactions/create`, `refunds/create`, `disputes/*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
)
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from canonical.payload import Payload
from canonical.shipment import ReturnReceived
from connectors.kit.json_body import join, required_text, text
from connectors.kit.plain import Fields, PlainIdentifier, PlainMoney, amount_of, pieces
from connectors.kit.records import (
    Record,
    child,
    each,
    first_time,
    flag,
    objects,
    optional_object,
    required_time,
)
from connectors.raw import RawMessage
from connectors.shopify.reading import (
    id_in,
    id_of,
    identifiers,
    optional_id,
    order_chain,
    required_id,
    required_money,
)

_OUTCOMES = {
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
    "accepted": DisputeOutcome.LOST,
    "charge_refunded": DisputeOutcome.CLOSED,
    "prevented": DisputeOutcome.CLOSED,
}


def transaction(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """One movement of money on an order, by its `kind` and `status`.

    Raises Unsupported with code `unmapped_code` for a kind or status that is not documented, and
    for `change` (cash handed back), which no canonical fact describes.
    """
    kind = required_text(record, "kind")
    status = required_text(record, "status")
    match status:
        case "success":
            yield _succeeded(raw, record, kind, at)
        case "failure" | "error":
            yield _failed(raw, record, kind, at)
        case "pending" | "awaiting_response":
            yield Ignored(
                reason=f"the {_known(kind)} is {status}: its outcome is told later", at=at
            )
        case _:
            raise _unmapped(status, "status")


def refund(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """Each refund transaction as the same fact `order_transactions/create` tells, and the goods
    that were put back into stock.

    A transaction that cannot be read becomes a Problem; the others go on.
    """
    moved = False
    for path, one in objects(record, "transactions"):
        moved = True
        place = join(at, path)
        yield from each(place, partial(transaction, raw, one, place))
    returned = [(path, line) for path, line in objects(record, "refund_line_items") if _back(line)]
    if returned:
        yield from each(at, partial(_return_received, raw, record, returned, at))
    elif not moved:
        yield Ignored(reason="a refund that moved neither money nor goods", at=at)


def dispute(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A dispute, open or ended, by its status; `inquiry` and `chargeback` are two facts.

    Raises Unsupported with code `unmapped_code` for a status or type that is not documented.
    """
    status = required_text(record, "status")
    if status in _OUTCOMES:
        yield _dispute_closed(raw, record, status, at)
    elif status in ("needs_response", "under_review"):
        yield _dispute_opened(raw, record, status, at)
    else:
        raise _unmapped(status, "status")


def _succeeded(raw: RawMessage, record: Record, kind: str, at: str) -> Message:
    match kind:
        case "authorization" | "emv_authorization":
            expires_at = first_time(record, "authorization_expires_at")
            return _payment(raw, record, at, PaymentAuthorised, {"expires_at": expires_at})
        case "capture" | "sale":
            return _payment(raw, record, at, PaymentCaptured, {"capture_id": id_of(record)})
        case "refund":
            own = {"refund_id": id_of(record), "status": "success"}
            return _payment(raw, record, at, RefundIssued, own)
        case "void":
            return _payment(raw, record, at, PaymentFailed, {"failure_code": "void"})
        case _:
            raise _unmapped(kind, "kind")


def _failed(raw: RawMessage, record: Record, kind: str, at: str) -> Message | Ignored:
    if kind in ("refund", "void"):
        return Ignored(reason=f"the {kind} failed: the payment stands as it was", at=at)
    _known(kind)
    reason = {
        "failure_code": text(record, "error_code"),
        "failure_message": text(record, "message"),
    }
    return _payment(raw, record, at, PaymentFailed, reason)


def _known(kind: str) -> str:
    known = ("authorization", "emv_authorization", "capture", "sale", "refund", "void", "change")
    if kind not in known:
        raise _unmapped(kind, "kind")
    return kind


def _payment(
    raw: RawMessage, record: Record, at: str, fact: type[Payload], own: dict[str, Any]
) -> Message:
    transaction_id = id_of(record)
    kind = required_text(record, "kind")
    # Refunds and payout lines name the capture or sale, a void its authorization.
    undone = id_in(record, "parent_id") if kind in ("refund", "void") else None
    payment_id = undone or transaction_id
    order_id = id_in(record, "order_id")
    occurred_at = required_time(record, "processed_at", "created_at")
    chain = _chain(raw.account, order_id, payment_id)
    data = {
        "gateway": "shopify",
        "account": raw.account,
        "payment_id": payment_id,
        "event_id": transaction_id,
        "amount": _unsigned_amount(record),
        "occurred_at": occurred_at,
        "method": text(record, "gateway"),
        "order_id": order_id,
        "test": flag(record, "test"),
        "references": _transaction_references(record, transaction_id, order_id),
        **own,
    }
    return Message(
        key=Key.of("payment", "shopify", raw.account, transaction_id, kind),
        data=fact.model_validate(data),
        occurred_at=occurred_at,
        subject=f"payment/{payment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _transaction_references(
    record: Record, transaction_id: str, order_id: str | None
) -> list[PlainIdentifier]:
    return identifiers(
        [
            ("transaction", transaction_id),
            ("transaction", id_in(record, "parent_id")),
            ("order", order_id),
            ("authorization", text(record, "authorization")),
            ("payment", text(record, "payment_id")),
        ]
    )


def _back(line: Record) -> bool:
    return text(line, "restock_type") == "return" and line.get("location_id") is not None


def _return_received(
    raw: RawMessage, record: Record, returned: list[tuple[str, dict[str, Any]]], at: str
) -> Iterator[Item]:
    refund_id = id_of(record)
    order_id = required_id(record, "order_id")
    received_at = required_time(record, "processed_at", "created_at")
    asked_for = optional_object(record, "return")
    return_id = optional_id(asked_for, "return") if asked_for else None
    chain = order_chain(raw.account, order_id)
    yield Message(
        key=Key.of("return", "shopify", raw.account, refund_id, "received"),
        data=ReturnReceived.model_validate(
            {
                "return_id": return_id or refund_id,
                "source_system": "shopify",
                "account": raw.account,
                "order_id": order_id,
                "received_at": received_at,
                "lines": [_return_line(line, path) for path, line in returned],
                "references": identifiers(
                    [("refund", refund_id), ("return", return_id), ("order", order_id)]
                ),
            }
        ),
        occurred_at=received_at,
        subject=f"return/{return_id or refund_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _return_line(line: Record, path: str) -> Fields:
    ordered = child(line, "line_item", path)
    where = join(path, "line_item")
    return {
        "line_id": id_of(line, path),
        "order_line_id": optional_id(ordered, where) or id_in(line, "line_item_id", path),
        "sku": text(ordered, "sku", where),
        "quantity": pieces(line, "quantity", path),
        "disposition": text(line, "restock_type", path),
    }


def _dispute_opened(raw: RawMessage, record: Record, status: str, at: str) -> Message:
    phase = required_text(record, "type")
    if phase not in ("inquiry", "chargeback"):
        raise _unmapped(phase, "type")
    fact = DisputeOpened.model_validate(
        {
            **_dispute_data(raw, record, required_time(record, "initiated_at")),
            "status": status,
            "evidence_due": first_time(record, "evidence_due_by"),
        }
    )
    return _dispute_message(raw, fact, (phase, "opened"), at)


def _dispute_closed(raw: RawMessage, record: Record, status: str, at: str) -> Message:
    # `finalized_on` may still be empty when the outcome is told; it is known by now, though.
    closed_at = first_time(record, "finalized_on") or raw.received_at
    fact = DisputeClosed.model_validate(
        {**_dispute_data(raw, record, closed_at), "outcome": _OUTCOMES[status]}
    )
    return _dispute_message(raw, fact, ("closed", status), at)


def _dispute_data(raw: RawMessage, record: Record, occurred_at: datetime) -> dict[str, Any]:
    dispute_id = id_of(record)
    order_id = id_in(record, "order_id")
    return {
        "gateway": "shopify",
        "account": raw.account,
        # Shopify names no transaction here; the dispute's own id joins what is told about it.
        "payment_id": dispute_id,
        "dispute_id": dispute_id,
        "amount": _unsigned_amount(record),
        "occurred_at": occurred_at,
        "reason": text(record, "reason"),
        "order_id": order_id,
        "references": identifiers([("dispute", dispute_id), ("order", order_id)]),
    }


def _dispute_message(
    raw: RawMessage, fact: DisputeOpened | DisputeClosed, verb: tuple[str, str], at: str
) -> Message:
    chain = _chain(raw.account, fact.order_id, fact.dispute_id)
    return Message(
        key=Key.of("dispute", "shopify", raw.account, fact.dispute_id, *verb),
        data=fact,
        occurred_at=fact.occurred_at,
        subject=f"dispute/{fact.dispute_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _unsigned_amount(record: Record) -> PlainMoney:
    stated = required_money(record, "amount", text(record, "currency"))
    if amount_of(stated) < 0:
        raise Malformed("a negative amount", code="bad_amount", path="amount")
    return stated


def _chain(account: str, order_id: str | None, payment_id: str) -> str:
    return order_chain(account, order_id) if order_id else f"shopify/{account}/payment/{payment_id}"


def _unmapped(value: str, field: str) -> Unsupported:
    return Unsupported(f"{value[:40]!r} is not a known {field}", code="unmapped_code", path=field)
