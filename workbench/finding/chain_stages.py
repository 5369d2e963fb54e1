"""The stages from quote to bank entry: which a record or fact is of, and its colour. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from canonical.families import FAMILY_OF

STAGES: Final = (
    "quote", "order", "shipment", "delivery", "billing candidate", "invoice", "tax", "receivable",
    "payment", "payout", "bank entry", "return", "credit note", "refund", "dispute",
)  # fmt: skip
"""In the order in which they are told."""
RANK: Final = {stage: number for number, stage in enumerate(STAGES)}
HUBS: Final = frozenset({"payout", "bank entry"})
"""Where the money of many chains runs together."""

TONES: Final = ("bad", "warn", "info", "good", "plain")
"""Colours of statuses, first what most needs a look."""

_KINDS: Final = {
    "candidate": "billing candidate",
    "billing_candidate": "billing candidate",
    "creditnote": "credit note",
    "credit_note": "credit note",
    "capture": "payment",
    "receipt": "payment",
    "remittance": "payment",
    "advice": "payment",
    "chargeback": "dispute",
    "entry": "bank entry",
    "bank_entry": "bank entry",
    "bank_credit": "bank entry",
    "reversal": "shipment",
}
_OF_DOMAIN: Final = {
    "order": "order", "shipment": "shipment", "billing": "invoice", "cash": "payment",
}  # fmt: skip

_BANKED: Final = frozenset({"o2c.bank_entry.booked", "o2c.bank_entry.reversed"})
_OF_MANY: Final = ("o2c.payout.", "o2c.bank_", "o2c.remittance.")
_TYPES: Final = {
    "o2c.quote.accepted": "quote",
    "o2c.order.placed": "order",
    "o2c.shipment.confirmed": "shipment",
    "o2c.shipment.reversed": "shipment",
    "o2c.delivery.status_changed": "delivery",
    "o2c.invoice.issued": "invoice",
    "o2c.credit_note.issued": "credit note",
    "o2c.payment.authorised": "payment",
    "o2c.payment.captured": "payment",
    "o2c.refund.issued": "refund",
    "o2c.dispute.opened": "dispute",
    "o2c.dispute.closed": "dispute",
    "o2c.payout.settled": "payout",
    "o2c.return.requested": "return",
    "o2c.return.received": "return",
    **dict.fromkeys(_BANKED, "bank entry"),
}
"""What makes a step of its own, also where no domain has a record of it."""
_BESIDE: Final = {
    "o2c.order.changed": "order",
    "o2c.order.cancelled": "order",
    "o2c.order.confirmed": "order",
    "o2c.order.rejected": "order",
    "o2c.order.held": "order",
    "o2c.stock.allocated": "shipment",
    "o2c.einvoice.status_changed": "invoice",
    "o2c.tax.calculated": "tax",
    "o2c.payment.failed": "payment",
    "o2c.payout.line_reported": "payout",
    "o2c.bank_entry.notified": "bank entry",
    "o2c.remittance.advised": "payment",
}
_STANDS_FOR: Final = {"billing candidate": "shipment", "receivable": "invoice"}
"""What only domains speak of, and the stage whose facts begin it."""
_LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "quote": ("quote_number", "quote_id"),
    "order": ("order_number", "order_id"),
    "shipment": ("shipment_id",),
    "delivery": ("tracking_number", "shipment_id"),
    "invoice": ("invoice_number",),
    "credit note": ("invoice_number",),
    "payment": ("payment_id",),
    "refund": ("refund_id",),
    "dispute": ("dispute_id",),
    "payout": ("payout_id",),
    "return": ("return_id",),
    "bank entry": ("entry_reference", "end_to_end_id", "transaction_id", "creditor_reference"),
}

_WORDS: Final = {
    "good": frozenset({
        "ACCEPTED", "ALLOCATED", "ALLOWED", "APPLIED", "APPROVED", "BOOKED", "CALCULATED",
        "CAPTURED", "CLEAR", "CLEARED", "CLOSED", "COMPLETED", "CONFIRMED", "COVERED", "CREDITED",
        "DELIVERED", "FINANCIALLY_COMPLETE", "INVOICED", "MATCHED", "ORDERED", "PAID", "PAYOUT",
        "RECEIVED", "RECONCILED", "REFUNDED", "SENT_TO_CUSTOMER", "SETTLED", "WON",
    }),
    "warn": frozenset({
        "AMBIGUOUS", "AWAITED", "CONFIRMED_WITH_CHANGES", "DIFFERS", "DISPUTED", "HELD", "MISMATCH",
        "NOTHING_SHIPPED", "ON_HOLD", "PARTIAL", "PARTIALLY_APPLIED",
        "REATTEMPT", "REVIEW", "SUSPENSE", "SUGGESTED", "UNAPPLIED", "UNMATCHED",
        "WAITING",
    }),
    "bad": frozenset({
        "BLOCKED", "CHARGED_BACK", "CORRECTION_REQUIRED", "FAILED", "LOST", "OVERDUE",
        "REJECTED", "REVERSED",
    }),
    "plain": frozenset({
        "CANCELLED", "EXPIRED", "RETURNED", "TEST", "VOIDED", "WITHDRAWN",
    }),
}  # fmt: skip


def stage_of(domain: str, kind: str, types: Collection[str]) -> str:
    """The stage of a record, by its kind; money received may be a payment or a bank's entry."""
    if kind == "receipt" and _BANKED & set(types) and "o2c.payment.captured" not in types:
        return "bank entry"
    stage = _KINDS.get(kind, kind.replace("_", " "))
    return stage if stage in RANK else _OF_DOMAIN.get(domain, "order")


def needs_facts(kind: str) -> bool:
    """Whether the kind alone does not tell the stage."""
    return kind == "receipt"


def joins_many(message_type: str) -> bool:
    """Whether a fact is about many chains: it leads to payouts and bank entries only."""
    return message_type.startswith(_OF_MANY)


def stage_of_type(message_type: str) -> str | None:
    """The stage a fact tells of."""
    return _TYPES.get(message_type) or _BESIDE.get(message_type)


def tells_of(message_type: str, stage: str) -> bool:
    """Whether a fact tells of a step itself: of an invoice, not of the order it bills."""
    return stage_of_type(message_type) == _STANDS_FOR.get(stage, stage)


def makes_a_step(message_type: str) -> bool:
    """Whether a fact is a step of its own where no record of its stage rests on it."""
    return message_type in _TYPES


def is_decided(message_type: str) -> bool:
    """Whether a domain says it, and no system."""
    return FAMILY_OF.get(message_type) == "chain"


def label_of(stage: str, data: Mapping[str, Any]) -> str:
    """The number people use for what a fact tells of."""
    return next((str(data[name]) for name in _LABELS[stage] if data.get(name)), "")


def status_of(message_type: str, data: Mapping[str, Any]) -> str:
    """What a fact says has become of it: by its own word, else by its type's last."""
    told = data.get("status") or data.get("outcome") or message_type.rpartition(".")[2]
    return str(told).upper()


def tone_of(status: str) -> str:
    """good, warn, bad, plain or, for what is under way, info."""
    return next((tone for tone, words in _WORDS.items() if status.upper() in words), "info")
