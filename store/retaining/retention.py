"""Retention: what is old enough is dropped, in steps that are short transactions of bounded size.

A step enters what it dropped into the counters the audit reads, in its own transaction: a run may
be killed anywhere, be started again, and run beside live traffic or beside another run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, delete, func, or_, select, tuple_

from store import retained
from store.access.audit_log import append_audit
from store.ids import first_id_at
from store.intake.raw_partitions import Partition, drop_partition, ensure_partitions, partitions
from store.log.message_log import OldBlock, began, empty_block, old_blocks
from store.retaining.holding import any_held, held_receipts
from store.statements import among, is_postgresql, select_among
from store.tables import (
    attempts,
    conflict_decisions,
    dead_letters,
    edits,
    failure_notes,
    fetches,
    messages,
    raw_payloads,
    receipts,
    resends,
)

ROWS: Final = 500
"""Of the leading table, in a step."""
LOOKED_AT: Final = 5000
"""Rows a step looks at where it drops none."""
_PARTS: Final = 256
"""Parts of bodies in a step: at most 256 MiB, usually half a megabyte."""
_LOCK: Final = 0x6F32635F726574
"""The advisory lock of whoever drops."""
_LOG_MARGIN: Final = timedelta(hours=1)
"""Clocks of several machines agree to within this on when the message log began."""


class Policy(NamedTuple):
    """How old each kind of thing gets; None: it is kept for ever."""

    raw: timedelta | None = None
    messages: timedelta | None = None
    receipts: timedelta | None = None
    keys: timedelta | None = None
    """At least as long as `raw` and `messages`."""


class Step(NamedTuple):
    """What one step did."""

    dropped: int
    kept: int = 0
    """Old enough, and held."""
    after: Any = None
    """Where the next step goes on; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One kind of thing, step by step: the first is given `begin`, each other its `after`."""

    name: str
    begin: Any
    run: Callable[[Connection, Any, bool], Step]
    """Of a connection, where to go on, and whether it only counts."""

    def step(self, connection: Connection, after: Any, *, dry: bool) -> Step:
        """The next step. Steps of several runs take turns; a dry one waits for nobody."""
        if not dry and is_postgresql(connection):
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return self.run(connection, after, dry)


def begin(connection: Connection, policy: Policy, now: datetime, actor: str) -> None:
    """Enter a run into the audit log, and mark how far it goes before anything is dropped."""
    ensure_partitions(connection, now)
    limits = policy._asdict().items()
    days = {name: age / timedelta(days=1) for name, age in limits if age is not None}
    details = {"days": {name: f"{number:g}" for name, number in days.items()}}
    _note(connection, "retention.start", details, now, actor)
    if policy.raw is not None:
        retained.mark(connection, retained.BODIES, first_id_at(now - policy.raw), now)


def finish(connection: Connection, counts: Mapping[str, int], now: datetime, actor: str) -> None:
    """Enter what a run has dropped into the audit log."""
    _note(connection, "retention.finish", {"dropped": dict(counts)}, now, actor)


def _note(
    connection: Connection, action: str, details: Mapping[str, Any], now: datetime, actor: str
) -> None:
    append_audit(connection, at=now, actor=actor, action=action, target="store", details=details)


def body_phases(before: datetime) -> list[Phase]:
    """Raw bodies: whole partitions where there are any, the others by rows."""
    before_id = first_id_at(before)

    def whole(connection: Connection, after: int, dry: bool) -> Step:
        return Step(0) if dry else _drop_partition(connection, after, before_id)

    def rows(connection: Connection, after: tuple[int, int], dry: bool) -> Step:
        return _drop_parts(connection, after, before_id, dry)

    return [
        Phase(name="raw bodies", begin=0, run=whole),
        Phase(name="raw bodies", begin=(0, -1), run=rows),
    ]


def _drop_partition(connection: Connection, after: int, before_id: int) -> Step:
    """Drop the next partition of which all is due and nothing held; others are left to the rows."""
    due = (one for one in partitions(connection) if after < one.before_id <= before_id)
    partition = next(due, None)
    if partition is None:
        return Step(0)
    if any_held(connection, partition.first_id, partition.before_id):
        return Step(0, after=partition.before_id)
    bodies = _bodies_in(connection, partition)
    gone = drop_partition(connection, partition)
    return Step(bodies if gone else 0, after=partition.before_id)


def _bodies_in(connection: Connection, partition: Partition) -> int:
    table = raw_payloads.c
    within = table.receipt_id >= (partition.first_id or 0), table.receipt_id < partition.before_id
    counted = select(func.count()).select_from(raw_payloads).where(*within, table.part == 0)
    return connection.scalar(counted) or 0


def _drop_parts(connection: Connection, after: tuple[int, int], before_id: int, dry: bool) -> Step:
    place = tuple_(raw_payloads.c.receipt_id, raw_payloads.c.part)
    page = connection.execute(
        select(raw_payloads.c.receipt_id, raw_payloads.c.part)
        .where(place > tuple_(*after), raw_payloads.c.receipt_id < before_id)
        .order_by(raw_payloads.c.receipt_id, raw_payloads.c.part)
        .limit(LOOKED_AT if dry else _PARTS)
    ).all()
    if not page:
        return Step(0)
    last = (page[-1].receipt_id, page[-1].part)
    held = held_receipts(connection, (one.receipt_id for one in page))
    free = sorted({one.receipt_id for one in page} - held)
    if free and not dry:
        connection.execute(
            delete(raw_payloads).where(
                among(connection, raw_payloads.c.receipt_id, free),
                place > tuple_(*after),
                place <= tuple_(*last),
            )
        )
    begun = Counter(one.receipt_id in held for one in page if not one.part)
    return Step(begun[False], begun[True], last)


def message_phases(before: datetime) -> list[Phase]:
    """Messages by the blocks of their log, and those that are in none."""

    def logged(connection: Connection, after: tuple[int, int], dry: bool) -> Step:
        return _drop_blocks(connection, after, before, dry)

    def unlogged(connection: Connection, after: int, dry: bool) -> Step:
        return _drop_unlogged(connection, after, first_id_at(before), dry)

    return [
        Phase(name="messages", begin=(0, 0), run=logged),
        Phase(name="messages", begin=0, run=unlogged),
    ]


_PLACED = select(messages.c.id, messages.c.receipt_id, messages.c.connector, messages.c.account)


def _drop_blocks(
    connection: Connection, after: tuple[int, int], before: datetime, dry: bool
) -> Step:
    """Drop the rows of intact blocks of which no row is held; the others stay whole."""
    blocks, following = old_blocks(connection, after, before, ROWS, lock=not dry)
    wanted = [row_id for block in blocks for row_id in block.row_ids]
    rows = {row.id: row for row in select_among(connection, _PLACED, messages.c.id, wanted)}
    held = held_receipts(connection, (row.receipt_id for row in rows.values()))
    free = [one for one in blocks if one.intact and not _touches(one, rows, held)]
    going = [rows[row_id] for block in free for row_id in block.row_ids]
    if going and not dry:
        _drop_messages(connection, going)
        retained.enter_dropped(connection, "logged", _by_account(going))
        for block in free:
            empty_block(connection, block)
    return Step(len(going), len(wanted) - len(going), following)


def _touches(block: OldBlock, rows: Mapping[int, Any], held: set[int]) -> bool:
    return any(rows[row_id].receipt_id in held for row_id in block.row_ids)


def _drop_unlogged(connection: Connection, after: int, before_id: int, dry: bool) -> Step:
    """Records that never became messages, and what was recorded before there was a log."""
    due = _PLACED.where(messages.c.id > after, messages.c.id < before_id)
    since = began(connection)
    if since is not None:
        before_log = messages.c.created_at < since - _LOG_MARGIN // timedelta(microseconds=1)
        due = due.where(or_(messages.c.verdict == "problem", before_log))
    page = connection.execute(due.order_by(messages.c.id).limit(LOOKED_AT if dry else ROWS)).all()
    if not page:
        return Step(0)
    held = held_receipts(connection, (row.receipt_id for row in page))
    going = [row for row in page if row.receipt_id not in held]
    if going and not dry:
        _drop_messages(connection, going)
    return Step(len(going), len(page) - len(going), page[-1].id)


def _drop_messages(connection: Connection, rows: Sequence[Any]) -> None:
    wanted = [row.id for row in rows]
    _delete(connection, messages, "id", wanted)
    _delete(connection, conflict_decisions, "message_row_id", wanted)
    retained.enter_dropped(connection, "messages", _by_account(rows))


def receipt_phases(before: datetime) -> list[Phase]:
    """Receipts of which neither bytes nor messages are left, with what belongs to them."""

    def rows(connection: Connection, after: int, dry: bool) -> Step:
        return _drop_receipts(connection, after, first_id_at(before), dry)

    return [Phase(name="receipts", begin=0, run=rows)]


def _drop_receipts(connection: Connection, after: int, before_id: int, dry: bool) -> Step:
    table = receipts.c
    page = connection.execute(
        select(table.id, table.connector, table.account, table.message_count)
        .where(table.id > after, table.id < before_id)
        .order_by(table.id)
        .limit(LOOKED_AT if dry else ROWS)
    ).all()
    if not page:
        return Step(0)
    wanted = [row.id for row in page]
    held = held_receipts(connection, wanted)
    if not dry:  # a dry run finds what the phases before this would have dropped
        held |= _with_belongings(connection, wanted)
    going = [row for row in page if row.id not in held]
    if going and not dry:
        _drop_with_history(connection, going)
    return Step(len(going), len(page) - len(going), page[-1].id)


def _with_belongings(connection: Connection, wanted: list[int]) -> set[int]:
    return {
        int(row[0])
        for column in (messages.c.receipt_id, raw_payloads.c.receipt_id)
        for row in select_among(connection, select(column), column, wanted)
    }


_OF_RECEIPT = (
    (attempts, "receipt_id"),
    (dead_letters, "receipt_id"),
    (edits, "original_receipt_id"),
    (fetches, "receipt_id"),
    (resends, "receipt_id"),
    (receipts, "id"),
)


def _drop_with_history(connection: Connection, rows: Sequence[Any]) -> None:
    wanted = [row.id for row in rows]
    letters = select(dead_letters.c.id)
    found = select_among(connection, letters, dead_letters.c.receipt_id, wanted)
    _delete(connection, failure_notes, "dead_letter_id", [row.id for row in found])
    for table, column in _OF_RECEIPT:
        _delete(connection, table, column, wanted)
    retained.enter_dropped(connection, "receipts", _by_account(rows))
    translated: Counter[retained.Account] = Counter()
    for row in rows:
        translated[row.connector, row.account] += row.message_count
    retained.enter_dropped(connection, "translated", translated)


def _delete(connection: Connection, table: Table, column: str, wanted: list[int]) -> None:
    if wanted:
        connection.execute(delete(table).where(among(connection, table.c[column], wanted)))


def _by_account(rows: Iterable[Any]) -> Counter[retained.Account]:
    return Counter((row.connector, row.account) for row in rows)
