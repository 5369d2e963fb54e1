"""Deliveries, messages and translations to store, and short ways to store them."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from canonical.keys import Key, Version, message_id
from store.database import Database
from store.finding import audit
from store.ids import IdSource
from store.intake import inbox
from store.log import normalised
from store.records import (
    Accepted,
    Delivery,
    FailedRecord,
    Failure,
    NewMessage,
    Recorded,
    Translation,
)
from store.tables import messages, receipts

NOW = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
LEASE = timedelta(seconds=30)
LATER = NOW + timedelta(minutes=5)
IDS = IdSource(worker=7)
FAILURE = Failure(stage="translate", code="bad_total", path="total", message="not a total")


def delivery(key: str = "wh-1", body: bytes = b'{"id": 1}', **changes: Any) -> Delivery:
    """A delivery whose receipt nobody claims."""
    one = Delivery(
        receipt_id=IDS.next(),
        connector="shopify",
        account="acme",
        kind="orders/create",
        delivery_key=key,
        transport="http",
        received_at=NOW,
        headers={"x-topic": "orders/create"},
        filename=None,
        digest=hashlib.sha256(body).digest(),
        size=len(body),
        body=body,
        secret_name="current",
        traceparent=None,
        failure=None,
        ignored_reason=None,
        claimed_by="me",
        claimed_until=NOW,
    )
    return one._replace(**changes)


def message(
    fact: str = "1",
    content: str = "{}",
    *,
    position: int = 0,
    at: str = "",
    entity: str | None = None,
    version: int | None = None,
    destinations: tuple[str, ...] = ("o2c.order",),
) -> NewMessage:
    """A message about a fact; `content` is its data."""
    key = Key.of("order", "shopify", "acme", fact)
    held = None if entity is None else Key.of("order", "shopify", "acme", entity)
    return NewMessage(
        row_id=IDS.next(),
        position=position,
        message_id=message_id(key.digest),
        key=key.text,
        key_digest=key.digest,
        content_digest=hashlib.sha256(content.encode()).digest(),
        type="o2c.order.placed",
        source="/shopify/acme",
        subject=f"order/{fact}",
        occurred_at=NOW,
        entity=held.text if held else None,
        entity_digest=held.digest if held else None,
        version=None if version is None else Version.number(version).text,
        correlation=f"shopify/acme/order/{fact}",
        partition_key=f"shopify/acme/order/{fact}",
        schema_uri="urn:o2c:schema:o2c.order.placed:v1",
        data=content,
        destinations=destinations,
        references=(("shopify:order", fact),),
        at=at,
    )


def problem(at: str, *, position: int = 0, code: str = "bad_price") -> FailedRecord:
    """A record that could not become a message."""
    return FailedRecord(
        row_id=IDS.next(),
        dead_letter_id=IDS.next(),
        position=position,
        code=code,
        path="price",
        at=at,
        message="not a price",
    )


def translation(receipt_id: int, *items: NewMessage | FailedRecord, **changes: Any) -> Translation:
    """The last chunk of a receipt; what it yields is placed in order unless it says otherwise."""
    one = Translation(
        receipt_id=receipt_id,
        connector="shopify",
        account="acme",
        kind="orders/create",
        traceparent=None,
        messages=[item for item in items if isinstance(item, NewMessage)],
        failures=[item for item in items if isinstance(item, FailedRecord)],
        ignored=0,
        final=True,
        failure=None,
        ignored_reason=None,
    )
    return one._replace(**changes)


async def accept(database: Database, *arrived: Delivery) -> list[Accepted]:
    """Accept in one batch."""
    return await database.write(lambda connection: inbox.accept(connection, arrived))


async def receipt(database: Database, key: str = "wh-1", **changes: Any) -> int:
    """A receipt that is there; its id."""
    one = delivery(key, body=key.encode(), **changes)
    await accept(database, one)
    return one.receipt_id


async def record(
    database: Database, *translations: Translation, now: datetime = NOW
) -> list[Recorded]:
    """Record in one batch; nobody has the messages on lease."""
    return await database.write(
        lambda connection: normalised.record(
            connection, translations, now, owner="me", claimed_until=now
        )
    )


async def verdicts(database: Database, *translations: Translation) -> list[str]:
    """The verdicts on what is recorded, in its order."""
    return [one.verdict for one in await record(database, *translations)]


async def message_states(database: Database) -> Counter[str]:
    """Message rows by state."""
    return await database.read(lambda connection: _states(connection, messages.c.state))


async def receipt_states(database: Database) -> Counter[str]:
    """Receipts by state."""
    return await database.read(lambda connection: _states(connection, receipts.c.state))


def _states(connection: Connection, column: Any) -> Counter[str]:
    rows = connection.execute(select(column, func.count()).group_by(column))
    return Counter({row[0]: row[1] for row in rows})


async def balanced(database: Database) -> bool:
    """Whether the audit balances."""
    return all(one.balanced for one in await database.read(audit.balance))
