"""`gateway retain`: what is older than the configuration keeps is dropped, a little at a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from rich.table import Table

from canonical.errors import Malformed
from configuration.retention import RetentionSettings
from store.database import Database
from store.retaining import retention
from store.retaining.retention import Phase, Policy
from store.retaining.retention_keys import history_phases, key_phases, keys_before, reference_phases
from store.retaining.sqlite_space import space_phases
from workbench.access.people_lists import shell_actor
from workbench.showing import console, time_text

LONGEST_REST_S: Final = 0.25


@dataclass(slots=True)
class Tally:
    """How much of one kind was dropped, and how much was old enough and held."""

    dropped: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did, or would do."""

    dry: bool
    tallies: Mapping[str, Tally]
    keys_before: datetime | None
    """Before when keys were due; None: they are kept for ever."""
    keys_overdue: timedelta = field(default=timedelta(0))
    """For how long beyond their age keys are kept, because something older is still there."""


def policy_of(settings: RetentionSettings) -> Policy:
    """The configured ages. Raises Malformed (`nothing_to_retain`) when there are none."""
    days = (settings.raw_days, settings.message_days, settings.receipt_days, settings.dedup_days)
    if not any(days):
        raise Malformed(
            "[retention] names nothing to drop (raw_days, message_days, receipt_days, dedup_days)",
            code="nothing_to_retain",
            path="retention",
        )
    return Policy(*(None if one is None else timedelta(days=one) for one in days))


def phases(policy: Policy, now: datetime) -> list[Phase]:
    """What is done, in an order in which each finds what it needs gone already."""
    found: list[Phase] = []
    if policy.raw is not None:
        found += retention.body_phases(now - policy.raw)
    if policy.messages is not None:
        found += retention.message_phases(now - policy.messages)
        found += reference_phases(now - policy.messages)
    if policy.receipts is not None:
        found += retention.receipt_phases(now - policy.receipts)
        found += history_phases(now - policy.receipts)
    return [*found, *key_phases(policy, now), *space_phases()]


async def print_retention(
    store: Database, settings: RetentionSettings, *, dry: bool, as_json: bool
) -> None:
    """Drop what is due (or count it) and say what that was."""
    policy = policy_of(settings)
    outcome = await retain(store, policy, datetime.now(UTC), actor=shell_actor(), dry=dry)
    if as_json:
        print(json.dumps(document(outcome), indent=2))
        return
    table = Table("what", "would be dropped" if dry else "dropped", "old, but still needed")
    for name, one in outcome.tallies.items():
        table.add_row(name, f"{one.dropped:,}", f"{one.kept:,}" if one.kept else "")
    out = console()
    out.print(table)
    if outcome.keys_overdue:
        days = outcome.keys_overdue / timedelta(days=1)
        before = time_text(outcome.keys_before)
        out.print(
            f"keys are kept back to {before}, {days:.1f} days longer than asked for:"
            " something as old can still be replayed"
        )


async def retain(
    store: Database, policy: Policy, now: datetime, *, actor: str, dry: bool = False
) -> Outcome:
    """Run every phase to its end; between two steps others have at least as long as a step took."""
    if not dry:
        await store.write(partial(retention.begin, policy=policy, now=now, actor=actor))
    tallies: dict[str, Tally] = {}
    for phase in phases(policy, now):
        await _run(store, phase, tallies.setdefault(phase.name, Tally()), dry=dry)
    before = await store.read(partial(keys_before, policy=policy, now=now))
    if not dry:
        counts = {name: one.dropped for name, one in tallies.items()}
        await store.write(
            partial(retention.finish, counts=counts, now=datetime.now(UTC), actor=actor)
        )
    if policy.keys is None:
        return Outcome(dry, tallies, None)
    return Outcome(dry, tallies, before, now - policy.keys - before)


async def _run(store: Database, phase: Phase, tally: Tally, *, dry: bool) -> None:
    after = phase.begin
    while True:
        began = time.monotonic()
        work = partial(phase.step, after=after, dry=dry)
        step = await (store.read(work) if dry else store.write(work))
        tally.dropped += step.dropped
        tally.kept += step.kept
        after = step.after
        if after is None:
            return
        if not dry:
            await asyncio.sleep(min(time.monotonic() - began, LONGEST_REST_S))


def document(outcome: Outcome) -> dict[str, Any]:
    """As JSON: `{dry_run, dropped: {what: n}, kept: {what: n}, keys_before}`."""
    return {
        "dry_run": outcome.dry,
        "dropped": {name: one.dropped for name, one in outcome.tallies.items()},
        "kept": {name: one.kept for name, one in outcome.tallies.items() if one.kept},
        "keys_before": None if outcome.keys_before is None else time_text(outcome.keys_before),
    }
