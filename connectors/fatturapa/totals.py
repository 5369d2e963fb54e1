"""The arithmetic of an ordinary invoice: taxes, totals, and what does not agree in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from canonical.billing import InvoiceTotals, TaxBreakdown
from canonical.errors import Malformed
from canonical.message import Problem
from canonical.values import Money
from connectors.fatturapa.codes import tax_category
from connectors.fatturapa.document import GENERAL
from connectors.fatturapa.fields import inside, needed_number, number, parts, value
from connectors.kit.xml import Element

SUMMARY = "DatiBeniServizi/DatiRiepilogo"
LINES = "DatiBeniServizi/DettaglioLinee"
FUNDS = f"{GENERAL}/DatiCassaPrevidenziale"
_TOTAL = f"{GENERAL}/ImportoTotaleDocumento"
_DISCOUNTS = f"{GENERAL}/ScontoMaggiorazione"

_TAXABLE_TOLERANCE = Decimal(1)
_TAX_TOLERANCE = Decimal("0.01")
"""What SdI itself lets pass in its controls 00422 and 00421."""

Group = tuple[Decimal | None, str | None]
"""A rate and a `Natura`: what a summary is told for."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The amounts of a document, in its currency."""

    lines: Decimal
    funds: Decimal
    """Contributions to a professional's pension fund: a charge to the buyer."""
    taxable: Decimal
    tax: Decimal
    rounding: Decimal
    stamp: Decimal
    allowances: Decimal | None
    """Discounts on the whole document, behind the tax; None when one is told only in per cent."""
    surcharges: Decimal | None
    """The same for surcharges."""
    stated: Decimal | None

    @classmethod
    def of(cls, body: Element) -> Sums:
        """Raises Malformed for an amount that is missing or no amount."""
        if not parts(body, SUMMARY):
            raise Malformed("DatiRiepilogo is missing", code="missing_field", path=SUMMARY)
        return cls(
            lines=_sum(body, LINES, "PrezzoTotale"),
            funds=_sum(body, FUNDS, "ImportoContributoCassa"),
            taxable=_sum(body, SUMMARY, "ImponibileImporto"),
            tax=_sum(body, SUMMARY, "Imposta"),
            rounding=number(body, f"{GENERAL}/Arrotondamento") or Decimal(0),
            stamp=number(body, f"{GENERAL}/DatiBollo/ImportoBollo") or Decimal(0),
            allowances=_adjustments(body, "SC"),
            surcharges=_adjustments(body, "MG"),
            stated=number(body, _TOTAL),
        )

    @property
    def computed(self) -> Decimal | None:
        """What the document comes to by its parts; None when that cannot be told."""
        if self.allowances is None or self.surcharges is None:
            return None
        return self.taxable + self.tax + self.rounding + self.surcharges - self.allowances

    @property
    def charged_stamp(self) -> Decimal:
        """Stamp duty that the buyer is to pay: it is in the stated total, on top of the parts.

        Where it is charged as a line, the parts have it already.
        """
        if self.stated is None or self.computed is None or self.stated == self.computed:
            return Decimal(0)
        return self.stamp if self.stated == self.computed + self.stamp else Decimal(0)

    @property
    def payable(self) -> Decimal:
        """`ImportoTotaleDocumento`, else what the parts come to. Raises Malformed."""
        total = self.computed if self.stated is None else self.stated
        if total is None:
            raise Malformed("the document has no total", code="missing_total", path=_TOTAL)
        return total


def totals_of(sums: Sums, currency: str) -> InvoiceTotals:
    """The totals in the terms of EN 16931; a total that the parts do not give stands as told.

    Stamp duty and what is taken off or put on the whole document bear no tax: EN 16931 knows them
    as charges and allowances on document level, which are in the total without tax.
    """

    def money(amount: Decimal) -> Money:
        return Money(amount=amount, currency=currency)

    allowances = sums.allowances or Decimal(0)
    untaxed = (sums.surcharges or Decimal(0)) + sums.charged_stamp
    charges = sums.funds + untaxed
    exclusive = sums.taxable + untaxed - allowances
    return InvoiceTotals(
        lines_net=money(sums.lines),
        allowances=money(allowances) if allowances else None,
        charges=money(charges) if charges else None,
        tax_exclusive=money(exclusive),
        tax=money(sums.tax),
        tax_inclusive=money(exclusive + sums.tax),
        rounding=money(sums.rounding) if sums.rounding else None,
        payable=money(sums.payable),
    )


def taxes_of(body: Element, currency: str) -> tuple[TaxBreakdown, ...]:
    """The summaries, one a rate and `Natura`."""
    taxes = []
    for position, summary in enumerate(parts(body, SUMMARY), start=1):
        with inside(f"{SUMMARY}[{position}]"):
            taxes.append(_tax(summary, currency))
    return tuple(taxes)


def disagreements(body: Element, sums: Sums, at: str) -> Iterator[Problem]:
    """What does not add up; the document stands as its sender wrote it."""
    # Stamp duty is part of the total where the seller charges it to the buyer.
    if sums.stated is not None and sums.computed is not None:
        expected = (sums.computed, sums.computed + sums.stamp)
        if sums.stated not in expected:
            text = f"the total is {sums.stated}, its parts come to {sums.computed}"
            yield Problem(code="total_mismatch", message=text, path=_TOTAL, at=at)
    yield from _taxable_disagreements(body, at)
    for summary in parts(body, SUMMARY):
        rate = number(summary, "AliquotaIVA")
        taxable, tax = (needed_number(summary, name) for name in ("ImponibileImporto", "Imposta"))
        expected_tax = taxable * (rate or Decimal(0)) / 100
        if abs(tax - expected_tax) > _TAX_TOLERANCE:
            text = f"the tax on {taxable} at {rate} % is told as {tax}"
            path = f"{SUMMARY}/Imposta"
            yield Problem(code="tax_mismatch", message=text, path=path, at=at)


def _taxable_disagreements(body: Element, at: str) -> Iterator[Problem]:
    told: defaultdict[Group, Decimal] = defaultdict(Decimal)
    for summary in parts(body, SUMMARY):
        rounding = number(summary, "Arrotondamento") or Decimal(0)
        told[_group(summary)] += needed_number(summary, "ImponibileImporto") - rounding
    for line in parts(body, LINES):
        told[_group(line)] -= needed_number(line, "PrezzoTotale")
    for fund in parts(body, FUNDS):
        told[_group(fund)] -= needed_number(fund, "ImportoContributoCassa")
    for (rate, natura), difference in told.items():
        if abs(difference) > _TAXABLE_TOLERANCE:
            text = f"lines and summary at {(natura or str(rate))[:10]} differ by {difference}"
            path = f"{SUMMARY}/ImponibileImporto"
            yield Problem(code="taxable_mismatch", message=text, path=path, at=at)


def _group(element: Element) -> Group:
    return number(element, "AliquotaIVA"), value(element, "Natura")


def _tax(summary: Element, currency: str) -> TaxBreakdown:
    rate, natura = _group(summary)
    norm = value(summary, "RiferimentoNormativo")
    return TaxBreakdown(
        category=tax_category(rate, natura),
        rate=rate,
        taxable=Money(amount=needed_number(summary, "ImponibileImporto"), currency=currency),
        tax=Money(amount=needed_number(summary, "Imposta"), currency=currency),
        exemption_reason=" ".join(one for one in (natura, norm) if one) or None,
    )


def _adjustments(body: Element, wanted: str) -> Decimal | None:
    """The sum of discounts (`SC`) or surcharges (`MG`) on the document as a whole."""
    total = Decimal(0)
    for discount in parts(body, _DISCOUNTS):
        with inside(_DISCOUNTS):
            amount = number(discount, "Importo")
        kind = value(discount, "Tipo")
        if kind not in {"SC", "MG"}:
            raise Malformed(
                "neither discount nor surcharge", code="bad_discount", path=f"{_DISCOUNTS}/Tipo"
            )
        if kind == wanted:
            if amount is None:
                return None
            total += amount
    return total


def _sum(body: Element, path: str, name: str) -> Decimal:
    total = Decimal(0)
    for position, element in enumerate(parts(body, path), start=1):
        with inside(f"{path}[{position}]"):
            total += needed_number(element, name)
    return total
