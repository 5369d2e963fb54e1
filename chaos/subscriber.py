"""The test subscriber: a process of its own that writes a row for every effect it has.

python -m chaos.subscriber STREAMS_URL STORE_URL POISON RECLAIM_S
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from datetime import timedelta

from sqlalchemy import Connection, text

from canonical.errors import Unavailable
from routing import subscriber_work
from routing.envelope import Envelope
from routing.retry import RetryPolicy
from routing.subscriber import Subscriber, SubscriberSettings
from store.database import Database, open_database

NAME = "chaos"
STREAMS = ("o2c.order", "o2c.cash")
ATTEMPTS_MAX = 6


class Refused(Exception):
    """What the handler raises on purpose."""


def temper(message_id: str) -> str:
    """How the handler takes a message, by its id: well, slowly, badly at first, or never."""
    drawn = hashlib.sha256(message_id.encode()).digest()[0]
    if drawn < 4:
        return "never"
    if drawn < 32:
        return "badly"
    return "slowly" if drawn < 48 else "well"


async def main(streams_url: str, store_url: str, poison: str, reclaim_s: str) -> None:
    """Subscribe until told to stop."""
    # A process that is killed with retries in hand must not keep them for minutes here.
    subscriber_work.RETRY_LEASE = timedelta(seconds=2)  # type: ignore[misc]
    database = await _opened(store_url)
    subscriber = Subscriber(
        NAME,
        redis_url=streams_url,
        database=database,
        streams=STREAMS,
        retry=RetryPolicy(attempts_max=ATTEMPTS_MAX, first_s=0.1, wait_s_max=0.3),
        settings=SubscriberSettings(
            batch_max=20, poll_s=0.2, reclaim_idle_s=float(reclaim_s), deliveries_max=3
        ),
    )
    tried: set[str] = set()

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        if poison and envelope.subject == poison:
            os._exit(9)
        mood = temper(envelope.id)
        if mood == "never" or (mood == "badly" and envelope.id not in tried):
            tried.add(envelope.id)
            raise Refused
        if mood == "slowly":
            time.sleep(0.02)
        connection.execute(
            text("INSERT INTO chaos_effects (message_id, subject) VALUES (:id, :subject)"),
            {"id": envelope.id, "subject": envelope.subject},
        )

    await subscriber.run()
    await database.close()


async def _opened(store_url: str) -> Database:
    """The store; it may be away just now."""
    while True:
        try:
            database = await open_database(store_url)
            await database.write(_prepare)
        except Unavailable:
            await asyncio.sleep(0.2)
        else:
            return database


def _prepare(connection: Connection) -> None:
    # No key on purpose: a doubled effect has to show.
    connection.execute(
        text("CREATE TABLE IF NOT EXISTS chaos_effects (message_id TEXT, subject TEXT)")
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
