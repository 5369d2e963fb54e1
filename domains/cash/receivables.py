"""What is owed of each invoice: documents in, and the arithmetic of what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from canonical.billing import (
    CreditNoteIssued,
    EInvoiceStatus,
    EInvoiceStatusChanged,
    InvoiceIssued,
)
from canonical.keys import Key
from domains.cash.amounts import ZERO, total
from domains.cash.names import BillingDocument, invoice_numbers, order_numbers
from domains.cash.references import squeezed
from domains.contract import Cluster, Fact
from domains.facts import Told, told
from domains.names import party_name

APPLIED: Final = "applied"
PROPOSED: Final = "proposed"
REVERSED: Final = "reversed"
REVIEWED: Final = "reviewed"


@dataclass(slots=True, kw_only=True)
class Allocation:
    """Money of one source (a payment, a receipt) for one receivable, and why."""

    source: str
    receivable: str
    planned: Decimal
    """What was meant for it; more than `amount` when a later credit note set some of it free."""
    amount: Decimal
    state: str = APPLIED
    confidence: str = "high"
    signals: tuple[str, ...] = ()
    decision: str | None = None
    """The id of the decision it rests on; none where it was made by itself."""
    facts: frozenset[str] = frozenset()
    at: datetime

    @property
    def key(self) -> str:
        return allocation_key(self.source, self.receivable)

    @property
    def released(self) -> Decimal:
        return self.planned - self.amount if self.state == APPLIED else ZERO


def allocation_key(source: str, receivable: str) -> str:
    """Of the plan to use this source for this receivable."""
    return Key.of("allocation", source, receivable).text


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit note's part for one receivable."""

    amount: Decimal
    at: datetime
    number: str
    fact: str


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What nobody will pay any more."""

    amount: Decimal
    reason: str
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Deduction:
    """What a payer kept back, and why by the remittance advice."""

    amount: Decimal
    reason: str
    receipt: str
    fact: str


@dataclass(slots=True, kw_only=True)
class Receivable:
    """What one invoice asks for, and what became of it."""

    key: str
    seller: str
    number: str
    document_type: str
    currency: str
    original: Decimal
    issued: Told[InvoiceIssued]
    numbers: frozenset[str]
    """Squeezed texts a payer may name it by."""
    orders: frozenset[str]
    facts: set[str]
    other_amounts: list[Told[InvoiceIssued]] = field(default_factory=list)
    """Told again with another amount, which is not applied."""
    credits: list[Credit] = field(default_factory=list)
    written_off: list[WriteOff] = field(default_factory=list)
    deductions: list[Deduction] = field(default_factory=list)
    adjusted: Decimal = ZERO
    allocations: list[Allocation] = field(default_factory=list)
    disputed: bool = False

    @property
    def at(self) -> datetime:
        return self.issued.at

    @property
    def issue_date(self) -> date:
        return self.issued.data.issue_date

    @property
    def due_date(self) -> date | None:
        return self.issued.data.due_date

    @property
    def written(self) -> Decimal:
        return total(one.amount for one in self.written_off)

    @property
    def limit(self) -> Decimal:
        """What there is to be paid or credited."""
        return self.original + self.adjusted - self.written

    @property
    def credited(self) -> Decimal:
        return min(total(one.amount for one in self.credits), self.limit)

    @property
    def applied(self) -> list[Allocation]:
        return [one for one in self.allocations if one.state == APPLIED]

    @property
    def allocated(self) -> Decimal:
        return total(one.amount for one in self.applied)

    @property
    def open(self) -> Decimal:
        return self.limit - self.credited - self.allocated

    @property
    def customer_credit(self) -> Decimal:
        """Credited or paid beyond what was owed: the customer's until it is refunded or used."""
        beyond = total(one.amount for one in self.credits) - self.credited
        return beyond + total(one.released for one in self.applied)

    def expected(self, at: datetime) -> Decimal:
        """What was open at that time: credit notes that came later had no part in it."""
        before = total(one.amount for one in self.credits if one.at <= at)
        planned = total(one.planned for one in self.applied)
        return max(ZERO, self.limit - before - planned)


def receivable_key(document: InvoiceIssued) -> str:
    """The key of the receivable of an invoice."""
    seller = party_name(document.seller)
    return Key.of("receivable", seller, document.invoice_number, document.document_type).text


def is_credit(document: BillingDocument) -> bool:
    """Whether it reduces what is owed: a credit note, or an invoice of a negative amount."""
    return isinstance(document, CreditNoteIssued) or document.totals.payable.amount < 0


def original_of(document: InvoiceIssued) -> Decimal:
    """What an invoice asks to be paid (BT-115).

    Where all was prepaid nothing is asked for, and the prepaid amount (BT-113) is what payments
    must prove: the invoice's word is not enough.
    """
    payable, prepaid = document.totals.payable.amount, document.totals.prepaid
    if not payable and prepaid is not None and prepaid.currency == document.totals.payable.currency:
        return max(ZERO, prepaid.amount)
    return payable


def receivables_in(cluster: Cluster) -> dict[str, Receivable]:
    """The receivables of the invoices of a cluster, in the order they were issued."""
    found: dict[str, Receivable] = {}
    for one in told(cluster.facts, InvoiceIssued):
        if is_credit(one.data):
            continue
        key = receivable_key(one.data)
        if key not in found:
            found[key] = _receivable(key, one)
            continue
        known = found[key]
        known.facts.add(one.id)
        if (original_of(one.data), one.data.totals.payable.currency) != (
            known.original,
            known.currency,
        ):
            known.other_amounts.append(one)
        else:
            known.orders |= _squeezed(order_numbers(one.data))
            known.numbers |= _squeezed(invoice_numbers(one.data))
    _mark_disputed(cluster, found.values())
    return found


def _receivable(key: str, one: Told[InvoiceIssued]) -> Receivable:
    document = one.data
    return Receivable(
        key=key,
        seller=party_name(document.seller),
        number=document.invoice_number,
        document_type=document.document_type,
        currency=document.totals.payable.currency,
        original=original_of(document),
        issued=one,
        numbers=_squeezed(invoice_numbers(document)),
        orders=_squeezed(order_numbers(document)),
        facts={one.id},
    )


def _squeezed(values: Iterable[str]) -> frozenset[str]:
    return frozenset(squeezed(one) for one in values) - {""}


def _mark_disputed(cluster: Cluster, found: Iterable[Receivable]) -> None:
    """By the last the buyer said over the network.

    Not by what billing announces: billing has its `disputed` from here.
    """
    last = {
        squeezed(one.data.invoice_number): one.data.status
        for one in told(cluster.facts, EInvoiceStatusChanged)
        if one.data.invoice_number
    }
    for claim in found:
        claim.disputed = last.get(squeezed(claim.number)) in _DISPUTED


_DISPUTED: Final = (EInvoiceStatus.UNDER_QUERY, EInvoiceStatus.REFUSED_BY_BUYER)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A credit note that is not applied, and why."""

    note: Told[BillingDocument]
    rule: str
    awaits: str = ""


def place_credits(cluster: Cluster, claims: Mapping[str, Receivable]) -> list[Unplaced]:
    """Give every credit note to the receivable it corrects; returns those that fit none."""
    by_number: dict[str, list[Receivable]] = defaultdict(list)
    for claim in claims.values():
        for number in sorted(claim.numbers):
            by_number[number].append(claim)
    unplaced: list[Unplaced] = []
    seen: set[tuple[str, str, str]] = set()
    documents: list[Told[BillingDocument]] = told(cluster.facts, InvoiceIssued, CreditNoteIssued)
    for one in documents:
        document = one.data
        name = (party_name(document.seller), document.invoice_number, document.document_type)
        if not is_credit(document) or name in seen:
            continue
        seen.add(name)
        unplaced.extend(_place(one, claims, by_number))
    return unplaced


def _place(
    one: Told[BillingDocument],
    claims: Mapping[str, Receivable],
    by_number: Mapping[str, Sequence[Receivable]],
) -> list[Unplaced]:
    document = one.data
    payable = document.totals.payable
    amount = abs(payable.amount) or _prepaid(document)
    corrected, awaits = _corrected(document, claims, by_number)
    if not corrected:
        return [Unplaced(one, "credit_note_without_invoice", awaits)]
    same = [claim for claim in corrected if claim.currency == payable.currency]
    if not same:
        return [Unplaced(one, "currency_differs")]
    if len(same) > 1 and not document.preceding:
        return [Unplaced(one, "ambiguous_credit_note")]
    _share(one.fact, document.invoice_number, amount, same)
    return []


def _prepaid(document: BillingDocument) -> Decimal:
    prepaid = document.totals.prepaid
    return abs(prepaid.amount) if prepaid else ZERO


def _corrected(
    document: BillingDocument,
    claims: Mapping[str, Receivable],
    by_number: Mapping[str, Sequence[Receivable]],
) -> tuple[list[Receivable], str]:
    """The receivables a credit note corrects, by the invoices it names, else by its order."""
    named = [squeezed(one.value) for one in document.preceding]
    found = {claim.key: claim for number in named for claim in by_number.get(number, ())}
    if named:
        return list(found.values()), f"invoice:{named[0]}"
    orders = _squeezed(order_numbers(document))
    by_order = [one for one in claims.values() if one.orders & orders]
    return by_order, next((f"order:{one}" for one in sorted(orders)), "invoice:")


def _share(fact: Fact, number: str, amount: Decimal, claims: Sequence[Receivable]) -> None:
    left = amount
    for claim in claims:
        taken = left if claim is claims[-1] else min(left, claim.limit - claim.credited)
        left -= taken
        if taken:
            claim.credits.append(Credit(taken, fact.occurred_at, number, fact.id))
            claim.facts.add(fact.id)
