"""Facts of the cash family: payments, payouts, bank entries, remittance advice."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from canonical.payload import Payload
from canonical.values import Currency, Direction, Identifier, Money, Party, Text, Time, Value


class _PaymentFact(Payload):
    gateway: str
    """The connector's name."""
    account: str
    payment_id: str
    """The gateway's id of the payment all facts about it share."""
    event_id: Text | None = None
    amount: Money
    occurred_at: Time
    method: Text | None = None
    payer: Party | None = None
    order_id: Text | None = None
    invoice_number: Text | None = None
    test: bool = False

    # One capture is told by several of a gateway's objects, each with other details and times:
    # identity and amount are what must agree.
    CONTEXT: ClassVar[frozenset[str]] = frozenset(
        {
            "event_id", "occurred_at", "payer", "method", "fee", "net",
            "references", "order_id", "invoice_number", "test",
        }
    )  # fmt: skip


class PaymentAuthorised(_PaymentFact):
    """Money is reserved, not taken."""

    TYPE: ClassVar[str] = "o2c.payment.authorised"
    CONTEXT: ClassVar[frozenset[str]] = _PaymentFact.CONTEXT | {"expires_at"}
    expires_at: Time | None = None


class PaymentCaptured(_PaymentFact):
    """The gateway took the money; it is not at the bank yet."""

    TYPE: ClassVar[str] = "o2c.payment.captured"
    capture_id: Text | None = None
    fee: Money | None = None
    net: Money | None = None


class PaymentFailed(_PaymentFact):
    """A try to pay failed or was cancelled."""

    TYPE: ClassVar[str] = "o2c.payment.failed"
    CONTEXT: ClassVar[frozenset[str]] = _PaymentFact.CONTEXT | {"failure_code", "failure_message"}
    failure_code: Text | None = None
    failure_message: Text | None = None


class RefundIssued(_PaymentFact):
    """Money goes back to the payer; `amount` is positive."""

    TYPE: ClassVar[str] = "o2c.refund.issued"
    CONTEXT: ClassVar[frozenset[str]] = _PaymentFact.CONTEXT | {"reason"}
    refund_id: str
    status: Text | None = None
    reason: Text | None = None


class DisputeOpened(_PaymentFact):
    """The payer disputes the payment (chargeback, inquiry)."""

    TYPE: ClassVar[str] = "o2c.dispute.opened"
    # A dispute moves through states while it is open; that it was opened is one fact.
    CONTEXT: ClassVar[frozenset[str]] = _PaymentFact.CONTEXT | {"status", "evidence_due", "reason"}
    dispute_id: str
    reason: Text | None = None
    status: Text | None = None
    evidence_due: Time | None = None


class DisputeOutcome(StrEnum):
    """How a dispute ended, seen from the merchant."""

    WON = "WON"
    LOST = "LOST"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"


class DisputeClosed(_PaymentFact):
    """A dispute ended."""

    TYPE: ClassVar[str] = "o2c.dispute.closed"
    CONTEXT: ClassVar[frozenset[str]] = _PaymentFact.CONTEXT | {"reason"}
    dispute_id: str
    outcome: DisputeOutcome
    reason: Text | None = None


class PayoutSettled(Payload):
    """A gateway or marketplace paid out; gross − fees − refunds ± disputes + other = net."""

    TYPE: ClassVar[str] = "o2c.payout.settled"
    # A notification names the payout and its net, a report also what it is made of.
    CONTEXT: ClassVar[frozenset[str]] = frozenset(
        {
            "gross", "fees", "refunds", "disputes", "other", "line_count", "bank_reference",
            "destination", "arrival_date", "settled_at", "references",
        }
    )  # fmt: skip
    gateway: str
    account: str
    payout_id: str
    net: Money
    status: Text
    settled_at: Time
    arrival_date: date | None = None
    gross: Money | None = None
    fees: Money | None = None
    refunds: Money | None = None
    disputes: Money | None = None
    other: Money | None = None
    line_count: int | None = None
    destination: Identifier | None = None
    bank_reference: Text | None = None
    """What the bank line is expected to carry."""


class PayoutLineReported(Payload):
    """One line of a payout: a balance movement and what caused it. Amounts are signed."""

    TYPE: ClassVar[str] = "o2c.payout.line_reported"
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"payment_id", "order_id", "references"})
    gateway: str
    account: str
    payout_id: str
    line_id: str
    kind: Text
    """`charge`, `refund`, `dispute`, `fee`, `adjustment` … in the gateway's word."""
    gross: Money
    fee: Money | None = None
    net: Money
    payment_id: Text | None = None
    source_id: Text | None = None
    order_id: Text | None = None
    occurred_at: Time


class StatementPosition(Value):
    """Where a bank entry was reported."""

    message: Text | None = None
    statement_id: Text | None = None
    sequence: Text | None = None
    page: Text | None = None
    report: Text
    """`camt.053`, `camt.054`, `mt940` …"""


class BatchPosition(Value):
    """Which part of a batch-booked entry this is."""

    entry: Text | None = None
    index: int
    """From 1."""
    count: int
    entry_amount: Money


class _BankEntry(Payload):
    bank_account: Identifier
    servicer: Identifier | None = None
    entry_reference: Text | None = None
    """The bank's own reference of the entry, where the format has one."""
    amount: Money
    """Unsigned; `direction` alone says whether it came in or went out."""
    direction: Direction
    booking_date: date | None = None
    value_date: date | None = None
    end_to_end_id: Text | None = None
    transaction_id: Text | None = None
    mandate_id: Text | None = None
    creditor_reference: Text | None = None
    """Structured reference (ISO 11649, QRR, OCR …)."""
    remittance: tuple[Text, ...] = ()
    counterparty: Party | None = None
    ultimate_counterparty: Party | None = None
    transaction_code: Text | None = None
    return_reason: Text | None = None
    instructed: Money | None = None
    charges: Money | None = None
    batch: BatchPosition | None = None
    position: StatementPosition

    CONTEXT: ClassVar[frozenset[str]] = frozenset({"position", "references"})


class BankEntryBooked(_BankEntry):
    """The bank booked an entry: cash moved."""

    TYPE: ClassVar[str] = "o2c.bank_entry.booked"


class BankEntryReversed(_BankEntry):
    """The bank booked the reversal of an earlier entry; `direction` is the reversal's own."""

    TYPE: ClassVar[str] = "o2c.bank_entry.reversed"


class BankEntryNotified(_BankEntry):
    """The bank told of an entry that is not cash by this report: pending, for information, or an
    advice (camt.052/054) of what the statement books."""

    TYPE: ClassVar[str] = "o2c.bank_entry.notified"
    status: Text
    """The bank's own status: `BOOK`, `PDNG`, `INFO` …"""


class BankBalanceReported(Payload):
    """A balance of an account as a statement reports it; `amount` is unsigned."""

    TYPE: ClassVar[str] = "o2c.bank_balance.reported"
    bank_account: Identifier
    servicer: Identifier | None = None
    statement_id: Text
    sequence: Text | None = None
    page: Text | None = None
    balance_type: Text
    """ISO 20022 code: OPBD, CLBD, ITBD, CLAV, PRCD …"""
    amount: Money
    direction: Direction
    balance_date: date
    period_from: Time | None = None
    period_to: Time | None = None
    report: Text


class RemittanceLine(Value):
    """What a payer says one part of a payment is for. Amounts unsigned, deductions apart."""

    invoice_number: Text | None = None
    document_type: Text | None = None
    amount_due: Money | None = None
    paid: Money | None = None
    deduction: Money | None = None
    deduction_reason: Text | None = None
    references: tuple[Identifier, ...] = ()


class RemittanceAdvised(Payload):
    """A payer told what a payment is for, apart from the payment itself."""

    TYPE: ClassVar[str] = "o2c.remittance.advised"
    advice_id: str
    payer: Party | None = None
    payee: Party | None = None
    amount: Money | None = None
    currency: Currency | None = None
    payment_reference: Text | None = None
    payment_date: date | None = None
    advised_at: Time
    lines: tuple[RemittanceLine, ...] = ()


FACTS: tuple[type[Payload], ...] = (
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
    DisputeOpened,
    DisputeClosed,
    PayoutSettled,
    PayoutLineReported,
    BankEntryBooked,
    BankEntryReversed,
    BankEntryNotified,
    BankBalanceReported,
    RemittanceAdvised,
)
