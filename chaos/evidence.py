"""What a round left behind, read from outside: streams, the subscriber's tables, the audit."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from chaos.processes import Gateway
from chaos.senders import Answer
from chaos.servers import Held

_QUERIES = (
    "SELECT message_id, COUNT(*) FROM chaos_effects GROUP BY message_id",
    "SELECT message_id, error_code FROM dead_letters WHERE subscriber IS NOT NULL",
    "SELECT COUNT(*) FROM subscriber_retries",
)
"""Effects, dead letters and what is to be tried again: there is one subscriber only."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream entry, as far as it is looked at."""

    stream: str
    id: str
    key: str
    fact: str
    """What it tells, in the words of the plan; empty when it tells nothing that was sent."""
    version: str
    partition: str
    content: str
    data: str


@dataclass(slots=True)
class Subscribed:
    """What the test subscriber did."""

    effects: Counter[str] = field(default_factory=Counter)
    """How often by message id."""
    given_up: dict[str, str] = field(default_factory=dict)
    """Its dead letters: error code by message id."""
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the checker may look at."""

    told: Sequence[Answer]
    archived: frozenset[str]
    """Names of the files that were taken."""
    entries: Sequence[Entry]
    """All that was ever on the streams, each stream's in its order."""
    last: frozenset[str]
    """Message ids on the streams at the end, after whatever was lost."""
    subscribed: Subscribed
    audit: Mapping[str, Any]
    troubles: Sequence[str]
    """Processes that ended unasked, and what never came true."""


def entries_of(held: Held) -> list[Entry]:
    """The entries of one look at the streams."""
    return [_entry(stream, fields) for stream, listed in held.items() for fields in listed]


def _entry(stream: str, fields: Mapping[str, str]) -> Entry:
    data = json.loads(fields["data"])
    version = fields.get("entityversion", "")
    return Entry(
        stream=stream,
        id=fields["id"],
        key=fields["idempotencykey"],
        fact=_fact(fields["subject"], data),
        version=version,
        partition=fields["partitionkey"],
        content=str(data.get("totals", {}).get("total", {}).get("amount", "")),
        data=fields["data"],
    )


def _fact(subject: str, data: Mapping[str, Any]) -> str:
    """Told from the data, not from the gateway's key: the two have to agree."""
    if "order_id" in data and "updated_at" in data:
        return f"order/{data['order_id']}@{_minutes(data['updated_at']):02d}"
    if subject.startswith("payment/"):
        return subject
    named = [one["value"] for one in data.get("references", ()) if one["value"].startswith("REF")]
    return f"bank/{named[0]}" if named else ""


def _minutes(moment: str) -> int:
    hours, minutes = moment.split("T")[1].split(":")[:2]
    return (int(hours) - 9) * 60 + int(minutes)


def read_subscriber(store_url: str) -> Subscribed:
    """The subscriber's own tables, read with a driver of our own."""
    if store_url.startswith("sqlite"):
        return _read_sqlite(store_url.removeprefix("sqlite:///"))
    return asyncio.run(_read_postgresql(store_url))


def _read_sqlite(path: str) -> Subscribed:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return _subscribed(*(connection.execute(one).fetchall() for one in _QUERIES))
    finally:
        connection.close()


async def _read_postgresql(url: str) -> Subscribed:
    connection = await asyncpg.connect(url)
    try:
        return _subscribed(*[await connection.fetch(one) for one in _QUERIES])
    finally:
        await connection.close()


def _subscribed(effects: Any, given_up: Any, waiting: Any) -> Subscribed:
    return Subscribed(
        effects=Counter({row[0]: row[1] for row in effects}),
        given_up={row[0]: row[1] for row in given_up},
        waiting=int(waiting[0][0]),
    )


def read_audit(gateway: Gateway) -> dict[str, Any]:
    """`gateway audit --json`; with `balanced` false also when it could not be read."""
    code, output = gateway.command("audit", "--json")
    try:
        document: dict[str, Any] = json.loads(output)
    except json.JSONDecodeError:
        return {"balanced": False, "error": f"exit {code}: {output[-300:]}"}
    return document


def traced_verdicts(gateway: Gateway, reference: str) -> dict[str, set[str]]:
    """What `gateway trace` says became of the reports of an entity's versions."""
    _, output = gateway.command("trace", reference, "--json")
    try:
        steps = json.loads(output)["steps"]
    except json.JSONDecodeError:
        return {}
    verdicts: dict[str, set[str]] = defaultdict(set)
    for one in steps:
        if str(one["what"]).startswith("judged "):
            # In no order: the clocks they were judged by may have jumped.
            verdict = str(one["what"]).removeprefix("judged ")
            verdicts[str(one.get("version"))].add(verdict)
    return verdicts
