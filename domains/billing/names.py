"""Under which names billing files each kind of fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from canonical.billing import (
    CreditNoteIssued,
    EInvoiceStatusChanged,
    InvoiceIssued,
    TaxCalculated,
)
from canonical.cash import PaymentCaptured, RefundIssued
from canonical.chain import InvoiceGateDecided, ReceivableChanged
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from canonical.shipment import ReturnReceived, ShipmentConfirmed, ShipmentReversed
from canonical.values import Identifier
from domains.contract import Names
from domains.names import bare, folded, order_names, party_name, qualified, referenced

Bill = InvoiceIssued | CreditNoteIssued
OrderFact = OrderPlaced | OrderChanged | OrderCancelled
ShipmentFact = ShipmentConfirmed | ShipmentReversed

ORDER_ENDINGS: Final = (
    "order", "order_id", "order_name", "order_number", "sales_order", "purchase_order",
    "po_number", "buyer_po_number", "seller_order_id", "merchant_order_id", "store_order",
    "merchant_reference", "reference", "displayable_order", "fulfillment_order", "PO", "W0502",
    "W0602", "DatiOrdineAcquisto",
)  # fmt: skip
"""What the schemes of references to orders end with."""
SHIPMENT_ENDINGS: Final = (
    "fulfillment", "fulfillment_name", "shipment", "shipment_id", "BSN02", "W0604",
)  # fmt: skip
"""… to shipments, in what is told of them."""
DELIVERY_ENDINGS: Final = (*SHIPMENT_ENDINGS, "despatch_advice", "delivery_note", "DatiDDT", "PK")
"""… to deliveries, in invoices (BT-16)."""
SENDING_ENDINGS: Final = ("instance", "File")
"""… to what was handed to a network: an envelope, a file."""
OWN_ENDINGS: Final = ("invoice", "uuid")
"""… to the invoice itself; its number's schemes may name an earlier one as well."""
SERIES_WINDOW: Final = 3
"""How far below its number an invoice looks for its neighbours in the series."""

_NUMBER: Final = re.compile(r"(.*?)([0-9]{1,12})", re.DOTALL)


def series_of(bill: Bill) -> tuple[str, int] | None:
    """The series a number belongs to, by seller and prefix, and its place in it.

    None where the digits behind the prefix count nothing for sure: the year or the day of issue.
    """
    match = _NUMBER.fullmatch(folded(bill.invoice_number))
    if match is None:
        return None
    place = int(match[2])
    dated = {f"{bill.issue_date:%Y}", f"{bill.issue_date:%Y%m%d}", f"{bill.issue_date:%y%m%d}"}
    if str(place) in dated:
        return None
    return f"{party_name(bill.seller)}:{match[1]}", place


def order_mentions(bill: Bill) -> frozenset[str]:
    """The orders an invoice names, folded: its own (BT-13), those of its lines, its references."""
    named = (line for line in bill.lines if line.source)
    sources = [one for line in named for one in line.source]
    found = referenced("order", (*bill.references, *sources), *ORDER_ENDINGS)
    return _values(found | bare("order", bill.order_id))


def deliveries_of(delivery_note: str | None, references: tuple[Identifier, ...]) -> frozenset[str]:
    """The deliveries that an invoice or one of its lines names, folded."""
    found = referenced("shipment", references, *DELIVERY_ENDINGS)
    return _values(found | bare("shipment", delivery_note))


def order_tokens(order_id: str | None, references: tuple[Identifier, ...]) -> frozenset[str]:
    """What a fact other than an invoice calls its order, folded."""
    found = referenced("order", references, *ORDER_ENDINGS)
    return _values(found | bare("order", order_id))


def sendings_of(references: tuple[Identifier, ...]) -> frozenset[str]:
    """The envelopes and files of networks that are named, folded."""
    return _values(referenced("sending", references, *SENDING_ENDINGS))


def own_names(bill: Bill) -> frozenset[str]:
    """By what others name this very document, folded: its number, its id at its system."""
    found = referenced("invoice", bill.references, *OWN_ENDINGS)
    return _values(found | bare("invoice", bill.invoice_number))


def preceding_of(bill: Bill) -> frozenset[str]:
    """The earlier documents a document is about (BG-3), folded."""
    return _values(bare("invoice", *(one.value for one in bill.preceding)))


def of_bill(bill: Bill) -> Names:
    seller = party_name(bill.seller)
    strong = {
        *(f"order:{one}" for one in order_mentions(bill)),
        *(f"invoice:{one}" for one in own_names(bill) | preceding_of(bill)),
        *(f"sending:{one}" for one in sendings_of(bill.references)),
        *(f"shipment:{one}" for one in deliveries_of(bill.delivery_note, bill.references)),
        qualified("invoice", seller, bill.invoice_number, bill.document_type),
    }
    for line in bill.lines:
        strong |= {f"shipment:{one}" for one in deliveries_of(None, line.source)}
    return Names(strong=frozenset(strong), weak=_series_names(bill))


def _series_names(bill: Bill) -> frozenset[str]:
    found = series_of(bill)
    if found is None:
        return frozenset()
    series, place = found
    return frozenset(
        f"series:{series}:{one}" for one in range(max(0, place - SERIES_WINDOW), place + 1)
    )


def of_status(status: EInvoiceStatusChanged) -> Names:
    return Names(
        strong=bare("invoice", status.invoice_number)
        | {f"sending:{one}" for one in sendings_of(status.references)}
        | {qualified("edocument", status.network, status.document_id)}
    )


def of_tax(tax: TaxCalculated) -> Names:
    return Names(
        strong=bare("invoice", tax.document_code)
        | {qualified("tax", tax.engine, tax.document_code)}
    )


def of_shipment(shipment: ShipmentFact) -> Names:
    system, account = shipment.source_system, shipment.account
    return Names(
        strong=order_names(system, account, shipment.order_id)
        | referenced("order", shipment.references, *ORDER_ENDINGS)
        | referenced("shipment", shipment.references, *SHIPMENT_ENDINGS)
        | bare("shipment", shipment.shipment_id)
        | bare("tracking", *shipment.tracking_numbers)
        | {qualified("shipment", system, account, shipment.shipment_id)}
    )


def of_return(goods: ReturnReceived) -> Names:
    system, account = goods.source_system, goods.account
    return Names(
        strong=order_names(system, account, goods.order_id)
        | referenced("order", goods.references, *ORDER_ENDINGS)
        | {qualified("return", system, account, goods.return_id)}
    )


def of_order(order: OrderFact) -> Names:
    return Names(
        strong=order_names(order.channel, order.account, order.order_id)
        | bare("order", order.order_number)
        | referenced("order", order.references, *ORDER_ENDINGS)
    )


def of_payment(payment: PaymentCaptured | RefundIssued) -> Names:
    return Names(
        strong=order_names(payment.gateway, payment.account, payment.order_id)
        | referenced("order", payment.references, *ORDER_ENDINGS)
        | bare("invoice", payment.invoice_number)
        | {qualified("payment", payment.gateway, payment.account, payment.payment_id)}
    )


def of_gate(gate: InvoiceGateDecided) -> Names:
    shipment = qualified("shipment", gate.source_system, gate.account, gate.shipment_id)
    return Names(strong=order_names(gate.source_system, gate.account, gate.order_id) | {shipment})


def of_receivable(receivable: ReceivableChanged) -> Names:
    invoice = (receivable.seller, receivable.invoice_number, receivable.document_type)
    return Names(strong=bare("invoice", invoice[1]) | {qualified("invoice", *invoice)})


def _values(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.partition(":")[2] for name in names)


LISTENS: Final[Mapping[str, Callable[[Any], Names]]] = {
    InvoiceIssued.TYPE: of_bill,
    CreditNoteIssued.TYPE: of_bill,
    EInvoiceStatusChanged.TYPE: of_status,
    TaxCalculated.TYPE: of_tax,
    ShipmentConfirmed.TYPE: of_shipment,
    ShipmentReversed.TYPE: of_shipment,
    ReturnReceived.TYPE: of_return,
    OrderPlaced.TYPE: of_order,
    OrderChanged.TYPE: of_order,
    OrderCancelled.TYPE: of_order,
    PaymentCaptured.TYPE: of_payment,
    RefundIssued.TYPE: of_payment,
    InvoiceGateDecided.TYPE: of_gate,
    ReceivableChanged.TYPE: of_receivable,
}
