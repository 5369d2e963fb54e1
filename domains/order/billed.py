"""What of an order is invoiced, and whether its invoices are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from canonical.billing import CreditNoteIssued, InvoiceIssued, InvoiceLine
from canonical.chain import (
    BillingCandidateChanged,
    CandidateState,
    InvoiceState,
    InvoiceStateChanged,
    ReceivableChanged,
    ReceivableState,
)
from domains.contract import Fact, Finding
from domains.facts import Told, told
from domains.names import folded, party_name
from domains.order.figures import NOTHING, unit_of
from domains.order.lines import Named, lines_for, shared_out
from domains.order.names import Document, invoice_name, order_mentions
from domains.order.payments import currency_differs
from domains.order.responses import agrees, price_differs
from domains.order.snapshots import Line, Order

_CREDIT_TYPES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"}
)
"""UNCL1001: documents that reduce what is owed; their receivables close no order."""
_COVERED: Final = (ReceivableState.COVERED, ReceivableState.PAID, ReceivableState.CLOSED)


@dataclass(slots=True)
class Billed:
    """The invoices of an order."""

    invoices: set[str] = field(default_factory=set)
    """Their names; also of those only other domains tell of."""
    numbers: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    covered: set[str] = field(default_factory=set)
    invoiced: dict[str, Decimal] = field(default_factory=dict)
    """Line → quantity, less what was credited."""
    amount: Decimal = NOTHING
    credited: Decimal = NOTHING
    allocated: Decimal = NOTHING
    disputed: bool = False
    shared: bool = False
    """An invoice is for other orders too, so that its amounts say nothing of this one."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def all_closed(self) -> bool:
        return bool(self.invoices) and self.invoices <= self.closed

    @property
    def all_covered(self) -> bool:
        return bool(self.invoices) and self.invoices <= self.covered


def billed_of(order: Order, facts: Sequence[Fact]) -> Billed:
    """Apply invoices, credit notes, candidates and receivables to an order."""
    found = Billed()
    refused: set[str] = set()
    for one in _documents(facts):
        if order.currency and one.data.currency != order.currency:
            refused.add(_name(one.data))
            shown = f"{_whole(one.data):f} {one.data.currency}"
            found.findings.append(currency_differs(order, one.fact, shown, "invoice"))
        else:
            _apply(order, found, one)
    _candidates(order, found, facts)
    _receivables(found, facts, refused)
    return found


def _reports(facts: Sequence[Fact]) -> list[Told[Document]]:
    return [*told(facts, InvoiceIssued), *told(facts, CreditNoteIssued)]


def _documents(facts: Sequence[Fact]) -> list[Told[Document]]:
    """Each document once: a second report of a number (another format, a copy) adds nothing."""
    first: dict[tuple[str, str], Told[Document]] = {}
    for one in _reports(facts):
        first.setdefault((_name(one.data), one.data.document_type), one)
    return list(first.values())


def _name(data: Document) -> str:
    return invoice_name(party_name(data.seller), data.invoice_number)


def _whole(data: Document) -> Decimal:
    """What the document is about before anything was paid on it."""
    totals = data.totals
    if totals.tax_inclusive is not None:
        return totals.tax_inclusive.amount
    prepaid = totals.prepaid.amount if totals.prepaid else NOTHING
    return totals.payable.amount + prepaid


def _apply(order: Order, found: Billed, one: Told[Document]) -> None:
    data = one.data
    credit = isinstance(data, CreditNoteIssued)
    if credit:
        found.credited += _whole(data)
    else:
        found.invoices.add(_name(data))
        found.amount += _whole(data)
    found.numbers.add(data.invoice_number)
    taken: dict[str, Decimal] = {}
    for line in data.lines:
        if _is_elsewhere(order, line):
            found.shared = True
        else:
            _apply_line(order, found, one, line, taken)


def _is_elsewhere(order: Order, line: InvoiceLine) -> bool:
    named = order_mentions(line.source)
    return bool(named) and not named & (order.numbers | order.mentions)


def _apply_line(
    order: Order,
    found: Billed,
    one: Told[Document],
    line: InvoiceLine,
    taken: dict[str, Decimal],
) -> None:
    if line.quantity is None or line.quantity.value <= 0:
        return
    named = Named(order_line_id=line.order_line_id, sku=line.sku, products=line.product)
    unit = unit_of(line.quantity)
    lines = [one for one in lines_for(named, order.lines) if one.unit == unit]
    if not lines:
        return
    agreed = line.unit_price is None or any(agrees(one, line.unit_price) for one in lines)
    credit = isinstance(one.data, CreditNoteIssued)
    if not agreed and credit:
        return  # A part of the price is given back, no goods.
    if not agreed and line.unit_price:
        number = one.data.invoice_number
        found.findings.append(
            price_differs(order, lines[0], line.unit_price, one.fact, f"invoiced ({number})")
        )
    for key, part in shared_out(line.quantity.value, lines, taken).items():
        before = found.invoiced.get(key, NOTHING)
        found.invoiced[key] = before - part if credit else before + part


def _candidates(order: Order, found: Billed, facts: Iterable[Fact]) -> None:
    """What the billing domain says is invoiced, where it says more than the invoices' lines."""
    newest: dict[tuple[str, ...], Told[BillingCandidateChanged]] = {}
    for one in sorted(told(facts, BillingCandidateChanged), key=_revision):
        # Not by its basis, which grows with every line that is confirmed.
        newest[one.data.source_system, one.data.account, one.data.shipment_id] = one
    by_line: dict[str, Decimal] = {}
    for _, one in sorted(newest.items()):
        if one.data.state is CandidateState.WITHDRAWN:
            continue
        for line in one.data.lines:
            named = Named(order_line_id=line.order_line_id, line_id=line.line_id, sku=line.sku)
            lines = _same_unit(lines_for(named, order.lines), unit_of(line.invoiced))
            if lines:
                shared_out(line.invoiced.value, lines, by_line)
    if not found.credited:
        for key, quantity in by_line.items():
            found.invoiced[key] = max(found.invoiced.get(key, NOTHING), quantity)


def _same_unit(lines: Iterable[Line], unit: str) -> list[Line]:
    return [one for one in lines if one.unit == unit]


def _revision(
    one: Told[BillingCandidateChanged] | Told[InvoiceStateChanged] | Told[ReceivableChanged],
) -> tuple[object, ...]:
    return (one.data.revision, one.at, one.fact.key, one.fact.id)


def _receivables(found: Billed, facts: Sequence[Fact], refused: set[str]) -> None:
    states: dict[str, Told[InvoiceStateChanged]] = {}
    for one in sorted(told(facts, InvoiceStateChanged), key=_revision):
        states[_chain_name(one.data)] = one
    receivables: dict[str, Told[ReceivableChanged]] = {}
    for two in sorted(told(facts, ReceivableChanged), key=_revision):
        receivables[_chain_name(two.data)] = two
    for name, one in sorted(states.items()):
        if _counts(found, one.data, name, refused):
            if one.data.state is InvoiceState.CLOSED:
                found.closed.add(name)
            found.disputed |= one.data.disputed
    for name, two in sorted(receivables.items()):
        if _counts(found, two.data, name, refused):
            _receivable(found, name, two.data)


def _receivable(found: Billed, name: str, data: ReceivableChanged) -> None:
    found.allocated += data.allocated.amount
    found.disputed |= data.disputed
    if data.state in _COVERED:
        found.covered.add(name)
    if data.state is ReceivableState.CLOSED:
        found.closed.add(name)
    else:
        # Cash decides: it saw the bank; an invoice's state follows it later.
        found.closed.discard(name)


def _chain_name(data: InvoiceStateChanged | ReceivableChanged) -> str:
    return invoice_name(data.seller, data.invoice_number)


def _counts(
    found: Billed, data: InvoiceStateChanged | ReceivableChanged, name: str, refused: set[str]
) -> bool:
    if name in refused or folded(data.document_type) in _CREDIT_TYPES:
        return False
    found.invoices.add(name)
    found.numbers.add(data.invoice_number)
    return True


def billing_word(
    order: Order, found: Billed, needed: Mapping[str, Decimal], *, came_back: bool
) -> str:
    """INVOICED when everything that has to be is (`needed`, by line).

    By the lines; where invoices have none that fit, by their amount against the order's total.
    """
    if not found.invoices and not any(found.invoiced.values()):
        return "NONE"
    by_lines = bool(order.lines) and all(
        found.invoiced.get(one.key, NOTHING) >= needed[one.key] for one in order.lines
    )
    return "INVOICED" if by_lines or by_amount(order, found, came_back=came_back) else "PARTIAL"


def by_amount(order: Order, found: Billed, *, came_back: bool) -> bool:
    """Whether the invoices come to the order's total.

    Credits take away from it, unless goods came back: then they are for those.
    """
    if found.shared or order.total is None or order.total.amount <= 0:
        return False
    credited = NOTHING if came_back else found.credited
    return found.amount - credited >= order.total.amount
