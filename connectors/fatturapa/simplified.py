"""The simplified invoice (FSM10): amounts with the tax in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from canonical.billing import InvoiceLine, InvoiceTotals, TaxBreakdown
from canonical.currencies import minor_units
from canonical.errors import Malformed
from canonical.message import Item
from canonical.values import Money
from connectors.fatturapa.codes import tax_category
from connectors.fatturapa.document import (
    GENERAL,
    NUMBER,
    Head,
    Source,
    fact_class,
    message,
    refuse_negative_credit,
    stamp_note,
    transmission_references,
)
from connectors.fatturapa.fields import (
    day,
    identifiers,
    inside,
    needed_number,
    number,
    parts,
    value,
)
from connectors.fatturapa.parties import simplified_buyer, simplified_seller
from connectors.fatturapa.references import preceding_identifiers
from connectors.kit.xml import Element

_SUPPLIES = "DatiBeniServizi"
_CORRECTED = "DatiGenerali/DatiFatturaRettificata"


@dataclass(frozen=True, slots=True)
class _Supply:
    """One line: what is paid for it, and the tax in that."""

    description: str | None
    gross: Decimal
    tax: Decimal
    rate: Decimal | None
    natura: str | None
    norm: str | None

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax

    @property
    def category(self) -> str:
        return tax_category(self.rate, self.natura)


def simplified_invoice(body: Element, source: Source) -> Iterator[Item]:
    """The message of one body.

    Raises Malformed or Unsupported, or ValueError for a value the canonical model refuses.
    """
    head = Head.of(body, simplified=True)
    supplies = list(_supplies(body, head.currency))
    if not supplies:
        raise Malformed("DatiBeniServizi is missing", code="missing_field", path=_SUPPLIES)
    totals = _totals(supplies, head.currency)
    refuse_negative_credit(head, totals.payable)
    preceding = _preceding(body)
    fact = fact_class(head)(
        invoice_number=head.number,
        document_type=head.kind.canonical,
        issue_date=head.issued,
        currency=head.currency,
        seller=simplified_seller(source.header),
        buyer=simplified_buyer(source.header),
        preceding=preceding_identifiers(preceding),
        lines=tuple(_lines(supplies, head.currency)),
        taxes=tuple(_taxes(supplies, head.currency)),
        totals=totals,
        notes=tuple(_notes(body, head)),
        references=identifiers((NUMBER, head.number), *((NUMBER, one) for one, _ in preceding))
        + transmission_references(source),
    )
    yield message(fact, head, source, preceding)


def _supplies(body: Element, currency: str) -> Iterator[_Supply]:
    for position, supply in enumerate(parts(body, _SUPPLIES), start=1):
        with inside(f"{_SUPPLIES}[{position}]"):
            gross = needed_number(supply, "Importo")
            rate = number(supply, "DatiIVA/Aliquota")
            tax = number(supply, "DatiIVA/Imposta")
            yield _Supply(
                description=value(supply, "Descrizione"),
                gross=gross,
                tax=_tax_inside(gross, rate, currency) if tax is None else tax,
                rate=rate,
                natura=value(supply, "Natura"),
                norm=value(supply, "RiferimentoNormativo"),
            )


def _tax_inside(gross: Decimal, rate: Decimal | None, currency: str) -> Decimal:
    """The tax that an amount with tax contains, in whole minor units (art. 27 DPR 633/1972)."""
    if rate is None:
        raise Malformed("neither a tax nor a rate", code="missing_field", path="DatiIVA")
    if not 0 <= rate <= 100:
        raise Malformed(f"{rate} is not a rate", code="bad_amount", path="DatiIVA/Aliquota")
    unit = Decimal(1).scaleb(-minor_units(currency))
    return (gross * rate / (100 + rate)).quantize(unit, ROUND_HALF_UP)


def _totals(supplies: list[_Supply], currency: str) -> InvoiceTotals:
    def total(amounts: list[Decimal]) -> Money:
        return Money(amount=sum(amounts, Decimal(0)), currency=currency)

    gross = total([supply.gross for supply in supplies])
    net = total([supply.net for supply in supplies])
    tax = total([supply.tax for supply in supplies])
    return InvoiceTotals(
        lines_net=net, tax_exclusive=net, tax=tax, tax_inclusive=gross, payable=gross
    )


def _lines(supplies: list[_Supply], currency: str) -> Iterator[InvoiceLine]:
    # The format numbers no lines: their place in the document is all that tells them apart.
    for position, supply in enumerate(supplies, start=1):
        yield InvoiceLine(
            line_id=str(position),
            description=supply.description,
            net=Money(amount=supply.net, currency=currency),
            tax_category=supply.category,
            tax_rate=supply.rate,
        )


def _taxes(supplies: list[_Supply], currency: str) -> Iterator[TaxBreakdown]:
    groups: dict[tuple[Decimal | None, str | None, str | None], list[_Supply]] = {}
    for supply in supplies:
        groups.setdefault((supply.rate, supply.natura, supply.norm), []).append(supply)
    for (rate, natura, norm), listed in groups.items():
        taxable = sum((supply.net for supply in listed), Decimal(0))
        tax = sum((supply.tax for supply in listed), Decimal(0))
        yield TaxBreakdown(
            category=tax_category(rate, natura),
            rate=rate,
            taxable=Money(amount=taxable, currency=currency),
            tax=Money(amount=tax, currency=currency),
            exemption_reason=" ".join(one for one in (natura, norm) if one) or None,
        )


def _preceding(body: Element) -> tuple[tuple[str, date | None], ...]:
    corrected = value(body, f"{_CORRECTED}/NumeroFR")
    return ((corrected, day(body, f"{_CORRECTED}/DataFR")),) if corrected else ()


def _notes(body: Element, head: Head) -> Iterator[str]:
    corrected = value(body, f"{_CORRECTED}/ElementiRettificati")
    if corrected:
        yield corrected
    yield f"TipoDocumento {head.kind.code}"
    stamp = stamp_note(body, f"{GENERAL}/BolloVirtuale", head.currency)
    if stamp:
        yield stamp
