"""Billing candidates: shipped goods by their billing basis, and what became of them.

The basis is policy version, source document type, source document, its lines, billing period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical.chain import CandidateLine, CandidateState, Gate
from canonical.keys import Key
from canonical.values import Quantity
from domains.billing.books import Books
from domains.billing.documents import Document
from domains.billing.goods import NOTHING
from domains.billing.matching import Billed
from domains.billing.orders import Order
from domains.billing.shipments import Shipment, allowed_of, gate_of
from domains.billing.shipped_lines import ShippedLine
from domains.written import plain

POLICY: Final = "v1"
"""The version of these rules: new rules make new candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A shipment as something to be billed."""

    shipment: Shipment
    order: Order | None
    state: CandidateState
    gate: Gate
    allowed_at: datetime | None
    lines: tuple[CandidateLine, ...]
    allowed: Decimal
    invoiced: Decimal
    to_invoice: Decimal | None
    """What may be invoiced and is not; None where nothing is missing."""
    billed: tuple[Billed, ...]
    uncredited: tuple[tuple[Billed, Decimal], ...]
    """The same with what is left of each after the credit notes that list its goods."""
    whole: tuple[Document, ...]
    """The invoices of a shipment without lines."""
    facts: frozenset[str]

    @property
    def key(self) -> str:
        return self.shipment.key

    @property
    def basis(self) -> str:
        return basis_of(self.shipment)

    @property
    def invoices(self) -> frozenset[str]:
        return frozenset(one.document.key for one in self.billed) | {one.key for one in self.whole}

    @property
    def invoiced_at(self) -> datetime | None:
        moments = [one.document.at for one in self.billed] + [one.at for one in self.whole]
        return min(moments, default=None)

    def by_invoice(self, *, taken_back: bool) -> tuple[tuple[Document, Decimal], ...]:
        """What each invoice bills and no credit note took back: of goods whose shipment was taken
        back, or of the others."""
        found: dict[str, tuple[Document, Decimal]] = {}
        for one, left in self.uncredited:
            if one.taken_back is taken_back and left > 0:
                before = found.get(one.document.key, (one.document, NOTHING))[1]
                found[one.document.key] = (one.document, before + left)
        return tuple(found[key] for key in sorted(found))

    def shown(self, amount: Decimal) -> str:
        """A quantity of this shipment's goods, with their unit where they share one."""
        units = {line.unit for line in self.shipment.lines}
        return f"{plain(amount)} {next(iter(units)) if len(units) == 1 else 'units'}"


def basis_of(shipment: Shipment) -> str:
    """Policy, source document, its lines; the period is empty: a shipment has none."""
    source = Key.of(shipment.system, shipment.account, shipment.shipment_id)
    lines = ",".join(sorted(line.line_id for line in shipment.lines))
    return Key.of(POLICY, "shipment", source.text, lines, "").text


def candidates_of(books: Books) -> tuple[Candidate, ...]:
    """One candidate a shipment."""
    returned = _returned(books)
    left = _uncredited(books)
    return tuple(_candidate(books, shipment, returned, left) for shipment in books.shipments)


def _candidate(
    books: Books,
    shipment: Shipment,
    returned: dict[tuple[str, str], Decimal],
    uncredited: list[tuple[Billed, Decimal]],
) -> Candidate:
    mine = tuple((one, left) for one, left in uncredited if one.shipment == shipment.key)
    billed = tuple(one for one, _ in mine)
    wholes = [document for document, key in books.matching.whole if key == shipment.key]
    fact, gate = gate_of(shipment)
    lines = []
    to_invoice = allowed = invoiced = NOTHING
    for line in shipment.lines:
        here = [(one, left) for one, left in mine if one.line_id == line.line_id]
        good = sum((one.quantity for one, _ in here if not one.taken_back), NOTHING)
        back = sum((left for one, left in here if one.taken_back), NOTHING)
        allowed += allowed_of(shipment, line)
        invoiced += good + back
        missing = (
            allowed_of(shipment, line) - good - returned.get((shipment.key, line.line_id), NOTHING)
        )
        to_invoice += max(NOTHING, missing)
        lines.append(_line(line, good + back))
    is_open = gate is not None and gate.gate in {Gate.ALLOWED, Gate.PARTIAL}
    is_missing = to_invoice > 0 or (
        shipment.is_whole and is_open and not wholes and not shipment.reversed
    )
    named = books.orders.named(shipment.mentioned.orders)
    return Candidate(
        shipment=shipment,
        order=named[0] if len(named) == 1 else None,
        state=_state(shipment, tuple(lines), returned, is_missing, wholes),
        gate=gate.gate if gate is not None else Gate.PENDING,
        allowed_at=fact.occurred_at if fact is not None and is_open else None,
        lines=tuple(lines),
        allowed=allowed,
        invoiced=invoiced,
        to_invoice=to_invoice if is_missing else None,
        billed=billed,
        uncredited=mine,
        whole=tuple(wholes),
        facts=_facts(shipment),
    )


def _facts(shipment: Shipment) -> frozenset[str]:
    found = frozenset[str]()
    for one in (shipment, *shipment.twins):
        found |= one.facts | ({one.gate_fact.id} if one.gate_fact else frozenset())
    return found


def _line(line: ShippedLine, invoiced: Decimal) -> CandidateLine:
    unit = line.told.shipped.unit
    return CandidateLine(
        line_id=line.line_id,
        order_line_id=line.told.order_line_id,
        sku=line.told.sku,
        quantity=Quantity(value=line.quantity, unit=unit),
        invoiced=Quantity(value=invoiced, unit=unit),
    )


def _state(
    shipment: Shipment,
    lines: tuple[CandidateLine, ...],
    returned: dict[tuple[str, str], Decimal],
    is_missing: bool,
    whole: list[Document],
) -> CandidateState:
    some = bool(whole) or any(line.invoiced.value for line in lines)
    left = [
        line.quantity.value
        - returned.get((shipment.key, line.line_id), NOTHING)
        - line.invoiced.value
        for line in lines
    ]
    if all(one <= 0 for one in left) and (lines or whole or shipment.reversed):
        return CandidateState.INVOICED if some else CandidateState.WITHDRAWN
    if some:
        return CandidateState.PARTIALLY_INVOICED
    return CandidateState.READY if is_missing else CandidateState.WAITING


def _uncredited(books: Books) -> list[tuple[Billed, Decimal]]:
    """What is left of all that is billed after the credit notes that list its goods. They are for
    goods that were taken back first, then for those whose delivery failed."""
    gates = {one.key: gate_of(one)[1] for one in books.shipments}

    def urgency(one: Billed) -> tuple[bool, bool]:
        gate = gates[one.shipment]
        may_stay = gate is None or gate.gate not in {Gate.BLOCKED, Gate.PARTIAL}
        return (not one.taken_back, may_stay)

    rooms: dict[int, Decimal] = {}
    found = []
    for one in sorted(books.matching.billed, key=urgency):
        bill = one.bill
        if id(bill) not in rooms:
            rooms[id(bill)] = books.credits.goods(one.document, bill.order_line, bill.item)
        taken = min(rooms[id(bill)], one.quantity)
        rooms[id(bill)] -= taken
        found.append((one, one.quantity - taken))
    return found


def _returned(books: Books) -> dict[tuple[str, str], Decimal]:
    """Returned goods by shipment and line, the first shipped first."""
    found: dict[tuple[str, str], Decimal] = {}
    for goods in books.returns:
        if goods.is_refused:
            continue
        for line in goods.lines:
            left = line.quantity
            for shipment in books.shipments:
                if not shipment.shares_order(goods.mentioned.orders):
                    continue
                for shipped in shipment.lines:
                    if not line.tokens & (shipped.order_line | shipped.item):
                        continue
                    name = (shipment.key, shipped.line_id)
                    taken = min(left, shipped.quantity - found.get(name, NOTHING))
                    found[name] = found.get(name, NOTHING) + taken
                    left -= taken
    return found
