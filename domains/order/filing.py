"""Which order each fact is about, and the facts of each order.

A fact is taken to the order its sender names: first by system, account and id, then by the id or
number alone, then by other numbers of the order, last by what it shares with facts that are
known to be about an order (its shipment, parcel, invoice, payment). Where one of these leads to
several orders, it leads to none: people are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
)
from canonical.chain import BillingCandidateChanged, InvoiceStateChanged, ReceivableChanged
from canonical.order import (
    OrderConfirmed,
    OrderHeld,
    OrderRejected,
    QuoteAccepted,
    ReturnRequested,
)
from canonical.shipment import (
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentReversed,
    StockAllocated,
)
from domains.contract import Fact, Finding, Owner
from domains.names import bare
from domains.order.names import (
    document_names,
    invoice_name,
    mentioned,
    order_mentions,
    payment_aliases,
    quote_mentions,
    shipment_mentions,
    tracking_mentions,
)
from domains.order.snapshots import Order, order_key

_BILLED = (InvoiceIssued, CreditNoteIssued, InvoiceStateChanged, ReceivableChanged)
_FOLLOWERS = (DeliveryStatusChanged, CreditNoteIssued, InvoiceStateChanged, ReceivableChanged)


@dataclass(slots=True)
class Filed:
    """Facts by their order, and those that lead to none or to several."""

    of: dict[str, list[Fact]]
    unknown: list[Fact] = field(default_factory=list)
    ambiguous: dict[tuple[str, ...], list[Fact]] = field(default_factory=dict)
    """By the keys of the orders they may be about."""


@dataclass(slots=True)
class _Book:
    orders: Sequence[Order]
    known: dict[str, set[str]] = field(default_factory=dict)
    """A name of a shipment, parcel, invoice or payment → keys of the orders it is about."""
    learnt: dict[str, set[str]] = field(default_factory=dict)
    """Other systems' numbers of an order, from the answers to it."""
    of_several: set[str] = field(default_factory=set)
    """Names of invoices whose lines name several orders."""


def file_facts(orders: Sequence[Order], facts: Iterable[Fact]) -> Filed:
    """Take each fact to its order; snapshots are left out, they are the orders."""
    book = _Book(orders)
    filed = Filed(of={one.key: [] for one in orders})
    rest = list(facts)
    # Each stage is looked at as a whole before it is learnt from: nothing depends on the order.
    for stage in _STAGES:
        here = [one for one in rest if isinstance(one.data, stage)]
        rest = [one for one in rest if not isinstance(one.data, stage)]
        for one, keys in _resolved(book, here):
            _put(book, filed, one, keys)
    return filed


def _resolved(book: _Book, here: Sequence[Fact]) -> list[tuple[Fact, set[str]]]:
    """Each fact's orders: those it names, else those of its company, as far as that leads."""
    found = {one.id: _first(book, one) for one in here}
    for one in here:
        _learn(book, one, found[one.id])
    while True:
        new = {one.id: _by_company(book, one) for one in here if not found[one.id]}
        new = {fact: keys for fact, keys in new.items() if keys}
        if not new:
            return [(one, found[one.id]) for one in here]
        found |= new
        for one in here:
            if one.id in new:
                _learn(book, one, new[one.id])


def _first(book: _Book, fact: Fact) -> set[str]:
    # A parcel or an invoice that is known says more than the bare number of an order.
    known = _by_company(book, fact) if isinstance(fact.data, _FOLLOWERS) else set()
    return known or _named(book, fact)


def _learn(book: _Book, fact: Fact, keys: set[str]) -> None:
    for name in _shared_names(fact):
        book.known.setdefault(name, set()).update(keys)
    if isinstance(fact.data, OrderConfirmed | OrderRejected):
        for name in order_mentions(fact.data.references):
            book.learnt.setdefault(name, set()).update(keys)
    if len(_line_orders(fact)) > 1:
        book.of_several |= _shared_names(fact)


_STAGES: tuple[tuple[type, ...], ...] = (
    (OrderConfirmed, OrderRejected),
    (OrderHeld, QuoteAccepted, ReturnRequested, StockAllocated, ReturnReceived),
    (ShipmentConfirmed, ShipmentReversed),
    (DeliveryStatusChanged, BillingCandidateChanged, InvoiceIssued),
    (CreditNoteIssued,),
    (InvoiceStateChanged, ReceivableChanged),
    (
        PaymentAuthorised,
        PaymentCaptured,
        PaymentFailed,
        RefundIssued,
        DisputeOpened,
        DisputeClosed,
    ),
)


def _put(book: _Book, filed: Filed, fact: Fact, keys: set[str]) -> None:
    if not keys:
        filed.unknown.append(fact)
    elif len(keys) == 1:
        filed.of[min(keys)].append(fact)
    elif _is_of_several(book, fact):
        for key in sorted(keys):
            filed.of[key].append(fact)
    else:
        filed.ambiguous.setdefault(tuple(sorted(keys)), []).append(fact)


def _is_of_several(book: _Book, fact: Fact) -> bool:
    """Whether one thing may be about several orders: an invoice by lines, a parcel they share."""
    if isinstance(fact.data, DeliveryStatusChanged):
        return any(book.known.get(name) for name in _shared_names(fact))
    return isinstance(fact.data, _BILLED) and bool(_shared_names(fact) & book.of_several)


def _named(book: _Book, fact: Fact) -> set[str]:
    """The orders a fact names by itself."""
    by_quote = _by_quote(book, fact)
    if by_quote:
        return by_quote
    system, account, order_id = _address(fact)
    if order_id:
        key = order_key(system, account, order_id)
        if any(one.key == key for one in book.orders):
            return {key}
    others = order_mentions(fact.data.references)
    found = _by_names(book, mentioned(order_id)) or _by_names(book, others)
    lines = [_by_names(book, frozenset({name})) for name in sorted(_line_orders(fact))]
    return found.union(*lines)


def _by_names(book: _Book, names: frozenset[str]) -> set[str]:
    if not names:
        return set()
    return (
        {one.key for one in book.orders if one.numbers & names}
        or {one.key for one in book.orders if one.mentions & names}
        or set().union(*(book.learnt.get(name, set()) for name in names))
    )


def _by_quote(book: _Book, fact: Fact) -> set[str]:
    data = fact.data
    if not isinstance(data, QuoteAccepted):
        return set()
    names = bare("quote", data.quote_id, data.quote_number) | quote_mentions(data.references)
    return {one.key for one in book.orders if one.quotes & names}


def _by_company(book: _Book, fact: Fact) -> set[str]:
    """The orders of what a fact shares with others."""
    names = _shared_names(fact)
    found: set[str] = set().union(*(book.known.get(name, set()) for name in names))
    payments = {name for name in names if name.startswith("payment:")}
    return found or {one.key for one in book.orders if one.payments & payments}


def _shared_names(fact: Fact) -> frozenset[str]:
    match fact.data:
        case ShipmentConfirmed() | ShipmentReversed() as data:
            return tracking_mentions(*data.tracking_numbers) | shipment_mentions(data.shipment_id)
        case DeliveryStatusChanged() as data:
            tracking = tracking_mentions(data.tracking_number)
            return tracking | shipment_mentions(data.shipment_id)
        case BillingCandidateChanged() as data:
            return shipment_mentions(data.shipment_id)
        case InvoiceIssued() as data:
            return document_names(data) | shipment_mentions(data.delivery_note)
        case CreditNoteIssued() as data:
            return document_names(data)
        case InvoiceStateChanged() | ReceivableChanged() as data:
            return frozenset({invoice_name(data.seller, data.invoice_number)})
        case (
            PaymentAuthorised()
            | PaymentCaptured()
            | PaymentFailed()
            | RefundIssued()
            | DisputeOpened()
            | DisputeClosed()
        ) as data:
            return payment_aliases(data)
        case _:
            return frozenset()


def _line_orders(fact: Fact) -> frozenset[str]:
    """Orders the lines of an invoice name, which may be several."""
    data = fact.data
    if not isinstance(data, InvoiceIssued | CreditNoteIssued):
        return frozenset()
    return order_mentions(one for line in data.lines for one in line.source)


def _address(fact: Fact) -> tuple[str, str, str | None]:
    """System, account and id of the order as the fact names it."""
    data = fact.data
    system = getattr(data, "source_system", None) or getattr(data, "gateway", None)
    system = system or getattr(data, "channel", None) or fact.connector
    account = getattr(data, "account", None) or fact.account
    return str(system), str(account), getattr(data, "order_id", None)


def ambiguous_findings(filed: Filed) -> list[Finding]:
    """One for each set of orders that facts cannot be told apart by."""
    return [_ambiguous(keys, facts) for keys, facts in sorted(filed.ambiguous.items())]


def _ambiguous(keys: tuple[str, ...], facts: Sequence[Fact]) -> Finding:
    kinds = ", ".join(sorted({one.type for one in facts}))
    return Finding(
        kind="ambiguous_order",
        record=keys[0],
        owner=Owner.IT,
        subject=" ".join(keys[1:]),
        explanation=f"Reports ({kinds}) name an order in a way that fits {len(keys)} orders;"
        " they are applied to none of them.",
        involved=keys[1:],
        facts=frozenset(one.id for one in facts),
        since=min(one.occurred_at for one in facts),
    )
