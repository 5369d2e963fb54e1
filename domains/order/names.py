"""Under which names the order domain files facts, and how a fact names its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

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
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderHeld,
    OrderPlaced,
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
from canonical.values import Identifier
from domains.contract import Names
from domains.names import bare, folded, order_names, party_name, qualified

Snapshot = OrderPlaced | OrderChanged | OrderCancelled
Response = OrderConfirmed | OrderRejected | OrderHeld
Shipped = ShipmentConfirmed | ShipmentReversed
Payment = (
    PaymentAuthorised
    | PaymentCaptured
    | PaymentFailed
    | RefundIssued
    | DisputeOpened
    | DisputeClosed
)
Document = InvoiceIssued | CreditNoteIssued

_OWN_NUMBERS: Final = ("order", "order_id", "order_name", "order_number", "store_order")
"""Endings of schemes whose value is the order's own id or number somewhere."""
_OTHER_NUMBERS: Final = (
    "po", "po_number", "purchase_order", "buyer_po_number", "w0502", "w0602", "reference",
    "displayable_order", "fulfillment_order", "sales_order", "seller_order", "seller_order_id",
    "merchant_order_id", "datiordineacquisto",
)  # fmt: skip
"""Endings of schemes whose value is a number of the order in another system or the buyer's."""
_QUOTES: Final = ("quote", "quote_id", "quote_number", "draft_order", "draft_order_name", "deal")
_PAYMENTS: Final = ("payment_intent", "charge", "transaction", "authorization")
_SHORTEST: Final = 4
_LONG: Final = 16
"""Ids of so many characters tell orders apart even without a digit."""


def order_mentions(references: Iterable[Identifier]) -> frozenset[str]:
    """`order:…` of each reference that names an order.

    Of buyers' and other systems' numbers only those that can tell orders apart count: people
    write `verbal`, `n/a` or `1` into such fields.
    """
    return frozenset().union(*map(_order_mention, references))


def _order_mention(one: Identifier) -> frozenset[str]:
    ending = one.scheme.rpartition(":")[2].casefold()
    telling = ending in _OTHER_NUMBERS and tells_apart(one.value)
    return bare("order", one.value) if ending in _OWN_NUMBERS or telling else frozenset()


def quote_mentions(references: Iterable[Identifier]) -> frozenset[str]:
    return _ending(references, "quote", _QUOTES)


def payment_mentions(references: Iterable[Identifier]) -> frozenset[str]:
    """`payment:…` of each reference by which two systems may name one payment."""
    return _ending(filter(_is_telling, references), "payment", _PAYMENTS)


def order_payments(references: Iterable[Identifier]) -> frozenset[str]:
    """`payment:…` of the payments an order names."""
    return _ending(filter(_is_telling, references), "payment", (*_PAYMENTS, "payment"))


def _is_telling(one: Identifier) -> bool:
    return tells_apart(one.value)


def _ending(
    references: Iterable[Identifier], what: str, endings: tuple[str, ...]
) -> frozenset[str]:
    values = [
        one.value for one in references if one.scheme.rpartition(":")[2].casefold() in endings
    ]
    return bare(what, *values)


def mentioned(order_id: str | None) -> frozenset[str]:
    """The bare name of an order as others write it; none for words like `verbal` or `web`.

    Thousands of documents carry such a word, and would all hang together by it.
    """
    text = folded(order_id or "")
    telling = len(text) >= _LONG or any(letter.isdigit() for letter in text)
    return bare("order", order_id) if telling else frozenset()


def mentioned_at(system: str, account: str, order_id: str | None) -> frozenset[str]:
    """`mentioned`, and the name the order has at the system that says so."""
    return order_names(system, account, order_id) if mentioned(order_id) else frozenset()


def tells_apart(value: str) -> bool:
    """Whether so short a text can be the name of one thing only."""
    text = folded(value)
    return len(text) >= _SHORTEST and any(letter.isdigit() for letter in text)


def shipment_mentions(*values: str | None) -> frozenset[str]:
    return bare("shipment", *(one for one in values if one and tells_apart(one)))


def tracking_mentions(*values: str) -> frozenset[str]:
    return bare("tracking", *filter(tells_apart, values))


def invoice_name(seller: str, number: str) -> str:
    """Bare numbers of invoices are shared by sellers, so the seller is part of the name."""
    return qualified("invoice", seller, folded(number))


def document_names(document: Document) -> frozenset[str]:
    """The document itself and those a credit note or correction goes back to."""
    seller = party_name(document.seller)
    numbers = [document.invoice_number, *(one.value for one in document.preceding)]
    return frozenset(invoice_name(seller, number) for number in numbers)


def snapshot_names(data: Snapshot) -> Names:
    return Names(
        strong=order_names(data.channel, data.account, data.order_id)
        | mentioned(data.order_number)
        | order_mentions(data.references)
        | quote_mentions(data.references)
        | order_payments(data.references)
    )


def response_names(data: Response) -> Names:
    return Names(strong=mentioned(data.order_id) | order_mentions(data.references))


def quote_names(data: QuoteAccepted) -> Names:
    own = {qualified("quote", data.channel, data.account, data.quote_id)}
    return Names(
        strong=bare("quote", data.quote_id, data.quote_number)
        | own
        | quote_mentions(data.references)
        | order_mentions(data.references)
    )


def return_requested_names(data: ReturnRequested) -> Names:
    return Names(
        strong=mentioned_at(data.channel, data.account, data.order_id)
        | order_mentions(data.references)
    )


def shipped_names(data: Shipped) -> Names:
    return Names(
        strong=mentioned_at(data.source_system, data.account, data.order_id)
        | order_mentions(data.references)
        | tracking_mentions(*data.tracking_numbers)
        | shipment_mentions(data.shipment_id)
    )


def delivery_names(data: DeliveryStatusChanged) -> Names:
    return Names(
        strong=tracking_mentions(data.tracking_number)
        | mentioned(data.order_id)
        | order_mentions(data.references)
        | shipment_mentions(data.shipment_id)
    )


def warehouse_names(data: ReturnReceived | StockAllocated) -> Names:
    return Names(
        strong=mentioned_at(data.source_system, data.account, data.order_id)
        | order_mentions(data.references)
    )


def billing_names(data: Document) -> Names:
    lines = [one for line in data.lines for one in line.source]
    return Names(
        strong=mentioned(data.order_id)
        | order_mentions([*data.references, *lines])
        | document_names(data)
        | shipment_mentions(data.delivery_note)
    )


def candidate_names(data: BillingCandidateChanged) -> Names:
    return Names(
        strong=mentioned_at(data.source_system, data.account, data.order_id)
        | shipment_mentions(data.shipment_id)
    )


def invoice_state_names(data: InvoiceStateChanged | ReceivableChanged) -> Names:
    return Names(strong=mentioned(data.order_id) | {invoice_name(data.seller, data.invoice_number)})


def payment_aliases(data: Payment) -> frozenset[str]:
    """All `payment:…` names of the payment a fact is about."""
    return bare("payment", data.payment_id) | payment_mentions(data.references)


def payment_names(data: Payment) -> Names:
    return Names(
        strong=mentioned_at(data.gateway, data.account, data.order_id)
        | order_mentions(data.references)
        | payment_aliases(data)
    )


LISTENS: Final[Mapping[str, Callable[[Any], Names]]] = MappingProxyType(
    {
        **{one.TYPE: snapshot_names for one in (OrderPlaced, OrderChanged, OrderCancelled)},
        **{one.TYPE: response_names for one in (OrderConfirmed, OrderRejected, OrderHeld)},
        QuoteAccepted.TYPE: quote_names,
        ReturnRequested.TYPE: return_requested_names,
        ShipmentConfirmed.TYPE: shipped_names,
        ShipmentReversed.TYPE: shipped_names,
        DeliveryStatusChanged.TYPE: delivery_names,
        ReturnReceived.TYPE: warehouse_names,
        StockAllocated.TYPE: warehouse_names,
        InvoiceIssued.TYPE: billing_names,
        CreditNoteIssued.TYPE: billing_names,
        BillingCandidateChanged.TYPE: candidate_names,
        InvoiceStateChanged.TYPE: invoice_state_names,
        ReceivableChanged.TYPE: invoice_state_names,
        PaymentAuthorised.TYPE: payment_names,
        PaymentCaptured.TYPE: payment_names,
        PaymentFailed.TYPE: payment_names,
        RefundIssued.TYPE: payment_names,
        DisputeOpened.TYPE: payment_names,
        DisputeClosed.TYPE: payment_names,
    }
)
"""What the order domain listens to."""
