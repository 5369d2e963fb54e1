"""Returned goods, and the credit notes and refunds that pay them back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from canonical.cash import PaymentCaptured, RefundIssued
from canonical.keys import Key
from canonical.shipment import ReturnReceived
from domains.billing.credits import Credits, tokens_of
from domains.billing.documents import Document, Documents
from domains.billing.goods import NOTHING, by_item, by_order_line
from domains.billing.names import order_tokens
from domains.billing.network import Network
from domains.billing.orders import Mentioned, Orders, told
from domains.billing.shipments import Shipment
from domains.contract import Cluster, Fact
from domains.names import bare, folded, referenced

_RETURN_ENDINGS = ("return", "return_id", "return_reference", "return_name", "refund")
_FAILED = frozenset({"failed", "failure", "error", "rejected", "canceled", "cancelled"})
"""Words of gateways for refunds that paid nothing back."""


@dataclass(slots=True, kw_only=True)
class ReturnedLine:
    """Goods that came back; `credited` is what credit notes took back of them."""

    line_id: str
    tokens: frozenset[str]
    quantity: Decimal
    credited: Decimal = NOTHING

    @property
    def left(self) -> Decimal:
        return self.quantity - self.credited


@dataclass(slots=True, kw_only=True)
class Return:
    """A return as billing sees it: goods to be credited."""

    system: str
    account: str
    return_id: str
    fact: Fact
    received_at: datetime
    mentioned: Mentioned
    tokens: frozenset[str]
    lines: tuple[ReturnedLine, ...]
    facts: set[str]
    is_refused: bool
    """It has a negative quantity: nothing of it is applied."""
    credited_by: list[Document] = field(default_factory=list)
    again: list[tuple[Document, Decimal]] = field(default_factory=list)
    """Credit notes for goods that were credited before."""
    refunds: set[str] = field(default_factory=set)
    was_paid_or_billed: bool = False

    @property
    def key(self) -> str:
        return Key.of("return", self.system, self.account, self.return_id).text

    @property
    def is_credited(self) -> bool:
        return bool(self.credited_by) and not any(line.left > 0 for line in self.lines)


def returns_of(cluster: Cluster, orders: Orders) -> tuple[Return, ...]:
    """All returns, each once: two systems that report the same goods back in one order mean one
    return, and the first report by name stands for both."""
    chosen: list[Return] = []
    for fact, data in sorted(told(cluster, ReturnReceived), key=lambda one: _name(one[1])):
        found = _return(fact, data, orders)
        same = next((one for one in chosen if _is_same(one, found)), None)
        if same is None:
            chosen.append(found)
        else:
            same.facts |= found.facts
            same.tokens |= found.tokens
    return tuple(sorted(chosen, key=lambda one: (one.received_at, one.key)))


def _name(data: ReturnReceived) -> tuple[str, str, str]:
    return (data.source_system, data.account, data.return_id)


def _return(fact: Fact, data: ReturnReceived, orders: Orders) -> Return:
    named = bare("return", data.return_id) | referenced("return", data.references, *_RETURN_ENDINGS)
    tokens = order_tokens(data.order_id, data.references)
    return Return(
        system=data.source_system,
        account=data.account,
        return_id=data.return_id,
        fact=fact,
        received_at=fact.occurred_at,
        mentioned=orders.of_system(data.source_system, data.account, data.order_id, tokens),
        tokens=frozenset(one.partition(":")[2] for one in named),
        lines=tuple(
            ReturnedLine(
                line_id=line.line_id,
                tokens=by_order_line(line.order_line_id) | by_item(line.sku),
                quantity=line.quantity.value,
            )
            for line in data.lines
            if line.quantity.value > 0
        ),
        facts={fact.id},
        is_refused=any(line.quantity.value < 0 for line in data.lines),
    )


def _is_same(one: Return, other: Return) -> bool:
    if (one.system, one.account, one.return_id) == (other.system, other.account, other.return_id):
        return True
    if one.system == other.system or not one.mentioned.orders & other.mentioned.orders:
        return False
    if not one.lines or len(one.lines) != len(other.lines):
        return False
    return all(
        any(line.tokens & twin.tokens and line.quantity == twin.quantity for twin in other.lines)
        for line in one.lines
    )


def settle_returns(
    returns: tuple[Return, ...],
    documents: Documents,
    credited: Credits,
    networks: dict[str, Network],
    shipments: tuple[Shipment, ...],
) -> None:
    """Credit notes pay returns back in the order of their time; see `_settle`."""
    taken_back = [
        ReturnedLine(
            line_id=line.line_id, tokens=line.order_line | line.item, quantity=line.taken_back
        )
        for shipment in shipments
        for line in shipment.lines
        if line.taken_back
    ]
    for credit in documents.credits:
        targets = credited.targets.get(credit.key, ())
        # The credit of a rejected invoice clears the way for another one, not a return.
        if networks[credit.key].is_negative or any(
            networks[one.key].rejection is not None for one in targets
        ):
            continue
        mine = [one for one in returns if _is_for(credit, targets, one)]
        explicit = [one for one in mine if one.tokens & _named_returns(credit)]
        if mine:
            _settle(credit, explicit or mine, taken_back)


def _is_for(credit: Document, targets: Iterable[Document], goods: Return) -> bool:
    if goods.is_refused:
        return False
    orders = credit.mentioned.orders.union(*(one.mentioned.orders for one in targets))
    return bool(orders & goods.mentioned.orders) or bool(goods.tokens & _named_returns(credit))


def _named_returns(credit: Document) -> frozenset[str]:
    sources = [one for line in credit.data.lines for one in line.source]
    named = referenced("return", (*credit.data.references, *sources), *_RETURN_ENDINGS)
    named |= bare("return", credit.data.delivery_note)
    return frozenset(one.partition(":")[2] for one in named)


def _settle(credit: Document, returns: list[Return], taken_back: list[ReturnedLine]) -> None:
    """What a credit note lists beyond what came back was credited before."""
    listed = [
        (tokens_of(line), abs(line.quantity.value))
        for line in credit.data.lines
        if line.quantity is not None and tokens_of(line)
    ]
    if not listed:
        _settle_whole(credit, returns)
        return
    for tokens, quantity in listed:
        left = quantity
        matched = [one for one in returns if any(line.tokens & tokens for line in one.lines)]
        for one in matched:
            left = _take(one.lines, tokens, left, one, credit)
        for line in taken_back:
            if line.tokens & tokens:
                taken = min(left, line.left)
                line.credited += taken
                left -= taken
        # More was credited than came back: surely twice only where the return was paid before.
        before = [one for one in matched if any(by.key != credit.key for by in one.credited_by)]
        if left > 0 and before:
            before[-1].again.append((credit, left))


def _take(
    lines: Iterable[ReturnedLine],
    tokens: frozenset[str],
    left: Decimal,
    goods: Return,
    credit: Document,
) -> Decimal:
    for line in lines:
        taken = min(left, line.left) if line.tokens & tokens else NOTHING
        if taken > 0:
            line.credited += taken
            left -= taken
            if credit not in goods.credited_by:
                goods.credited_by.append(credit)
    return left


def _settle_whole(credit: Document, returns: list[Return]) -> None:
    """A credit note that lists no goods pays back the first return that is open."""
    for one in returns:
        if not one.credited_by or any(line.left > 0 for line in one.lines):
            one.credited_by.append(credit)
            for line in one.lines:
                line.credited = line.quantity
            return
    returns[-1].again.append((credit, NOTHING))


def note_payments(
    cluster: Cluster, orders: Orders, returns: tuple[Return, ...], documents: Documents
) -> None:
    """Note on each return whether there is anything to pay back, and the refunds that did it.

    A refund names its order, or a payment that does. Refunds are not counted: a shop and its
    gateway both tell of the same one.
    """
    payments: dict[tuple[str, str, str], frozenset[str]] = {}
    facts = [
        (fact, data)
        for fact, data in told(cluster, PaymentCaptured, RefundIssued)
        if not (isinstance(data, RefundIssued) and folded(data.status or "") in _FAILED)
    ]
    for _, data in facts:
        tokens = order_tokens(data.order_id, data.references)
        named = orders.of_system(data.gateway, data.account, data.order_id, tokens).orders
        name = (data.gateway, data.account, data.payment_id)
        payments[name] = payments.get(name, frozenset()) | named | _of_invoice(data, documents)
    for one in returns:
        mine = one.mentioned.orders
        one.was_paid_or_billed = any(
            invoice.mentioned.orders & mine for invoice in documents.invoices
        )
        for fact, data in facts:
            if payments[data.gateway, data.account, data.payment_id] & mine:
                if isinstance(data, RefundIssued):
                    one.refunds.add(fact.id)
                else:
                    one.was_paid_or_billed = True


def _of_invoice(data: PaymentCaptured | RefundIssued, documents: Documents) -> frozenset[str]:
    number = folded(data.invoice_number or "")
    named = [one for one in documents.invoices if number and number in one.tokens]
    return frozenset().union(*(one.mentioned.orders for one in named))
