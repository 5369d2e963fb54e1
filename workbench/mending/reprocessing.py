"""Reprocess: receipts of the past through today's code; what changed is published as corrections.

Corrections of money, parties or bank details are put before a second person first.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from canonical.errors import GatewayError, Unavailable
from routing.normalise import Normaliser
from store.access import proposals
from store.access.proposals import NewProposal, Proposal
from store.database import Connection
from store.ids import show_id
from store.intake import inbox
from store.mending import reprocessed, reprocessing
from store.mending.contested import Contested
from store.mending.corrections import Content, publish_correction
from store.mending.reprocessed import ReprocessedDifference
from store.mending.reprocessing import REPROCESSING, NewReprocessing, Reprocessing
from store.records import NewMessage, ReceiptRow
from workbench import four_eyes
from workbench.bench import Bench
from workbench.failures.dry_runs import reading_of
from workbench.failures.payload_bytes import content_of
from workbench.mending.comparing import compare

KIND: Final = "reprocessing"
"""The kind of proposals that are corrections of a run; their target is the run."""
RECEIPTS_A_STEP: Final = 20
CORRECTIONS_A_STEP: Final = 50
FIELDS_TOLD: Final = 100
SAMPLED: Final = 500
"""Differences in which a summary counts fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """What became of the wish to publish."""

    run: Reprocessing
    proposal: Proposal | None
    """Set: it waits for a second person. None: the corrections are on their way."""


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


async def publish_corrections(bench: Bench, reprocessing_id: int, *, actor: str) -> Publishing:
    """Publish what changed and was not left out, or put it before a second person.

    Raises Contested unless all is compared (`reprocessing_state`), or when a second person has
    been asked already (`waits_for_second`).
    """
    now = bench.now()
    return await bench.database.write(
        lambda connection: _publish_or_ask(bench, connection, reprocessing_id, actor, now)
    )


def _publish_or_ask(
    bench: Bench, connection: Connection, reprocessing_id: int, actor: str, now: datetime
) -> Publishing:
    run = reprocessing.load_reprocessing(connection, reprocessing_id)
    asking = reprocessed.asking(connection, reprocessing_id)
    if run.state != "compared" or not asking.messages:
        run = reprocessing.publish(connection, reprocessing_id, actor=actor, now=now)
        return Publishing(run=run, proposal=None)
    # Of two people at once the second waits here, and finds what the first has asked.
    run = reprocessing.change(connection, run, revision=run.revision + 1)
    target = show_id(REPROCESSING, reprocessing_id)
    for asked in proposals.list_proposals(connection, target=target, limit=1):
        raise Contested(
            f"{asked.made_by} has put this before a second person already", code="waits_for_second"
        )
    new = NewProposal(
        proposal_id=bench.ids.next(),
        kind=KIND,
        target=target,
        payload=_told(run, asking),
        made_by=actor,
    )
    return Publishing(run=run, proposal=four_eyes.propose(connection, new, now))


def _told(run: Reprocessing, asking: reprocessed.Asking) -> dict[str, Any]:
    return {
        "connector": run.connector,
        "account": run.account,
        "reason": run.reason,
        "changed": run.changed,
        "messages": asking.messages,
        "fields": list(asking.fields[:FIELDS_TOLD]),
    }


async def leave_out(
    bench: Bench, reprocessing_id: int, row_ids: Sequence[int], *, actor: str
) -> int:
    """Keep differences from being published; how many were not published or left out yet."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: reprocessed.leave_out(
            connection, reprocessing_id, row_ids, actor=actor, now=now
        )
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
    compared = [await compare(bench, row) for row in rows]

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
        lambda connection: _waiting(connection, run.reprocessing_id)
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


def _waiting(connection: Connection, reprocessing_id: int) -> list[ReprocessedDifference]:
    """The next changes that are neither published nor left out."""
    for state in reprocessed.WAITING:
        found = reprocessed.list_differences(
            connection, reprocessing_id, outcome="changed", state=state, limit=CORRECTIONS_A_STEP
        )
        if found:
            return found
    return []


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
    try:
        async with content_of(bench.database, receipt) as content:
            message = await asyncio.to_thread(_find, bench, receipt, content, one)
    except Unavailable:
        raise
    except GatewayError:
        return None  # Its bytes are no longer kept, or no longer read.
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


_PLACE: Final = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run, and what its differences are about."""

    run: Reprocessing
    fields: Sequence[tuple[str, int]]
    """Paths without places in lists, and the number of messages; the most frequent first."""
    sampled: int
    """Differences the fields were counted in."""
    second_person: int
    """Changes that wait and that another person has to agree to."""
    proposal: Proposal | None
    """What the second person is, or was last, asked."""


async def summary_of(bench: Bench, reprocessing_id: int) -> Summary:
    """How a run stands. Raises Unsupported (`unknown_reprocessing`)."""

    def look(connection: Connection) -> Summary:
        run = reprocessing.load_reprocessing(connection, reprocessing_id)
        found = (
            reprocessed.list_differences(
                connection, reprocessing_id, outcome="changed", limit=SAMPLED
            )
            if run.changed
            else []
        )
        counted = Counter(path for one in found for path in _fields(one))
        waits = run.state == "compared"
        asked = proposals.list_proposals(
            connection, state=None, target=show_id(REPROCESSING, reprocessing_id), limit=1
        )
        return Summary(
            run=run,
            fields=counted.most_common(FIELDS_TOLD),
            sampled=len(found),
            second_person=reprocessed.asking(connection, reprocessing_id).messages if waits else 0,
            proposal=next(iter(asked), None),
        )

    return await bench.database.read(look)


def _fields(one: ReprocessedDifference) -> set[str]:
    return {_PLACE.sub("[]", str(change["path"])) for change in one.differences if change["path"]}
