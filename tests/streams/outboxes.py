"""A store with messages in it, and a gateway's publishing half without its loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from canonical.keys import Key, message_id
from routing.refilling import RefillingPublisher
from routing.stream_metrics import StreamMetrics
from store.database import Database
from store.ids import IdSource
from store.log import outbox
from store.records import OutboxRow
from tests.store.building import message, receipt, record, translation
from tests.streams.serving import entries_of

LEASE = timedelta(seconds=30)


def ids_of(numbers: Sequence[int]) -> list[str]:
    """The message ids of these orders."""
    keys = [Key.of("order", "shopify", "acme", str(number)) for number in numbers]
    return [message_id(key.digest) for key in keys]


async def ids_on(redis: Redis, stream: str = "o2c.order") -> list[str]:
    """The message ids on a stream."""
    return [fields[b"id"].decode() for _, fields in await entries_of(redis, stream)]


async def record_orders(
    database: Database, numbers: Sequence[int], *, destinations: tuple[str, ...] = ("o2c.order",)
) -> None:
    """Messages about these orders, pending, in their order."""
    receipt_id = await receipt(database, f"wh-{IdSource().next()}")
    items = [
        message(str(number), position=position, destinations=destinations)
        for position, number in enumerate(numbers)
    ]
    await record(database, translation(receipt_id, *items))
    await database.write(lambda connection: outbox.release_claims(connection, "me"))


@dataclass
class Outlet:
    """What a gateway's relay does, one step at a time."""

    database: Database
    redis: Redis
    owner: str = "gateway-1"
    refill: str = "auto"
    metrics: StreamMetrics = field(default_factory=StreamMetrics)

    def __post_init__(self) -> None:
        self.publisher = RefillingPublisher(
            self.database,
            self.redis,
            owner=self.owner,
            refill="auto" if self.refill == "auto" else "manual",
            metrics=self.metrics,
        )

    async def claim(self) -> list[OutboxRow]:
        now = datetime.now(UTC)
        return await self.database.write(
            lambda connection: outbox.claim_outbox(connection, self.owner, now, LEASE, 1000)
        )

    async def mark(self, rows: Sequence[OutboxRow]) -> None:
        now = datetime.now(UTC)
        ids = [row.row_id for row in rows]
        await self.database.write(lambda connection: outbox.mark_published(connection, ids, now))

    async def drain(self) -> None:
        """Publish what is pending. Raises Unavailable; then it is free again."""
        rows = await self.claim()
        try:
            await self.publisher.publish(rows)
        finally:
            await self.database.write(
                lambda connection: outbox.release_claims(connection, self.owner)
            )
        await self.mark(rows)

    async def publish(
        self, numbers: Sequence[int], *, destinations: tuple[str, ...] = ("o2c.order",)
    ) -> None:
        """Record and publish."""
        await record_orders(self.database, numbers, destinations=destinations)
        await self.drain()
