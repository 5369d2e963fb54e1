"""Facts of the chain family: what the domains decided, told to each other and to everybody.

Each is the state of one thing at one revision; a later revision replaces it. Whoever replaces a
domain by a system of its own publishes these.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from canonical.payload import Payload
from canonical.shipment import DeliveryStatus, ReasonClass
from canonical.values import Money, Quantity, Text, Time, Value


class _Decided(Payload):
    revision: Annotated[int, Field(ge=1)]
    """Counts the changes of what is told of this one thing, from 1."""


class OrderStateChanged(_Decided):
    """The dimensions of an order's status, which move on their own (order domain)."""

    TYPE: ClassVar[str] = "o2c.order_state.changed"
    channel: str
    account: str
    order_id: str
    order_number: Text | None = None
    document: Text
    """`PLACED`, `CANCELLED`, `COMPLETED`."""
    approval: Text
    """`OPEN`, `CONFIRMED`, `CONFIRMED_WITH_CHANGES`, `REJECTED`."""
    credit: Text
    """`CLEAR`, `HELD`, `RELEASED`."""
    allocation: Text
    """`NONE`, `PARTIAL`, `ALLOCATED`."""
    fulfilment: Text
    """`NONE`, `PARTIAL`, `SHIPPED`, `DELIVERED`, `RETURNED`."""
    billing: Text
    """`NONE`, `PARTIAL`, `INVOICED`."""
    payment: Text
    """`NONE`, `AUTHORISED`, `PARTIAL`, `PAID`, `REFUNDED`, `DISPUTED`."""
    closure: Text
    """`OPEN`, `CANCELLED`, `FINANCIALLY_COMPLETE`."""


class Gate(StrEnum):
    """Whether what was delivered may be invoiced."""

    ALLOWED = "ALLOWED"
    PARTIAL = "PARTIAL"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    """Nothing is known of the delivery yet."""


class GateLine(Value):
    """How much of a shipped line may be invoiced."""

    line_id: str
    order_line_id: Text | None = None
    sku: Text | None = None
    shipped: Quantity
    """Confirmed, less what was reversed."""
    allowed: Quantity


class InvoiceGateDecided(_Decided):
    """Whether a shipment may be invoiced (shipment domain)."""

    TYPE: ClassVar[str] = "o2c.invoice_gate.decided"
    source_system: str
    account: str
    shipment_id: str
    order_id: Text | None = None
    """The order as the shipment's sender names it."""
    gate: Gate
    delivery: DeliveryStatus | None = None
    reason_class: ReasonClass | None = None
    reversed: bool = False
    """The whole shipment was taken back."""
    lines: tuple[GateLine, ...] = ()


class CandidateState(StrEnum):
    """What became of a billing candidate."""

    WAITING = "WAITING"
    """The gate does not allow it yet."""
    READY = "READY"
    PARTIALLY_INVOICED = "PARTIALLY_INVOICED"
    INVOICED = "INVOICED"
    WITHDRAWN = "WITHDRAWN"
    """Reversed before it was invoiced."""


class CandidateLine(Value):
    """What is to be billed of one shipped line."""

    line_id: str
    order_line_id: Text | None = None
    sku: Text | None = None
    quantity: Quantity
    invoiced: Quantity


class BillingCandidateChanged(_Decided):
    """Goods to be billed, by their billing basis (billing domain)."""

    TYPE: ClassVar[str] = "o2c.billing_candidate.changed"
    basis: str
    """Billing policy version + source document type + id + line ids + period: the same basis is
    billed once, whatever is sent again. It grows while lines are confirmed one by one; the
    candidate itself is named by its shipment."""
    source_system: str
    account: str
    shipment_id: str
    order_id: Text | None = None
    state: CandidateState
    lines: tuple[CandidateLine, ...] = ()


class InvoiceState(StrEnum):
    """Where an invoice stands; beside it `disputed` and the state at the network."""

    CREATED = "CREATED"
    SENT = "SENT"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    CLOSED = "CLOSED"


class ElectronicState(StrEnum):
    """Where the document stands at the network or authority."""

    POSTED = "POSTED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    SENT_TO_CUSTOMER = "SENT_TO_CUSTOMER"
    REJECTED = "REJECTED"
    CORRECTION_REQUIRED = "CORRECTION_REQUIRED"


class InvoiceStateChanged(_Decided):
    """An invoice's own state and, apart from it, its state at the network (billing domain)."""

    TYPE: ClassVar[str] = "o2c.invoice_state.changed"
    seller: str
    """The seller as in the invoice's key."""
    invoice_number: str
    document_type: str
    order_id: Text | None = None
    state: InvoiceState
    electronic: ElectronicState
    disputed: bool = False


class ReceivableState(StrEnum):
    """What cash says of an invoice."""

    OPEN = "OPEN"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    COVERED = "COVERED"
    """Payments cover it, and no cleared bank credit proves all of them yet."""
    PAID = "PAID"
    """Invoice, payment and cleared bank credit agree."""
    CLOSED = "CLOSED"
    """Paid, or settled by credit notes and write-offs, and nothing disputed."""


class Proof(Value):
    """One part of the agreement that an invoice is paid."""

    amount: Money
    payment: Text | None = None
    """The payment's record, where a gateway took the money."""
    payout: Text | None = None
    bank_entry: Text | None = None
    """The cleared bank credit's record."""
    matched_at: Time
    signals: tuple[Text, ...] = ()
    """What the match rests on, strongest first."""


class ReceivableChanged(_Decided):
    """What is open of an invoice, and why (cash domain).

    open = original − allocated − credited − written off + adjusted, and never negative.
    """

    TYPE: ClassVar[str] = "o2c.receivable.changed"
    seller: str
    invoice_number: str
    document_type: str
    order_id: Text | None = None
    original: Money
    allocated: Money
    credited: Money
    written_off: Money
    adjusted: Money
    open: Money
    state: ReceivableState
    disputed: bool = False
    proofs: tuple[Proof, ...] = ()


FACTS: tuple[type[Payload], ...] = (
    OrderStateChanged,
    InvoiceGateDecided,
    BillingCandidateChanged,
    InvoiceStateChanged,
    ReceivableChanged,
)
