"""Where each poll of each account stands, and what only polls have brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Update, and_, exists, func, literal, select, tuple_, update
from sqlalchemy import Row as Found

from store.intake.pauses import not_paused
from store.records import PollRow
from store.statements import free_at, insert_missing, not_state, storable
from store.tables import intake_ledger, messages, poll_cursors, receipts
from store.times import micros, moment, moment_or_none


class PollName(NamedTuple):
    """Which poll of which account."""

    connector: str
    account: str
    poll: str


_CURSORS = poll_cursors.c
_NAME = tuple_(_CURSORS.connector, _CURSORS.account, _CURSORS.poll)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTaken:
    """A turn that succeeded: everything it found is durable."""

    cursor: str | None
    """Where the next one begins; None: where this one did."""
    since: datetime
    """From when on the next one asks."""
    due_at: datetime
    found: int
    new: int


def know_polls(
    connection: Connection, names: Sequence[PollName], since: datetime, now: datetime
) -> None:
    """Make rows for polls that are not known yet: due at once, asking from `since` on."""
    rows = [
        {
            **one._asdict(),
            "since": micros(since),
            "due_at": micros(now),
            **dict.fromkeys(("failures", "turns", "found", "new_by_poll"), 0),
        }
        for one in names
    ]
    insert_missing(connection, poll_cursors, rows)


def claim_polls(
    connection: Connection,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    names: Sequence[PollName],
) -> list[PollRow]:
    """Lease those of the polls that are due and whose account is not paused, longest due first."""
    if not names or limit < 1:
        return []
    due = (
        select(_CURSORS.connector, _CURSORS.account, _CURSORS.poll)
        .where(micros(now) >= _CURSORS.due_at, free_at(_CURSORS.claimed_until, micros(now)))
        .where(_NAME.in_(names), not_paused(poll_cursors))
        .order_by(_CURSORS.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = connection.execute(
        update(poll_cursors)
        .where(_NAME.in_(due))
        .values(claimed_by=owner, claimed_until=micros(now + lease), last_started=micros(now))
        .returning(poll_cursors)
    )
    return sorted(map(poll_row, claimed), key=lambda row: row.due_at)


def renew_poll(connection: Connection, name: PollName, owner: str, until: datetime) -> bool:
    """Hold a poll for longer; False when it is no longer one's own."""
    renewed = connection.execute(_own(name, owner).values(claimed_until=micros(until)))
    return renewed.rowcount > 0


def finish_turn(
    connection: Connection, name: PollName, owner: str, turn: TurnTaken, now: datetime
) -> bool:
    """Store a successful turn's end; False when the poll is no longer one's own."""
    finished = connection.execute(
        _own(name, owner).values(
            cursor=_CURSORS.cursor if turn.cursor is None else storable(turn.cursor),
            since=micros(turn.since),
            due_at=micros(turn.due_at),
            last_finished=micros(now),
            last_error=None,
            failures=0,
            turns=_CURSORS.turns + 1,
            found=_CURSORS.found + turn.found,
            new_by_poll=_CURSORS.new_by_poll + turn.new,
            claimed_by=None,
            claimed_until=None,
        )
    )
    return finished.rowcount > 0


def fail_turn(
    connection: Connection, name: PollName, owner: str, error: str, due_at: datetime
) -> bool:
    """Store why a turn failed and when the next is due; its cursor stays where it was."""
    failed = connection.execute(
        _own(name, owner).values(
            last_error=storable(error),
            due_at=micros(due_at),
            failures=_CURSORS.failures + 1,
            claimed_by=None,
            claimed_until=None,
        )
    )
    return failed.rowcount > 0


def _own(name: PollName, owner: str) -> Update:
    return update(poll_cursors).where(
        _CURSORS.connector == name.connector,
        _CURSORS.account == name.account,
        _CURSORS.poll == name.poll,
        _CURSORS.claimed_by == owner,
    )


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's polls: anybody may take their turns at once."""
    connection.execute(
        update(poll_cursors)
        .where(_CURSORS.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )


def release_all_claims(connection: Connection) -> None:
    """Void every lease. Only right where no other process serves this store."""
    connection.execute(
        update(poll_cursors)
        .where(_CURSORS.claimed_until.is_not(None))
        .values(claimed_by=None, claimed_until=None)
    )


def list_polls(connection: Connection) -> list[PollRow]:
    """Every poll that has been known, by name."""
    names = (_CURSORS.connector, _CURSORS.account, _CURSORS.poll)
    return [poll_row(found) for found in connection.execute(select(poll_cursors).order_by(*names))]


def poll_row(found: Found[Any]) -> PollRow:
    """A row of the table as a value."""
    values = found._asdict()
    del values["claimed_by"], values["claimed_until"]
    return PollRow(
        **values
        | {
            "since": moment(found.since),
            "due_at": moment(found.due_at),
            "last_started": moment_or_none(found.last_started),
            "last_finished": moment_or_none(found.last_finished),
        }
    )


def missed_webhooks(connection: Connection) -> dict[tuple[str, str], Mapping[str, int]]:
    """Per (connector, account): messages by type that a poll brought and no webhook ever did.

    A webhook that came later than the poll is a duplicate, and was not missed. For accounts that
    get no webhooks at all the figure means nothing.
    """
    late, late_receipt = messages.alias(), receipts.alias()
    came_later = exists().where(
        and_(
            late.c.message_id == messages.c.message_id,
            not_state(late.c.verdict, "new"),
            late.c.id != messages.c.id,
            late_receipt.c.id == late.c.receipt_id,
            late_receipt.c.transport == "webhook",
        )
    )
    polled = receipts.c.transport == literal("poll", literal_execute=True)
    statement = (
        select(messages.c.connector, messages.c.account, messages.c.type, func.count())
        .join_from(receipts, messages, messages.c.receipt_id == receipts.c.id)
        .where(polled, messages.c.verdict == "new", ~came_later)
        .group_by(messages.c.connector, messages.c.account, messages.c.type)
        .order_by(messages.c.type)
    )
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for connector, account, kind, number in connection.execute(statement):
        counts[connector, account][kind] = number
    return dict(counts)


def last_received(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Per (connector, account): when something last arrived, by whatever transport."""
    ledger = intake_ledger.c
    statement = select(ledger.connector, ledger.account, func.max(ledger.at)).group_by(
        ledger.connector, ledger.account
    )
    return {
        (connector, account): moment(at) for connector, account, at in connection.execute(statement)
    }
