"""Taxes of invoices and credit notes, as the API versions have written them.

`tax_amounts` / `total_tax_amounts` (until 2025-03) hold `inclusive`; `taxes` / `total_taxes`
(since) hold `tax_behavior`. Both give the amount, the rate's id and mostly a `taxability_reason`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from canonical.billing import TaxBreakdown
from canonical.errors import Malformed
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import as_list, as_object, join, text
from connectors.kit.records import child
from connectors.stripe.amounts import minor, money, money_or_none
from connectors.stripe.reports import expanded, ref, rows

_CATEGORY = {
    # Stripe documentation, "taxability_reason" → UNCL5305.
    "standard_rated": "S",
    "reduced_rated": "S",
    "portion_standard_rated": "S",
    "portion_reduced_rated": "S",
    "taxable_basis_reduced": "S",
    "proportionally_rated": "S",
    "zero_rated": "Z",
    "reverse_charge": "AE",
    "customer_exempt": "E",
    "product_exempt": "E",
    "portion_product_exempt": "E",
    "product_exempt_holiday": "E",
    "not_subject_to_tax": "O",
}

Tax = Mapping[str, Any]


def taxes_of(record: Mapping[str, Any], names: tuple[str, ...], path: str) -> list[Tax]:
    """The taxes under the first of these names that is there. Raises Malformed."""
    for name in names:
        listed = as_list(record.get(name), join(path, name))
        if listed:
            return [as_object(row, join(join(path, name), at)) for at, row in enumerate(listed)]
    return []


def tax_total(taxes: list[Tax], path: str, *, inclusive: bool | None = None) -> int:
    """The sum in minor units, of all or only of the (not) inclusive ones. Raises Malformed."""
    chosen = [one for one in taxes if inclusive is None or _is_inclusive(one) is inclusive]
    return sum(minor(one, "amount", path) for one in chosen)


def percentages(record: Mapping[str, Any], path: str) -> dict[str, Decimal]:
    """Rate id → per cent, from every rate that is written out in the document."""
    found: dict[str, Decimal] = {}
    for rate, where in _rates(record, path):
        number, value = ref(rate, "id", where), rate.get("percentage")
        if number and value is not None:
            found[number] = decimal_of(value, join(where, "percentage"))
    return found


def breakdowns(
    taxes: list[Tax], rates: Mapping[str, Decimal], currency: str, path: str
) -> Iterator[TaxBreakdown]:
    """The taxes of a document. One of nothing, for a reason Stripe does not give, is left out.

    Raises Malformed or Unsupported.
    """
    for tax in taxes:
        category = category_of(tax, path)
        if category is not None:
            reason = text(tax, "taxability_reason", path)
            yield TaxBreakdown(
                category=category,
                rate=rate_of(tax, rates, path),
                taxable=money_or_none(tax, "taxable_amount", currency, path),
                tax=money(minor(tax, "amount", path), currency, path),
                exemption_reason=reason if category in ("E", "AE", "O") else None,
            )


def category_of(tax: Tax, path: str) -> str | None:
    """The UNCL5305 code; a tax with an amount is standard rated (S covers every rate above 0)."""
    reason = text(tax, "taxability_reason", path)
    if minor(tax, "amount", path):
        return "S"
    return _CATEGORY.get(reason) if reason else None


def rate_of(tax: Tax, rates: Mapping[str, Decimal], path: str) -> Decimal | None:
    """Per cent, where the document writes the rate out."""
    details = child(tax, "tax_rate_details", path)
    number = ref(tax, "tax_rate", path) or ref(details, "tax_rate", path)
    return rates.get(number) if number else None


def _is_inclusive(tax: Tax) -> bool:
    if isinstance(tax.get("inclusive"), bool):
        return tax["inclusive"] is True
    behavior = tax.get("tax_behavior")
    if behavior not in ("inclusive", "exclusive"):
        raise Malformed(
            "a tax is neither inclusive nor exclusive", code="missing_field", path="tax_behavior"
        )
    return bool(behavior == "inclusive")


def _rates(record: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    names = ("default_tax_rates", "tax_rates")
    for name in names:
        for index, rate in enumerate(as_list(record.get(name), join(path, name))):
            where = join(join(path, name), index)
            yield as_object(rate, where), where
    for name in ("total_tax_amounts", "tax_amounts"):
        for tax in taxes_of(record, (name,), path):
            yield expanded(tax, "tax_rate"), join(path, name)
    for index, line in enumerate(rows(record, "lines", path)):
        where = join(join(join(path, "lines"), "data"), index)
        yield from _rates(as_object(line, where), where)
