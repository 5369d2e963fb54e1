"""The ordinary invoice (FPA12, FPR12): a body becomes an invoice or a credit note."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.billing import InvoiceLine
from canonical.message import Item
from canonical.values import Identifier, Money, Quantity
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
    identifiers,
    inside,
    money,
    needed_number,
    number,
    parts,
    required,
    value,
)
from connectors.fatturapa.parties import buyer, seller
from connectors.fatturapa.payments import Payment
from connectors.fatturapa.references import References, preceding_identifiers
from connectors.fatturapa.totals import LINES, SUMMARY, Sums, disagreements, taxes_of, totals_of
from connectors.kit.xml import Element

_GTIN_TYPES = frozenset({"EAN", "EAN13", "EAN-13", "GTIN"})


def invoice(body: Element, source: Source) -> Iterator[Item]:
    """The message of one body, and a Problem for each figure in it that does not agree.

    Raises Malformed or Unsupported, or ValueError for a value the canonical model refuses.
    """
    head = Head.of(body, simplified=False)
    sums = Sums.of(body)
    totals = totals_of(sums, head.currency)
    refuse_negative_credit(head, totals.payable)
    refers = References.of(body)
    payment = Payment.of(body, head.currency)
    fact = fact_class(head)(
        invoice_number=head.number,
        document_type=head.kind.canonical,
        issue_date=head.issued,
        due_date=payment.due,
        currency=head.currency,
        seller=seller(source.header),
        buyer=buyer(source.header),
        payee=payment.payee,
        order_id=refers.order_id,
        delivery_note=refers.delivery_note,
        preceding=preceding_identifiers(refers.preceding),
        payment_reference=payment.reference,
        payment_terms=payment.terms,
        lines=tuple(_lines(body, head.currency, refers)),
        taxes=taxes_of(body, head.currency),
        totals=totals,
        notes=tuple(_notes(body, head)),
        references=identifiers((NUMBER, head.number))
        + transmission_references(source)
        + refers.all
        + payment.references,
    )
    yield message(fact, head, source, refers.preceding)
    yield from disagreements(body, sums, source.at)


def _lines(body: Element, currency: str, refers: References) -> Iterator[InvoiceLine]:
    for position, line in enumerate(parts(body, LINES), start=1):
        with inside(f"{LINES}[{position}]"):
            yield _line(line, currency, refers)


def _line(line: Element, currency: str, refers: References) -> InvoiceLine:
    line_id = required(line, "NumeroLinea")
    rate = number(line, "AliquotaIVA")
    return InvoiceLine(
        line_id=line_id,
        description=value(line, "Descrizione"),
        product=_product(line),
        quantity=_quantity(line),
        unit_price=money(line, "PrezzoUnitario", currency),
        net=Money(amount=needed_number(line, "PrezzoTotale"), currency=currency),
        tax_category=tax_category(rate, value(line, "Natura")),
        tax_rate=rate,
        order_line_id=refers.order_lines.get(line_id),
        source=refers.sources.get(line_id, ()),
    )


def _quantity(line: Element) -> Quantity | None:
    amount = number(line, "Quantita")
    if amount is None:
        return None
    unit = value(line, "UnitaMisura")
    return Quantity(value=amount, unit=unit) if unit else Quantity(value=amount)


def _product(line: Element) -> tuple[Identifier, ...]:
    named = []
    for code in parts(line, "CodiceArticolo"):
        kind = value(code, "CodiceTipo") or ""
        scheme = "gtin" if kind.upper() in _GTIN_TYPES else f"fatturapa:{kind}"[:80]
        named.append((scheme, value(code, "CodiceValore")))
    return identifiers(*named)


def _notes(body: Element, head: Head) -> Iterator[str]:
    """The sender's own words, then what the canonical model has no field for."""
    for reason in parts(body, f"{GENERAL}/Causale"):
        said = (reason.text or "").strip()
        if said:
            yield said
    yield f"TipoDocumento {head.kind.code}"
    for withheld in parts(body, f"{GENERAL}/DatiRitenuta"):
        with inside(f"{GENERAL}/DatiRitenuta"):
            amount = needed_number(withheld, "ImportoRitenuta")
            kind, rate = (value(withheld, name) for name in ("TipoRitenuta", "AliquotaRitenuta"))
        yield f"Ritenuta {kind or ''} {amount} {head.currency} ({rate or '?'} %)"
    for discount in parts(body, f"{GENERAL}/ScontoMaggiorazione"):
        told = (value(discount, name) for name in ("Tipo", "Importo", "Percentuale"))
        yield f"ScontoMaggiorazione {' '.join(one for one in told if one)}"
    stamp = stamp_note(body, f"{GENERAL}/DatiBollo", head.currency)
    if stamp:
        yield stamp
    collected = [value(summary, "EsigibilitaIVA") for summary in parts(body, SUMMARY)]
    yield from (f"EsigibilitaIVA {code}" for code in dict.fromkeys(collected) if code)
