"""Facts of one believable order, each with what a test wants to say different."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.billing import CreditNoteIssued, InvoiceIssued, InvoiceLine, InvoiceTotals
from canonical.cash import PaymentCaptured, RefundIssued
from canonical.chain import ReceivableChanged, ReceivableState
from canonical.order import (
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderHeld,
    OrderLine,
    OrderLineResponse,
    OrderPlaced,
    OrderRejected,
    OrderTotals,
    ReturnLine,
    ReturnRequested,
)
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentLine,
    ShipmentReversed,
)
from canonical.values import Identifier, Money, Party, Quantity
from domains.contract import Fact
from tests.domains.building import DAY, fact

ORDER = "order/shopify/acme/4507"
HOUR = timedelta(hours=1)
SELLER = Party(name="Example Trading", identifiers=(Identifier(scheme="vat", value="DE999"),))


def eur(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def pieces(value: str, unit: str = "EA") -> Quantity:
    return Quantity(value=Decimal(value), unit=unit)


def line(line_id: str, quantity: str, sku: str | None = None, price: str = "10.00") -> OrderLine:
    return OrderLine(line_id=line_id, sku=sku, quantity=pieces(quantity), unit_price=eur(price))


LINES = (line("L1", "5", "MUG"), line("L2", "2", "HAT", "25.00"))


def _snapshot(lines: tuple[OrderLine, ...], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "order_id": "4507",
        "channel": "shopify",
        "account": "acme",
        "order_number": "#1042",
        "currency": "EUR",
        "lines": lines,
        "totals": OrderTotals(total=eur("100.00")),
        **more,
    }


def _version(at: datetime) -> str:
    return at.isoformat()


def placed(at: datetime = DAY, lines: tuple[OrderLine, ...] = LINES, **more: Any) -> Fact:
    data = OrderPlaced(**_snapshot(lines, {"placed_at": at, **more}))
    return fact(data, at=at, version=_version(at), source=f"/{data.channel}/{data.account}")


def changed(at: datetime, lines: tuple[OrderLine, ...] = LINES, **more: Any) -> Fact:
    return fact(OrderChanged(**_snapshot(lines, more)), at=at, version=_version(at))


def cancelled(at: datetime, lines: tuple[OrderLine, ...] = LINES, **more: Any) -> Fact:
    data = OrderCancelled(**_snapshot(lines, {"cancelled_at": at, **more}))
    return fact(data, at=at, version=_version(at))


def _response(at: datetime, more: dict[str, Any]) -> dict[str, Any]:
    return {"order_id": "1042", "response_id": "R-1", "responded_at": at, **more}


def confirmed(at: datetime, *lines: OrderLineResponse, **more: Any) -> Fact:
    data = OrderConfirmed(**_response(at, {"lines": lines, **more}))
    return fact(data, at=at, source="/x12/erp")


def rejected(at: datetime) -> Fact:
    return fact(OrderRejected(**_response(at, {})), at=at, source="/x12/erp")


def held(at: datetime, *, source: str = "/mapping/erp", **more: Any) -> Fact:
    return fact(OrderHeld(**_response(at, {"hold": "CREDIT", **more})), at=at, source=source)


def _shipped(
    shipment_id: str, line_id: str, quantity: str, system: str, more: dict[str, Any]
) -> dict[str, Any]:
    own = system == "shopify"
    return {
        "shipment_id": shipment_id,
        "source_system": system,
        "account": "acme",
        "order_id": "4507" if own else "9900001",
        "references": () if own else (Identifier(scheme=f"{system}:reference", value="1042"),),
        "line": ShipmentLine(line_id=line_id, order_line_id=line_id, shipped=pieces(quantity)),
        "tracking_numbers": (f"TRK-{shipment_id}",),
        **more,
    }


def shipped(
    at: datetime,
    line_id: str,
    quantity: str,
    shipment_id: str = "SH-1",
    system: str = "shopify",
    **more: Any,
) -> Fact:
    data = ShipmentConfirmed(
        **_shipped(shipment_id, line_id, quantity, system, more), shipped_at=at
    )
    return fact(data, at=at, source=f"/{system}/acme")


def unshipped(
    at: datetime,
    line_id: str,
    quantity: str,
    shipment_id: str = "SH-1",
    system: str = "shopify",
    **more: Any,
) -> Fact:
    data = ShipmentReversed(
        **_shipped(shipment_id, line_id, quantity, system, more), reversed_at=at
    )
    return fact(data, at=at, source=f"/{system}/acme")


def delivered(
    at: datetime, shipment_id: str = "SH-1", status: DeliveryStatus = DeliveryStatus.DELIVERED
) -> Fact:
    data = DeliveryStatusChanged(
        tracking_number=f"TRK-{shipment_id}",
        carrier="ups",
        status=status,
        occurred_at=at,
        carrier_code=status.value,
    )
    return fact(data, at=at, source="/easypost/acme")


def captured(at: datetime, amount: str = "100.00", currency: str = "EUR", **more: Any) -> Fact:
    given = {
        "gateway": "stripe",
        "account": "shop",
        "payment_id": "pi_3Example",
        "capture_id": "ch_3Example",
        "order_id": "1042",
        "amount": eur(amount, currency),
        "occurred_at": at,
        **more,
    }
    return fact(PaymentCaptured(**given), at=at, source=f"/{given['gateway']}/{given['account']}")


def refunded(at: datetime, amount: str, status: str = "issued", **more: Any) -> Fact:
    given = {
        "gateway": "stripe",
        "account": "shop",
        "payment_id": "pi_3Example",
        "refund_id": "re_1",
        "amount": eur(amount),
        "occurred_at": at,
        "status": status,
        **more,
    }
    return fact(RefundIssued(**given), at=at, source="/stripe/shop")


def _document(number: str, lines: tuple[InvoiceLine, ...], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "invoice_number": number,
        "document_type": "380",
        "issue_date": DAY.date(),
        "currency": "EUR",
        "seller": SELLER,
        "order_id": "1042",
        "lines": lines,
        "totals": InvoiceTotals(payable=eur("100.00")),
        **more,
    }


def billed(line_id: str, quantity: str, price: str = "10.00") -> InvoiceLine:
    return InvoiceLine(
        line_id=line_id,
        order_line_id=line_id,
        quantity=pieces(quantity, "C62"),
        unit_price=eur(price),
    )


BILLED = (billed("L1", "5"), billed("L2", "2", "25.00"))


def invoiced(
    at: datetime, number: str = "INV-1", lines: tuple[InvoiceLine, ...] = BILLED, **more: Any
) -> Fact:
    return fact(InvoiceIssued(**_document(number, lines, more)), at=at, source="/ubl/erp")


def credited(at: datetime, number: str, lines: tuple[InvoiceLine, ...], **more: Any) -> Fact:
    given = {
        "document_type": "381",
        "order_id": None,
        "preceding": (Identifier(scheme="ubl:invoice", value="INV-1"),),
        **more,
    }
    return fact(CreditNoteIssued(**_document(number, lines, given)), at=at, source="/ubl/erp")


def receivable(
    at: datetime,
    state: ReceivableState,
    *,
    number: str = "INV-1",
    revision: int = 1,
    allocated: str = "100.00",
    **more: Any,
) -> Fact:
    nothing = eur("0")
    data = ReceivableChanged(
        revision=revision,
        seller="de999",
        invoice_number=number,
        document_type="380",
        original=eur("100.00"),
        allocated=eur(allocated),
        credited=nothing,
        written_off=nothing,
        adjusted=nothing,
        open=nothing,
        state=state,
        **more,
    )
    return fact(data, at=at, source="/chain/cash")


def return_requested(at: datetime, quantity: str = "1", **more: Any) -> Fact:
    given = {
        "return_id": "RMA-1",
        "order_id": "4507",
        "channel": "shopify",
        "account": "acme",
        "requested_at": at,
        "lines": (ReturnLine(line_id="r1", order_line_id="L1", quantity=pieces(quantity)),),
        **more,
    }
    return fact(ReturnRequested(**given), at=at)


def came_back(at: datetime, line_id: str, quantity: str, system: str = "shopify") -> Fact:
    data = ReturnReceived(
        return_id="RMA-1",
        source_system=system,
        account="acme",
        order_id="4507" if system == "shopify" else "#1042",
        received_at=at,
        lines=(
            ReturnLine(line_id=f"b-{line_id}", order_line_id=line_id, quantity=pieces(quantity)),
        ),
    )
    return fact(data, at=at, source=f"/{system}/acme")
