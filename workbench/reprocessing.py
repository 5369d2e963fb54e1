"""Reprocess: receipts of the past through today's code; what changed is published as corrections.

Memory is bounded by a chunk of a payload: a statement of a million lines is compared like any.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from canonical.errors import GatewayError, Unavailable
from canonical.keys import Key
from routing.normalise import Normaliser
from store import inbox, reprocessed, reprocessing
from store.contested import Contested
from store.corrections import Content, publish_correction
from store.database import Connection
from store.known_facts import KnownFact, known_facts
from store.produced import published_keys
from store.records import NewMessage, ReceiptRow, Translation
from store.reprocessed import NewDifference, ReprocessedDifference
from store.reprocessing import NewReprocessing, Reprocessing
from workbench.bench import Bench
from workbench.differences import message_differences
from workbench.dry_runs import NO_ACCOUNT, reading_of
from workbench.payload_bytes import content_of

RECEIPTS_A_STEP: Final = 20
CORRECTIONS_A_STEP: Final = 50
MOST_A_RECEIPT: Final = 1000
"""Differences that are kept of one receipt; the counts are exact."""
MOST_FIELDS: Final = 50
GONE_UP_TO: Final = 10_000
"""Messages of a receipt up to which it is looked whether today's code still says them."""


async def start_reprocessing(
    bench: Bench,
    connector: str,
    *,
    since: datetime,
    until: datetime,
    actor: str,
    reason: str,
    account: str | None = None,
    kind: str | None = None,
) -> Reprocessing:
    """Begin to compare; nothing is published until `publish_corrections`. Raises Malformed."""
    new = NewReprocessing(
        reprocessing_id=bench.ids.next(),
        connector=connector,
        account=account,
        kind=kind,
        since=since,
        until=until,
        started_by=actor,
        reason=reason,
    )
    now = bench.now()
    return await bench.database.write(
        lambda connection: reprocessing.start_reprocessing(connection, new, now)
    )


async def publish_corrections(bench: Bench, reprocessing_id: int, *, actor: str) -> Reprocessing:
    """Publish what changed and was not left out. Raises Contested unless all is compared."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: reprocessing.publish(connection, reprocessing_id, actor=actor, now=now)
    )


async def cancel_reprocessing(bench: Bench, reprocessing_id: int, *, actor: str) -> Reprocessing:
    """Go no further. Raises Contested when it is over."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: reprocessing.cancel(connection, reprocessing_id, actor=actor, now=now)
    )


async def step(bench: Bench, run: Reprocessing, owner: str) -> bool:
    """Take a run one step further; whether anything was done. It must be leased to `owner`."""
    if run.state == "comparing":
        return await _compare_next(bench, run, owner)
    return await _publish_next(bench, run, owner)


async def _compare_next(bench: Bench, run: Reprocessing, owner: str) -> bool:
    rows = await bench.database.read(
        lambda connection: reprocessing.next_receipts(connection, run, RECEIPTS_A_STEP)
    )
    compared = [await _compare(bench, row) for row in rows]

    def keep(connection: Connection) -> bool:
        held = reprocessing.hold(connection, run, owner)
        if held is None:
            return False
        if not rows:
            reprocessing.finish(connection, held, "compared", bench.now())
            return True
        counts = sum((one.counts for one in compared), Counter[str]())
        found = [each for one in compared for each in one.found]
        cursor = rows[-1].receipt_id
        reprocessed.keep_differences(connection, held, found, counts, cursor)
        return True

    return await bench.database.write(keep)


async def _publish_next(bench: Bench, run: Reprocessing, owner: str) -> bool:
    waiting = await bench.database.read(
        lambda connection: reprocessed.list_differences(
            connection,
            run.reprocessing_id,
            outcome="changed",
            state="found",
            limit=CORRECTIONS_A_STEP,
        )
    )
    contents = [(one, await _content(bench, one)) for one in waiting]

    def publish(connection: Connection) -> bool:
        held = reprocessing.hold(connection, run, owner)
        if held is None:
            return False
        if not waiting:
            reprocessing.finish(connection, held, "done", bench.now())
            return True
        published = sum(
            [_publish(bench, connection, held, one, content) for one, content in contents]
        )
        reprocessing.change(
            connection,
            held,
            published=held.published + published,
            left_out=held.left_out + len(contents) - published,
        )
        return True

    moved = await bench.database.write(publish)
    bench.wake()
    return moved


def _publish(
    bench: Bench,
    connection: Connection,
    run: Reprocessing,
    one: ReprocessedDifference,
    content: Content | None,
) -> bool:
    if content is None:
        reprocessed.settle_difference(
            connection, one.row_id, "left_out", error_code="changed_since"
        )
        return False
    try:
        with connection.begin_nested():
            row_id = publish_correction(
                connection,
                content,
                actor=run.published_by or run.started_by,
                reason=run.reason,
                now=bench.now(),
            )
    except Contested as error:
        reprocessed.settle_difference(connection, one.row_id, "left_out", error_code=error.code)
        return False
    reprocessed.settle_difference(connection, one.row_id, "published", correction=row_id)
    return True


async def _content(bench: Bench, one: ReprocessedDifference) -> Content | None:
    """What today's code says of a fact, if it is still what was compared and shown."""
    receipt = await bench.database.read(
        lambda connection: inbox.load_receipt(connection, one.receipt_id)
    )
    if receipt is None:
        return None
    async with content_of(bench.database, receipt) as content:
        message = await asyncio.to_thread(_find, bench, receipt, content, one)
    return None if message is None else _as_content(receipt, message)


def _find(
    bench: Bench, receipt: ReceiptRow, content: bytes | Path, one: ReprocessedDifference
) -> NewMessage | None:
    reading = reading_of(bench, receipt, content)
    normaliser = Normaliser(bench.router, bench.ids)
    while reading is not None:
        part = normaliser.next_chunk(reading)
        for message in part.messages:
            if message.key == one.key and message.content_digest == one.content_digest:
                return message
        if part.final:
            return None
    return None


def _as_content(receipt: ReceiptRow, message: NewMessage) -> Content:
    names = (
        "row_id", "key", "content_digest", "type", "source", "subject", "occurred_at", "entity",
        "version", "correlation", "partition_key", "schema_uri", "data", "destinations",
        "references", "at",
    )  # fmt: skip
    return Content(
        **{name: getattr(message, name) for name in names},
        receipt_id=receipt.receipt_id,
        traceparent=receipt.traceparent,
        connector=receipt.connector,
        account=receipt.account,
    )


def summary(found: Sequence[ReprocessedDifference]) -> Counter[str]:
    """How often each field differs, over a page of differences: what a code change really did."""
    return Counter(
        str(change["path"]) for one in found for change in one.differences if change["path"]
    )
