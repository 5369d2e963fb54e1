"""Reprocessing: what today's code makes of receipts of the past, receipt by receipt.

comparing ── compared ── publishing ── done          (each but done may be cancelled)

Only what differs is kept. A run goes on after a crash: its cursor moves in the transaction that
keeps what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, Unsupported
from store.access.audit_log import append_audit
from store.ids import first_id_at, made_at_s, show_id
from store.intake.inbox import receipt_row
from store.mending.contested import Contested
from store.records import ReceiptRow
from store.statements import free_at, insert_all, storable
from store.tables import receipts, reprocessings
from store.times import micros, moment, moment_or_none

REPROCESSING: Final = "rep"
OUTCOMES: Final = ("changed", "new", "gone", "failing")
_LOOKED_AT: Final = ("translated", "ignored", "dead")
_RUNNING: Final = ("comparing", "publishing")
_COUNTS: Final = ("receipts", "same", "changed", "new", "gone", "failing", "published", "left_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprocessing:
    """A run as it stands."""

    reprocessing_id: int
    connector: str
    account: str | None
    kind: str | None
    since_id: int
    until_id: int
    started_by: str
    reason: str
    created_at: datetime
    finished_at: datetime | None
    state: str
    """comparing, compared, publishing, done or cancelled."""
    cursor: int
    receipts: int
    """Looked at so far."""
    same: int
    changed: int
    new: int
    gone: int
    failing: int
    published: int
    left_out: int
    published_by: str | None
    revision: int

    @property
    def since(self) -> datetime:
        """From when on receipts are looked at."""
        return _moment_of(self.since_id)

    @property
    def until(self) -> datetime:
        """Up to when, not included."""
        return _moment_of(self.until_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReprocessing:
    """A run to be started."""

    reprocessing_id: int
    connector: str
    since: datetime
    until: datetime
    started_by: str
    reason: str
    account: str | None = None
    kind: str | None = None


def start_reprocessing(connection: Connection, new: NewReprocessing, now: datetime) -> Reprocessing:
    """Begin to compare. Raises Malformed without a name, a reason or a range."""
    if not new.started_by.strip() or not new.reason.strip():
        raise Malformed("reprocessing needs a name and a reason", code="reason_required")
    if new.since >= new.until:
        raise Malformed("the range ends before it begins", code="bad_range")
    row = {
        "id": new.reprocessing_id,
        "connector": new.connector,
        "account": new.account,
        "kind": new.kind,
        "since_id": first_id_at(new.since),
        "until_id": first_id_at(new.until),
        "started_by": new.started_by,
        "reason": storable(new.reason),
        "created_at": micros(now),
        "state": "comparing",
        "cursor": 0,
        "revision": 1,
        **dict.fromkeys(_COUNTS, 0),
    }
    insert_all(connection, reprocessings, [row])
    run = load_reprocessing(connection, new.reprocessing_id)
    note(connection, run, "start", actor=new.started_by, now=now)
    return run


def load_reprocessing(connection: Connection, reprocessing_id: int) -> Reprocessing:
    """One run. Raises Unsupported (`unknown_reprocessing`)."""
    found = connection.execute(
        select(reprocessings).where(reprocessings.c.id == reprocessing_id)
    ).first()
    if found is None:
        raise Unsupported("there is no such reprocessing", code="unknown_reprocessing")
    return _reprocessing(found)


def list_reprocessings(
    connection: Connection, *, before: int | None = None, limit: int = 50
) -> list[Reprocessing]:
    """Runs, newest first."""
    statement = select(reprocessings).order_by(reprocessings.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(reprocessings.c.id < before)
    return [_reprocessing(found) for found in connection.execute(statement)]


def publish(
    connection: Connection, reprocessing_id: int, *, actor: str, now: datetime
) -> Reprocessing:
    """Publish what changed, as corrections. Raises Contested unless all is compared."""
    return _turn(
        connection, reprocessing_id, ("compared",), actor=actor, now=now,
        state="publishing", cursor=0, published_by=actor,
    )  # fmt: skip


def cancel(
    connection: Connection, reprocessing_id: int, *, actor: str, now: datetime
) -> Reprocessing:
    """Go no further; what is published is published. Raises Contested when it is over."""
    states = ("comparing", "compared", "publishing")
    return _turn(
        connection, reprocessing_id, states, actor=actor, now=now,
        state="cancelled", finished_at=micros(now),
    )  # fmt: skip


def _turn(
    connection: Connection,
    reprocessing_id: int,
    states: Sequence[str],
    *,
    actor: str,
    now: datetime,
    **values: Any,
) -> Reprocessing:
    table = reprocessings.c
    changed = connection.execute(
        update(reprocessings)
        .where(table.id == reprocessing_id, table.state.in_(states))
        .values(**values, revision=table.revision + 1, claimed_by=None, claimed_until=None)
    )
    run = load_reprocessing(connection, reprocessing_id)
    if not changed.rowcount:
        raise Contested(f"the reprocessing is {run.state}", code="reprocessing_state")
    note(connection, run, str(values["state"]), actor=actor, now=now)
    return run


def claim(
    connection: Connection, owner: str, now: datetime, lease: timedelta
) -> Reprocessing | None:
    """Lease a run that can go on and that nobody else holds."""
    table = reprocessings.c
    own = free_at(table.claimed_until, micros(now)) | (table.claimed_by == owner)
    free = (
        select(table.id)
        .where(table.state.in_(_RUNNING), own)
        .order_by(table.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(
        update(reprocessings)
        .where(table.id.in_(free))
        .values(claimed_by=owner, claimed_until=micros(now + lease))
        .returning(reprocessings)
    ).first()
    return None if found is None else _reprocessing(found)


def hold(connection: Connection, run: Reprocessing, owner: str) -> Reprocessing | None:
    """The run, locked; None when it is not this owner's any more, or was turned meanwhile."""
    table = reprocessings.c
    found = connection.execute(
        select(reprocessings)
        .where(
            table.id == run.reprocessing_id,
            table.claimed_by == owner,
            table.state == run.state,
            table.cursor == run.cursor,
        )
        .with_for_update()
    ).first()
    return None if found is None else _reprocessing(found)


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's runs."""
    connection.execute(
        update(reprocessings)
        .where(reprocessings.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )


def next_receipts(connection: Connection, run: Reprocessing, limit: int) -> list[ReceiptRow]:
    """The next receipts of the run's range, oldest first."""
    table = receipts.c
    statement = select(receipts).where(
        table.id > max(run.cursor, run.since_id - 1),
        table.id < run.until_id,
        table.connector == run.connector,
        table.state.in_(_LOOKED_AT),
    )
    for column, value in ((table.account, run.account), (table.kind, run.kind)):
        if value is not None:
            statement = statement.where(column == value)
    found = connection.execute(statement.order_by(table.id).limit(limit))
    return [receipt_row(one) for one in found]


def change(connection: Connection, run: Reprocessing, **values: Any) -> Reprocessing:
    """Set columns of a run that is held."""
    connection.execute(
        update(reprocessings).where(reprocessings.c.id == run.reprocessing_id).values(**values)
    )
    return load_reprocessing(connection, run.reprocessing_id)


def finish(connection: Connection, run: Reprocessing, state: str, now: datetime) -> Reprocessing:
    """End a phase: `compared`, or `done`."""
    over = micros(now) if state == "done" else None
    ended = change(connection, run, state=state, finished_at=over)
    note(connection, ended, state, actor="gateway", now=now)
    return ended


def note(
    connection: Connection, run: Reprocessing, verb: str, *, actor: str, now: datetime,
    **details: Any,
) -> None:  # fmt: skip
    append_audit(
        connection,
        at=now,
        actor=actor,
        action=f"reprocessing.{verb}",
        target=show_id(REPROCESSING, run.reprocessing_id),
        details={"connector": run.connector, "reason": run.reason} | details,
    )


def _moment_of(row_id: int) -> datetime:
    return datetime.fromtimestamp(made_at_s(row_id), UTC)


def _reprocessing(found: Found[Any]) -> Reprocessing:
    values = found._asdict()
    del values["claimed_by"], values["claimed_until"]
    return Reprocessing(
        **values
        | {
            "reprocessing_id": values.pop("id"),
            "created_at": moment(found.created_at),
            "finished_at": moment_or_none(found.finished_at),
        }
    )
