"""Amazon: what is asked for, and what is read out of the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.amazon import CONNECTOR
from connectors.fetching import Answer, Caller, Fetch, Page, Turn
from connectors.kit.json_body import read_json
from connectors.raw import RawMessage
from connectors.translation import dry_run

(ORDERS,) = CONNECTOR.polls
SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
OPTIONS: dict[str, Any] = {"region": "eu", "marketplace_ids": ["A1PA6795UKMFR9", "A13V1IB3VIYZZH"]}


def caller(**options: Any) -> Caller:
    return Caller(account="acme", options={**OPTIONS, **options}, credential="Atza|invented")


def turn(cursor: str | None = None) -> Turn:
    return Turn(caller=caller(), cursor=cursor, since=SINCE, now=NOW)


def answered(document: Any, cursor: str | None = None) -> Page:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ORDERS.read(turn(cursor), Answer(status=200, headers={}, body=body))


def test_a_turn_begins_with_the_orders_changed_since_the_last() -> None:
    request = ORDERS.begin(turn())
    assert request.url == "https://sellingpartnerapi-eu.amazon.com/orders/2026-01-01/orders"
    assert request.params["lastUpdatedAfter"] == "2026-03-02T09:00:00Z"
    assert request.params["marketplaceIds"] == "A1PA6795UKMFR9,A13V1IB3VIYZZH"
    assert request.headers["x-amz-access-token"] == "Atza|invented"
    assert "FULFILLMENT" in request.params["includedData"].split(",")
    assert "Atza|invented" not in f"{request.url}{request.params}"


def test_amazons_own_clock_counts_where_it_is_behind() -> None:
    behind, ahead = "2026-03-02T09:10:00Z", "2026-03-02T09:18:00Z"
    asked = [ORDERS.begin(turn(at)).params["lastUpdatedAfter"] for at in (behind, ahead)]
    assert asked == ["2026-03-02T08:55:00Z", "2026-03-02T09:00:00Z"]


def test_each_order_of_a_page_is_a_document_of_its_own() -> None:
    page = answered({"orders": [{"orderId": "a"}, {"orderId": "b"}]})
    assert [(one.kind, json.loads(one.body)) for one in page.found] == [
        ("poll/order", {"order": {"orderId": "a"}}),
        ("poll/order", {"order": {"orderId": "b"}}),
    ]


def test_the_next_page_is_asked_for_with_the_same_parameters() -> None:
    first = ORDERS.begin(turn("2026-03-02T09:10:00Z"))
    document = {"orders": [], "pagination": {"nextToken": "x/=="}, "lastUpdatedBefore": "never"}
    page = answered(document, cursor="2026-03-02T09:10:00Z")
    assert page.next is not None
    assert page.next.params == {**first.params, "paginationToken": "x/=="}
    assert page.cursor == "2026-03-02T09:10:00Z"


@pytest.mark.parametrize("pagination", [{}, {"pagination": {}}, {"pagination": None}])
def test_the_last_page_ends_the_turn_where_amazon_says(pagination: dict[str, Any]) -> None:
    page = answered({"orders": [], "lastUpdatedBefore": "2026-03-02T09:18:00.500Z", **pagination})
    assert (page.found, page.next, page.cursor) == ((), None, "2026-03-02T09:18:00Z")
    assert answered({"orders": []}).cursor == "2026-03-02T09:20:00Z"


def test_numbers_of_an_order_keep_their_digits() -> None:
    body = b'{"orders": [{"value": 1.10, "id": 12345678901234567890123, "name": "\xc3\xbc\\n"}]}'
    (found,) = answered(body).found
    assert b"1.10" in found.body
    assert read_json(found.body)["order"] == read_json(body)["orders"][0]


def test_a_bad_order_does_not_hold_up_the_page() -> None:
    page = answered({"orders": ["what?", {"orderId": "b"}]})
    raw = RawMessage(
        page.found[0].body,
        account="acme",
        received_at=NOW,
        headers={"x-gateway-kind": page.found[0].kind},
    )
    assert len(page.found) == 2
    assert dry_run(CONNECTOR, raw).outcome == "dead"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"errors": []}',
        b'{"orders": {}}',
        b'{"orders": [], "pagination": 1}',
        b'{"orders": [], "pagination": {"nextToken": []}}',
        b'{"orders": [], "lastUpdatedBefore": "soon"}',
    ],
)
def test_an_answer_that_is_no_page_of_orders_fails_the_turn(body: bytes) -> None:
    with pytest.raises(Malformed):
        answered(body)


def test_objects_are_fetched_from_our_own_templates() -> None:
    assert CONNECTOR.fetch is not None
    wishes = {
        Fetch(kind="fetch/order", object_id="305-1-2"): "/orders/2026-01-01/orders/305-1-2",
        Fetch(kind="fetch/fulfillment_order", object_id="WEB 7/../x?y"): (
            "/fba/outbound/2020-07-01/fulfillmentOrders/WEB%207%2F..%2Fx%3Fy"
        ),
    }
    for wish, path in wishes.items():
        request = CONNECTOR.fetch(caller(), wish)
        assert request.url == f"https://sellingpartnerapi-eu.amazon.com{path}"


@pytest.mark.parametrize(
    "wish",
    [
        Fetch(kind="fetch/everything", object_id="1"),
        Fetch(kind="fetch/order", object_id=".."),
        Fetch(kind="fetch/order", object_id=""),
        Fetch(kind="fetch/order", object_id="9" * 300),
    ],
)
def test_what_cannot_be_asked_for_is_refused(wish: Fetch) -> None:
    assert CONNECTOR.fetch is not None
    with pytest.raises(Unsupported):
        CONNECTOR.fetch(caller(), wish)


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        ({}, 0),
        (OPTIONS, 0),
        ({"region": "mars"}, 1),
        ({"region": "example.com/"}, 1),
        ({"marketplace_ids": "A1PA6795UKMFR9"}, 1),
        ({"marketplace_ids": ["a b"], "region": 7, "report_encoding": 8}, 3),
        ({"marketplace_ids": ["A1PA6795UKMFR9"] * 51}, 1),
    ],
)
def test_options_are_checked(options: dict[str, Any], faults: int) -> None:
    assert CONNECTOR.check_options is not None
    assert len(list(CONNECTOR.check_options(options))) == faults


def test_without_a_region_nothing_is_asked() -> None:
    with pytest.raises(GatewayError, match="region"):
        ORDERS.begin(
            Turn(
                caller=Caller(account="acme", options={}, credential="x"),
                cursor=None,
                since=SINCE,
                now=NOW,
            )
        )
