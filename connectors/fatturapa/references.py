"""Orders, contracts, deliveries and earlier invoices that a document or its lines name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from canonical.values import Identifier
from connectors.fatturapa.document import NUMBER
from connectors.fatturapa.fields import day, identifiers, inside, only, parts, value
from connectors.kit.xml import Element

_GENERAL = "DatiGenerali"
_ORDERS = "DatiOrdineAcquisto"
_NAMED = (_ORDERS, "DatiContratto", "DatiConvenzione", "DatiRicezione")
_INVOICES = "DatiFattureCollegate"
_DELIVERIES = "DatiDDT"


@dataclass(frozen=True, slots=True)
class References:
    """What a document refers to, as a whole and line by line."""

    order_id: str | None
    delivery_note: str | None
    preceding: tuple[tuple[str, date | None], ...]
    all: tuple[Identifier, ...]
    sources: dict[str, tuple[Identifier, ...]]
    """By `NumeroLinea`."""
    order_lines: dict[str, str]
    """The order's own line, by `NumeroLinea`, where one is told."""

    @classmethod
    def of(cls, body: Element) -> References:
        """Raises Malformed for a date that is none."""
        orders = [value(order, "IdDocumento") for order in parts(body, f"{_GENERAL}/{_ORDERS}")]
        notes = [value(note, "NumeroDDT") for note in parts(body, f"{_GENERAL}/{_DELIVERIES}")]
        preceding = _preceding(body)
        return cls(
            order_id=only(orders),
            delivery_note=only(notes),
            preceding=preceding,
            all=_all(body, [number for number, _ in preceding]),
            sources=_sources(body),
            order_lines=_order_lines(body),
        )


def preceding_identifiers(
    preceding: tuple[tuple[str, date | None], ...],
) -> tuple[Identifier, ...]:
    """Earlier invoices by their number."""
    return identifiers(*((NUMBER, number) for number, _ in preceding))


def _preceding(body: Element) -> tuple[tuple[str, date | None], ...]:
    found: dict[tuple[str, date | None], None] = {}
    for position, linked in enumerate(parts(body, f"{_GENERAL}/{_INVOICES}"), start=1):
        with inside(f"{_GENERAL}/{_INVOICES}[{position}]"):
            number = value(linked, "IdDocumento")
            if number:
                found[number, day(linked, "Data")] = None
    return tuple(found)


def _all(body: Element, preceding: list[str]) -> tuple[Identifier, ...]:
    named: list[tuple[str, str | None]] = []
    for name in (*_NAMED, _INVOICES):
        for block in parts(body, f"{_GENERAL}/{name}"):
            if name != _INVOICES:
                named.append((f"fatturapa:{name}", value(block, "IdDocumento")))
            named.append(("it:cup", value(block, "CodiceCUP")))
            named.append(("it:cig", value(block, "CodiceCIG")))
    deliveries = parts(body, f"{_GENERAL}/{_DELIVERIES}")
    named += [(f"fatturapa:{_DELIVERIES}", value(one, "NumeroDDT")) for one in deliveries]
    named += [(NUMBER, number) for number in preceding]
    return identifiers(*named)


def _sources(body: Element) -> dict[str, tuple[Identifier, ...]]:
    found: defaultdict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for name in (*_NAMED, _DELIVERIES):
        field = "NumeroDDT" if name == _DELIVERIES else "IdDocumento"
        for block in parts(body, f"{_GENERAL}/{name}"):
            for line in _lines(block):
                found[line].append((f"fatturapa:{name}", value(block, field)))
    return {line: identifiers(*named) for line, named in found.items()}


def _order_lines(body: Element) -> dict[str, str]:
    found: defaultdict[str, list[str | None]] = defaultdict(list)
    for order in parts(body, f"{_GENERAL}/{_ORDERS}"):
        lines = _lines(order)
        # An item told for several lines of ours does not say which of them it is.
        if len(lines) == 1:
            found[lines[0]].append(value(order, "NumItem"))
    items = {line: only(numbers) for line, numbers in found.items()}
    return {line: item for line, item in items.items() if item}


def _lines(block: Element) -> list[str]:
    found = [(line.text or "").strip() for line in parts(block, "RiferimentoNumeroLinea")]
    return [line for line in found if line]
