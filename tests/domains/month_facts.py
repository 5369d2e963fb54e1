"""What the systems of the simulated month say, as canonical payloads."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from canonical.billing import (
    CreditNoteIssued,
    EInvoiceStatus,
    EInvoiceStatusChanged,
    InvoiceIssued,
    InvoiceLine,
    InvoiceTotals,
)
from canonical.cash import (
    BankEntryBooked,
    BankEntryReversed,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentCaptured,
    PayoutLineReported,
    PayoutSettled,
    RefundIssued,
    RemittanceAdvised,
    RemittanceLine,
    StatementPosition,
)
from canonical.order import (
    OrderCancelled,
    OrderChanged,
    OrderLine,
    OrderPlaced,
    OrderTotals,
    ReturnLine,
)
from canonical.payload import Payload
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReasonClass,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentLine,
    ShipmentReversed,
)
from canonical.values import Direction, Identifier, Money, Party, Quantity

if TYPE_CHECKING:
    from tests.domains.month import Sale

SELLER = Party(name="Nordic Desk", identifiers=(Identifier(scheme="vat", value="DK11223344"),))
ACCOUNT = Identifier(scheme="iban", value="DE89370400440532013000")
SHOP = {"channel": "shopify", "account": "acme"}
GATEWAY = {"gateway": "stripe", "account": "acme"}


def euros(amount: Decimal) -> Money:
    return Money(amount=amount, currency="EUR")


def pieces(count: int) -> Quantity:
    return Quantity(value=Decimal(count))


def named(*pairs: tuple[str, str]) -> tuple[Identifier, ...]:
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in pairs)


def line_id(sale: Sale, index: int) -> str:
    return f"{15_600_000_000_000 + sale.number * 10 + index}"


def order(what: str, sale: Sale, at: datetime) -> Payload:
    told: dict[str, Any] = {
        **SHOP,
        "order_id": sale.order_id,
        "order_number": f"#{sale.number:05d}",
        "currency": "EUR",
        "updated_at": at,
        "lines": tuple(
            OrderLine(
                line_id=line_id(sale, index),
                sku=line.sku,
                quantity=pieces(line.quantity),
                unit_price=euros(line.price),
            )
            for index, line in enumerate(sale.lines)
        ),
        "totals": OrderTotals(total=euros(sale.total)),
        "payment_status": "paid" if sale.way == "card" else "pending",
    }
    if what == "cancelled":
        return OrderCancelled(**told, cancelled_at=at)
    return OrderPlaced(**told) if what == "placed" else OrderChanged(**told)


def shipment(
    sale: Sale, shipment_id: str, index: int, count: int, at: datetime, *, taken_back: bool
) -> Payload:
    told: dict[str, Any] = {
        "shipment_id": shipment_id,
        "source_system": "shipbob",
        "account": "acme",
        "order_id": f"{70_000_000_000 + sale.number}",
        "line": ShipmentLine(
            line_id=f"{5001 + index}-{6001 + index}",
            sku=sale.lines[index].sku,
            shipped=pieces(count),
        ),
        "carrier": "FedEx",
        "tracking_numbers": (f"7489{shipment_id}",),
        "references": named(("shipbob:reference", sale.order_id)),
    }
    if taken_back:
        return ShipmentReversed(**told, reversed_at=at)
    return ShipmentConfirmed(**told, shipped_at=at)


def scan(
    shipment_id: str, status: DeliveryStatus, reason: ReasonClass | None, at: datetime
) -> Payload:
    return DeliveryStatusChanged(
        tracking_number=f"7489{shipment_id}",
        carrier="FedEx",
        status=status,
        occurred_at=at,
        carrier_code=status.value.lower(),
        reason_class=reason,
        terminal=status is DeliveryStatus.DELIVERED,
    )


def came_back(sale: Sale, at: datetime) -> Payload:
    line = ReturnLine(line_id="6001", sku=sale.lines[0].sku, quantity=pieces(1))
    return ReturnReceived(
        return_id=f"{30_000_000 + sale.number}",
        source_system="shipbob",
        account="acme",
        order_id=sale.order_id,
        received_at=at,
        lines=(line,),
        references=named(("shipbob:shipment", sale.shipments[0][0])),
    )


def invoice(
    sale: Sale, number: str, shipment_id: str, counts: list[int], at: datetime
) -> InvoiceIssued:
    return InvoiceIssued(
        **_document(sale, number, "380", counts, at),
        delivery_note=shipment_id,
        payment_reference=number,
    )


def credit_note(
    sale: Sale, number: str, corrects: str, counts: list[int], at: datetime
) -> CreditNoteIssued:
    return CreditNoteIssued(
        **_document(sale, number, "381", counts, at),
        preceding=named(("ubl:invoice_number", corrects)),
    )


def _document(
    sale: Sale, number: str, code: str, counts: list[int], at: datetime
) -> dict[str, Any]:
    lines = tuple(
        InvoiceLine(
            line_id=str(index + 1),
            sku=sale.lines[index].sku,
            quantity=Quantity(value=Decimal(count), unit="C62"),
            order_line_id=line_id(sale, index),
        )
        for index, count in enumerate(counts)
        if count
    )
    return {
        "invoice_number": number,
        "document_type": code,
        "issue_date": at.date(),
        "currency": "EUR",
        "seller": SELLER,
        "order_id": f"{sale.number:05d}",
        "lines": lines,
        "totals": InvoiceTotals(payable=euros(sale.worth(counts))),
        "references": named(("ubl:invoice_number", number)),
    }


def answer(number: str, status: EInvoiceStatus, at: datetime) -> Payload:
    return EInvoiceStatusChanged(
        network="peppol",
        document_id=number,
        invoice_number=number,
        status=status,
        network_status=status.value[:2],
        response_id=f"{number}-{status.value}",
        occurred_at=at,
    )


def captured(sale: Sale, at: datetime) -> Payload:
    return PaymentCaptured(
        **_payment(sale, sale.total, at), capture_id=f"ch_{sale.number:08d}", order_id=sale.order_id
    )


def refunded(sale: Sale, amount: Decimal, at: datetime) -> Payload:
    return RefundIssued(
        **_payment(sale, amount, at), refund_id=f"re_{sale.number:08d}", status="issued"
    )


def disputed(sale: Sale, at: datetime) -> Payload:
    return DisputeOpened(**_payment(sale, sale.total, at), dispute_id=f"du_{sale.number:08d}")


def dispute_closed(sale: Sale, at: datetime, *, won: bool) -> Payload:
    return DisputeClosed(
        **_payment(sale, sale.total, at),
        dispute_id=f"du_{sale.number:08d}",
        outcome=DisputeOutcome.WON if won else DisputeOutcome.LOST,
    )


def _payment(sale: Sale, amount: Decimal, at: datetime) -> dict[str, Any]:
    return {
        **GATEWAY,
        "payment_id": f"pi_{sale.number:08d}",
        "amount": euros(amount),
        "occurred_at": at,
        "references": named(("stripe:charge", f"ch_{sale.number:08d}")),
    }


def payout_line(  # noqa: PLR0917 - the columns of a payout's list
    payout_id: str,
    index: int,
    kind: str,
    source: str,
    amount: Decimal,
    fee: Decimal,
    at: datetime,
) -> Payload:
    return PayoutLineReported(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        line_id=f"txn_{payout_id}_{index}",
        kind=kind,
        gross=euros(amount),
        fee=euros(fee),
        net=euros(amount - fee),
        payment_id=source if kind == "charge" else None,
        source_id=source,
        occurred_at=at,
    )


def payout(payout_id: str, net: Decimal, at: datetime) -> Payload:
    return PayoutSettled(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        net=euros(net),
        status="paid",
        settled_at=at,
        arrival_date=at.date(),
        bank_reference=payout_id.upper(),
    )


def booked(reference: str, amount: Decimal, text: str, at: datetime) -> Payload:
    """A credit; where the amount is negative, the reversal of one, or a payout that cost money."""
    told: dict[str, Any] = {
        "bank_account": ACCOUNT,
        "entry_reference": reference,
        "amount": euros(abs(amount)),
        "direction": Direction.DEBIT if amount < 0 else Direction.CREDIT,
        "booking_date": at.date(),
        "value_date": at.date(),
        "remittance": (text,),
        "position": StatementPosition(report="camt.053"),
        "references": named(("iso20022:AcctSvcrRef", reference)),
    }
    if amount < 0 and not reference.startswith("P"):
        return BankEntryReversed(**told)
    return BankEntryBooked(**told)


def advice(number: str, due: Decimal, paid: Decimal, at: datetime) -> Payload:
    line = RemittanceLine(
        invoice_number=number,
        document_type="IV",
        amount_due=euros(due),
        paid=euros(paid),
        deduction=euros(due - paid),
    )
    return RemittanceAdvised(
        advice_id=f"RA-{number}",
        amount=euros(paid),
        currency="EUR",
        payment_date=at.date(),
        advised_at=at,
        lines=(line,),
    )
