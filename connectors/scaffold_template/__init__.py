"""The texts a new connector starts from; words behind a dollar sign are filled in."""

MANIFEST = """\
name = "$name"
title = "$title"
family = "$family"
transports = ["webhook"]
kinds = ["order.created"]
ignored_kinds = ["ping"]
emits = ["o2c.order.placed"]
signature = "hex HMAC-SHA256 of the raw body"
"""

INIT = '''\
"""$title: orders by signed webhook."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Identity, Manifest
from connectors.kit.json_body import as_object, required_text
from connectors.kit.signatures import header, hmac_hex
from connectors.raw import RawMessage
from connectors.secret import Secret

from .translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Hex HMAC-SHA256 of the raw body. Raises Rejected."""
    return hmac_hex(raw.body, [header(raw.headers, SIGNATURE)], secrets)


def identify(raw: RawMessage) -> Identity | None:
    """The event's type and its own id. Raises Malformed."""
    event = as_object(raw.json())
    if "event" not in event:
        return None
    return Identity(required_text(event, "event"), required_text(event, "event_id"))


SIGNATURE = "x-$header-signature"
CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
)
'''

TRANSLATE = '''\
"""What $title says about an order, in canonical form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical import Identifier, Item, Key, Message, Version
from canonical.order import OrderLine, OrderPlaced, OrderTotals
from connectors.contract import Identity
from connectors.kit.decimals import money_of, quantity_of
from connectors.kit.json_body import as_list, as_object, join, required_text
from connectors.kit.times import moment_of
from connectors.raw import RawMessage

NAME = "$name"


def translate(raw: RawMessage, _identity: Identity) -> Iterator[Item]:
    """One order.placed. Raises Malformed or Unsupported for an order beyond use."""
    event = as_object(raw.json())
    order = as_object(event.get("order"), "order")
    order_id = required_text(order, "id", "order")
    placed_at = moment_of(required_text(order, "placed_at", "order"), "order.placed_at")
    version = Version.at(placed_at)
    chain = f"{NAME}/{raw.account}/order/{order_id}"
    yield Message(
        key=Key.of("order", NAME, raw.account, order_id, version.text),
        data=OrderPlaced(
            order_id=order_id,
            channel=NAME,
            account=raw.account,
            currency=required_text(order, "currency", "order"),
            placed_at=placed_at,
            lines=tuple(_lines(order)),
            totals=OrderTotals(
                total=money_of(order.get("total"), order.get("currency"), "order.total")
            ),
            references=(Identifier(scheme=f"{NAME}:order", value=order_id),),
        ),
        occurred_at=placed_at,
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        entity=Key.of("order", NAME, raw.account, order_id),
        version=version,
    )


def _lines(order: Mapping[str, Any]) -> Iterator[OrderLine]:
    for number, entry in enumerate(as_list(order.get("lines"), "order.lines")):
        path = join("order.lines", number)
        line = as_object(entry, path)
        yield OrderLine(
            line_id=required_text(line, "id", path),
            sku=required_text(line, "sku", path),
            quantity=quantity_of(line.get("quantity"), path=join(path, "quantity")),
            unit_price=money_of(line.get("price"), order.get("currency"), join(path, "price")),
        )
'''

README = """\
# $title

Say here what $title is and which of its documents this connector follows.

## What is supported

| kind | messages |
|---|---|
| `order.created` | `o2c.order.placed` |

## Identity and version

The delivery key is `event_id`. An order is `order.id`; its version is `order.placed_at`.

## Signature

Header `x-$header-signature`: HMAC-SHA256 of the raw body with the account's secret, hexadecimal.

## Delivery habits

Say here how often and how long $title retries, and whether deliveries come in order.

## Options

None.

## What is ignored, and why

`ping`: sent when the webhook is set up.

## Sources

Name here the documents this was written from, with their version or date.
"""

BODY = """\
{
  "event": "order.created",
  "event_id": "evt-0001",
  "order": {
    "id": "SO-1001",
    "placed_at": "2026-03-02T10:00:00Z",
    "currency": "EUR",
    "total": "59.80",
    "lines": [
      {"id": "1", "sku": "MUG-BLUE", "quantity": 2, "price": "29.90"}
    ]
  }
}
"""
