"""What needs a person now, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domains.exceptions.listing import OwnerStanding
from routing.stream_states import StreamState
from store.finding.audit import BalanceRow
from store.finding.overview import COUNTED, Standing
from store.ids import show_id
from store.mending.failure_groups import GROUP, FailureGroup
from workbench.flow.silence import Silent

STALLED: Final = timedelta(seconds=60)
"""Work that has waited longer is not moving."""
NEAR: Final = 0.8
"""Of its cap: a stream that is so full is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that needs a person."""

    kind: str
    """bad, warn or info."""
    title: str
    detail: str = ""
    href: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What comes from elsewhere than the store's quick queries."""

    streams: Sequence[StreamState] | None
    max_entries: int
    audit: Sequence[BalanceRow]
    silent: Sequence[Silent]
    exceptions: Sequence[OwnerStanding] = ()
    """What is open of each owner."""


def short(number: int) -> str:
    """A count in at most four letters: 999, 1.2k, 34k, 5.6M."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            whole = number / size
            return f"{whole:.0f}{letter}" if whole >= 10 else f"{whole:.1f}{letter}"
    return str(number)


_WORST_FIRST: Final = ("bad", "warn", "info")


def items_of(standing: Standing, beside: Beside) -> list[Item]:
    """The worst first."""
    found = _all_items(standing, beside)
    return sorted(found, key=lambda one: _WORST_FIRST.index(one.kind))


def _all_items(standing: Standing, beside: Beside) -> Iterator[Item]:
    yield from _broken_promises(beside.audit)
    yield from _stalled(standing)
    yield from _streams(beside)
    yield from _failures(standing)
    yield from _exceptions(beside.exceptions)
    yield from _decisions(standing)
    for one in beside.silent:
        hours = one.usual / timedelta(hours=1)
        yield Item(
            kind="warn",
            title=f"{one.connector}/{one.account} is silent",
            detail=f"usually heard within {hours:.0f} h",
            href=f"/workbench/receipts?connector={one.connector}&account={one.account}",
            since=one.last_at,
        )
    for (connector, account, code), number in standing.waiting.refused.items():
        yield Item(
            kind="info",
            title=f"{number} refused at the door: {connector}/{account}",
            detail=f"{code}, in the last hour",
        )


def _broken_promises(audit: Sequence[BalanceRow]) -> Iterator[Item]:
    for one in audit:
        if not one.balanced:
            missing = f"{one.missing_receipts} receipts, {one.missing_messages} messages missing"
            yield Item(
                kind="bad", title=f"The audit of {one.connector} does not balance",
                detail=missing, href="#audit",
            )  # fmt: skip


def _stalled(standing: Standing) -> Iterator[Item]:
    backlog, now = standing.backlog, standing.at
    for name, number, since in (
        ("translated", backlog.receipts, backlog.oldest_receipt),
        ("published", backlog.messages, backlog.oldest_message),
    ):
        if since is not None and now - since > STALLED:
            yield Item(
                kind="bad",
                title=f"{short(number)} wait to be {name}",
                detail="the oldest since",
                since=since,
            )


def _streams(beside: Beside) -> Iterator[Item]:
    if beside.streams is None:
        yield Item(
            kind="bad",
            title="The stream server does not answer",
            detail="messages wait in the store, nothing is lost",
        )
    for one in beside.streams or ():
        if one.length >= NEAR * beside.max_entries:
            share = one.length * 100 // beside.max_entries
            yield Item(
                kind="warn",
                title=f"{one.name} is {share} % full",
                detail=f"{short(one.waiting)} entries are unread; the oldest go at the cap",
            )


def _failures(standing: Standing) -> Iterator[Item]:
    waiting = standing.waiting
    overdue = {one.group_id for one in waiting.overdue}
    for one in waiting.overdue:
        yield _group(one, kind="bad", note="overdue")
    for one in waiting.groups:
        if one.group_id not in overdue:
            yield _group(one, kind="warn", note=one.owner or "nobody's")
    rest = waiting.open_groups - len({one.group_id for one in waiting.groups} | overdue)
    if rest > 0:
        yield Item(kind="warn", title=f"{rest} more groups of failures", href="/workbench/failures")


def _group(one: FailureGroup, *, kind: str, note: str) -> Item:
    where = f" at {one.field_path}" if one.field_path else ""
    return Item(
        kind=kind,
        title=f"{short(one.open_count)} × {one.error_code}{where}",
        detail=f"{one.connector or 'several connectors'}, {one.stage}; {note}",
        href=f"/workbench/groups/{show_id(GROUP, one.group_id)}",
        since=one.opened_at,
    )


def _exceptions(counts: Sequence[OwnerStanding]) -> Iterator[Item]:
    number, overdue = sum(one.total for one in counts), sum(one.overdue for one in counts)
    if not number:
        return
    owners = ", ".join(f"{one.owner} {short(one.total)}" for one in counts if one.total)
    noun = "exception is" if number == 1 else "exceptions are"
    yield Item(
        kind="bad" if overdue else "warn",
        title=f"{short(number)} {noun} open",
        detail=f"{short(overdue)} overdue; {owners}" if overdue else owners,
        href=f"/workbench/exceptions{'?overdue=true' if overdue else ''}",
    )


def _decisions(standing: Standing) -> Iterator[Item]:
    waiting = standing.waiting
    if waiting.conflicts:
        number = f"{short(waiting.conflicts)}{'+' if waiting.conflicts >= COUNTED else ''}"
        noun = "conflict" if waiting.conflicts == 1 else "conflicts"
        yield Item(
            kind="warn",
            title=f"{number} {noun} to decide",
            detail="the same fact, told differently",
            href="/workbench/conflicts",
        )
    if waiting.proposals:
        noun = "change waits" if waiting.proposals == 1 else "changes wait"
        yield Item(
            kind="info",
            title=f"{waiting.proposals} {noun} for approval",
            href="/workbench/proposals",
        )
    for one in waiting.pauses:
        yield Item(
            kind="bad",
            title=f"{one.connector}/{one.account} is paused",
            detail=f"{one.code}; mend the credential, then: gateway accounts resume",
            since=one.since,
        )
