"""ShipBob: what is asked for, and what an answer brings."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed
from connectors.fetching import Answer, Caller, Turn
from connectors.kit.json_body import read_json
from connectors.shipbob import CONNECTOR

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ORDERS, RETURNS = CONNECTOR.polls


def turn(**options: Any) -> Turn:
    caller = Caller(account="acme", options=options, credential="an-invented-token")
    return Turn(caller=caller, cursor=None, since=NOW - timedelta(minutes=30), now=NOW)


def answer(document: Any, **headers: str) -> Answer:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=200, headers=named, body=content)


def test_orders_are_asked_for_by_their_change() -> None:
    request = ORDERS.begin(turn(channel_id=4711))
    assert request.method == "GET"
    assert request.url == "https://api.shipbob.com/2026-01/order"
    assert request.params["LastUpdateStartDate"] == "2026-03-02T09:30:00.000Z"
    assert request.params["LastUpdateEndDate"] == "2026-03-02T10:00:00.000Z"
    assert request.params["Page"] == "1"
    assert request.headers["authorization"] == "Bearer an-invented-token"
    assert request.headers["shipbob_channel_id"] == "4711"


def test_returns_are_asked_for_by_their_completion() -> None:
    request = RETURNS.begin(turn(environment="sandbox", api_version="2025-07"))
    assert request.url == "https://sandbox-api.shipbob.com/2025-07/return"
    assert request.params["CompletedStartDate"] == "2026-03-02T09:30:00.000Z"
    assert "shipbob_channel_id" not in request.headers


def test_pages_are_counted_by_the_headers() -> None:
    page = ORDERS.read(turn(), answer([{"id": 1}], page_number="2", total_pages="3"))
    assert page.next is not None
    assert page.next.params["Page"] == "3"
    assert {**page.next.params, "Page": "1"} == ORDERS.begin(turn()).params
    last = ORDERS.read(turn(), answer([{"id": 1}], page_number="3", total_pages="3"))
    assert last.next is None


def test_pages_are_counted_by_the_number_in_the_body() -> None:
    document = {
        "items": [{"id": 1}],
        "next": "https://elsewhere.example.com/return?Cursor=2&Limit=9",
    }
    page = RETURNS.read(turn(), answer(document))
    assert page.next is not None
    assert page.next.url == "https://api.shipbob.com/2026-01/return"
    assert page.next.params["Cursor"] == "2"
    assert RETURNS.read(turn(), answer({"items": [], "next": None})).next is None


def test_a_short_page_without_numbers_is_the_last() -> None:
    assert ORDERS.read(turn(), answer([{"id": 1}])).next is None


def test_a_full_page_without_numbers_fails_the_turn() -> None:
    with pytest.raises(Malformed) as refused:
        ORDERS.read(turn(), answer([{"id": number} for number in range(250)]))
    assert refused.value.code == "bad_answer"


def test_each_document_found_is_one_of_its_own() -> None:
    order = b'{"id":1,"financials":{"total_price":0.10000000000000000001},"name":"caf\xc3\xa9"}'
    page = ORDERS.read(turn(), answer(b"[" + order + b',{"id":2,"shipments":[]}]'))
    assert [one.kind for one in page.found] == ["poll/order", "poll/order"]
    assert read_json(page.found[0].body) == read_json(order)
    assert read_json(page.found[1].body) == {"id": 2, "shipments": []}
    returns = RETURNS.read(turn(), answer({"items": [{"id": 3}]}))
    assert [one.kind for one in returns.found] == ["poll/return"]


def test_an_empty_answer_ends_the_turn() -> None:
    for poll, document in ((ORDERS, []), (RETURNS, {"items": []})):
        page = poll.read(turn(), answer(document))
        assert page.found == ()
        assert page.next is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"7",
        b"[7]",
        b"{}",
        b'{"items": {}}',
        b'{"items": [], "next": "https://api.shipbob.com/x"}',
        b'{"items": [], "next": "http://[bad"}',
    ],
)
def test_an_unreadable_answer_fails_the_turn(body: bytes) -> None:
    for poll in (ORDERS, RETURNS):
        with pytest.raises(Malformed):
            poll.read(turn(), answer(body))


@pytest.mark.parametrize(
    "options",
    [
        {"environment": "elsewhere"},
        {"api_version": "../v"},
        {"api_version": "2026-13"},
        {"channel_id": "1\r\nx: y"},
    ],
)
def test_an_unusable_option_is_not_put_into_a_request(options: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        ORDERS.begin(turn(**options))
    assert refused.value.code == "bad_option"
    assert CONNECTOR.check_options is not None
    assert len(list(CONNECTOR.check_options(options))) == 1


def test_good_options_are_not_complained_of() -> None:
    assert CONNECTOR.check_options is not None
    good = {"environment": "sandbox", "api_version": "2.0", "channel_id": 12}
    assert not list(CONNECTOR.check_options(good))
    assert not list(CONNECTOR.check_options({}))


@given(st.binary(max_size=200))
def test_any_answer_gives_our_own_errors(body: bytes) -> None:
    for poll in (ORDERS, RETURNS):
        with contextlib.suppress(GatewayError):
            poll.read(turn(), answer(body))
