"""A company's senders on a bad day: what they send, and thousands of failures of five causes."""

from __future__ import annotations

import concurrent.futures
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from connectors.scaffold import scaffold
from tests.acceptance.payloads import order, shop_request

PORTAL_SECRET = "acceptance-portal-secret"
TILL_SECRET = "acceptance-till-secret"
SECRETS = {"PORTAL_SECRET": PORTAL_SECRET, "TILL_SECRET": TILL_SECRET}

GOOD, SOLD = 20, 100
"""Orders nothing is wrong with, and those whose amounts the till's connector takes from the wrong
field."""


@dataclass(frozen=True)
class Causes:
    """How many failures have which cause."""

    unmapped: int
    """A unit no table knows."""
    misnamed: int
    """EURO for EUR."""
    mistyped: int
    """The letter O in an amount."""
    unreadable: int
    """Documents the till's connector cannot read."""
    tests: int
    """A test's events."""

    @property
    def counts(self) -> list[int]:
        return [self.unmapped, self.misnamed, self.mistyped, self.unreadable, self.tests]

    @property
    def published(self) -> int:
        """Facts at the day's end; beside them as many corrections as there are `SOLD`, and one."""
        return GOOD + 1 + SOLD + sum(self.counts) - self.tests


FOUR_THOUSAND = Causes(unmapped=1700, misnamed=1500, mistyped=1, unreadable=400, tests=399)
EIGHT_HUNDRED = Causes(unmapped=340, misnamed=300, mistyped=1, unreadable=80, tests=79)

CONFIGURATION = """
[[accounts]]
connector = "shopify"
account = "acme"
secrets = ["env:SHOP_SECRET"]

[[accounts]]
connector = "till"
account = "store-7"
secrets = ["env:TILL_SECRET"]

[[accounts]]
connector = "mapping"
account = "portal"
secrets = ["env:PORTAL_SECRET"]

[accounts.options]
format = "json"
signature = "hmac-sha256-hex"
signature_header = "X-Portal-Signature"
delivery_key_field = "event"
currency = "currency"
key = ["order_no"]
emits = "o2c.order.placed"

[accounts.options.fields]
"order_id" = "order_no"
"currency" = "currency"
"placed_at" = "created"
"totals.total" = "gross"

[accounts.options.fields.lines]
each = "items"

[accounts.options.fields.lines.fields]
"line_id" = "pos"
"sku" = "article"
"quantity" = { quantity = "qty", unit = { code = "unit", codes = "unit" } }
"unit_price" = "price"

[accounts.options.codes.unit]
piece = "EA"
"""
MENDED = CONFIGURATION + 'pallet = "PF"\n'

Sent = tuple[str, bytes, dict[str, str]]


def install_till(folder: Path) -> Path:
    """A connector as another distribution installs one; its folder belongs on PYTHONPATH.

    Its first release takes an order's amount from `total`, which is net, and often not there.
    """
    folder.mkdir()
    scaffold("till", family="pos", folder=folder)
    described = folder / "till-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: till\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[o2c_gateway.connectors]\ntill = till:CONNECTOR\n")
    return folder


def release_mended_till(folder: Path) -> None:
    """The second release takes the amount from `gross`."""
    module = folder / "till" / "translate.py"
    written = module.read_text()
    assert 'order.get("total")' in written
    module.write_text(written.replace('order.get("total")', 'order.get("gross")'))


def _till(number: int, **amounts: str) -> Sent:
    document = {
        "event": "order.created",
        "event_id": f"till-{number}",
        "order": {
            "id": f"T-{number}",
            "placed_at": "2026-03-02T08:30:00Z",
            "currency": "EUR",
            "gross": "119.00",
            **amounts,
            "lines": [{"id": "1", "sku": "LAMP-WAL", "quantity": "1", "price": "119.00"}],
        },
    }
    body = json.dumps(document).encode()
    signature = hmac.digest(TILL_SECRET.encode(), body, "sha256").hex()
    return "/in/till/store-7", body, {"x-till-signature": signature}


def _portal(number: int, unit: str) -> Sent:
    document = {
        "event": f"portal-{number}",
        "order_no": f"P-{number}",
        "currency": "EUR",
        "created": "2026-03-02T08:00:00Z",
        "gross": "59.50",
        "items": [{"pos": "1", "article": "A-1", "qty": "2", "unit": unit, "price": "29.75"}],
    }
    body = json.dumps(document).encode()
    signature = hmac.digest(PORTAL_SECRET.encode(), body, "sha256").hex()
    return "/in/mapping/portal", body, {"x-portal-signature": signature}


def _shop(number: int, old: str = "", new: str = "", topic: str = "orders/create") -> Sent:
    body = json.dumps(order(number)).replace(old, new).encode() if old else None
    document = order(number) if body is None else body
    return shop_request(document, topic, event=f"{topic}-{number}-{len(new)}")


def failing(causes: Causes) -> Iterator[Sent]:
    """What cannot be translated, cause by cause."""
    yield from (_portal(number, "pallet") for number in range(causes.unmapped))
    yield from (_shop(10_000 + number, '"EUR"', '"EURO"') for number in range(causes.misnamed))
    yield from (_shop(20_000 + number, "120.00", "12O.00") for number in range(causes.mistyped))
    yield from (_till(1000 + number) for number in range(causes.unreadable))
    yield from (_shop(30_000 + at, topic="orders/load_tested") for at in range(causes.tests))


def passing() -> Iterator[Sent]:
    """What is published at once: right, or as the till's connector reads it."""
    yield from (_shop(number) for number in range(1, GOOD + 2))
    yield from (_till(number, total="100.00") for number in range(SOLD))


def contradicting() -> Sent:
    """Other content of an order that is known."""
    return _shop(1, "120.00", "99.00")


def send(address: str, requests: Sequence[Sent]) -> list[int]:
    """Post them from several connections; the status of each answer."""
    with (
        httpx.Client(base_url=address, timeout=60) as client,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):

        def post(one: Sent) -> int:
            path, body, headers = one
            return client.post(path, content=body, headers=headers).status_code

        return list(pool.map(post, requests))


@dataclass(frozen=True)
class Published:
    """What stands on the streams."""

    entries: list[dict[str, Any]]

    @property
    def facts(self) -> int:
        """Messages that correct nothing."""
        return sum("corrects" not in one for one in self.entries)

    @property
    def corrections(self) -> int:
        """Messages that correct another."""
        return len(self.entries) - self.facts

    @property
    def once(self) -> bool:
        """Whether no id and no key stands there twice."""
        ids = {one["id"] for one in self.entries}
        keys = {one["idempotencykey"] for one in self.entries}
        return len(ids) == len(keys) == len(self.entries)
