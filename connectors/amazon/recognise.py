"""Tells what a payload is: polled or fetched, a notification, a report, or an API document.

Source: Selling Partner API models; every shape below is a response of one of its operations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from connectors.amazon.notifications import recognised
from connectors.amazon.settlement import COLUMNS, first_line
from connectors.contract import Identity
from connectors.fetching import KIND_HEADER
from connectors.raw import RawMessage


class _Shape(NamedTuple):
    kind: str
    wrapper: str
    """The field that holds the record or the list of them; empty: the document is the record."""
    fields: frozenset[str]
    """What every such record has."""


def _shapes(*rows: tuple[str, str, str]) -> tuple[_Shape, ...]:
    return tuple(_Shape(kind, wrapper, frozenset(names.split())) for kind, wrapper, names in rows)


_ORDER = "orderId createdTime lastUpdatedTime orderItems"
_ORDER_V0 = "AmazonOrderId PurchaseDate LastUpdateDate OrderStatus"
_SHAPES = _shapes(
    ("file/order", "order", _ORDER),
    ("file/order", "orders", _ORDER),
    ("file/order", "", _ORDER),
    ("file/order_v0", "Orders", _ORDER_V0),
    ("file/order_v0", "", _ORDER_V0),
    ("file/order_items", "OrderItems", "OrderItemId QuantityOrdered"),
    ("file/vendor_order", "orders", "purchaseOrderNumber orderDetails"),
    ("file/vendor_order", "", "purchaseOrderNumber orderDetails"),
    ("file/fulfillment_order", "", "fulfillmentOrder fulfillmentShipments"),
    ("file/fulfillment_orders", "fulfillmentOrders", "sellerFulfillmentOrderId"),
    ("file/package_tracking", "", "packageNumber trackingEvents"),
    # Of no interest, or told by another document: README.md says why.
    ("file/external_return", "returns", "marketplaceChannelDetails returnType"),
    ("file/external_return", "", "marketplaceChannelDetails returnType"),
    ("file/external_shipment", "shipments", "marketplaceAttributes shipmentInfo"),
    ("file/finance_balance", "balances", "balanceType partnerMetadata"),
    ("file/finance_invoice", "invoices", "invoiceNumber invoiceIdentifier payee"),
    ("file/finance_transaction", "transactions", "sellingPartnerMetadata transactionType"),
    ("file/financial_event_group", "FinancialEventGroupList", "FinancialEventGroupId"),
    ("file/financial_events", "", "FinancialEvents"),
    ("file/fulfillment_return", "", "returnItems returnAuthorizations invalidReturnItems"),
    ("file/order_address", "", "AmazonOrderId ShippingAddress"),
    ("file/order_buyer_info", "", "AmazonOrderId BuyerEmail"),
    ("file/order_item_buyer_info", "OrderItems", "OrderItemId BuyerCustomizedInfo"),
    ("file/order_item_buyer_info", "", "OrderItemId BuyerCustomizedInfo"),
    ("file/order_regulated_info", "", "AmazonOrderId RegulatedInformation"),
    ("file/report_status", "", "reportId reportType processingStatus"),
    ("file/report_status", "reports", "reportId reportType processingStatus"),
    ("file/report_status", "reportSchedules", "reportScheduleId reportType"),
    ("file/report_status", "", "reportDocumentId url"),
    ("file/scheduled_package", "", "scheduledPackageId packageStatus"),
    ("file/scheduled_package", "scheduledPackages", "scheduledPackageId packageStatus"),
    ("file/tax_invoice", "invoice", "invoiceType series transactionType"),
    ("file/tax_invoice", "invoices", "invoiceType series transactionType"),
    ("file/tax_invoice", "invoiceDocument", "invoiceDocumentUrl"),
    ("file/tax_invoice", "invoicesAttributes", "invoiceStatusOptions"),
    ("file/tax_invoice", "", "invoiceErrors status"),
    ("file/vendor_order_status", "ordersStatus", "purchaseOrderNumber itemStatus"),
    ("file/wallet_transaction", "transactions", "transactionSourceAccount transactionId"),
)
_WRAPPERS = {
    "file/order": ("order", "orders"),
    "file/order_v0": ("Orders",),
    "file/vendor_order": ("orders",),
    "file/fulfillment_orders": ("fulfillmentOrders",),
    "poll/order": ("order",),
    "fetch/order": ("order",),
}
_OF_AN_EMPTY_LIST = (
    ("file/order", "orders", ("lastUpdatedBefore", "createdBefore")),
    ("file/order_v0", "Orders", ("LastUpdatedBefore", "CreatedBefore")),
)


def identify(raw: RawMessage) -> Identity | None:
    """The kind, and a delivery key: the notification's id, or the object's with its version.

    Raises Malformed for what begins like JSON and is none.
    """
    kind = raw.headers.get(KIND_HEADER)
    if kind:
        return Identity(kind=kind, delivery_key=_object_key(raw))
    if not _is_json(raw):
        return _report(raw)
    document = raw.json()
    if not isinstance(document, dict):
        return None
    told = recognised(raw, document)
    if told is not None:
        return told
    shape = _kind_by_shape(unwrapped(document))
    return Identity(kind=shape, delivery_key=raw.digest.hex()) if shape else None


def unwrapped(document: Any) -> Any:
    """The document without the `payload` that older operations put around it."""
    if isinstance(document, dict) and isinstance(document.get("payload"), dict):
        return document["payload"]
    return document


def records(document: Any, kind: str) -> list[tuple[str, Any]]:
    """The records of a document with where each stands, e.g. `orders[2]`."""
    for name in _WRAPPERS.get(kind, ()):
        if isinstance(document, dict) and name in document:
            content = document[name]
            if not isinstance(content, list):
                return [("", content)]
            return [(f"{name}[{index}]", record) for index, record in enumerate(content)]
    return [("", document)]


def _is_json(raw: RawMessage) -> bool:
    with raw.open() as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


def _report(raw: RawMessage) -> Identity | None:
    names = frozenset(first_line(raw).split("\t"))
    if names >= COLUMNS:
        return Identity(kind="report/settlement", delivery_key=raw.digest.hex())
    if "settlement-id" in names:
        return Identity(kind="report/settlement_other", delivery_key=raw.digest.hex())
    return None


def _object_key(raw: RawMessage) -> str:
    """Id, version and digest: an order's packages may change without its time of change."""
    digest = raw.digest.hex()
    document = unwrapped(raw.json())
    if isinstance(document, dict):
        for name, id_field, time_field in (
            ("order", "orderId", "lastUpdatedTime"),
            ("fulfillmentOrder", "sellerFulfillmentOrderId", "statusUpdatedDate"),
        ):
            record = document.get(name)
            if isinstance(record, dict):
                parts = (record.get(id_field), record.get(time_field))
                if all(isinstance(part, str) and part.isprintable() for part in parts):
                    return f"{name}/{parts[0]}/{parts[1]}/{digest[:16]}"[:300]
    return digest


def _kind_by_shape(document: dict[str, Any]) -> str | None:
    for shape in _SHAPES:
        content = document.get(shape.wrapper) if shape.wrapper else document
        record = content[0] if isinstance(content, list) and content else content
        if isinstance(record, dict) and record.keys() >= shape.fields:
            return shape.kind
    for kind, wrapper, marks in _OF_AN_EMPTY_LIST:
        if document.get(wrapper) == [] and any(mark in document for mark in marks):
            return kind
    return None
