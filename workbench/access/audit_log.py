"""`gateway audit log`: who did what, and whether anybody tampered with the record of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from canonical.errors import Malformed
from store.access.audit_entries import count_audit, list_audit
from store.access.audit_log import AuditEntry, verify_audit_log
from store.database import Database
from workbench.showing import console, harmless, time_text


@dataclass(frozen=True, slots=True)
class Verified:
    """What looking at every link of the chain found."""

    entries: int
    broken_at: int | None
    """The number of the first entry that was changed, put in or taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted; None: whatever."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    limit: int = 50


async def verify_log(store: Database) -> Verified:
    """Check the whole chain."""
    return await store.read(
        lambda connection: Verified(count_audit(connection), verify_audit_log(connection))
    )


async def print_audit_log(store: Database, wanted: AuditFilter, *, as_json: bool) -> None:
    """Print entries, newest first; as JSON an array of objects."""
    entries = await store.read(
        lambda connection: list_audit(
            connection,
            actor=wanted.actor,
            action=wanted.action,
            target=wanted.target,
            since=wanted.since,
            limit=wanted.limit,
        )
    )
    if as_json:
        print(json.dumps([entry_document(one) for one in entries], indent=2))
        return
    table = Table("number", "time", "actor", "action", "target", "details")
    for one in entries:
        details = ", ".join(f"{name} {value}" for name, value in one.details.items())
        table.add_row(
            str(one.number),
            time_text(one.at),
            harmless(one.actor),
            one.action,
            harmless(one.target),
            harmless(details),
        )
    console().print(table if entries else "no entries")


async def print_verification(store: Database, *, as_json: bool) -> bool:
    """Check the whole chain and say what was found; whether it is whole."""
    found = await verify_log(store)
    if as_json:
        print(json.dumps({"entries": found.entries, "broken_at": found.broken_at}))
    elif found.broken_at is None:
        print(f"whole: {found.entries} entries, each vouching for the one before it")
    else:
        print(f"BROKEN: entry {found.broken_at} was changed, put in or taken out")
    return found.broken_at is None


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON: `{number, at, actor, action, target, details}`."""
    return {
        "number": entry.number,
        "at": time_text(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "details": dict(entry.details),
    }


def read_mark(text: str | None) -> int | None:
    """The entry number a page goes on behind. Raises Malformed (`bad_mark`)."""
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Malformed("`after` is what a page gave as `next`", code="bad_mark", path="after")
    return int(text)
