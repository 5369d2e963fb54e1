"""Asking Amazon: orders changed since the last turn, and single objects that events name.

Source: Selling Partner API models Orders 2026-01-01 (searchOrders, getOrder) and Fulfillment
Outbound 2020-07-01 (getFulfillmentOrder); endpoints by region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from canonical.errors import Malformed, Unsupported
from connectors.fetching import Answer, Caller, Fetch, Found, Page, Poll, Request, Turn
from connectors.kit.json_body import as_list, as_object, json_text, read_json_object, text
from connectors.kit.times import moment_of

_REGIONS = frozenset(("na", "eu", "fe"))
_MARKETPLACE = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)
_MAX_MARKETPLACES = 50
_PER_PAGE = "100"
_OVERLAP = timedelta(minutes=15)
_INCLUDED = "BUYER,RECIPIENT,PROCEEDS,CANCELLATION,FULFILLMENT,PACKAGES,FULFILLMENT_ORDERS"
_ORDERS = "/orders/2026-01-01/orders"
_PATHS = {
    "fetch/order": (f"{_ORDERS}/", {"includedData": _INCLUDED}),
    "fetch/fulfillment_order": ("/fba/outbound/2020-07-01/fulfillmentOrders/", {}),
}


def begin(turn: Turn) -> Request:
    """The first page of the orders changed since the last turn. Raises Unsupported."""
    params = {
        "lastUpdatedAfter": _shown(_since(turn)),
        "maxResultsPerPage": _PER_PAGE,
        "includedData": _INCLUDED,
    }
    marketplaces = _marketplaces(turn.caller.options)
    if marketplaces:
        params["marketplaceIds"] = ",".join(marketplaces)
    return _request(turn.caller, _ORDERS, params)


def read(turn: Turn, answer: Answer) -> Page:
    """The orders of a page, each a document of its own.

    The cursor is the time up to which Amazon says it has answered, from the last page; where it
    does not say, our own. Raises Malformed for anything but a page of orders.
    """
    document = read_json_object(answer.body)
    if document.get("orders") is None:
        raise Malformed("the answer has no orders", code="missing_field", path="orders")
    found = tuple(
        Found(body=json_text({"order": order}).encode(), kind="poll/order")
        for order in as_list(document["orders"], "orders")
    )
    pagination = as_object(document.get("pagination") or {}, "pagination")
    token = text(pagination, "nextToken", "pagination")
    if token is not None:
        # Everything but the token has to be as in the request that began the turn.
        first = begin(turn)
        following = _request(turn.caller, _ORDERS, {**first.params, "paginationToken": token})
        return Page(found=found, next=following, cursor=turn.cursor)
    answered = text(document, "lastUpdatedBefore")
    return Page(found=found, cursor=_shown(moment_of(answered) if answered else turn.now))


ORDERS = Poll(name="orders", begin=begin, read=read, overlap=_OVERLAP)


def fetch(caller: Caller, wish: Fetch) -> Request:
    """The request for one object. Raises Unsupported for a kind or id that cannot be asked for."""
    if wish.kind not in _PATHS:
        raise Unsupported(f"{wish.kind[:60]!r} cannot be fetched", code="unknown_kind")
    path, params = _PATHS[wish.kind]
    if wish.object_id.strip(".") == "" or len(wish.object_id) > 200:
        raise Unsupported("the id cannot stand in an address", code="bad_id")
    return _request(caller, path + quote(wish.object_id, safe=""), params)


def check_options(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an account's options; only polling and fetching need the region."""
    for check in (_host, _marketplaces) if "region" in options else (_marketplaces,):
        try:
            check(options)
        except Unsupported as error:
            yield str(error)
    encoding = options.get("report_encoding", "utf-8")
    if not isinstance(encoding, str):
        yield "report_encoding must be the name of an encoding, such as cp1252"


def _since(turn: Turn) -> datetime:
    """The end of the last turn by our clock or by Amazon's, whichever is earlier."""
    if turn.cursor is None:
        return turn.since
    return min(turn.since, moment_of(turn.cursor, "cursor") - _OVERLAP)


def _request(caller: Caller, path: str, params: Mapping[str, str]) -> Request:
    return Request(
        url=f"https://{_host(caller.options)}{path}",
        params=dict(params),
        headers={"x-amz-access-token": caller.credential, "accept": "application/json"},
    )


def _host(options: Mapping[str, Any]) -> str:
    region = options.get("region")
    if region not in _REGIONS:
        raise Unsupported("region must be na, eu or fe", code="bad_option", path="region")
    return f"sellingpartnerapi-{region}.amazon.com"


def _marketplaces(options: Mapping[str, Any]) -> list[str]:
    listed = options.get("marketplace_ids", [])
    usable = isinstance(listed, list) and all(
        isinstance(one, str) and _MARKETPLACE.fullmatch(one) for one in listed
    )
    if not usable or len(listed) > _MAX_MARKETPLACES:
        raise Unsupported(
            f"marketplace_ids must be a list of at most {_MAX_MARKETPLACES} marketplace ids",
            code="bad_option",
            path="marketplace_ids",
        )
    return list(listed)


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
