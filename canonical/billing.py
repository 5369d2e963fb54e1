"""Facts of the billing family, in the terms of EN 16931-1 (BT numbers in the comments)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from canonical.payload import Payload
from canonical.values import (
    Currency,
    ExactDecimal,
    Identifier,
    Money,
    Party,
    Quantity,
    Text,
    Time,
    Value,
)


class TaxBreakdown(Value):
    """Tax of one category and rate (BG-23)."""

    category: Text  # BT-118, UNCL5305
    rate: ExactDecimal | None = None  # BT-119, per cent
    taxable: Money | None = None  # BT-116
    tax: Money  # BT-117
    exemption_reason: Text | None = None  # BT-120
    jurisdiction: Text | None = None


class InvoiceLine(Value):
    """One invoice line (BG-25)."""

    line_id: str  # BT-126
    description: Text | None = None  # BT-153
    sku: Text | None = None  # BT-155
    product: tuple[Identifier, ...] = ()
    quantity: Quantity | None = None  # BT-129, BT-130
    unit_price: Money | None = None  # BT-146
    net: Money | None = None  # BT-131
    tax_category: Text | None = None  # BT-151
    tax_rate: ExactDecimal | None = None  # BT-152
    order_line_id: Text | None = None  # BT-132
    source: tuple[Identifier, ...] = ()
    """Order, delivery or shipment line this line bills."""


class InvoiceTotals(Value):
    """Document totals (BG-22)."""

    lines_net: Money | None = None  # BT-106
    allowances: Money | None = None  # BT-107
    charges: Money | None = None  # BT-108
    tax_exclusive: Money | None = None  # BT-109
    tax: Money | None = None  # BT-110
    tax_inclusive: Money | None = None  # BT-112
    prepaid: Money | None = None  # BT-113
    rounding: Money | None = None  # BT-114
    payable: Money  # BT-115


class _BillingDocument(Payload):
    invoice_number: str  # BT-1
    document_type: str  # BT-3, UNCL1001: 380, 381, 384 …
    issue_date: date  # BT-2
    due_date: date | None = None  # BT-9
    currency: Currency  # BT-5
    seller: Party  # BG-4
    buyer: Party | None = None  # BG-7
    payee: Party | None = None  # BG-10
    buyer_reference: Text | None = None  # BT-10
    order_id: Text | None = None  # BT-13
    delivery_note: Text | None = None  # BT-16
    preceding: tuple[Identifier, ...] = ()  # BG-3
    payment_reference: Text | None = None  # BT-83
    payment_terms: Text | None = None  # BT-20
    lines: tuple[InvoiceLine, ...] = ()
    taxes: tuple[TaxBreakdown, ...] = ()
    totals: InvoiceTotals
    notes: tuple[Text, ...] = ()  # BT-22

    CONTEXT: ClassVar[frozenset[str]] = frozenset({"references"})


class InvoiceIssued(_BillingDocument):
    """An invoice was posted; it never changes in place afterwards."""

    TYPE: ClassVar[str] = "o2c.invoice.issued"


class CreditNoteIssued(_BillingDocument):
    """A credit note was posted; amounts are positive and reduce what is owed."""

    TYPE: ClassVar[str] = "o2c.credit_note.issued"


class EInvoiceStatus(StrEnum):
    """State at the network or authority, apart from the invoice's own state."""

    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    SENT_TO_CUSTOMER = "SENT_TO_CUSTOMER"
    IN_PROCESS = "IN_PROCESS"
    UNDER_QUERY = "UNDER_QUERY"
    CONDITIONALLY_ACCEPTED = "CONDITIONALLY_ACCEPTED"
    APPROVED = "APPROVED"
    PAID = "PAID"
    REJECTED = "REJECTED"
    REFUSED_BY_BUYER = "REFUSED_BY_BUYER"
    CANCELLED = "CANCELLED"
    UNDELIVERABLE = "UNDELIVERABLE"


class StatusReason(Value):
    """Why, in the network's own code and words."""

    code: Text | None = None
    text: Text | None = None
    path: Text | None = None


class EInvoiceStatusChanged(Payload):
    """An e-invoicing network or authority reported a state of a document."""

    TYPE: ClassVar[str] = "o2c.einvoice.status_changed"
    # Some notices carry no time of their own; the same notice told again is the same fact.
    CONTEXT: ClassVar[frozenset[str]] = frozenset(
        {"occurred_at", "references", "document_type", "seller"}
    )
    network: str
    document_id: str
    """The document's id at the network."""
    invoice_number: Text | None = None
    document_type: Text | None = None
    """The document's type (BT-3, UNCL1001), where the network tells it."""
    seller: Party | None = None
    """Who issued the document, where the network tells it."""
    status: EInvoiceStatus
    network_status: Text
    """The network's own code, kept as it came."""
    response_id: Text | None = None
    occurred_at: Time
    reasons: tuple[StatusReason, ...] = ()


class TaxLine(Value):
    """Calculated tax of one line."""

    line_id: str
    sku: Text | None = None
    taxable: Money | None = None
    tax: Money
    details: tuple[TaxBreakdown, ...] = ()


class TaxCalculated(Payload):
    """A tax engine calculated, committed, voided or refunded the tax of a document."""

    TYPE: ClassVar[str] = "o2c.tax.calculated"
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"references"})
    engine: str
    transaction_id: str
    document_code: str
    document_type: Text
    document_version: int | None = None
    status: Text
    calculated_at: Time
    tax_date: date | None = None
    currency: Currency
    total: Money | None = None
    total_tax: Money
    customer: Party | None = None
    lines: tuple[TaxLine, ...] = ()


FACTS: tuple[type[Payload], ...] = (
    InvoiceIssued,
    CreditNoteIssued,
    EInvoiceStatusChanged,
    TaxCalculated,
)
