"""Amazon: orders, packages, notifications and who may send them."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors.amazon
from canonical.errors import GatewayError, Rejected
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReasonClass,
    ShipmentConfirmed,
    ShipmentReversed,
)
from connectors.amazon import CONNECTOR
from connectors.fetching import Fetch
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.amazon.__file__).parent / "fixtures"
RECEIVED = datetime(2026, 3, 2, 10, tzinfo=UTC)
ORDER: dict[str, Any] = json.loads((FIXTURES / "poll.order__partly_shipped.json").read_bytes())[
    "order"
]
V0: dict[str, Any] = json.loads((FIXTURES / "file.order_v0__with_items.json").read_bytes())[
    "payload"
]
CHANGE: dict[str, Any] = json.loads(
    (FIXTURES / "notification.order_change__status.json").read_bytes()
)


def order(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), **changes}


def with_status(status: str, **changes: Any) -> dict[str, Any]:
    return order(fulfillment={"fulfillmentStatus": status}, **changes)


def filed(document: Any, **headers: str) -> Outcome:
    body = json.dumps(document).encode()
    return dry_run(
        CONNECTOR, RawMessage(body, account="acme", received_at=RECEIVED, headers=headers)
    )


def polled(record: Any) -> Outcome:
    return filed({"order": record}, **{"x-gateway-kind": "poll/order"})


def told(outcome: Outcome) -> list[Any]:
    return [message.data for message in outcome.messages]


def test_an_order_has_its_lines_and_amounts() -> None:
    placed = told(polled(ORDER))[0]
    assert isinstance(placed, OrderChanged)
    assert placed.complete
    assert [(line.sku, line.quantity.value) for line in placed.lines] == [
        ("MUG-BLUE", Decimal(3)),
        ("TEA-100", Decimal(1)),
    ]
    assert placed.totals.total is not None
    assert (placed.totals.total.amount, placed.currency) == (Decimal("119.80"), "EUR")
    assert placed.lines[1].discount is not None
    assert placed.lines[1].discount.amount == Decimal("3.36")


def test_an_untouched_order_is_placed() -> None:
    pending = with_status("PENDING", lastUpdatedTime=ORDER["createdTime"], packages=None)
    assert [type(one) for one in told(polled(pending))] == [OrderPlaced]


def test_a_pending_order_needs_no_total() -> None:
    pending = with_status("PENDING", packages=None)
    del pending["proceeds"]
    (fact,) = told(polled(pending))
    assert (fact.totals.total, fact.currency) == (None, None)


@pytest.mark.parametrize("status", ["UNSHIPPED", "SHIPPED", "UNFULFILLABLE"])
def test_other_statuses_change_an_order(status: str) -> None:
    fact = told(polled(with_status(status, packages=[])))[0]
    assert isinstance(fact, OrderChanged)
    assert fact.fulfilment_status == status


def test_a_cancelled_order_is_cancelled_with_its_reason() -> None:
    cancelled = with_status("CANCELLED", packages=[])
    for item in cancelled["orderItems"]:
        item["cancellation"] = {"cancellationExecution": {"cancelReason": "No stock"}}
    (fact,) = told(polled(cancelled))
    assert isinstance(fact, OrderCancelled)
    assert (fact.reason, fact.cancelled_at) == ("No stock", fact.updated_at)


def test_an_unknown_status_is_not_guessed() -> None:
    outcome = polled(with_status("EVAPORATED"))
    assert outcome.messages == ()
    assert outcome.problems[0].code == "unmapped_code"


def test_one_version_of_an_order_is_one_fact_however_it_comes() -> None:
    by_file = filed({"orders": [ORDER]})
    by_fetch = filed({"order": ORDER}, **{"x-gateway-kind": "fetch/order"})
    keys = {outcome.messages[0].key for outcome in (by_file, by_fetch, polled(ORDER))}
    contents = {outcome.messages[0].data.content() for outcome in (by_file, by_fetch)}
    assert (len(keys), len(contents)) == (1, 1)


def test_an_unchanged_order_polled_again_is_a_redelivery() -> None:
    again, later = polled(ORDER), polled(order(lastUpdatedTime="2026-03-02T09:30:00Z"))
    assert polled(ORDER).delivery_key == again.delivery_key
    assert again.delivery_key != later.delivery_key
    versions = [str(outcome.messages[0].version) for outcome in (again, later)]
    assert versions == sorted(versions)


def test_each_item_of_a_package_that_left_is_a_shipment() -> None:
    shipments = [one for one in told(polled(ORDER)) if isinstance(one, ShipmentConfirmed)]
    assert [(one.line.sku, one.line.shipped.value) for one in shipments if one.line] == [
        ("MUG-BLUE", Decimal(2)),
        ("TEA-100", Decimal(1)),
    ]
    assert {one.carrier for one in shipments} == {"DHL"}


def test_a_package_cancelled_after_it_left_is_reversed() -> None:
    package = {**ORDER["packages"][0], "packageStatus": {"status": "CANCELLED"}}
    assert isinstance(told(polled(order(packages=[package])))[1], ShipmentReversed)
    del package["shipTime"]
    assert len(told(polled(order(packages=[package])))) == 1


def test_a_bad_package_does_not_take_the_order_with_it() -> None:
    package = {**ORDER["packages"][0], "shipTime": "soon"}
    outcome = polled(order(packages=[package, ORDER["packages"][0]]))
    assert [problem.at for problem in outcome.problems] == ["packages[0]"]
    assert len(outcome.messages) == 3


def test_an_old_order_without_items_is_a_part_with_its_own_key() -> None:
    header = {name: value for name, value in V0.items() if name != "OrderItems"}
    part, whole = (filed({"payload": one}).messages[0] for one in (header, V0))
    assert isinstance(part.data, OrderChanged)
    assert isinstance(whole.data, OrderChanged)
    assert (part.data.complete, whole.data.complete) == (False, True)
    assert (part.data.lines, len(whole.data.lines)) == ((), 1)
    assert part.key != whole.key
    assert (part.entity, part.version) == (whole.entity, whole.version)


def test_cases_of_a_vendor_order_are_counted_in_pieces() -> None:
    document = json.loads((FIXTURES / "file.vendor_order__page.json").read_bytes())
    placed, changed = told(filed(document))
    assert isinstance(placed, OrderPlaced)
    assert isinstance(changed, OrderChanged)
    assert [line.quantity.value for line in placed.lines] == [72, 40]


@pytest.mark.parametrize("wrap", [False, True])
def test_a_thin_notification_asks_for_its_order(wrap: bool) -> None:
    event = {"detail-type": "ORDER_CHANGE", "detail": CHANGE} if wrap else CHANGE
    outcome = filed(event)
    assert outcome.fetches == (Fetch(kind="fetch/order", object_id="305-1111111-2222222"),)
    assert outcome.delivery_key.endswith(CHANGE["NotificationMetadata"]["NotificationId"])


def test_an_unknown_notification_is_dead() -> None:
    outcome = filed({**CHANGE, "NotificationType": "ORDER_TELEPORTED"})
    assert (outcome.outcome, outcome.problems[0].code) == ("dead", "unknown_kind")


def test_a_later_milestone_tells_the_earlier_ones_again_as_the_same_facts() -> None:
    path = FIXTURES / "notification.shipment_tracking_milestone_changed__delivered.json"
    whole = json.loads(path.read_bytes())
    earlier = copy.deepcopy(whole)
    detail = earlier["payload"]["shipmentTrackingMilestoneChangedNotification"]["trackingDetail"]
    del detail["milestoneHistory"][0]
    keys = [{message.key for message in filed(one).messages} for one in (earlier, whole)]
    assert keys[0] < keys[1]


def test_a_refused_parcel_is_the_customers_doing() -> None:
    document = json.loads((FIXTURES / "file.package_tracking__delivered.json").read_bytes())
    events = [one for one in told(filed(document)) if isinstance(one, DeliveryStatusChanged)]
    assert [(one.status, one.reason_class, one.terminal) for one in events] == [
        (DeliveryStatus.DELIVERED, None, True),
        (DeliveryStatus.IN_TRANSIT, None, False),
        (DeliveryStatus.FAILED, ReasonClass.CUSTOMER_ISSUE, False),
    ]


def test_pieces_of_one_item_in_one_package_are_one_line() -> None:
    path = FIXTURES / "fetch.fulfillment_order__two_packages.json"
    document = json.loads(path.read_bytes())
    facts = told(filed(document))
    lines = [(one.line.shipped.value, one.line.serials, one.tracking_numbers) for one in facts]
    assert lines == [(2, ("SN-1", "SN-2"), ("1ZEXAMPLE000000001",)), (2, (), ())]


def test_one_item_in_two_packages_is_two_lines_of_one_order_line() -> None:
    path = FIXTURES / "fetch.fulfillment_order__two_packages.json"
    found = filed(json.loads(path.read_bytes()))
    lines = [(one.line.line_id, one.line.order_line_id) for one in told(found)]
    assert lines == [("L1-900001", "L1"), ("L1-900002", "L1")]
    # The key names package and item as it always did: a line told before is not a second one.
    assert [message.key.text for message in found.messages] == [
        "shipment/amazon/acme/Dxmpl001/package-900001/L1/2/shipped",
        "shipment/amazon/acme/Dxmpl001/package-900002/L1/2/shipped",
    ]


def test_only_the_relay_may_send() -> None:
    secret = Secret("relay", b"shared")
    arrival = {"account": "acme", "received_at": RECEIVED}
    genuine = RawMessage(b"{}", headers={"x-amz-relay-token": "shared"}, **arrival)  # type: ignore[arg-type]
    assert CONNECTOR.verify(genuine, [secret]) is secret
    for headers in ({}, {"x-amz-relay-token": ""}, {"x-amz-relay-token": "Shared"}):
        with pytest.raises(Rejected):
            CONNECTOR.verify(RawMessage(b"{}", headers=headers, **arrival), [secret])  # type: ignore[arg-type]


@pytest.mark.parametrize("document", [[], [1], {}, {"orders": []}, {"order": 1}, {"payload": []}])
def test_other_documents_are_not_amazons(document: Any) -> None:
    assert filed(document).problems[0].code == "unidentified"


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=12), st.just([]), st.just({})
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from([*ORDER, *V0]), value=values, kind=st.sampled_from(["", "poll/order"]))
def test_any_value_in_any_field(field: str, value: Any, kind: str) -> None:
    for document in ({"order": order(**{field: value})}, {"payload": {**V0, field: value}}):
        body = json.dumps(document).encode()
        headers = {"x-gateway-kind": kind} if kind else {}
        raw = RawMessage(body, account="acme", received_at=RECEIVED, headers=headers)
        try:
            identity = CONNECTOR.identify(raw)
            if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
                list(CONNECTOR.translate(raw, identity))
        except (GatewayError, ValidationError):
            pass  # The second is what the pipeline maps to `invalid_value`.
