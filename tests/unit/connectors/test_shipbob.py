"""ShipBob: who signed it, what it is, and what it says."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors.shipbob
from canonical.errors import GatewayError, Rejected
from canonical.message import Message
from canonical.order import OrderHeld, ReturnRequested
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentReversed,
)
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.shipbob import CONNECTOR
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.shipbob.__file__).parent / "fixtures"
FIXTURE_NAMES = sorted(
    path.name.removesuffix(".json")
    for path in FIXTURES.glob("*.json")
    if not path.name.endswith((".meta.json", ".expected.json"))
)
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KEY = b"an-invented-signing-key-of-32-by"
SECRET = Secret("current", b"whsec_" + base64.b64encode(KEY))


def body_of(fixture: str) -> Any:
    return json.loads((FIXTURES / f"{fixture}.json").read_bytes())


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with a key or index in it, depth first."""
    if not isinstance(value, dict | list):
        return []
    steps = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [place for step in steps for place in [(value, step), *places(value[step])]]


def arriving(document: Any, **more: Any) -> RawMessage:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawMessage(content, account="acme", received_at=RECEIVED, **more)


def told(topic: str, document: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(document, headers={"x-webhook-topic": topic}))


def polled(kind: str, document: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(document, headers={"x-gateway-kind": kind}))


def only(found: Outcome) -> Message:
    assert not found.problems
    (message,) = found.messages
    return message


def facts(found: Outcome, kind: type) -> list[Message]:
    return [message for message in found.messages if isinstance(message.data, kind)]


def shipment(**changes: Any) -> Any:
    return {**body_of("file.shipment__single"), **changes}


def order(*shipments: Any) -> Any:
    return {**body_of("order.shipped__one_shipment"), "shipments": list(shipments)}


def goods(pieces: int, lot: str | None = None, number: int = 6001) -> Any:
    item = {"id": number, "name": "Item", "quantity": pieces, "lot": lot, "serial_numbers": []}
    return {"id": 5001, "sku": "POT-L", "inventory_items": [item]}


def signed(content: bytes, at: datetime = RECEIVED) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(KEY, f"msg_1.{stamp}.".encode() + content, "sha256")
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_the_signature_is_that_of_standard_webhooks() -> None:
    assert CONNECTOR.verify(arriving(b"{}", headers=signed(b"{}")), [SECRET]) == SECRET
    with pytest.raises(Rejected) as refused:
        CONNECTOR.verify(arriving(b"{} ", headers=signed(b"{}")), [SECRET])
    assert refused.value.code == "bad_signature"


def test_an_old_delivery_is_refused() -> None:
    headers = signed(b"{}", RECEIVED - timedelta(hours=1))
    with pytest.raises(Rejected) as refused:
        CONNECTOR.verify(arriving(b"{}", headers=headers), [SECRET])
    assert refused.value.code == "stale_signature"


def test_the_webhook_id_names_the_delivery() -> None:
    headers = {"x-webhook-topic": "order.shipped", "webhook-id": "msg_7"}
    identity = CONNECTOR.identify(arriving(b"unreadable", headers=headers))
    assert identity is not None
    assert (identity.kind, identity.delivery_key) == ("order.shipped", "msg_7")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order_shipped", "order.shipped"),
        ("shipment_delivered", "order.shipment.delivered"),
        ("shipment_exception", "order.shipment.exception"),
        ("shipment_onhold", "order.shipment.on_hold"),
        ("shipment_cancelled", "order.shipment.cancelled"),
    ],
)
def test_topics_of_old_versions_are_read_as_the_later_ones(old: str, new: str) -> None:
    identity = CONNECTOR.identify(arriving(b"{}", headers={"shipbob-topic": old}))
    assert identity is not None
    assert identity.kind == new


def test_an_unchanged_order_polled_again_is_the_same_delivery() -> None:
    first = polled("poll/order", order(shipment()))
    again = polled("poll/order", {**order(shipment()), "tags": [{"name": "x"}]})
    changed = polled("poll/order", order(shipment(last_update_at="2026-03-02T09:59:00Z")))
    assert first.delivery_key == again.delivery_key
    assert first.delivery_key != changed.delivery_key


@pytest.mark.parametrize("document", [[], {}, [7], {"items": []}, {"id": 1, "status": "x"}])
def test_what_is_not_of_shipbob_is_not_identified(document: Any) -> None:
    assert CONNECTOR.identify(arriving(document)) is None


def test_each_line_that_left_is_confirmed_once() -> None:
    by_order = facts(told("order.shipped", order(shipment())), ShipmentConfirmed)
    by_shipment = facts(told("order.shipment.delivered", shipment()), ShipmentConfirmed)
    by_poll = facts(polled("poll/order", order(shipment())), ShipmentConfirmed)
    assert len(by_order) == 2
    for one, two, three in zip(by_order, by_shipment, by_poll, strict=True):
        assert one.key == two.key == three.key
        assert one.data.content() == two.data.content() == three.data.content()


def test_tracking_told_later_does_not_change_the_fact() -> None:
    without = told("order.shipped", order(shipment(tracking=None)))
    later = told("order.shipped", order(shipment()))
    for one, two in zip(without.messages, later.messages, strict=True):
        assert one.key == two.key
        assert one.data.content() == two.data.content()


def test_an_order_has_many_shipments_and_only_those_gone_are_confirmed() -> None:
    document = order(shipment(), shipment(id=2), shipment(id=3, status="Processing"))
    found = told("order.shipped", document)
    told_of = {one.data.shipment_id for one in found.messages if hasattr(one.data, "shipment_id")}
    assert told_of == {"90000000001", "2"}
    assert len(found.ignored) == 1
    assert {one.correlation for one in found.messages} == {"shipbob/acme/order/70000000001"}


def test_one_bad_shipment_does_not_hide_the_others() -> None:
    found = told("order.shipped", order(shipment(status="Lost"), shipment()))
    assert len(found.messages) == 2
    assert [(one.code, one.at) for one in found.problems] == [("unmapped_code", "shipments[0]")]


@pytest.mark.parametrize(
    "status", ["None", "Processing", "LabeledCreated", "ImportReview", "CleanSweeped"]
)
def test_what_has_not_left_is_not_confirmed(status: str) -> None:
    assert told("order.shipped", order(shipment(status=status))).outcome == "ignored"


def test_when_it_left_is_never_guessed() -> None:
    found = told("order.shipped", order(shipment(actual_fulfillment_date=None, tracking=None)))
    assert found.outcome == "dead"
    assert found.problems[0].code == "missing_field"


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 3)), min_size=1, max_size=6))
def test_pieces_are_conserved(items: list[tuple[int, int]]) -> None:
    document = shipment(products=[goods(pieces, "L", number) for pieces, number in items])
    found = told("order.shipment.tracking.updated", document)
    lines = [one.data.line for one in found.messages if isinstance(one.data, ShipmentConfirmed)]
    total = sum(pieces for pieces, _ in items)
    assert sum(line.shipped.value for line in lines if line) == total
    assert len({one.key for one in found.messages}) == len(found.messages)
    if not total:
        assert found.outcome == "dead"


def test_pieces_of_several_lots_are_one_line_without_a_lot() -> None:
    one_lot = shipment(products=[goods(2, "L-1")])
    two_lots = shipment(products=[goods(2, "L-1"), goods(3, "L-2")])
    lines = []
    for document in (one_lot, two_lots):
        data = only(told("order.shipment.tracking.updated", document)).data
        assert isinstance(data, ShipmentConfirmed)
        assert data.line is not None
        lines.append((data.line.shipped.value, data.line.lot))
    assert lines == [(Decimal(2), "L-1"), (Decimal(5), None)]


@pytest.mark.parametrize("pieces", [None, -1, 1.5, "2", True])
def test_no_quantity_is_guessed(pieces: Any) -> None:
    found = told("order.shipment.delivered", shipment(products=[goods(pieces)]))
    assert not facts(found, ShipmentConfirmed)
    assert found.problems


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("InTransit", DeliveryStatus.IN_TRANSIT),
        ("OutForDelivery", DeliveryStatus.IN_TRANSIT),
        ("DeliveryException", DeliveryStatus.FAILED),
        ("Delivered", DeliveryStatus.DELIVERED),
    ],
)
def test_how_far_the_carrier_is(name: str, status: DeliveryStatus) -> None:
    found = told("order.shipment.tracking.updated", shipment(status_details=[{"name": name}]))
    (message,) = facts(found, DeliveryStatusChanged)
    assert isinstance(message.data, DeliveryStatusChanged)
    assert message.data.status is status
    assert message.data.carrier_code == name
    assert message.data.terminal == (status is DeliveryStatus.DELIVERED)


def test_a_delivery_is_one_fact_with_and_without_its_detail() -> None:
    dated = shipment(delivery_date="2026-03-02T09:55:00Z")
    detailed = {**dated, "status_details": [{"id": 203, "name": "Delivered"}]}
    (one,) = facts(told("order.shipment.delivered", dated), DeliveryStatusChanged)
    (two,) = facts(polled("poll/order", order(detailed)), DeliveryStatusChanged)
    assert one.key == two.key
    assert one.data.content() == two.data.content()


def test_a_topic_of_delivery_without_a_delivery_is_reported() -> None:
    found = told("order.shipment.delivered", shipment())
    assert not facts(found, DeliveryStatusChanged)
    assert [one.path for one in found.problems] == ["delivery_date"]


def test_a_cancellation_takes_back_only_what_had_left() -> None:
    before = shipment(status="Cancelled", actual_fulfillment_date=None, tracking=None)
    assert told("order.shipment.cancelled", before).outcome == "ignored"
    confirmed = told("order.shipped", order(shipment())).messages
    reversed_ = told("order.shipment.cancelled", shipment(status="Cancelled")).messages
    assert all(isinstance(one.data, ShipmentReversed) for one in reversed_)
    for one, two in zip(confirmed, reversed_, strict=True):
        assert one.key.text.removesuffix("shipped") == two.key.text.removesuffix("reversed")


@pytest.mark.parametrize(
    ("topic", "status", "hold"),
    [
        ("order.shipment.on_hold", "OnHold", "OnHold"),
        ("order.shipment.on_hold", "On Hold", "OnHold"),
        ("order.shipment.exception", "Exception", "Exception"),
    ],
)
def test_a_hold_is_told_with_its_reason(topic: str, status: str, hold: str) -> None:
    document = shipment(status=status, status_details=[{"name": "OutOfStock"}])
    message = only(told(topic, document))
    assert isinstance(message.data, OrderHeld)
    assert (message.data.hold, message.data.reason) == (hold, "OutOfStock")
    assert message.data.order_id == "70000000001"
    assert message.key == only(polled("poll/order", order(document))).key


def test_a_later_hold_takes_the_place_of_an_earlier_one() -> None:
    earlier = only(told("order.shipment.on_hold", shipment(status="OnHold")))
    later_document = shipment(status="Exception", last_update_at="2026-03-02T09:45:00+00:00")
    later = only(told("order.shipment.exception", later_document))
    assert earlier.entity == later.entity
    assert earlier.version is not None
    assert later.version is not None
    assert earlier.version < later.version


def test_a_return_is_announced_and_then_received() -> None:
    announced = only(told("return.created", body_of("return.created__announced")))
    received = only(told("return.completed", body_of("return.completed__counted")))
    assert isinstance(announced.data, ReturnRequested)
    assert isinstance(received.data, ReturnReceived)
    assert announced.data.order_id == received.data.order_id == "WEB-2041"
    counted = [(one.line_id, one.quantity.value, one.disposition) for one in received.data.lines]
    assert counted == [
        ("6001-1", Decimal(2), "Restock"),
        ("6001-2", Decimal(1), "Dispose"),
        ("6002", Decimal(1), None),
    ]
    again = only(polled("poll/return", body_of("poll.return__counted")))
    assert again.key == received.key
    assert again.data.content() == received.data.content()


@pytest.mark.parametrize("status", ["Arrived", "Processing", "Cancelled"])
def test_a_return_is_not_received_before_it_is_counted(status: str) -> None:
    document = {**body_of("return.completed__counted"), "status": status}
    assert told("return.updated", document).outcome == "ignored"


def test_large_ids_stay_exact() -> None:
    message = told("order.shipped", order(shipment(id=9007199254740993))).messages[0]
    assert isinstance(message.data, ShipmentConfirmed)
    assert message.data.shipment_id == "9007199254740993"


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12))
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(), scalars))


@given(data=st.data(), name=st.sampled_from(FIXTURE_NAMES), value=values)
def test_a_fixture_with_one_value_replaced(data: st.DataObject, name: str, value: Any) -> None:
    document = body_of(name)
    container, step = data.draw(st.sampled_from(places(document)))
    container[step] = value
    kind = name.partition("__")[0].replace("poll.", "poll/")
    polls = kind.startswith("poll/")
    headers = {"x-gateway-kind" if polls else "x-webhook-topic": kind}
    for raw in (arriving(document), arriving(document, headers=headers)):
        found = dry_run(CONNECTOR, raw)
        assert not any(one.code == "connector_fault" for one in found.problems)


@given(body=st.binary(max_size=300), kind=st.sampled_from(["", *CONNECTOR.manifest.kinds]))
def test_any_bytes_give_our_own_errors(body: bytes, kind: str) -> None:
    raw = arriving(body, headers={"x-webhook-topic": kind})
    with contextlib.suppress(GatewayError):
        identity = CONNECTOR.identify(raw)
        if identity:
            list(CONNECTOR.translate(raw, identity))
