"""The records of billing and their rows: documents, candidates, returns, taxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from canonical.billing import InvoiceLine
from canonical.values import Identifier
from domains.billing import tables
from domains.billing.books import Books
from domains.billing.candidates import Candidate
from domains.billing.documents import Document
from domains.billing.goods import NOTHING
from domains.billing.network import Network
from domains.billing.returns import Return
from domains.billing.taxes import Tax
from domains.contract import Record
from domains.written import plain
from store.times import micros

_LONGEST_NAME: Final = 400


def records_of(books: Books, candidates: tuple[Candidate, ...]) -> Iterator[Record]:
    """All records of a cluster."""
    for document in books.documents.all:
        yield _document(books, document)
    for candidate in candidates:
        yield _candidate(candidate)
    for goods in books.returns:
        yield _return(goods)
    for tax in books.taxes:
        yield _tax(tax)


def order_text(books: Books, document: Document) -> str | None:
    """The order as people know it: as the invoice names it, else the first one its lines name."""
    named = books.orders.named(document.mentioned.orders)
    return document.data.order_id or next((one.order_id for one in named), None)


def _document(books: Books, document: Document) -> Record:
    standing = books.standings[document.key]
    network = books.networks[document.key]
    receivable = books.receivables.get(document.key)
    facts = document.facts | {fact.id for fact, _ in network.told}
    data = document.data
    billed = _billed_by(books, document)
    return Record(
        kind=document.kind,
        key=document.key,
        label=document.number,
        status=standing.state.value,
        state={
            "seller": document.seller,
            "number": document.number,
            "document_type": data.document_type,
            "issue_date": data.issue_date.isoformat(),
            "due_date": data.due_date.isoformat() if data.due_date else None,
            "currency": data.currency,
            "payable": f"{data.totals.payable.amount:f}",
            "gross": f"{document.gross:f}",
            "credited": f"{_credited(books, document):f}",
            "order": order_text(books, document),
            "orders": sorted(document.mentioned.orders),
            "delivery_note": data.delivery_note,
            "preceding": sorted(document.preceding),
            "state": standing.state.value,
            "disputed": standing.disputed,
            "sent_at": standing.sent_at.isoformat() if standing.sent_at else None,
            "electronic": standing.electronic.value,
            "network": _network_state(network),
            "credited_by": [one.key for one in books.credits.by.get(document.key, ())],
            "corrected_by": [one.key for one in books.credits.corrected_by.get(document.key, ())],
            "lines": [_line_state(line, billed[place]) for place, line in enumerate(data.lines)],
        },
        facts=facts | ({receivable[0].id} if receivable else frozenset()),
        rows={
            tables.INVOICES: [_document_row(books, document)],
            tables.LINES: [
                _line_row(line, data.currency, billed[place])
                for place, line in enumerate(data.lines)
            ],
        },
        names=_names(("invoice_number", document.number), *_references(document)),
    )


def _credited(books: Books, document: Document) -> Decimal:
    return books.credits.amounts.get(document.key, NOTHING)


def _network_state(network: Network) -> Mapping[str, Any]:
    last = network.last[1] if network.last else None
    return {
        "name": last.network if last else None,
        "document_id": last.document_id if last else None,
        "status": network.status.value if network.status else None,
        "code": last.network_status if last else None,
        "undeliverable": network.undeliverable,
        "told": [
            {
                "at": data.occurred_at.isoformat(),
                "status": data.status.value,
                "code": data.network_status,
                "document_id": data.document_id,
                "refused": (fact, data) in network.refused,
                "reasons": [one.code for one in data.reasons if one.code],
            }
            for fact, data in network.told
        ],
    }


def _line_state(line: InvoiceLine, shipments: list[str]) -> Mapping[str, Any]:
    return {
        "line_id": line.line_id,
        "order_line_id": line.order_line_id,
        "sku": line.sku,
        "quantity": f"{line.quantity.value:f}" if line.quantity else None,
        "unit": line.quantity.unit if line.quantity else None,
        "net": f"{line.net.amount:f}" if line.net else None,
        "sources": [f"{one.scheme}={one.value}" for one in line.source],
        "shipments": shipments,
    }


def _billed_by(books: Books, document: Document) -> dict[int, list[str]]:
    """The candidates each line bills, by the line's place."""
    found: dict[int, set[str]] = {}
    for one in books.matching.billed:
        if one.document.key == document.key:
            for line in one.bill.lines:
                found.setdefault(id(line), set()).add(one.shipment)
    lines = enumerate(document.data.lines)
    return {place: sorted(found.get(id(line), ())) for place, line in lines}


def _document_row(books: Books, document: Document) -> Mapping[str, Any]:
    standing = books.standings[document.key]
    last = books.networks[document.key].last
    data = document.data
    return {
        "kind": document.kind,
        "seller": document.seller,
        "number": document.number,
        "type": data.document_type,
        "order": order_text(books, document),
        "issue_date": data.issue_date.isoformat(),
        "due_date": data.due_date.isoformat() if data.due_date else None,
        "currency": data.currency,
        "payable": f"{data.totals.payable.amount:f}",
        "state": standing.state.value,
        "electronic": standing.electronic.value,
        "disputed": int(standing.disputed),
        "network": last[1].network if last else None,
        "network_status": last[1].network_status if last else None,
        "issued_at": micros(document.at),
        "sent_at": micros(standing.sent_at) if standing.sent_at else None,
    }


def _line_row(line: InvoiceLine, currency: str, shipments: list[str]) -> Mapping[str, Any]:
    sources = " ".join(f"{one.scheme}={one.value}" for one in line.source)
    return {
        "line": line.line_id,
        "order_line": line.order_line_id,
        "sku": line.sku,
        "quantity": f"{line.quantity.value:f}" if line.quantity else None,
        "unit": line.quantity.unit if line.quantity else None,
        "net": f"{line.net.amount:f}" if line.net else None,
        "currency": currency,
        "shipment": " ".join(shipments) or None,
        "sources": sources or None,
    }


def _references(document: Document) -> list[tuple[str, str]]:
    data = document.data
    own = [("order", data.order_id or ""), ("delivery_note", data.delivery_note or "")]
    own.append(("payment_reference", data.payment_reference or ""))
    return [*own, *((one.scheme, one.value) for one in data.references)]


def _names(*pairs: tuple[str, str]) -> tuple[Identifier, ...]:
    named = dict.fromkeys((scheme, value[:_LONGEST_NAME]) for scheme, value in pairs if value)
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in named)


def _candidate(candidate: Candidate) -> Record:
    shipment = candidate.shipment
    return Record(
        kind="candidate",
        key=candidate.key,
        label=shipment.shipment_id,
        status=candidate.state.value,
        state={
            "basis": candidate.basis,
            "source": shipment.system,
            "account": shipment.account,
            "shipment": shipment.shipment_id,
            "order": shipment.order_id,
            "orders": sorted(shipment.mentioned.orders),
            "state": candidate.state.value,
            "gate": candidate.gate.value,
            "shipped_at": shipment.shipped_at.isoformat(),
            "reversed": shipment.reversed,
            "invoices": sorted(candidate.invoices),
            "also_reported_by": sorted(twin.name for twin in shipment.twins),
            "lines": [
                {
                    "line_id": line.line_id,
                    "order_line_id": line.order_line_id,
                    "sku": line.sku,
                    "quantity": plain(line.quantity.value),
                    "invoiced": plain(line.invoiced.value),
                    "unit": line.quantity.unit,
                }
                for line in candidate.lines
            ],
        },
        facts=candidate.facts,
        rows={tables.CANDIDATES: [_candidate_row(candidate)]},
        names=_names(
            *(("shipment", one.shipment_id) for one in (shipment, *shipment.twins)),
            ("order", shipment.order_id or ""),
            *(("tracking_number", one.partition(":")[2]) for one in sorted(shipment.tracking)),
        ),
    )


def _candidate_row(candidate: Candidate) -> Mapping[str, Any]:
    shipment = candidate.shipment
    shipped = sum((line.quantity.value for line in candidate.lines), NOTHING)
    return {
        "basis": candidate.basis,
        "source": shipment.system,
        "account": shipment.account,
        "shipment": shipment.shipment_id,
        "order": shipment.order_id,
        "state": candidate.state.value,
        "gate": candidate.gate.value,
        "shipped_at": micros(shipment.shipped_at),
        "gate_allowed_at": micros(candidate.allowed_at) if candidate.allowed_at else None,
        "invoiced_at": micros(candidate.invoiced_at) if candidate.invoiced_at else None,
        "shipped": plain(shipped),
        "allowed": plain(candidate.allowed),
        "invoiced": plain(candidate.invoiced),
    }


def _return(goods: Return) -> Record:
    status = "CREDITED" if goods.is_credited else "REFUNDED" if goods.refunds else "OPEN"
    return Record(
        kind="return",
        key=goods.key,
        label=goods.return_id,
        status=status,
        state={
            "source": goods.system,
            "account": goods.account,
            "return": goods.return_id,
            "orders": sorted(goods.mentioned.orders),
            "received_at": goods.received_at.isoformat(),
            "state": status,
            "credited_by": [one.key for one in goods.credited_by],
            "lines": [
                {
                    "line_id": line.line_id,
                    "quantity": plain(line.quantity),
                    "credited": plain(line.credited),
                }
                for line in goods.lines
            ],
        },
        facts=frozenset(goods.facts | goods.refunds),
        names=_names(("return", goods.return_id)),
    )


def _tax(tax: Tax) -> Record:
    data = tax.data
    return Record(
        kind="tax",
        key=tax.key,
        label=data.document_code,
        status="VOIDED" if tax.is_voided else "CALCULATED",
        state={
            "engine": data.engine,
            "document_code": data.document_code,
            "document_type": data.document_type,
            "transaction": data.transaction_id,
            "version": data.document_version,
            "engine_status": data.status,
            "currency": data.currency,
            "tax": f"{data.total_tax.amount:f}",
            "document": tax.document.key if tax.document else None,
        },
        facts=tax.facts,
        names=_names(
            ("tax_document", data.document_code), ("tax_transaction", data.transaction_id)
        ),
    )
