"""Square: what is asked for, and what an answer brings."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.fetching import Answer, Caller, Fetch, Request, Turn
from connectors.kit.json_body import read_json
from connectors.square import CONNECTOR

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
(ORDERS,) = CONNECTOR.polls


def caller(**options: Any) -> Caller:
    return Caller(account="acme", options=options, credential="an-invented-token")


def turn(**options: Any) -> Turn:
    asked = caller(location_ids=["LEXAMPLE00001"], **options)
    return Turn(caller=asked, cursor=None, since=NOW - timedelta(minutes=20), now=NOW)


def answer(document: Any) -> Answer:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status=200, headers={}, body=content)


def sent(request: Request) -> Any:
    assert request.body is not None
    return json.loads(request.body)


def fetch(wanted: Fetch, **options: Any) -> Request:
    assert CONNECTOR.fetch is not None
    return CONNECTOR.fetch(caller(**options), wanted)


def test_an_order_is_fetched_by_its_id() -> None:
    request = fetch(Fetch(kind="fetch/order", object_id="SqOrderA1"))
    assert request.method == "GET"
    assert request.url == "https://connect.squareup.com/v2/orders/SqOrderA1"
    assert request.headers["authorization"] == "Bearer an-invented-token"
    assert request.headers["square-version"]


def test_the_sandbox_has_its_own_host() -> None:
    wanted = Fetch(kind="fetch/order", object_id="SqOrderA1")
    request = fetch(wanted, environment="sandbox")
    assert request.url.startswith("https://connect.squareupsandbox.com/")
    with pytest.raises(Malformed):
        fetch(wanted, environment="staging")


@pytest.mark.parametrize("object_id", ["", "..", "a/b", "a?b", "a%2e", "é", "x" * 300, "a\n"])
def test_what_is_no_id_is_not_put_into_a_url(object_id: str) -> None:
    with pytest.raises(Malformed) as refused:
        fetch(Fetch(kind="fetch/order", object_id=object_id))
    assert refused.value.code == "bad_id"


def test_nothing_else_can_be_fetched() -> None:
    with pytest.raises(Unsupported):
        fetch(Fetch(kind="fetch/invoice", object_id="A1"))


def test_a_turn_asks_for_what_changed_since_the_last() -> None:
    request = ORDERS.begin(turn())
    assert request.method == "POST"
    assert request.url == "https://connect.squareup.com/v2/orders/search"
    search = sent(request)
    assert search["location_ids"] == ["LEXAMPLE00001"]
    changed = search["query"]["filter"]["date_time_filter"]["updated_at"]
    assert changed == {"start_at": "2026-03-02T09:40:00.000Z", "end_at": "2026-03-02T10:00:00.000Z"}
    assert search["query"]["sort"]["sort_field"] == "UPDATED_AT"
    assert "cursor" not in search


def test_pages_are_followed_by_their_cursor() -> None:
    page = ORDERS.read(turn(), answer({"orders": [{"id": "A1"}], "cursor": "page-2"}))
    assert page.next is not None
    following = sent(page.next)
    assert following.pop("cursor") == "page-2"
    assert following == sent(ORDERS.begin(turn()))
    assert ORDERS.read(turn(), answer({"orders": [{"id": "A2"}]})).next is None


def test_each_order_found_is_a_document_of_its_own() -> None:
    order = b'{"id":"A1","rate":0.10000000000000000001,"big":9007199254740993,"name":"caf\xc3\xa9"}'
    page = ORDERS.read(turn(), answer(b'{"orders":[' + order + b',{"id":"A2","x":[{},[],null]}]}'))
    assert [one.kind for one in page.found] == ["poll/order", "poll/order"]
    assert read_json(page.found[0].body) == {"order": read_json(order)}
    assert read_json(page.found[1].body) == {"order": {"id": "A2", "x": [{}, [], None]}}


def test_an_empty_page_ends_the_turn() -> None:
    page = ORDERS.read(turn(), answer({}))
    assert page.found == ()
    assert page.next is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"orders": {}}',
        b'{"orders": [7]}',
        b'{"cursor": {}}',
        b'{"errors": [{"code": "RATE_LIMITED"}]}',
    ],
)
def test_an_unreadable_answer_fails_the_turn(body: bytes) -> None:
    with pytest.raises(Malformed):
        ORDERS.read(turn(), answer(body))


@pytest.mark.parametrize("listed", [None, [], "L1", ["L1"] * 11, [7], ["a/b"]])
def test_without_usable_locations_nothing_is_asked(listed: Any) -> None:
    asked = Turn(caller=caller(location_ids=listed), cursor=None, since=NOW, now=NOW)
    with pytest.raises(Malformed) as refused:
        ORDERS.begin(asked)
    assert refused.value.code == "bad_option"


def test_options_are_checked_in_words() -> None:
    assert CONNECTOR.check_options is not None
    assert not list(CONNECTOR.check_options({}))
    assert not list(CONNECTOR.check_options({"location_ids": ["L1"], "environment": "sandbox"}))
    assert len(list(CONNECTOR.check_options({"location_ids": [], "environment": "test"}))) == 2


@given(st.binary(max_size=200))
def test_any_answer_gives_our_own_errors(body: bytes) -> None:
    with contextlib.suppress(GatewayError):
        ORDERS.read(turn(), answer(body))
