"""Invoice lines (BG-25) and the breakdown of tax (BG-23)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Final

from canonical.billing import InvoiceLine, TaxBreakdown
from canonical.errors import GatewayError, Malformed
from canonical.values import Identifier, Money, Quantity
from connectors.kit.decimals import quantity_of
from connectors.kit.xml import Element, text
from connectors.ubl.tree import (
    content,
    every,
    first,
    money,
    number,
    only,
    only_value,
    reference,
    references,
    value,
)

_TAX: Final = "cac:Item/cac:ClassifiedTaxCategory"
_QUANTITY: Final = {
    "cac:InvoiceLine": "cbc:InvoicedQuantity",
    "cac:CreditNoteLine": "cbc:CreditedQuantity",
}
_SKU: Final = "cac:Item/cac:SellersItemIdentification/cbc:ID"
_PRODUCT: Final = (
    ("buyer_item", "cac:Item/cac:BuyersItemIdentification/cbc:ID"),
    ("item", "cac:Item/cac:StandardItemIdentification/cbc:ID"),
)
_SOURCE: Final = (
    ("ubl:order", "cac:OrderLineReference/cac:OrderReference/cbc:ID"),
    ("ubl:despatch_advice", "cac:DespatchLineReference/cac:DocumentReference/cbc:ID"),
    ("ubl:object", "cac:DocumentReference/cbc:ID"),
)
_GTIN: Final = "0160"


def lines_of(root: Element, currency: str) -> Iterator[InvoiceLine]:
    """The lines in their order. Raises with the line's place in the path."""
    for name, quantity in _QUANTITY.items():
        for index, line in enumerate(every(root, name), start=1):
            try:
                yield _line(line, currency, quantity)
            except GatewayError as error:
                error.path = f"{name.removeprefix('cac:')}[{index}]/{error.path}"
                raise


def taxes_of(tax_total: Element, currency: str) -> Iterator[TaxBreakdown]:
    """The tax by category and rate."""
    for subtotal in every(tax_total, "cac:TaxSubtotal"):
        category = only(subtotal, "cac:TaxCategory")
        tax = money(subtotal, "cbc:TaxAmount", currency)
        if category is None or tax is None:
            raise Malformed("a tax subtotal is incomplete", code="br_46", path="TaxTotal")
        yield TaxBreakdown(
            category=only_value(category, "cbc:ID") or "",
            rate=number(category, "cbc:Percent"),
            taxable=money(subtotal, "cbc:TaxableAmount", currency),
            tax=tax,
            exemption_reason=value(category, "cbc:TaxExemptionReason")
            or value(category, "cbc:TaxExemptionReasonCode"),
        )


def _line(line: Element, currency: str, quantity: str) -> InvoiceLine:
    return InvoiceLine(
        line_id=only_value(line, "cbc:ID") or "",
        description=value(line, "cac:Item/cbc:Name") or value(line, "cac:Item/cbc:Description"),
        sku=value(line, _SKU),
        product=tuple(_products(line)),
        quantity=_quantity(only(line, quantity), quantity),
        unit_price=_unit_price(line, currency),
        net=money(line, "cbc:LineExtensionAmount", currency),
        tax_category=value(line, f"{_TAX}/cbc:ID"),
        tax_rate=number(line, f"{_TAX}/cbc:Percent"),
        order_line_id=reference(line, "cac:OrderLineReference/cbc:LineID"),
        source=tuple(_sources(line)),
    )


def _quantity(element: Element | None, path: str) -> Quantity | None:
    if element is None:
        return None
    unit = (element.get("unitCode") or "").strip()
    return quantity_of(text(element), unit, path.removeprefix("cbc:"))


def _unit_price(line: Element, currency: str) -> Money | None:
    """The net price (BT-146) of one unit; None when that is no exact number.

    The price may be for a number of units (BT-149): 1.00 for 3 has no exact price of one.
    """
    price = money(line, "cac:Price/cbc:PriceAmount", currency)
    base = number(line, "cac:Price/cbc:BaseQuantity")
    if price is None or base is None or base == 1:
        return price
    if not base:
        return None
    with localcontext(prec=60):
        one = price.amount / base
        is_exact = one * base == price.amount and one == one.quantize(Decimal("1E-12"))
    return Money(amount=one, currency=currency) if is_exact else None


def _products(line: Element) -> Iterator[Identifier]:
    for kind, path in _PRODUCT:
        found = first(line, path)
        identifier = content(found)
        if found is not None and identifier:
            scheme = (found.get("schemeID") or "").strip().lower()
            named = "gtin" if scheme == _GTIN else f"{kind}:{scheme}" if scheme else kind
            yield Identifier(scheme=named[:80], value=identifier)


def _sources(line: Element) -> Iterator[Identifier]:
    for scheme, path in _SOURCE:
        for found in references(line, path):
            yield Identifier(scheme=scheme, value=found)
