"""A subscriber in Python: counts orders by currency, exactly once each.

python examples/subscriber.py var/gateway
"""

import asyncio
import sys
from pathlib import Path

from sqlalchemy import Connection, text

from embedded.server import stream_server
from routing.envelope import Envelope
from routing.subscriber import Subscriber
from store.database import open_database

UPSERT = text(
    "INSERT INTO example_orders (currency, orders) VALUES (:currency, 1)"
    " ON CONFLICT (currency) DO UPDATE SET orders = example_orders.orders + 1"
)


async def main(data: Path) -> None:
    database = await open_database(f"sqlite:///{data / 'gateway.db'}")
    async with stream_server(None, data) as server:
        subscriber = Subscriber(
            "example-counter", redis_url=server.url, database=database, streams=["o2c.order"]
        )

        @subscriber.on("o2c.order.placed")
        def count(envelope: Envelope, connection: Connection) -> None:
            order = envelope.payload().model_dump()
            connection.execute(UPSERT, {"currency": order["currency"] or "unknown"})
            print(envelope.subject, "counted", flush=True)

        await database.write(
            lambda connection: connection.execute(
                text(
                    "CREATE TABLE IF NOT EXISTS example_orders"
                    " (currency TEXT PRIMARY KEY, orders BIGINT NOT NULL)"
                )
            )
        )
        await subscriber.run()
    await database.close()


asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "var/gateway")))
