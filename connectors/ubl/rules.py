"""Rules of EN 16931 whose breach makes an invoice unfit to be posted.

They are read from the standard and agree with its published test assertions. Each looks only at
what it is about, so a fragment of a document can be judged by one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Final

from canonical.errors import Malformed
from connectors.kit.xml import Element
from connectors.ubl.parties import SELLER, seller_identity
from connectors.ubl.tree import every, number, numbers, only_value, shown, value

LINES: Final = ("cac:InvoiceLine", "cac:CreditNoteLine")
TOTALS: Final = "cac:LegalMonetaryTotal"
_ZERO: Final = Decimal(0)
_TWICE: Final = 60
"""Digits to add with: amounts have 30 at most, so nothing is ever rounded unasked."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that is broken, and where."""

    rule: str
    """The standard's name, e.g. `BR-CO-15`."""
    path: str
    what: str

    @property
    def code(self) -> str:
        """The rule's name as an error code, e.g. `br_co_15`."""
        return self.rule.lower().replace("-", "_")


Check = Callable[[Element], Iterator[Breach]]


def require(root: Element, *, is_zatca: bool = False) -> None:
    """Raise Malformed for the first broken rule, its name as the code; the message names all."""
    breaches = list(broken(root, is_zatca=is_zatca))
    if breaches:
        rules = ", ".join(dict.fromkeys(breach.rule for breach in breaches))
        raise Malformed(
            f"{breaches[0].what} (broken: {rules})"[:300],
            code=breaches[0].code,
            path=breaches[0].path,
        )


def broken(root: Element, *, is_zatca: bool = False) -> Iterator[Breach]:
    """Every breach, the missing parts first. Raises Malformed for an amount that is none."""
    yield from _missing(root)
    with localcontext(prec=_TWICE):
        for check in _ARITHMETIC:
            yield from check(root)
        yield from _total_with_tax(root, is_zatca=is_zatca)


def tax_totals(root: Element, currency: str | None, *, is_zatca: bool = False) -> list[Element]:
    """The tax totals in a currency (BT-110); EN 16931 wants exactly one in the document's.

    The Saudi profile states the tax twice, with its breakdown and once more in the accounting
    currency, which often is the same; there the one with a breakdown counts.
    """
    found = [
        total
        for total in every(root, "cac:TaxTotal")
        if any(one.get("currencyID") == currency for one in every(total, "cbc:TaxAmount"))
    ]
    return [one for one in found if every(one, "cac:TaxSubtotal")] if is_zatca else found


_ALWAYS: Final = (
    ("BR-02", "cbc:ID"),
    ("BR-03", "cbc:IssueDate"),
    ("BR-05", "cbc:DocumentCurrencyCode"),
    ("BR-06", f"{SELLER}/cac:PartyLegalEntity/cbc:RegistrationName"),
    ("BR-12", f"{TOTALS}/cbc:LineExtensionAmount"),
    ("BR-13", f"{TOTALS}/cbc:TaxExclusiveAmount"),
    ("BR-14", f"{TOTALS}/cbc:TaxInclusiveAmount"),
    ("BR-15", f"{TOTALS}/cbc:PayableAmount"),
)
_IN_LINES: Final = (
    ("BR-21", ("cbc:ID",)),
    ("BR-22", ("cbc:InvoicedQuantity", "cbc:CreditedQuantity")),
    ("BR-24", ("cbc:LineExtensionAmount",)),
)
_IN_SUBTOTALS: Final = (
    ("BR-45", "cbc:TaxableAmount"),
    ("BR-46", "cbc:TaxAmount"),
    ("BR-47", "cac:TaxCategory/cbc:ID"),
)


def _missing(root: Element) -> Iterator[Breach]:
    for rule, path in _ALWAYS:
        if value(root, path) is None:
            yield _absent(rule, path)
    if not _type_code(root):
        yield _absent("BR-04", "cbc:InvoiceTypeCode")
    if seller_identity(root) is None:
        yield Breach("BR-CO-26", shown(SELLER), "the seller has no identifier")
    yield from _missing_in_lines(root)
    for subtotal in every(root, "cac:TaxTotal/cac:TaxSubtotal"):
        for rule, path in _IN_SUBTOTALS:
            if value(subtotal, path) is None:
                yield _absent(rule, f"cac:TaxTotal/cac:TaxSubtotal/{path}")


def _missing_in_lines(root: Element) -> Iterator[Breach]:
    lines = [line for name in LINES for line in every(root, name)]
    if not lines:
        yield _absent("BR-16", LINES[0])
    for line in lines:
        for rule, paths in _IN_LINES:
            if not any(value(line, path) for path in paths):
                yield _absent(rule, f"{LINES[0]}/{paths[0]}")
        for path in ("cbc:InvoicedQuantity", "cbc:CreditedQuantity"):
            if any(not (one.get("unitCode") or "").strip() for one in every(line, path)):
                yield _absent("BR-23", f"{LINES[0]}/{path}/@unitCode")


def _type_code(root: Element) -> str | None:
    return only_value(root, "cbc:InvoiceTypeCode") or only_value(root, "cbc:CreditNoteTypeCode")


def _lines_total(root: Element) -> Iterator[Breach]:
    path = f"{TOTALS}/cbc:LineExtensionAmount"
    total = number(root, path)
    if total is not None:
        nets = [net for name in LINES for net in numbers(root, f"{name}/cbc:LineExtensionAmount")]
        yield from _compared("BR-CO-10", path, total, sum(nets, _ZERO))


def _allowances_total(root: Element) -> Iterator[Breach]:
    for rule, name, is_charge in (
        ("BR-CO-11", "Allowance", False),
        ("BR-CO-12", "Charge", True),
    ):
        path = f"{TOTALS}/cbc:{name}TotalAmount"
        amounts = [
            amount
            for one in every(root, "cac:AllowanceCharge")
            if _is_charge(one) is is_charge
            for amount in numbers(one, "cbc:Amount")
        ]
        yield from _compared(rule, path, number(root, path) or _ZERO, sum(amounts, _ZERO))


def _total_without_tax(root: Element) -> Iterator[Breach]:
    path = f"{TOTALS}/cbc:TaxExclusiveAmount"
    total, lines = number(root, path), number(root, f"{TOTALS}/cbc:LineExtensionAmount")
    if total is None or lines is None:
        return
    allowances = number(root, f"{TOTALS}/cbc:AllowanceTotalAmount") or _ZERO
    charges = number(root, f"{TOTALS}/cbc:ChargeTotalAmount") or _ZERO
    yield from _compared("BR-CO-13", path, total, lines - allowances + charges)


def _tax_total(root: Element) -> Iterator[Breach]:
    for total in every(root, "cac:TaxTotal"):
        amount = number(total, "cbc:TaxAmount")
        parts = numbers(total, "cac:TaxSubtotal/cbc:TaxAmount")
        if amount is not None and parts:
            yield from _compared("BR-CO-14", "cac:TaxTotal/cbc:TaxAmount", amount, sum(parts))


def _total_with_tax(root: Element, *, is_zatca: bool) -> Iterator[Breach]:
    path = f"{TOTALS}/cbc:TaxInclusiveAmount"
    total, net = number(root, path), number(root, f"{TOTALS}/cbc:TaxExclusiveAmount")
    if total is None or net is None:
        return
    currency = only_value(root, "cbc:DocumentCurrencyCode")
    taxes = tax_totals(root, currency, is_zatca=is_zatca)
    if len(taxes) != 1:
        what = f"{len(taxes)} tax totals in the document's currency"
        yield Breach("BR-CO-15", "TaxTotal", what)
        return
    yield from _compared("BR-CO-15", path, total, net + sum(numbers(taxes[0], "cbc:TaxAmount")))


def _payable(root: Element) -> Iterator[Breach]:
    path = f"{TOTALS}/cbc:PayableAmount"
    payable, total = number(root, path), number(root, f"{TOTALS}/cbc:TaxInclusiveAmount")
    if payable is None or total is None:
        return
    prepaid = number(root, f"{TOTALS}/cbc:PrepaidAmount") or _ZERO
    rounding = number(root, f"{TOTALS}/cbc:PayableRoundingAmount") or _ZERO
    yield from _compared("BR-CO-16", path, payable, total - prepaid + rounding)


def _tax_by_rate(root: Element) -> Iterator[Breach]:
    """Tax is base times rate, with the tolerance of one unit that the assertion has."""
    for subtotal in every(root, "cac:TaxTotal/cac:TaxSubtotal"):
        base, tax = number(subtotal, "cbc:TaxableAmount"), number(subtotal, "cbc:TaxAmount")
        if base is None or tax is None:
            continue
        rate = number(subtotal, "cac:TaxCategory/cbc:Percent") or _ZERO
        due = _rounded(abs(base) * rate / 100)
        if abs(abs(tax) - due) >= 1:
            yield _unequal("BR-CO-17", "cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount", tax, due)


_ARITHMETIC: Final[tuple[Check, ...]] = (
    _lines_total,
    _allowances_total,
    _total_without_tax,
    _tax_total,
    _payable,
    _tax_by_rate,
)


def _is_charge(element: Element) -> bool:
    path = "cbc:ChargeIndicator"
    indicator = only_value(element, path)
    if indicator not in {"true", "1", "false", "0"}:
        raise Malformed("neither true nor false", code="bad_indicator", path=shown(path))
    return indicator in {"true", "1"}


def _compared(rule: str, path: str, said: Decimal, due: Decimal | int) -> Iterator[Breach]:
    """A breach unless an amount is the sum, or the sum rounded half up to two decimals."""
    exact = Decimal(due)
    if said not in {exact, _rounded(exact)}:
        yield _unequal(rule, path, said, exact)


def _rounded(amount: Decimal) -> Decimal:
    # Half towards positive infinity, also below zero, as XPath rounds in the assertions.
    return (amount * 100 + Decimal("0.5")).to_integral_value(ROUND_FLOOR).scaleb(-2)


def _unequal(rule: str, path: str, said: Decimal, due: Decimal) -> Breach:
    return Breach(rule, shown(path), f"{said:f} should be {due:f}")


def _absent(rule: str, path: str) -> Breach:
    return Breach(rule, shown(path), f"{shown(path)} is missing")
