"""ShipBob's published documents: what each becomes, as they are and with their placeholders filled.

The examples of the API reference carry placeholders (ids and quantities of 0, the status `None`);
filled in, they must be told in full.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.raw import RawMessage
from connectors.shipbob import CONNECTOR
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "logistics" / "wms" / "shipbob"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

OUTCOMES = {
    "2025_07_billing_transactions": ("ignored", "file/billing_transaction"),
    "2025_07_order_cancel": ("ignored", "file/cancellation"),
    "2025_07_order_get": ("ignored", "file/order"),
    "2025_07_receiving_get": ("ignored", "file/receiving"),
    "2025_07_return_get": ("dead", "file/return"),
    "2025_07_shipment_get": ("ignored", "file/shipment"),
    "2026_01_order_list": ("ignored", "file/order"),
    "wro_1": ("ignored", "file/receiving"),
    "wro_boxes_response_completed": ("ignored", "file/receiving_box"),
}
NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def outcome(document: Any, **headers: str) -> Outcome:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = RawMessage(content, account="acme", received_at=received_at, headers=named)
    return dry_run(CONNECTOR, raw)


def filled(shipment: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The example with pieces in it and a status detail that exists."""
    for product in shipment["products"]:
        for item in product["inventory_items"]:
            item["quantity"] = 2
    return {**shipment, "status_details": [{"id": 203, "name": "Delivered"}], **changes}


def types(found: Outcome) -> list[str]:
    return [type(message.data).__name__ for message in found.messages]


def test_the_whole_corpus_is_known() -> None:
    assert set(NAMES) == set(OUTCOMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome((FOLDER / f"{name}.json").read_bytes())
    assert (found.outcome, found.kind) == OUTCOMES[name]
    assert {one.code for one in found.problems} == (
        {"unmapped_code"} if found.outcome == "dead" else set()
    )


def test_outcomes_by_number() -> None:
    assert Counter(outcome(read(name)).outcome for name in NAMES) == {"ignored": 8, "dead": 1}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("Completed", ["ShipmentConfirmed", "DeliveryStatusChanged"]),
        ("Cancelled", ["ShipmentReversed"]),
        ("OnHold", ["OrderHeld"]),
        ("Exception", ["OrderHeld"]),
        ("Processing", []),
    ],
)
def test_a_shipment_with_a_real_status_is_told(status: str, told: list[str]) -> None:
    found = outcome(filled(read("2025_07_shipment_get"), status=status))
    assert not found.problems
    assert types(found) == told


@pytest.mark.parametrize("name", ["2025_07_order_get", "2026_01_order_list"])
def test_an_order_tells_its_shipments(name: str) -> None:
    document = read(name)
    order = document[0] if isinstance(document, list) else document
    order["shipments"] = [filled(one, status="Completed") for one in order["shipments"]]
    found = outcome(order, x_webhook_topic="order.shipped")
    assert not found.problems
    assert types(found) == ["ShipmentConfirmed", "DeliveryStatusChanged"]


@pytest.mark.parametrize(
    ("status", "told"),
    [("Awaiting Arrival", ["ReturnRequested"]), ("Completed", ["ReturnReceived"]), ("Arrived", [])],
)
def test_a_return_with_a_real_status_is_told(status: str, told: list[str]) -> None:
    found = outcome({**read("2025_07_return_get"), "status": status})
    assert not found.problems
    assert types(found) == told
