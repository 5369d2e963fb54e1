"""Amazon's published examples: what each becomes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canonical.order import OrderChanged, OrderPlaced
from connectors.amazon import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FOLDERS = (CORPUS / "commerce" / "amazon_sp_api", CORPUS / "logistics" / "wms" / "amazon")
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
FILES = sorted(path for folder in FOLDERS for path in folder.glob("*.json"))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FILES, reason="the corpus is not here"),
]

OUTCOMES = {
    "orders2026.": "translated",
    "orders.getOrder.": "translated",
    "orders.getOrders.": "translated",
    "vendorOrders.getPurchaseOrder.": "translated",
    "vendorOrders.getPurchaseOrders.": "translated",
    "notification.ShipmentTrackingMilestoneChanged": "translated",
    "mcf_2020_07_02": "translated",
}
"""By how the name begins; everything else carries nothing that is not fetched or ignored."""


def _outcome(path: Path) -> Outcome:
    raw = RawMessage(path.read_bytes(), account="acme", received_at=NOW)
    return dry_run(CONNECTOR, raw)


def _named(name: str) -> Outcome:
    return _outcome(next(path for path in FILES if path.name == f"{name}.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_document_becomes_what_is_known_of_it(path: Path) -> None:
    outcome = _outcome(path)
    begins = [word for begin, word in OUTCOMES.items() if path.name.startswith(begin)]
    assert outcome.outcome == (begins[0] if begins else "ignored")
    assert outcome.problems == ()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("orders.getOrderItems.sandbox0", "fetch/order"),
        ("orders.getOrderItems.example", "fetch/order"),
        ("notification.FulfillmentOrderStatusNotification", "fetch/fulfillment_order"),
        ("notification_fba_outbound_shipment_status", "fetch/order"),
        ("mcf_2020_07_01", "fetch/fulfillment_order"),
    ],
)
def test_thin_documents_ask_for_their_objects(name: str, wanted: str) -> None:
    assert {wish.kind for wish in _named(name).fetches} == {wanted}


def test_an_order_of_2026_has_items_and_packages() -> None:
    types = Counter(
        message.data.TYPE for message in _named("orders2026.searchOrders.example").messages
    )
    assert types == {"o2c.order.changed": 1, "o2c.shipment.confirmed": 2}


def test_the_breakdown_of_an_order_is_its_total() -> None:
    (order,) = [
        message.data
        for message in _named("orders2026.getOrder.example").messages
        if isinstance(message.data, OrderChanged)
    ]
    totals = order.totals
    parts = [part.amount for part in (totals.subtotal, totals.shipping, totals.tax) if part]
    assert totals.total is not None
    assert sum(parts) == totals.total.amount


def test_an_old_order_is_told_without_lines() -> None:
    for message in _named("orders.getOrders.sandbox0").messages:
        assert isinstance(message.data, OrderChanged)
        assert (message.data.complete, message.data.lines) == (False, ())


def test_vendor_orders_are_orders() -> None:
    (message,) = _named("vendorOrders.getPurchaseOrder.sandbox1").messages
    assert isinstance(message.data, OrderPlaced)
    assert [line.quantity.value for line in message.data.lines] == [37, 24, 1]
