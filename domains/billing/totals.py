"""The arithmetic of an invoice: BR-CO-10, 13, 14, 15 and 16 of EN 16931-1.

A rule counts only where all amounts it is about are there. A sum may be exact or rounded to the
currency's smallest unit. The total without tax (BR-CO-13) may be off by one smallest unit a line:
that is what taking a contained tax out of each line leaves behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

from canonical.billing import InvoiceTotals
from canonical.currencies import minor_units
from canonical.values import Money
from domains.billing.goods import NOTHING
from domains.billing.names import Bill

_DIGITS = 60
"""To add with: amounts have 30 at most, so nothing is rounded unasked."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold."""

    rule: str
    expected: Decimal
    stated: Decimal


def breaches_of(bill: Bill, tolerance: Decimal) -> list[Breach]:
    """Every rule that is broken by more than the tolerance."""
    with localcontext(prec=_DIGITS):
        return list(_breaches(bill, tolerance))


def _breaches(bill: Bill, tolerance: Decimal) -> Iterator[Breach]:
    totals = bill.totals
    unit = _smallest_unit(bill.currency)
    for rule, stated, expected, slack in (
        ("BR-CO-10", totals.lines_net, _lines(bill), NOTHING),
        ("BR-CO-13", totals.tax_exclusive, _exclusive(totals), unit * len(bill.lines)),
        ("BR-CO-14", totals.tax, _taxes(bill), NOTHING),
        ("BR-CO-15", totals.tax_inclusive, _inclusive(totals), NOTHING),
        ("BR-CO-16", totals.payable, _payable(totals), NOTHING),
    ):
        if stated is None or expected is None:
            continue
        if not _agree(stated.amount, expected, unit, max(slack, tolerance)):
            yield Breach(rule, expected, stated.amount)


def _agree(stated: Decimal, expected: Decimal, unit: Decimal, slack: Decimal) -> bool:
    rounded = {expected.quantize(unit, way) for way in (ROUND_HALF_UP, ROUND_HALF_EVEN)}
    return stated in {expected, *rounded} or abs(stated - expected) <= slack


def _lines(bill: Bill) -> Decimal | None:
    nets = [line.net.amount for line in bill.lines if line.net is not None]
    return sum(nets, NOTHING) if nets and len(nets) == len(bill.lines) else None


def _exclusive(totals: InvoiceTotals) -> Decimal | None:
    if totals.lines_net is None:
        return None
    return totals.lines_net.amount - _or_nothing(totals.allowances) + _or_nothing(totals.charges)


def _taxes(bill: Bill) -> Decimal | None:
    return sum((one.tax.amount for one in bill.taxes), NOTHING) if bill.taxes else None


def _inclusive(totals: InvoiceTotals) -> Decimal | None:
    if totals.tax_exclusive is None:
        return None
    return totals.tax_exclusive.amount + _or_nothing(totals.tax)


def _payable(totals: InvoiceTotals) -> Decimal | None:
    if totals.tax_inclusive is None:
        return None
    return totals.tax_inclusive.amount - _or_nothing(totals.prepaid) + _or_nothing(totals.rounding)


def _or_nothing(money: Money | None) -> Decimal:
    return money.amount if money is not None else NOTHING


def _smallest_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_units(currency))
