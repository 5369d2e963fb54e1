"""Findings about goods: shipped and not invoiced, invoiced and not shipped, invoiced twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical.chain import Gate
from domains.billing.books import Books
from domains.billing.candidates import Candidate
from domains.billing.documents import Document
from domains.billing.goods import NOTHING
from domains.billing.matching import Billed, BillLine
from domains.billing.orders import ordered_quantity
from domains.billing.shipments import gate_of
from domains.contract import Finding, Owner
from domains.written import plain


def goods_findings(books: Books, candidates: tuple[Candidate, ...]) -> Iterator[Finding]:
    """All findings about goods."""
    for candidate in candidates:
        yield from _not_invoiced(books, candidate)
        yield from _of_candidate(candidate)
        yield from _while_blocked(candidate)
        yield from _for_reversed(candidate)
    yield from _excesses(books)
    for bill, shipment in books.matching.other_units:
        yield _other_unit(bill, shipment)


def _not_invoiced(books: Books, candidate: Candidate) -> Iterator[Finding]:
    order = candidate.order
    if order is not None and f"{order.channel}/{order.account}" in books.rules.without_invoices:
        return
    missing = candidate.to_invoice
    since = candidate.allowed_at
    if missing is None or since is None or not books.is_due(since, books.rules.invoice_due):
        return
    yield Finding(
        kind="shipped_not_invoiced",
        record=candidate.key,
        owner=Owner.FINANCE,
        explanation="The goods were shipped and may be invoiced, and no invoice bills them all.",
        involved=tuple(sorted(candidate.invoices)),
        facts=candidate.facts,
        expected=candidate.shown(candidate.allowed),
        received=candidate.shown(candidate.invoiced),
        balance=candidate.shown(missing),
        since=since,
    )


def _of_candidate(candidate: Candidate) -> Iterator[Finding]:
    shipment = candidate.shipment
    if shipment.refused:
        yield Finding(
            kind="negative_quantity",
            record=candidate.key,
            owner=Owner.IT,
            explanation="A shipment report has a negative quantity; it is not applied.",
            facts=frozenset(one.id for one in shipment.refused),
            since=shipment.refused[0].occurred_at,
        )
    if shipment.mentioned.ambiguous:
        yield Finding(
            kind="ambiguous_order",
            record=candidate.key,
            owner=Owner.IT,
            explanation="Several orders have the number this shipment names; none is assumed.",
            involved=tuple(sorted(shipment.mentioned.ambiguous)),
            facts=shipment.facts,
            since=shipment.shipped_at,
        )


def _while_blocked(candidate: Candidate) -> Iterator[Finding]:
    fact, gate = gate_of(candidate.shipment)
    if gate is None or fact is None or gate.gate not in {Gate.BLOCKED, Gate.PARTIAL}:
        return
    allowed = candidate.allowed
    by_invoice = candidate.by_invoice(taken_back=False)
    billed = sum((quantity for _, quantity in by_invoice), NOTHING)
    is_whole = gate.gate is Gate.BLOCKED and not candidate.shipment.reversed
    whole = candidate.whole if is_whole else ()
    if billed <= allowed and not whole:
        return
    documents = sorted([*(one for one, _ in by_invoice), *whole], key=_newness)
    last = documents[-1]
    yield Finding(
        kind="invoiced_while_blocked",
        record=candidate.key,
        owner=Owner.FINANCE,
        explanation="Goods are invoiced though their delivery blocks the invoice.",
        involved=tuple(one.key for one in reversed(documents)),
        facts=frozenset({fact.id}) | last.facts,
        expected=candidate.shown(allowed),
        received=candidate.shown(billed),
        balance=candidate.shown(billed - allowed),
        since=max(fact.occurred_at, last.at),
    )


def _newness(document: Document) -> tuple[datetime, str]:
    return (document.at, document.key)


def _for_reversed(candidate: Candidate) -> Iterator[Finding]:
    """One finding an invoice; it ends when what was taken back is credited."""
    for document, quantity in candidate.by_invoice(taken_back=True):
        yield Finding(
            kind="invoiced_for_reversed_shipment",
            record=document.key,
            owner=Owner.FINANCE,
            explanation="Goods are invoiced whose shipment was taken back; credit them.",
            subject=candidate.shipment.name,
            involved=(candidate.key,),
            facts=document.facts | candidate.facts,
            expected=candidate.shown(NOTHING),
            received=candidate.shown(quantity),
            balance=candidate.shown(quantity),
            since=document.at,
        )
    if candidate.shipment.is_whole and candidate.shipment.reversed:
        for document in candidate.whole:
            yield Finding(
                kind="invoiced_for_reversed_shipment",
                record=document.key,
                owner=Owner.FINANCE,
                explanation="The invoiced shipment was taken back; credit it.",
                subject=candidate.shipment.name,
                involved=(candidate.key,),
                facts=document.facts | candidate.facts,
                since=document.at,
            )


def _excesses(books: Books) -> Iterator[Finding]:
    """What invoices bill beyond the goods there are, or bill after others did.

    An invoice a network rejected bills nothing for sure, and gives way to the next one.
    """
    excesses: dict[tuple[str, str], list[BillLine]] = {}
    for bill in books.matching.bills:
        if not bill.candidates or books.networks[bill.document.key].is_negative:
            continue
        others = _others(books, bill)
        got = any(one.bill is bill for one in books.matching.billed)
        is_excess = bill.left > 0 or (bill.quantity is None and not got)
        if is_excess and (others or bill.quantity is not None):
            is_again = bool(others) and not got
            if books.is_due(bill.document.at, books.rules.shipment_due) or (
                is_again and _is_surely_again(books, bill, others)
            ):
                kind = "invoiced_twice" if is_again else "invoiced_more_than_shipped"
                excesses.setdefault((kind, bill.document.key), []).append(bill)
    for (kind, _), bills in sorted(excesses.items()):
        yield _excess(books, kind, bills)


def _others(books: Books, bill: BillLine) -> list[Billed]:
    """What other invoices bill of the goods this one names."""
    return [
        one
        for one in books.matching.billed
        if one.shipment in bill.candidates
        and one.document.key != bill.document.key
        and (
            not (one.bill.names_goods and bill.names_goods)
            or one.bill.order_line & bill.order_line
            or one.bill.item & bill.item
        )
    ]


def _is_surely_again(books: Books, bill: BillLine, others: list[Billed]) -> bool:
    """The invoice names the shipment, or together they bill more than was ordered: no shipment
    that is still to come explains it."""
    if bill.deliveries:
        return True
    billed = sum((one.quantity for one in others), bill.quantity or NOTHING)
    for order in books.orders.named(bill.document.mentioned.orders):
        ordered = ordered_quantity(order, bill.order_line | bill.item)
        if ordered is not None and billed > ordered:
            return True
    return False


def _excess(books: Books, kind: str, bills: list[BillLine]) -> Finding:
    document = bills[0].document
    others = {one.document.key for bill in bills for one in _others(books, bill)}
    left = sum((bill.left for bill in bills), NOTHING)
    stated = sum((bill.quantity or NOTHING for bill in bills), NOTHING)
    units = {bill.unit for bill in bills}
    unit = next(iter(units)) if len(units) == 1 else None
    lines = ", ".join(sorted(line.line_id for bill in bills for line in bill.lines)[:10])
    what = (
        "Other invoices bill the same shipped goods already"
        if kind == "invoiced_twice"
        else "More is invoiced than was shipped"
    )
    shipments = {key for bill in bills for key in bill.candidates}
    return Finding(
        kind=kind,
        record=document.key,
        owner=Owner.FINANCE,
        explanation=f"{what} (lines {lines or 'all'}).",
        involved=(*sorted(others), *sorted(shipments)),
        facts=document.facts,
        expected=f"{plain(stated - left)} {unit}" if unit else None,
        received=f"{plain(stated)} {unit}" if unit else None,
        balance=f"{plain(left)} {unit}" if unit else None,
        since=document.at,
    )


def _other_unit(bill: BillLine, shipment: str) -> Finding:
    line = bill.lines[0]
    return Finding(
        kind="unit_differs",
        record=bill.document.key,
        owner=Owner.FINANCE,
        explanation="The invoice counts in another unit than the shipment; nothing is applied.",
        subject=f"{line.line_id}:{shipment}",
        involved=(shipment,),
        facts=bill.document.facts,
        received=f"{plain(bill.quantity or NOTHING)} {bill.unit}",
        since=bill.document.at,
    )
