"""Payments of gateways to receivables: by the invoice they name, else by their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domains.cash.amounts import ZERO, shown, total
from domains.cash.ledger import Book, Evidence, Source, in_order
from domains.cash.orders import Order, claims_of, orders_of
from domains.cash.payments import Payment
from domains.cash.receivables import Receivable
from domains.contract import Finding, Owner, Parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a payment is for, as far as it is known."""

    claims: tuple[Receivable, ...] = ()
    order: Order | None = None
    signal: str = "order_reference"
    ambiguous: str = ""
    """The kind of finding, where several could be meant."""
    awaits: str = ""
    """The name of what is not there yet."""

    @property
    def is_known(self) -> bool:
        return bool(self.claims) or self.order is not None


def target_of(book: Book, payment: Payment) -> Target:
    """What a payment is for: the invoice it names, else its order."""
    claims, invoices, orders = list(book.claims.values()), payment.invoices, payment.orders
    if invoices:
        named = [one for one in claims if one.numbers & invoices]
        if len(named) > 1:
            return Target(ambiguous="ambiguous_invoice")
        if named:
            return Target(claims=(named[0],), signal="invoice_number")
    if orders:
        return _by_order(book, payment, claims)
    if invoices:
        return Target(awaits=f"invoice:{min(invoices)}")
    return Target()


def _by_order(book: Book, payment: Payment, claims: Sequence[Receivable]) -> Target:
    orders = orders_of(payment, book.orders)
    if len(orders) > 1:
        return Target(ambiguous="ambiguous_order")
    if orders:
        sure, unsure = claims_of(orders[0], book.orders, claims)
        if unsure:
            return Target(order=orders[0], ambiguous="ambiguous_order")
        return Target(order=orders[0], claims=tuple(sure))
    numbers = payment.orders
    named = tuple(one for one in claims if one.orders & numbers)
    return Target(claims=named, awaits="" if named else f"order:{min(numbers)}")


def place_payments(book: Book) -> dict[str, Target]:
    """Apply the payments of a book; returns what each is for."""
    targets = {key: target_of(book, one) for key, one in book.payments.items()}
    together: dict[tuple[str, ...], list[Source]] = defaultdict(list)
    for key, target in targets.items():
        if target.claims and not target.ambiguous:
            together[tuple(one.key for one in target.claims)].append(book.sources[key])
    # Who names an invoice comes before who names only its order.
    for keys in sorted(together, key=lambda keys: (len(keys), keys)):
        _share_out(book, together[keys], [book.claims[key] for key in keys], targets)
    return targets


def _share_out(
    book: Book, sources: list[Source], claims: list[Receivable], targets: Mapping[str, Target]
) -> None:
    same = {one.key: [c for c in claims if c.currency == one.currency] for one in sources}
    for source in in_order(sources):
        fitting = [one for one in same[source.key] if one.open == source.free]
        if len(same[source.key]) > 1 and len(fitting) == 1 and source.free:
            _give(book, source, fitting[0], targets)
    for source in in_order(sources):
        if _fits(source, sources, same[source.key]):
            for claim in _by_date(same[source.key]):
                _give(book, source, claim, targets)
            _release(book, source, same[source.key], targets)
        elif source.free:
            _ask(book, source, same[source.key])


def _fits(source: Source, sources: Iterable[Source], claims: Sequence[Receivable]) -> bool:
    """Whether it does not matter which receivable gets what: one is open, or all are covered."""
    still_open = [one for one in claims if one.open > 0]
    money = total(one.free for one in sources if one.currency == source.currency)
    return len(still_open) <= 1 or money >= total(one.open for one in still_open)


def _by_date(claims: Iterable[Receivable]) -> list[Receivable]:
    return sorted(claims, key=lambda one: (one.issue_date, one.key))


def _give(book: Book, source: Source, claim: Receivable, targets: Mapping[str, Target]) -> None:
    amount = min(source.free, claim.open)
    if amount > 0:
        book.allocate(source, claim, amount, _why(source, claim, targets))


def _why(source: Source, claim: Receivable, targets: Mapping[str, Target]) -> Evidence:
    exact = ("exact_amount",) if source.free == claim.open else ()
    return Evidence(signals=(targets[source.key].signal, *exact, "gateway_capture"))


def _release(
    book: Book, source: Source, claims: Sequence[Receivable], targets: Mapping[str, Target]
) -> None:
    """What credit notes set free of a payment is the customer's credit, not an over-payment."""
    for claim in _by_date(claims):
        planned = total(one.planned for one in claim.applied)
        room = min(claim.credited, claim.limit - planned)
        amount = min(source.free, room)
        if amount <= 0 or book.is_blocked(source, claim):
            continue
        mine = [one for one in claim.applied if one.source == source.key and not one.decision]
        if mine:
            mine[0].planned += amount
        else:
            book.allocate(source, claim, amount, _why(source, claim, targets))


def _ask(book: Book, source: Source, claims: Sequence[Receivable]) -> None:
    why = Evidence(signals=("order_reference",), confidence="medium")
    for claim in _by_date(claims):
        if claim.open > 0:
            book.propose(source, claim.key, min(source.free, claim.open), why)


def note_charged_back(book: Book, targets: Mapping[str, Target]) -> None:
    """What a lost dispute took away again stays visible as a reversed allocation."""
    for key, payment in book.payments.items():
        target = targets[key]
        if payment.lost and len(target.claims) == 1 and not target.ambiguous:
            why = Evidence(signals=(target.signal, "chargeback"))
            book.note_reversed(book.sources[key], target.claims[0], payment.lost, why)


def report_payments(book: Book, targets: Mapping[str, Target]) -> None:
    """What waits, and what does not come out, of the payments of a book."""
    for key, payment in book.payments.items():
        if payment.test or payment.echo_of:
            continue
        _report_target(book, payment, targets[key])
        if payment.available:
            _report_rest(book, payment, targets[key])


def _report_target(book: Book, payment: Payment, target: Target) -> None:
    if target.ambiguous:
        what = "orders" if target.ambiguous == "ambiguous_order" else "invoices"
        owner = Owner.IT if target.ambiguous == "ambiguous_order" else Owner.FINANCE
        text = f"Several {what} go by what the payment names; it is not applied to any by itself."
        book.find(_finding(payment, target.ambiguous, owner, text))
    elif target.awaits and payment.status != "FAILED":
        book.parked.append(
            Parked(
                fact=payment.told[0].id,
                awaits=target.awaits,
                kind="payment_without_order",
                owner=Owner.FINANCE,
                explanation="A payment names an order or invoice that nobody has told of.",
                patience=book.cluster.rules.patience,
            )
        )
    elif not target.is_known and payment.captured:
        _report_unnamed(book, payment)


def _report_unnamed(book: Book, payment: Payment) -> None:
    if book.due(payment.at + book.cluster.rules.patience):
        text = "A payment names neither an order nor an invoice: find out what it is for."
        book.find(_finding(payment, "unapplied_payment", Owner.FINANCE, text))


def _report_rest(book: Book, payment: Payment, target: Target) -> None:
    source = book.sources[payment.key]
    if not target.claims or target.ambiguous:
        return
    if all(one.currency != payment.currency for one in target.claims):
        text = "The payment is in another currency than its invoice; it is not applied."
        book.find(_finding(payment, "currency_differs", Owner.FINANCE, text))
    elif book.proposals_of(payment.key):
        text = "The payment covers its order's invoices only in part: say which of them it pays."
        book.find(_finding(payment, "ambiguous_allocation", Owner.FINANCE, text))
    elif source.free > 0 and _is_too_much(book, payment, target):
        text = "More was captured than is owed; the rest is not applied to anything else."
        book.find(_over(payment, source, text))


def _is_too_much(book: Book, payment: Payment, target: Target) -> bool:
    """Whether no invoice is to come that the rest could be for."""
    if target.order is None:
        return target.signal == "invoice_number" or book.due(
            payment.at + book.cluster.rules.patience
        )
    ordered = target.order.total
    if ordered is None or target.order.currency != payment.currency:
        return False
    return total(one.original for one in target.claims) >= ordered


def _over(payment: Payment, source: Source, text: str) -> Finding:
    applied = payment.available - source.free
    return Finding(
        kind="overpayment",
        record=payment.key,
        owner=Owner.FINANCE,
        explanation=text,
        facts=payment.facts,
        expected=shown(applied, payment.currency),
        received=shown(payment.available, payment.currency),
        balance=shown(source.free, payment.currency),
        since=payment.at,
    )


def _finding(payment: Payment, kind: str, owner: Owner, text: str) -> Finding:
    return Finding(
        kind=kind,
        record=payment.key,
        owner=owner,
        explanation=text,
        facts=payment.facts,
        received=shown(payment.captured or payment.authorised or ZERO, payment.currency),
        since=payment.at,
    )
