"""What a workbench has to show: a hundred thousand failures, and what people did about others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, select

from canonical.keys import Key
from store.access.audit_log import append_audit
from store.database import Database
from store.fingerprints import GROUPINGS
from store.ids import show_id
from store.mending.reprocessing import REPROCESSING
from store.statements import insert_all
from store.tables import (
    campaign_items,
    campaigns,
    dead_letters,
    fact_keys,
    failure_groups,
    failure_hours,
    messages,
    metadata,
    proposals,
    receipts,
    reprocessed,
    reprocessings,
)
from store.times import micros

GROUPS = {"field": 500, "account": 500, "code": 40, "kind": 200, "text": 500}
_FIRST_GROUP = {name: 1000 * (place + 1) for place, name in enumerate(GROUPS)}
JUDGED = {"conflict": 2000, "stale": 2000, "duplicate": 20_000}
ITEMS, DIFFERENCES, PROPOSALS, ENTRIES = 20_000, 20_000, 500, 2000
_AT_ONCE = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """Ids to look at; a few of each, drawn evenly."""

    receipts: Sequence[int]
    messages: Sequence[int]
    letters: Sequence[int]
    groups: Sequence[int]
    conflicts: Sequence[int]
    proposals: Sequence[int]
    campaign: int
    run: int
    differences: Sequence[int]


async def add_rows(database: Database, dead: int) -> Known:
    """Failures and what belongs to them, beside receipts that are there; ids to ask for."""
    found = await database.read(_translated)
    chosen = found[:: max(1, len(found) // dead)][:dead]
    now = datetime.now(UTC)
    letters = [_letter(place, row, now) for place, row in enumerate(chosen)]
    groups = list(_groups(letters, now))
    judged = list(_judged(found, now))
    known = [_fact(row) for row in judged if row["verdict"] == "conflict"]
    campaign, run = found[-1][0] + 101, found[0][0] + 2
    parts: list[tuple[Table, list[dict[str, Any]]]] = [
        (dead_letters, letters),
        (failure_groups, groups),
        (failure_hours, list(_hours(now))),
        (messages, judged),
        (fact_keys, known),
        (campaigns, [_campaign(campaign, now)]),
        (campaign_items, [_item(campaign, row, now) for row in letters[:ITEMS]]),
        (reprocessings, [_run(run, found, now)]),
        (reprocessed, [_difference(run, row) for row in found[:DIFFERENCES]]),
        (proposals, [_proposal(at, row, run, now) for at, row in enumerate(found[:PROPOSALS])]),
    ]  # fmt: skip
    for table, rows in parts:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            await database.write(partial(insert_all, table=table, rows=some))
    await database.write(lambda connection: _entries(connection, now))
    return Known(
        receipts=_some([row[0] for row in found]),
        messages=_some([row[1] for row in found]),
        letters=_some([row["id"] for row in letters if row["state"] == "open"]),
        groups=[_FIRST_GROUP["field"] + number for number in range(GROUPS["field"])],
        conflicts=_some([row["id"] for row in judged if row["verdict"] == "conflict"]),
        proposals=_some([row[0] + 5 for row in found[:PROPOSALS]]),
        campaign=campaign,
        run=run,
        differences=_some([row[0] + 6 for row in found[:DIFFERENCES]]),
    )


def sizes(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: connection.scalar(select(func.count()).select_from(table)) or 0
        for name, table in metadata.tables.items()
    }


def _some(ids: Sequence[T]) -> list[T]:
    return list(ids[:: max(1, len(ids) // 500)])


def _translated(connection: Connection) -> list[tuple[int, int]]:
    """(receipt, message) of all that was translated; the message has the id after the receipt's."""
    found = connection.scalars(
        select(receipts.c.id).where(receipts.c.state == "translated").order_by(receipts.c.id)
    )
    return [(number, number + 1) for number in found]


def _letter(place: int, row: tuple[int, int], now: datetime) -> dict[str, Any]:
    closed = place % 5 == 4
    at = micros(now - timedelta(days=8)) - place * 1_000_000
    number = place % GROUPS["field"]
    return {
        "id": row[0] + 3, "receipt_id": row[0], "connector": "shopify", "account": "bench",
        "kind": "orders/create", "stage": "translate", "error_code": f"bad_{number % 40}",
        "field_path": f"line_items[].field_{number}", "record_at": "", "attempts": 1,
        "message": f"field {number} is not readable", "first_failed_at": at,
        "last_failed_at": at, "state": "replayed" if closed else "open",
        "closed_at": at if closed else None, "closed_by": "ada" if closed else None,
        "reason": "mended" if closed else None,
    } | {
        f"group_{name}": _FIRST_GROUP[name] + place % GROUPS[name] for name in GROUPINGS
    }  # fmt: skip


def _groups(letters: Sequence[dict[str, Any]], now: datetime) -> Iterator[dict[str, Any]]:
    at = micros(now - timedelta(days=8))
    for name, many in GROUPS.items():
        for number in range(many):
            members = letters[number::many]
            count = sum(one["state"] == "open" for one in members)
            yield {
                "id": _FIRST_GROUP[name] + number, "grouping": name, "connector": "shopify",
                "account": "bench", "kind": "orders/create", "stage": "translate",
                "error_code": f"bad_{number % 40}", "field_path": f"line_items[].field_{number}",
                "text": "" if name != "text" else f"field {number} is not readable",
                "open_count": count, "total_count": len(members), "failure_count": len(members),
                "first_seen": at - number * 1_000_000, "last_seen": at - number * 1000,
                "opened_at": at, "reopened_count": 0, "state": "open" if count else "resolved",
                "severity": "normal", "tags": "[]", "revision": 1,
            }  # fmt: skip


def _hours(now: datetime) -> Iterator[dict[str, Any]]:
    hour = micros(now) // 3_600_000_000
    for number in range(GROUPS["field"]):
        for ago in range(0, 14 * 24, 2):
            yield {
                "group_id": _FIRST_GROUP["field"] + number,
                "hour": hour - ago,
                "failures": 1 + (number + ago) % 7,
            }


def _judged(found: Sequence[tuple[int, int]], now: datetime) -> Iterator[dict[str, Any]]:
    for place, (verdict, many) in enumerate(JUDGED.items()):
        for number, (receipt, _) in enumerate(found[:: max(1, len(found) // many)][:many]):
            about = f"order/shopify/bench/{verdict}/{number}"
            yield {
                "id": receipt + 10 + place, "receipt_id": receipt, "position": 10 + place,
                "connector": "shopify", "account": "bench", "message_id": f"{verdict}-{number}",
                "key": about, "type": "o2c.order.placed", "source": "/shopify/bench",
                "subject": about, "occurred_at": micros(now), "correlation": about,
                "partition_key": about, "schema_uri": "urn:o2c:schema:o2c.order.placed:v1",
                "data": None if verdict == "duplicate" else json.dumps(_DATA),
                "content_digest": bytes(32), "destinations": "[]", "at": "", "verdict": verdict,
                "state": verdict, "created_at": micros(now),
            }  # fmt: skip


_DATA = {
    "order_id": "1", "lines": [{"line_id": str(place), "sku": "LAMP"} for place in range(20)],
    "totals": {"total": {"amount": "99.00", "currency": "EUR"}},
}  # fmt: skip


def _fact(row: dict[str, Any]) -> dict[str, Any]:
    """What is known under a conflict's key: the message beside it."""
    return {
        "key_digest": Key(row["key"]).digest,
        "content_digest": bytes(31) + b"\1",
        "message_row_id": row["receipt_id"] + 1,
        "receipt_id": row["receipt_id"],
        "created_at": row["created_at"],
    }


def _campaign(number: int, now: datetime) -> dict[str, Any]:
    zeros = ("released_in_stage", "succeeded_in_stage", "failed_in_stage", "failed", "skipped")
    return {
        "id": number, "kind": "replay", "state": "done", "group_id": _FIRST_GROUP["field"],
        "grouping": "field", "started_by": "ada", "reason": "mended", "created_at": micros(now),
        "finished_at": micros(now), "stages": "[1, 5, 50]", "threshold_percent": 10, "stage": 3,
        "total": ITEMS, "released": ITEMS, "succeeded": ITEMS, "last_letter_id": number,
        "cursor": number, "revision": 1,
    } | dict.fromkeys(zeros, 0)  # fmt: skip


def _item(campaign: int, letter: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": campaign, "dead_letter_id": letter["id"],
        "receipt_id": letter["receipt_id"], "state": "succeeded", "released_at": micros(now),
        "attempts_before": 1, "settled_at": micros(now),
    }  # fmt: skip


def _run(number: int, found: Sequence[tuple[int, int]], now: datetime) -> dict[str, Any]:
    counts = ("same", "new", "gone", "failing", "published", "left_out")
    return {
        "id": number, "connector": "shopify", "since_id": found[0][0], "until_id": found[-1][0],
        "started_by": "ada", "reason": "names were cut", "created_at": micros(now),
        "state": "compared", "cursor": found[-1][0], "receipts": len(found),
        "changed": DIFFERENCES, "revision": 1,
    } | dict.fromkeys(counts, 0)  # fmt: skip


def _difference(run: int, row: tuple[int, int]) -> dict[str, Any]:
    change = {
        "path": "lines[line_id=1].description", "kind": "changed", "old": "lamp", "new": "LAMP",
        "context": False,
    }  # fmt: skip
    return {
        "id": row[0] + 6, "reprocessing_id": run, "receipt_id": row[0], "outcome": "changed",
        "state": "found", "key": f"order/shopify/bench/{row[0]}", "at": "",
        "message_row_id": row[1], "content_digest": bytes(32),
        "differences": json.dumps({"fields": [change], "second_person": []}),
    }  # fmt: skip


def _proposal(place: int, row: tuple[int, int], run: int, now: datetime) -> dict[str, Any]:
    waits = place % 10 == 0
    return {
        "id": row[0] + 5, "kind": "reprocessing", "target": show_id(REPROCESSING, run),
        "payload": json.dumps({"reason": "names were cut", "fields": ["lines[0].unit_price"]}),
        "made_by": "ada", "made_at": micros(now), "state": "open" if waits else "applied",
        "decided_by": None if waits else "grace", "decided_at": None if waits else micros(now),
    }  # fmt: skip


def _entries(connection: Connection, now: datetime) -> None:
    chance = random.Random(1)  # noqa: S311 - who did what
    for _ in range(ENTRIES):
        append_audit(
            connection,
            at=now,
            actor=chance.choice(("ada", "grace", "edsger")),
            action=chance.choice(("dead_letter.replay", "failure_group.change")),
            target="dl_0000000000000",
            details={"reason": "mended"},
        )
