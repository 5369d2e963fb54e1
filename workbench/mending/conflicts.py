"""Conflicts side by side, and what people decide about them."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Connection
from store.mending import conflicts
from store.mending.conflicts import Conflict, Decided, Decision, Verdict
from store.records import MessageRow
from workbench.bench import Bench
from workbench.failures.differences import Difference, message_differences


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """A report beside what is known under its key."""

    conflict: Conflict
    differences: tuple[Difference, ...]
    """From what is known to what was reported."""
    decided: Decided | None


async def list_judged(
    bench: Bench,
    verdict: Verdict = "conflict",
    *,
    connector: str | None = None,
    account: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[MessageRow]:
    """Conflicts, stale messages or duplicates, newest first; `before` is the page's last row id."""
    return await bench.database.read(
        lambda connection: conflicts.list_judged(
            connection, verdict, connector=connector, account=account, before=before, limit=limit
        )
    )


async def show_conflict(bench: Bench, row_id: int) -> ConflictView:
    """A conflict side by side. Raises Unsupported (`unknown_conflict`)."""

    def look(connection: Connection) -> ConflictView:
        conflict = conflicts.load_conflict(connection, row_id)
        report, known = conflict.report, conflict.known
        before = known.message.data if known is not None and known.message else None
        return ConflictView(
            conflict=conflict,
            differences=tuple(message_differences(report.type, before, report.data)),
            decided=conflicts.decision_on(connection, row_id),
        )

    return await bench.database.read(look)


async def decide_conflict(
    bench: Bench, row_id: int, decision: Decision, *, actor: str, reason: str
) -> Decided:
    """`accepted`: published as a correction; `kept_first` or `discarded`: left out.

    Raises Contested (`decided_already`, `already_so`, `outdated`), Malformed, Unsupported.
    """
    now, correction = bench.now(), bench.ids.next()
    decided = await bench.database.write(
        lambda connection: conflicts.decide_conflict(
            connection,
            row_id,
            decision,
            actor=actor,
            reason=reason,
            now=now,
            correction_row_id=correction,
        )
    )
    bench.wake()
    return decided
