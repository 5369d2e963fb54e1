"""Payments, refunds and disputes.

Source: Square API reference, Payment, PaymentRefund, Dispute; webhook events `payment.*`,
`refund.*`, `dispute.*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
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
from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier, Money
from connectors.kit.json_body import required_text, text
from connectors.kit.records import Record, child, first_time, objects, required_time
from connectors.raw import RawMessage
from connectors.square.reading import (
    customer,
    identifiers,
    is_test,
    order_chain,
    required_money,
    unmapped,
    unsigned_money,
)

_OUTCOMES = {
    "WON": DisputeOutcome.WON,
    "LOST": DisputeOutcome.LOST,
    "ACCEPTED": DisputeOutcome.LOST,
    "INQUIRY_CLOSED": DisputeOutcome.CLOSED,
}
_PHASES = {
    "INQUIRY_EVIDENCE_REQUIRED": "inquiry",
    "INQUIRY_PROCESSING": "inquiry",
    "EVIDENCE_REQUIRED": "chargeback",
    "PROCESSING": "chargeback",
}
_Payment = PaymentAuthorised | PaymentCaptured | PaymentFailed


def payment(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A payment by its status; Square tells it again with every change of its details.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status")
    match status:
        case "APPROVED":
            yield _authorised(raw, record, at)
        case "COMPLETED":
            yield _captured(raw, record, at)
        case "CANCELED" | "FAILED":
            yield _failed(raw, record, status, at)
        case "PENDING":
            yield Ignored(reason="the payment is pending: its outcome is told later", at=at)
        case _:
            raise unmapped(status, "status")


def refund(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A refund: issued once it is completed.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status")
    match status:
        case "COMPLETED":
            yield _refunded(raw, record, at)
        case "PENDING":
            yield Ignored(reason="the refund is pending: its outcome is told later", at=at)
        case "REJECTED" | "FAILED":
            yield Ignored(reason="the refund failed: the payment stands as it was", at=at)
        case _:
            raise unmapped(status, "status")


def dispute(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A dispute, open or ended, by its state; inquiry and chargeback are two facts.

    Raises Unsupported with code `unmapped_code` for a state that is not documented.
    """
    state = required_text(record, "state")
    if state in _OUTCOMES:
        closed = DisputeClosed(
            **_dispute_data(raw, record, ("updated_at",)), outcome=_OUTCOMES[state]
        )
        yield _dispute_message(raw, closed, ("closed", state), at)
    elif state in _PHASES:
        opened = DisputeOpened(
            **_dispute_data(raw, record, ("created_at", "reported_at", "reported_date")),
            status=state,
            evidence_due=first_time(record, "due_at"),
        )
        yield _dispute_message(raw, opened, (_PHASES[state], "opened"), at)
    else:
        raise unmapped(state, "state")


def _authorised(raw: RawMessage, record: Record, at: str) -> Message:
    data = _payment_data(raw, record, "authorized_at")
    # The hold ends by itself only where Square cancels it; it may also capture it then.
    ends = text(record, "delay_action") == "CANCEL"
    expires_at = first_time(record, "delayed_until") if ends else None
    fact = PaymentAuthorised(**data, expires_at=expires_at)
    # A hold may be raised or lowered (a tip): each amount is a fact, the latest one counts.
    entity = Key.of("payment", "square", raw.account, fact.payment_id, "authorised")
    changed_at = Version.at(required_time(record, "updated_at", "created_at"))
    key = entity.extended(format(fact.amount.amount, "f"))
    return _payment_message(raw, fact, key, at, entity=entity, version=changed_at)


def _captured(raw: RawMessage, record: Record, at: str) -> Message:
    data = _payment_data(raw, record, "captured_at")
    fact = PaymentCaptured(**data, capture_id=data["payment_id"], fee=_fee(record))
    key = Key.of("payment", "square", raw.account, fact.payment_id, "captured")
    return _payment_message(raw, fact, key, at)


def _failed(raw: RawMessage, record: Record, status: str, at: str) -> Message:
    details = child(record, "card_details")
    codes = [text(error, "code", path) for path, error in objects(details, "errors")]
    fact = PaymentFailed(
        **_payment_data(raw, record, "voided_at"),
        failure_code=next((code for code in codes if code), status),
    )
    key = Key.of("payment", "square", raw.account, fact.payment_id, status.lower())
    return _payment_message(raw, fact, key, at)


def _payment_data(raw: RawMessage, record: Record, moment: str) -> dict[str, Any]:
    payment_id = required_text(record, "id")
    order_id = text(record, "order_id")
    path = "card_details.card_payment_timeline"
    timeline = child(child(record, "card_details"), "card_payment_timeline", "card_details")
    return {
        "gateway": "square",
        "account": raw.account,
        "payment_id": payment_id,
        "amount": unsigned_money(record, "total_money"),
        "occurred_at": first_time(timeline, moment, path=path)
        or required_time(record, "updated_at", "created_at"),
        "method": text(record, "source_type"),
        "payer": customer(record, "buyer_email_address"),
        "order_id": order_id,
        "test": is_test(raw.options),
        "references": _payment_references(record, payment_id, order_id),
    }


def _payment_references(
    record: Record, payment_id: str, order_id: str | None
) -> tuple[Identifier, ...]:
    return identifiers(
        [
            ("payment", payment_id),
            ("order", order_id),
            ("location", text(record, "location_id")),
            ("reference_id", text(record, "reference_id")),
            ("receipt_number", text(record, "receipt_number")),
        ]
    )


def _payment_message(
    raw: RawMessage,
    fact: _Payment,
    key: Key,
    at: str,
    *,
    entity: Key | None = None,
    version: Version | None = None,
) -> Message:
    chain = (
        order_chain(raw.account, fact.order_id)
        if fact.order_id
        else _payment_chain(raw.account, fact.payment_id)
    )
    return Message(
        key=key,
        data=fact,
        occurred_at=fact.occurred_at,
        subject=f"payment/{fact.payment_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _fee(record: Record) -> Money | None:
    fees = [
        required_money(fee, "amount_money", path) for path, fee in objects(record, "processing_fee")
    ]
    if not fees:
        return None
    if len({fee.currency for fee in fees}) > 1:
        raise Malformed(
            "fees of several currencies", code="mixed_currencies", path="processing_fee"
        )
    total = sum((fee.amount for fee in fees), Decimal(0))
    return Money(amount=total, currency=fees[0].currency)


def _refunded(raw: RawMessage, record: Record, at: str) -> Message:
    refund_id = required_text(record, "id")
    # A refund that is not linked to a payment stands for itself.
    payment_id = text(record, "payment_id") or refund_id
    fact = RefundIssued(
        gateway="square",
        account=raw.account,
        payment_id=payment_id,
        refund_id=refund_id,
        amount=unsigned_money(record, "amount_money"),
        occurred_at=required_time(record, "updated_at", "created_at"),
        method=text(record, "destination_type"),
        status="COMPLETED",
        reason=text(record, "reason"),
        test=is_test(raw.options),
        # `order_id` is the order Square makes for the refund, not the one that was paid.
        references=identifiers(
            [
                ("refund", refund_id),
                ("payment", payment_id),
                ("refund_order", text(record, "order_id")),
                ("location", text(record, "location_id")),
            ]
        ),
    )
    chain = _payment_chain(raw.account, payment_id)
    return Message(
        key=Key.of("refund", "square", raw.account, refund_id, "completed"),
        data=fact,
        occurred_at=fact.occurred_at,
        subject=f"refund/{refund_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _dispute_data(raw: RawMessage, record: Record, moments: tuple[str, ...]) -> dict[str, Any]:
    # Older events name the dispute `dispute_id`.
    dispute_id = text(record, "id") or required_text(record, "dispute_id")
    disputed = child(record, "disputed_payment")
    payment_id = required_text(disputed, "payment_id", "disputed_payment")
    return {
        "gateway": "square",
        "account": raw.account,
        "payment_id": payment_id,
        "dispute_id": dispute_id,
        "amount": unsigned_money(record, "amount_money"),
        "occurred_at": required_time(record, *moments),
        "reason": text(record, "reason"),
        "test": is_test(raw.options),
        "references": identifiers(
            [
                ("dispute", dispute_id),
                ("payment", payment_id),
                ("brand_dispute", text(record, "brand_dispute_id")),
                ("location", text(record, "location_id")),
            ]
        ),
    }


def _dispute_message(
    raw: RawMessage, fact: DisputeOpened | DisputeClosed, verb: tuple[str, str], at: str
) -> Message:
    chain = _payment_chain(raw.account, fact.payment_id)
    return Message(
        key=Key.of("dispute", "square", raw.account, fact.dispute_id, *verb),
        data=fact,
        occurred_at=fact.occurred_at,
        subject=f"dispute/{fact.dispute_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _payment_chain(account: str, payment_id: str) -> str:
    return f"square/{account}/payment/{payment_id}"
