"""Objects that thin events named: to be fetched, once each, each with a receipt of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Update, func, select, tuple_, update
from sqlalchemy import Row as Found

from store.access.audit_log import append_audit
from store.failures.attempts import record_attempts
from store.failures.dead_letters import FETCH_STAGE, close_fetch, open_for_fetch
from store.ids import DEAD_LETTER, show_id
from store.intake.pauses import not_paused
from store.records import Attempt, FetchRow, Translation
from store.statements import free_at, insert_missing, is_state, storable
from store.tables import fetches
from store.times import micros, moment


def want(connection: Connection, translations: Sequence[Translation], now: datetime) -> None:
    """Note the objects that translations ask for; what a receipt asked for before is left alone."""
    rows = [
        {
            "id": wish.fetch_id,
            "receipt_id": one.receipt_id,
            "connector": one.connector,
            "account": one.account,
            "kind": wish.kind,
            "object_id": wish.object_id,
            "at": storable(wish.at),
            "state": "pending",
            "attempts": 0,
            "due_at": micros(now),
            "created_at": micros(now),
        }
        for one in translations
        for wish in one.fetches
    ]
    insert_missing(connection, fetches, rows)


def due_accounts(
    connection: Connection, now: datetime, served: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Those of the (connector, account) that have something to fetch now and are not paused."""
    if not served:
        return []
    statement = (
        select(fetches.c.connector, fetches.c.account)
        .distinct()
        .where(*_is_due(now), tuple_(fetches.c.connector, fetches.c.account).in_(served))
    )
    return [(found.connector, found.account) for found in connection.execute(statement)]


def claim_fetches(
    connection: Connection,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    account: tuple[str, str],
) -> list[FetchRow]:
    """Lease what is due of one (connector, account), longest due first."""
    free = (
        select(fetches.c.id)
        .where(*_is_due(now))
        .where(fetches.c.connector == account[0], fetches.c.account == account[1])
        .order_by(fetches.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = connection.execute(
        update(fetches)
        .where(fetches.c.id.in_(free))
        .values(claimed_by=owner, claimed_until=micros(now + lease))
        .returning(fetches)
    )
    return sorted(map(fetch_row, claimed), key=lambda row: (row.due_at, row.fetch_id))


def _is_due(now: datetime) -> tuple[Any, ...]:
    return (
        is_state(fetches.c.state, "pending"),
        fetches.c.due_at <= micros(now),
        free_at(fetches.c.claimed_until, micros(now)),
        not_paused(fetches),
    )


def finish_fetch(
    connection: Connection, row: FetchRow, fetched_receipt_id: int, now: datetime
) -> bool:
    """The object is durable; an open dead letter of the fetch is closed. False: it was before."""
    done = connection.execute(
        _pending(row.fetch_id).values(
            state="done",
            attempts=fetches.c.attempts + 1,
            fetched_receipt_id=fetched_receipt_id,
            error_code=None,
            message=None,
            **_UNCLAIMED,
        )
    )
    if not done.rowcount:
        return False
    close_fetch(connection, row.fetch_id, now)
    record_attempts(connection, [_attempt(row, now, "succeeded")])
    return True


def postpone_fetch(
    connection: Connection,
    row: FetchRow,
    due_at: datetime,
    now: datetime,
    *,
    code: str,
    message: str,
    tried: bool = True,
) -> None:
    """Try again at `due_at`. `tried=False`: nothing was asked, so it counts for nothing."""
    postponed = connection.execute(
        _pending(row.fetch_id).values(
            attempts=fetches.c.attempts + int(tried),
            due_at=micros(due_at),
            error_code=code,
            message=storable(message),
            **_UNCLAIMED,
        )
    )
    if postponed.rowcount and tried:
        record_attempts(connection, [_attempt(row, now, "retry_scheduled", code, message)])


def bury_fetch(
    connection: Connection, row: FetchRow, now: datetime, *, code: str, message: str
) -> None:
    """Give a fetch up: its dead letter is opened on the receipt of the thin event."""
    buried = connection.execute(
        _pending(row.fetch_id).values(
            state="dead",
            attempts=fetches.c.attempts + 1,
            error_code=code,
            message=storable(message),
            **_UNCLAIMED,
        )
    )
    if not buried.rowcount:
        return
    open_for_fetch(connection, row, code, message, now)
    record_attempts(connection, [_attempt(row, now, "failed", code, message)])


def replay_fetch(connection: Connection, fetch_id: int, actor: str, now: datetime) -> bool:
    """Put a dead fetch back, due at once with all its tries before it; False when it is not dead.

    Its dead letter stays open until the object is there.
    """
    back = connection.execute(
        update(fetches)
        .where(fetches.c.id == fetch_id, fetches.c.state == "dead")
        .values(state="pending", attempts=0, due_at=micros(now), **_UNCLAIMED)
        .returning(fetches)
    ).first()
    if back is None:
        return False
    append_audit(
        connection,
        at=now,
        actor=actor,
        action="fetch.replay",
        target=show_id(DEAD_LETTER, fetch_id),
        details={"kind": back.kind},
    )
    record_attempts(connection, [_attempt(fetch_row(back), now, "replayed")])
    return True


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's fetches: anybody may make them at once."""
    connection.execute(
        update(fetches)
        .where(is_state(fetches.c.state, "pending"), fetches.c.claimed_by == owner)
        .values(**_UNCLAIMED)
    )


def release_all_claims(connection: Connection) -> None:
    """Void every lease. Only right where no other process serves this store."""
    connection.execute(
        update(fetches)
        .where(is_state(fetches.c.state, "pending"), fetches.c.claimed_until.is_not(None))
        .values(**_UNCLAIMED)
    )


def load_fetch(connection: Connection, fetch_id: int) -> FetchRow | None:
    """One fetch, or None."""
    found = connection.execute(select(fetches).where(fetches.c.id == fetch_id)).first()
    return None if found is None else fetch_row(found)


def list_fetches(connection: Connection, receipt_id: int) -> list[FetchRow]:
    """What a receipt asked for, in the order of its payload."""
    statement = select(fetches).where(fetches.c.receipt_id == receipt_id).order_by(fetches.c.id)
    return [fetch_row(found) for found in connection.execute(statement)]


def fetch_counts(connection: Connection) -> dict[tuple[str, str], Mapping[str, int]]:
    """Per (connector, account): fetches by state."""
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    names = (fetches.c.connector, fetches.c.account, fetches.c.state)
    for connector, account, state, number in connection.execute(
        select(*names, func.count()).group_by(*names)
    ):
        counts[connector, account][state] = number
    return dict(counts)


def fetch_row(found: Found[Any]) -> FetchRow:
    """A row of the table as a value."""
    values = found._asdict()
    del values["claimed_by"], values["claimed_until"]
    return FetchRow(
        **values
        | {
            "fetch_id": values.pop("id"),
            "due_at": moment(found.due_at),
            "created_at": moment(found.created_at),
        }
    )


_UNCLAIMED: dict[str, Any] = {"claimed_by": None, "claimed_until": None}


def _pending(fetch_id: int) -> Update:
    return update(fetches).where(fetches.c.id == fetch_id, is_state(fetches.c.state, "pending"))


def _attempt(
    row: FetchRow, now: datetime, outcome: str, code: str | None = None, message: str | None = None
) -> Attempt:
    return Attempt(
        at=now,
        receipt_id=row.receipt_id,
        stage=FETCH_STAGE,
        outcome=outcome,
        error_code=code,
        message=message,
    )
