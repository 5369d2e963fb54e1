"""Facts of one order, its shipments, invoices and returns, and what billing says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.billing import (
    CreditNoteIssued,
    EInvoiceStatus,
    EInvoiceStatusChanged,
    InvoiceIssued,
    InvoiceLine,
    InvoiceTotals,
    TaxBreakdown,
    TaxCalculated,
)
from canonical.cash import PaymentCaptured, RefundIssued
from canonical.chain import (
    Gate,
    GateLine,
    InvoiceGateDecided,
    ReceivableChanged,
    ReceivableState,
)
from canonical.order import OrderLine, OrderPlaced, ReturnLine
from canonical.shipment import (
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentLine,
    ShipmentReversed,
)
from canonical.values import Identifier, Money, Party, Quantity
from domains.billing import DOMAIN
from domains.contract import NO_RULES_CHANGED, Fact, Finding, Rules
from tests.domains.building import DAY, World, derive_all, fact

HOUR = timedelta(hours=1)
LATER = DAY + timedelta(days=30)
SELLER = Party(name="Nordic Desk", identifiers=(Identifier(scheme="vat", value="DK11223344"),))
INVOICE = "invoice/dk11223344/INV-1/380"
CREDIT = "credit_note/dk11223344/CN-1/381"
CANDIDATE = "candidate/wms/acme/S-1"


def after(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def told(facts: Iterable[Fact], *, now: datetime = LATER, rules: Rules = NO_RULES_CHANGED) -> World:
    return derive_all(DOMAIN, facts, now=now, rules=rules)


def found(world: World, kind: str) -> Finding:
    (one,) = [one for one in world.findings.values() if one.kind == kind]
    return one


def money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def refs(*pairs: tuple[str, str]) -> tuple[Identifier, ...]:
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in pairs)


def order(order_id: str = "4507", *, pieces: str = "5", **more: Any) -> Fact:
    data = OrderPlaced(
        **{
            "order_id": order_id,
            "channel": "shopify",
            "account": "acme",
            "currency": "EUR",
            "lines": (
                OrderLine(line_id="L1", sku="LAMP", quantity=Quantity(value=Decimal(pieces))),
            ),
            **more,
        }
    )
    return fact(data, source=f"/{data.channel}/{data.account}", version="1", at=after(-2))


def shipped(
    pieces: str = "5",
    *,
    shipment_id: str = "S-1",
    line_id: str = "1",
    at: float = 0,
    system: str = "wms",
    unit: str = "EA",
    **more: Any,
) -> Fact:
    data = ShipmentConfirmed(
        **{
            "shipment_id": shipment_id,
            "source_system": system,
            "account": "acme",
            "order_id": "4507",
            "shipped_at": after(at),
            "line": ShipmentLine(
                line_id=line_id,
                order_line_id=more.pop("order_line", "L1"),
                sku=more.pop("sku", "LAMP"),
                shipped=Quantity(value=Decimal(pieces), unit=unit),
            ),
            **more,
        }
    )
    return fact(data, source=f"/{system}/acme", at=after(at))


def reversal(pieces: str = "5", *, shipment_id: str = "S-1", at: float = 5, **more: Any) -> Fact:
    data = ShipmentReversed(
        **{
            "shipment_id": shipment_id,
            "source_system": "wms",
            "account": "acme",
            "order_id": "4507",
            "reversed_at": after(at),
            "line": ShipmentLine(line_id="1", shipped=Quantity(value=Decimal(pieces))),
            **more,
        }
    )
    return fact(data, source="/wms/acme", at=after(at))


def gate(
    state: Gate = Gate.ALLOWED,
    allowed: str = "5",
    *,
    shipment_id: str = "S-1",
    system: str = "wms",
    at: float = 1,
    revision: int = 1,
    **more: Any,
) -> Fact:
    line = GateLine(
        line_id="1",
        order_line_id="L1",
        sku="LAMP",
        shipped=Quantity(value=Decimal(5)),
        allowed=Quantity(value=Decimal(allowed)),
    )
    data = InvoiceGateDecided(
        source_system=system,
        account="acme",
        shipment_id=shipment_id,
        order_id="4507",
        gate=state,
        revision=revision,
        lines=(line,),
        **more,
    )
    return fact(data, source="/chain/company", at=after(at), version=str(revision))


def line(pieces: str | None = "5", *, price: str = "10.00", **more: Any) -> InvoiceLine:
    quantity = Quantity(value=Decimal(pieces), unit=more.pop("unit", "C62")) if pieces else None
    net = Decimal(pieces or 1) * Decimal(price)
    told = {"line_id": "1", "order_line_id": "L1", "sku": "LAMP", **more}
    return InvoiceLine(quantity=quantity, net=Money(amount=net, currency="EUR"), **told)


def totals(net: Decimal, currency: str = "EUR") -> dict[str, Any]:
    def euros(amount: Decimal) -> Money:
        return Money(amount=amount, currency=currency)

    tax = (net * Decimal("0.2")).quantize(Decimal("0.01"))
    return {
        "taxes": (
            TaxBreakdown(category="S", rate=Decimal(20), taxable=euros(net), tax=euros(tax)),
        ),
        "totals": InvoiceTotals(
            lines_net=euros(net),
            tax_exclusive=euros(net),
            tax=euros(tax),
            tax_inclusive=euros(net + tax),
            payable=euros(net + tax),
        ),
    }


def _document(number: str, code: str, lines: Sequence[InvoiceLine], more: Any) -> dict[str, Any]:
    net = sum((one.net.amount for one in lines if one.net), Decimal(0))
    return {
        "invoice_number": number,
        "document_type": code,
        "issue_date": DAY.date(),
        "currency": "EUR",
        "seller": SELLER,
        "order_id": "4507",
        "lines": tuple(lines),
        **totals(net),
        **more,
    }


def invoice(
    *lines: InvoiceLine,
    number: str = "INV-1",
    code: str = "380",
    at: float = 2,
    source: str = "/ubl/acme",
    **more: Any,
) -> Fact:
    data = InvoiceIssued(**_document(number, code, lines or (line(),), more))
    return fact(data, source=source, at=after(at), name=str(at))


def credit(
    *lines: InvoiceLine, of: str | None = "INV-1", number: str = "CN-1", at: float = 10, **more: Any
) -> Fact:
    named = refs(("ubl:invoice_number", of)) if of else ()
    data = CreditNoteIssued(
        **_document(number, "381", lines or (line(),), {"preceding": named, **more})
    )
    return fact(data, source="/ubl/acme", at=after(at), name=str(at))


def answer(
    status: EInvoiceStatus,
    *,
    number: str | None = "INV-1",
    at: float = 3,
    code: str = "",
    **more: Any,
) -> Fact:
    data = EInvoiceStatusChanged(
        **{
            "network": "peppol",
            "document_id": number or "D-1",
            "invoice_number": number,
            "status": status,
            "network_status": code or status.value[:2],
            "response_id": f"r-{at}",
            "occurred_at": after(at),
            **more,
        }
    )
    return fact(data, source="/ubl/acme", at=after(at))


def receivable(
    state: ReceivableState, *, disputed: bool = False, revision: int = 1, number: str = "INV-1"
) -> Fact:
    zero = money("0")
    data = ReceivableChanged(
        revision=revision,
        seller="dk11223344",
        invoice_number=number,
        document_type="380",
        original=money("60"),
        allocated=zero,
        credited=zero,
        written_off=zero,
        adjusted=zero,
        open=zero,
        state=state,
        disputed=disputed,
    )
    return fact(data, source="/chain/company", at=after(20 + revision), version=str(revision))


def returned(
    pieces: str = "2", *, return_id: str = "R-1", at: float = 8, system: str = "wms", **more: Any
) -> Fact:
    goods = ReturnLine(
        line_id="1", order_line_id="L1", sku="LAMP", quantity=Quantity(value=Decimal(pieces))
    )
    data = ReturnReceived(
        **{
            "return_id": return_id,
            "source_system": system,
            "account": "acme",
            "order_id": "4507",
            "received_at": after(at),
            "lines": (goods,),
            **more,
        }
    )
    return fact(data, source=f"/{system}/acme", at=after(at))


def captured(payment_id: str = "pi_1", **more: Any) -> Fact:
    data = PaymentCaptured(
        **{
            "gateway": "stripe",
            "account": "acme",
            "payment_id": payment_id,
            "amount": money("60.00"),
            "occurred_at": after(-1),
            "order_id": "4507",
            **more,
        }
    )
    return fact(data, source="/stripe/acme", at=after(-1))


def refund(payment_id: str = "pi_1", *, at: float = 9, **more: Any) -> Fact:
    data = RefundIssued(
        **{
            "gateway": "stripe",
            "account": "acme",
            "payment_id": payment_id,
            "refund_id": "re_1",
            "amount": money("24.00"),
            "occurred_at": after(at),
            **more,
        }
    )
    return fact(data, source="/stripe/acme", at=after(at))


def tax(
    amount: str = "10.00", *, code: str = "INV-1", status: str = "Committed", version: int = 1
) -> Fact:
    data = TaxCalculated(
        engine="avatax",
        transaction_id="700001",
        document_code=code,
        document_type="SalesInvoice",
        document_version=version,
        status=status,
        calculated_at=after(2),
        currency="EUR",
        total_tax=money(amount),
    )
    return fact(data, source="/avatax/acme", at=after(2), version=f"{version:020d}")
