"""Message rows for tests of the streams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from canonical.order import OrderPlaced
from canonical.payload import schema_uri


@dataclass(frozen=True)
class Row:
    """A message row as the relay gets it."""

    message_id: str
    receipt_id: int = 4711
    key: str = "order/exampleshop/acme/1"
    type: str = OrderPlaced.TYPE
    source: str = "/exampleshop/acme"
    subject: str = "order/1"
    occurred_at: datetime = datetime(2026, 3, 2, 10, tzinfo=UTC)
    version: str | None = None
    correlation: str = "exampleshop/acme/order/1"
    partition_key: str = "exampleshop/acme/order/1"
    traceparent: str | None = None
    schema_uri: str = schema_uri(OrderPlaced)
    data: str = '{"order_id":"1","channel":"exampleshop","account":"acme"}'
    destinations: tuple[str, ...] = ("o2c.order",)


def orders(count: int, *, first: int = 1) -> list[Row]:
    """Rows of as many different orders."""
    return [
        Row(
            message_id=f"00000000-0000-8000-8000-{number:012d}",
            key=f"order/exampleshop/acme/{number}",
            subject=f"order/{number}",
            data=f'{{"order_id":"{number}","channel":"exampleshop","account":"acme"}}',
        )
        for number in range(first, first + count)
    ]
