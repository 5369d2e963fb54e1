"""What Square is asked for: an order a thin event named, and the orders changed since.

Source: Square API reference, RetrieveOrder (`GET /v2/orders/{id}`), SearchOrders
(`POST /v2/orders/search`), access tokens and the Square-Version header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical.errors import Malformed, Unsupported
from connectors.fetching import Answer, Caller, Fetch, Found, Page, Poll, Request, Turn
from connectors.kit.json_body import as_list, as_object, join, json_text, read_json_object, text

API_VERSION = "2025-01-23"
POLLED = "poll/order"
FETCHED = "fetch/order"

_HOSTS = {
    "production": "connect.squareup.com",
    "sandbox": "connect.squareupsandbox.com",
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,192}", re.ASCII)
_MOST_LOCATIONS = 10
_PAGE = 500


def fetch(caller: Caller, wanted: Fetch) -> Request:
    """The request for one order.

    Raises Unsupported for a kind that cannot be fetched, Malformed for an id that is none.
    """
    if wanted.kind != FETCHED:
        raise Unsupported(f"{wanted.kind[:40]!r} cannot be fetched", code="unknown_kind")
    if not _ID.fullmatch(wanted.object_id):
        raise Malformed(f"{wanted.object_id[:40]!r} is not an id", code="bad_id", path=wanted.at)
    return Request(
        url=f"https://{_host(caller.options)}/v2/orders/{wanted.object_id}",
        headers=_headers(caller),
    )


def begin(turn: Turn) -> Request:
    """The first page of the orders changed since; raises Malformed without `location_ids`."""
    return _search(turn, None)


def read(turn: Turn, answer: Answer) -> Page:
    """A page of orders, oldest change first, and the request for the page behind it.

    Raises Malformed for an answer that is not one of SearchOrders.
    """
    document = read_json_object(answer.body)
    if document.get("errors"):
        raise Malformed("the answer tells errors", code="bad_answer", path="errors")
    listed = as_list(document.get("orders"), "orders")
    orders = [as_object(order, join("orders", index)) for index, order in enumerate(listed)]
    found = tuple(Found(body=_body({"order": order}), kind=POLLED) for order in orders)
    cursor = text(document, "cursor")
    return Page(found=found, next=_search(turn, cursor) if cursor else None)


def check_options(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an account's options, a line each."""
    if options.get("environment", "production") not in _HOSTS:
        yield "environment must be production or sandbox"
    if "location_ids" in options:
        try:
            _locations(options)
        except Malformed as error:
            yield str(error)


ORDERS = Poll(name="orders", begin=begin, read=read, every=timedelta(minutes=5))


def _search(turn: Turn, cursor: str | None) -> Request:
    changed = {"start_at": _stamp(turn.since), "end_at": _stamp(turn.now)}
    search: dict[str, Any] = {
        "location_ids": _locations(turn.caller.options),
        "query": {
            # Square wants the sort to be by the field that is filtered.
            "filter": {"date_time_filter": {"updated_at": changed}},
            "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        },
        "limit": _PAGE,
        "return_entries": False,
    }
    if cursor:
        search["cursor"] = cursor
    return Request(
        url=f"https://{_host(turn.caller.options)}/v2/orders/search",
        method="POST",
        headers={**_headers(turn.caller), "content-type": "application/json"},
        body=json.dumps(search, separators=(",", ":")).encode(),
    )


def _headers(caller: Caller) -> dict[str, str]:
    return {
        "authorization": f"Bearer {caller.credential}",
        "square-version": API_VERSION,
        "accept": "application/json",
    }


def _host(options: Mapping[str, Any]) -> str:
    environment = str(options.get("environment", "production"))
    if environment not in _HOSTS:
        raise Malformed("environment must be production or sandbox", code="bad_option")
    return _HOSTS[environment]


def _locations(options: Mapping[str, Any]) -> list[str]:
    listed = options.get("location_ids")
    if not isinstance(listed, list | tuple) or not 1 <= len(listed) <= _MOST_LOCATIONS:
        raise Malformed("location_ids must list 1 to 10 ids", code="bad_option")
    if not all(isinstance(one, str) and _ID.fullmatch(one) for one in listed):
        raise Malformed("location_ids has something that is not an id", code="bad_option")
    return list(listed)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(document: dict[str, Any]) -> bytes:
    return json_text(document).encode()
