"""What ShipBob is asked for: orders changed since, and returns completed since.

Source: ShipBob API reference, Get Orders (`LastUpdateStartDate`, pages by `Page`), Get Return
Orders (`CompletedStartDate`, pages by `Cursor`), headers `shipbob_channel_id`, `Page-Number`,
`Total-Pages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from canonical.errors import Malformed
from connectors.fetching import Answer, Found, Page, Poll, Request, Turn
from connectors.kit.json_body import as_list, as_object, join, json_text, read_json, text

_HOSTS = {"production": "api.shipbob.com", "sandbox": "sandbox-api.shipbob.com"}
_VERSION = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])|[12]\.0", re.ASCII)
_DEFAULT_VERSION = "2026-01"
_CHANNEL = re.compile(r"[0-9]{1,20}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_PAGE_SIZE = 250


def begin_orders(turn: Turn) -> Request:
    """The first page of the orders changed since. Raises Malformed for an unusable option."""
    return _orders(turn, 1)


def begin_returns(turn: Turn) -> Request:
    """The first page of the returns completed since. Raises Malformed for an unusable option."""
    return _returns(turn, 1)


def read_orders(turn: Turn, answer: Answer) -> Page:
    """A page of orders and the request for the one behind it. Raises Malformed."""
    following = _following(answer)
    found = _found(answer, "poll/order")
    return Page(found=found, next=_orders(turn, following) if following else None)


def read_returns(turn: Turn, answer: Answer) -> Page:
    """A page of returns and the request for the one behind it. Raises Malformed."""
    following = _following(answer)
    found = _found(answer, "poll/return")
    return Page(found=found, next=_returns(turn, following) if following else None)


def check_options(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an account's options, a line each."""
    for check in (_host, _version, _channel):
        try:
            check(options)
        except Malformed as error:
            yield str(error)


ORDERS = Poll(name="orders", begin=begin_orders, read=read_orders, every=timedelta(minutes=10))
RETURNS = Poll(name="returns", begin=begin_returns, read=read_returns, every=timedelta(minutes=30))


def _orders(turn: Turn, page: int) -> Request:
    asked = {
        "LastUpdateStartDate": _stamp(turn.since),
        "LastUpdateEndDate": _stamp(turn.now),
        "SortOrder": "Oldest",
        "Limit": str(_PAGE_SIZE),
        "Page": str(page),
    }
    return _request(turn, "order", asked)


def _returns(turn: Turn, page: int) -> Request:
    asked = {
        "CompletedStartDate": _stamp(turn.since),
        "CompletedEndDate": _stamp(turn.now),
        "SortOrder": "Asc",
        "Limit": str(_PAGE_SIZE),
        "Cursor": str(page),
    }
    return _request(turn, "return", asked)


def _request(turn: Turn, what: str, asked: dict[str, str]) -> Request:
    options = turn.caller.options
    headers = {
        "authorization": f"Bearer {turn.caller.credential}",
        "accept": "application/json",
    }
    channel = _channel(options)
    if channel:
        headers["shipbob_channel_id"] = channel
    url = f"https://{_host(options)}/{_version(options)}/{what}"
    return Request(url=url, params=asked, headers=headers)


def _found(answer: Answer, kind: str) -> tuple[Found, ...]:
    records = [
        as_object(record, join("items", index)) for index, record in enumerate(_records(answer))
    ]
    return tuple(Found(body=json_text(record).encode(), kind=kind) for record in records)


def _records(answer: Answer) -> list[Any]:
    document = read_json(answer.body)
    if isinstance(document, list):
        return document
    page = as_object(document)
    if "items" not in page:
        raise Malformed("the answer is no page", code="bad_answer", path="items")
    return as_list(page["items"], "items")


def _following(answer: Answer) -> int | None:
    """The number of the next page: by the headers, or by the number in the body's `next`.

    Raises Malformed for a full page that does not tell whether there is another: rather no end
    to this turn than orders that are never seen.
    """
    page = _number(answer.headers, "page-number")
    pages = _number(answer.headers, "total-pages")
    if page is not None and pages is not None:
        return page + 1 if page < pages else None
    document = read_json(answer.body)
    if isinstance(document, dict):
        return _number_in(text(document, "next"))
    if len(_records(answer)) >= _PAGE_SIZE:
        raise Malformed("a full page without a page number", code="bad_answer")
    return None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "").strip()
    return int(value) if _NUMBER.fullmatch(value) else None


def _number_in(link: str | None) -> int | None:
    # The link itself is never called, only its page number is taken out of it.
    if link is None:
        return None
    try:
        asked = parse_qs(urlsplit(link).query)
    except ValueError:
        asked = {}
    numbers = [
        value for name in ("Cursor", "cursor", "Page", "page") for value in asked.get(name, [])
    ]
    if not numbers or not _NUMBER.fullmatch(numbers[0]):
        raise Malformed("the next page has no number", code="bad_answer", path="next")
    return int(numbers[0])


def _host(options: Mapping[str, Any]) -> str:
    environment = str(options.get("environment", "production"))
    if environment not in _HOSTS:
        raise Malformed("environment must be production or sandbox", code="bad_option")
    return _HOSTS[environment]


def _version(options: Mapping[str, Any]) -> str:
    version = str(options.get("api_version", _DEFAULT_VERSION))
    if not _VERSION.fullmatch(version):
        raise Malformed("api_version must be a version like 2026-01", code="bad_option")
    return version


def _channel(options: Mapping[str, Any]) -> str | None:
    channel = options.get("channel_id")
    if channel is None:
        return None
    if not _CHANNEL.fullmatch(str(channel)):
        raise Malformed("channel_id must be a number", code="bad_option")
    return str(channel)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
