"""Accepted quotes, and completed Checkout sessions where the account takes them as orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.order import OrderLine, OrderPlaced, OrderTotals, QuoteAccepted
from canonical.values import Address, Party
from connectors.kit.decimals import quantity_of
from connectors.kit.json_body import as_object, join, text
from connectors.kit.records import child
from connectors.stripe.amounts import currency_of, money_or_none, unit_price
from connectors.stripe.reports import (
    Report,
    expanded,
    flag,
    free_text,
    party,
    ref,
    references,
    required_ref,
    rows,
)


def quote_accepted(report: Report) -> Iterator[Item]:
    """quote.accepted."""
    number = report.id()
    changes = report.child("status_transitions")
    accepted = Report(raw=report.raw, body=changes, path=join(report.path, "status_transitions"))
    currency = currency_of(report.body, report.path)
    fact = QuoteAccepted(
        quote_id=number,
        channel="stripe",
        account=report.account,
        quote_number=text(report.body, "number", report.path),
        accepted_at=accepted.moment("accepted_at"),
        buyer=party({}, customer=report.ref("customer")),
        currency=currency,
        lines=tuple(_lines(report, currency)),
        totals=_totals(report, currency),
        references=references(
            ("quote", number),
            ("quote_number", text(report.body, "number", report.path)),
            ("invoice", report.ref("invoice")),
            ("subscription", report.ref("subscription")),
            ("mode", "test" if report.test else None),
        ),
    )
    key = Key.of("quote", "stripe", report.account, number, "accepted")
    yield report.message(fact, key, "quote", number)


def quote_state(report: Report) -> Iterator[Item]:
    """A quote as it stands in a file."""
    if text(report.body, "status", report.path) == "accepted":
        yield from quote_accepted(report)
    else:
        yield Ignored(reason="the quote is not accepted", at=report.at)


def checkout_completed(report: Report) -> Iterator[Item]:
    """checkout.session.completed: an order, where the account's shop has no other system."""
    if not flag(report.raw, "checkout_as_order"):
        reason = "the account does not take Checkout sessions as orders (checkout_as_order)"
        yield Ignored(reason=reason, at=report.at)
    elif text(report.body, "mode", report.path) == "setup":
        yield Ignored(reason="the session only saved a payment method", at=report.at)
    else:
        yield _order(report)


def _order(report: Report) -> Message:
    number = report.id()
    currency = currency_of(report.body, report.path)
    ship_to = _recipient(report)
    fact = OrderPlaced(
        order_id=number,
        channel="stripe",
        account=report.account,
        currency=currency,
        placed_at=report.occurred_at,
        buyer=_buyer(report),
        ship_to=ship_to,
        delivery_address=_address_of(ship_to),
        lines=tuple(_lines(report, currency)),
        totals=_totals(report, currency),
        payment_status=text(report.body, "payment_status", report.path),
        references=references(
            ("checkout_session", number),
            # A customer, a cart or whatever the merchant likes: not the number of an order.
            ("client_reference_id", text(report.body, "client_reference_id", report.path)),
            ("payment_intent", report.ref("payment_intent")),
            ("invoice", report.ref("invoice")),
            ("subscription", report.ref("subscription")),
        ),
        test=report.test,
    )
    entity = Key.of("order", "stripe", report.account, number)
    version = Version.at(report.occurred_at)
    message = report.message(fact, entity.extended(version.text), "order", number)
    return Message(
        key=message.key,
        data=message.data,
        occurred_at=message.occurred_at,
        subject=message.subject,
        correlation=message.correlation,
        partition=message.partition,
        entity=entity,
        version=version,
        at=message.at,
    )


def _buyer(report: Report) -> Party | None:
    path = join(report.path, "customer_details")
    return party(report.child("customer_details"), path, customer=report.ref("customer"))


def _recipient(report: Report) -> Party | None:
    """Who gets the goods; the field moved twice between API versions."""
    collected = report.child("collected_information")
    for record, name in (
        (collected, "shipping_details"),
        (report.body, "shipping_details"),
        (report.body, "shipping"),
    ):
        found = party(child(record, name, report.path), join(report.path, name))
        if found is not None:
            return found
    return None


def _address_of(found: Party | None) -> Address | None:
    return found.address if found else None


def _totals(report: Report, currency: str) -> OrderTotals:
    path = join(report.path, "total_details")
    details = report.child("total_details")
    return OrderTotals(
        subtotal=money_or_none(report.body, "amount_subtotal", currency, report.path),
        discount=money_or_none(details, "amount_discount", currency, path),
        shipping=money_or_none(details, "amount_shipping", currency, path),
        tax=money_or_none(details, "amount_tax", currency, path),
        total=money_or_none(report.body, "amount_total", currency, report.path),
    )


def _lines(report: Report, currency: str) -> Iterator[OrderLine]:
    """Lines, where the payload has them: Stripe leaves them out of events."""
    for index, row in enumerate(rows(report.body, "line_items", report.path)):
        path = join(join(join(report.path, "line_items"), "data"), index)
        yield _line(as_object(row, path), currency, path)


def _line(row: Mapping[str, object], currency: str, path: str) -> OrderLine:
    price = expanded(row, "price")
    return OrderLine(
        line_id=required_ref(row, "id", path),
        description=free_text(row, "description", path),
        product=references(
            ("price", ref(row, "price", path)), ("product", ref(price, "product", path))
        ),
        quantity=quantity_of(row.get("quantity"), path=join(path, "quantity")),
        unit_price=unit_price(price, currency, join(path, "price")),
        discount=money_or_none(row, "amount_discount", currency, path),
        tax=money_or_none(row, "amount_tax", currency, path),
        total=money_or_none(row, "amount_total", currency, path),
    )
