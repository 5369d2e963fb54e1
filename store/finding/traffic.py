"""How much came through when: counts by minute and by hour, kept up behind the pipeline.

Three places are followed from marks on: the intake ledger, the messages, the history of tries.
What is younger than the marks is read where it stands, so that what is shown is never behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from canonical.families import FAMILY_OF
from store.finding.following import position
from store.ids import first_id_at, made_at_s
from store.statements import is_postgresql
from store.tables import (
    attempts,
    intake_ledger,
    messages,
    receipts,
    traffic_hours,
    traffic_minutes,
)
from store.times import micros, moment

RECEIVED: Final = "received"
FAILED: Final = "failed"
MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
SETTLED: Final = timedelta(seconds=20)
"""Rows as old as that are committed; one that comes later still is not counted here."""
AT_ONCE: Final = 20_000
MINUTES_KEPT: Final = timedelta(hours=26)
HOURS_KEPT: Final = timedelta(days=15)
_FOLDED: Final = timedelta(days=6)
"""Ledger rows older than that may be sums that retention has made of others."""
_IDS_BEGAN_MINUTE: Final = int(made_at_s(0)) // 60
_IDS_A_MINUTE: Final = 60_000 << 22


class Slot(NamedTuple):
    """What is counted together."""

    minute: int
    connector: str
    account: str
    what: str
    """`received`, `failed`, or a verdict with its family: `new:order`."""


@dataclass(slots=True)
class Tally:
    """So many, the last of them at (µs)."""

    number: int = 0
    last_at: int = 0

    def add(self, number: int, last_at: int) -> None:
        self.number += number
        self.last_at = max(self.last_at, last_at)


Tallies = dict[Slot, Tally]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read behind a mark."""

    tallies: Tallies
    position: int
    """Where the next one goes on."""
    whole: bool
    """Whether that is all there is up to where it was asked for."""


def read_intake(connection: Connection, after: int, until: datetime) -> Read:
    """The ledger behind a mark, up to the first row that is not as old as `until`."""
    table = intake_ledger.c
    rows = connection.execute(
        select(table.id, table.at, table.connector, table.account, table.accepted)
        .where(table.id > after)
        .order_by(table.id)
        .limit(AT_ONCE)
    ).all()
    end, folded = micros(until), micros(until - _FOLDED)
    tallies: Tallies = defaultdict(Tally)
    reached = after
    for number, at, connector, account, accepted in rows:
        if at > end:
            return Read(tallies, reached, whole=True)
        reached = number
        if at > folded:
            slot = Slot(at // MINUTE_US, connector, account, RECEIVED)
            tallies[slot].add(accepted, at)
    return Read(tallies, reached, whole=len(rows) < AT_ONCE)


def read_failures(connection: Connection, after: int, until: datetime) -> Read:
    """Tries that failed behind a mark."""
    table = attempts.c
    rows = connection.execute(
        select(table.id, table.at, table.outcome, receipts.c.connector, receipts.c.account)
        .join_from(attempts, receipts, receipts.c.id == table.receipt_id, isouter=True)
        .where(table.id > after)
        .order_by(table.id)
        .limit(AT_ONCE)
    ).all()
    end = micros(until)
    tallies: Tallies = defaultdict(Tally)
    reached = after
    for number, at, outcome, connector, account in rows:
        if at > end:
            return Read(tallies, reached, whole=True)
        reached = number
        if outcome == FAILED and connector is not None:
            tallies[Slot(at // MINUTE_US, connector, account, FAILED)].add(1, at)
    return Read(tallies, reached, whole=len(rows) < AT_ONCE)


def read_messages(connection: Connection, after: int, until: datetime) -> Read:
    """Messages behind a mark, by verdict and family. Records that failed are among the tries."""
    end = first_id_at(until)
    last = connection.scalar(
        select(messages.c.id)
        .where(messages.c.id > after, messages.c.id < end)
        .order_by(messages.c.id)
        .offset(AT_ONCE - 1)
        .limit(1)
    )
    reached = end - 1 if last is None else last
    tallies: Tallies = defaultdict(Tally)
    for minute, connector, account, verdict, type_, number, last_id in connection.execute(
        _by_verdict(after, reached)
    ):
        if verdict != "problem":
            what = f"{verdict}:{FAMILY_OF.get(type_, '')}"
            slot = Slot(int(minute) + _IDS_BEGAN_MINUTE, connector, account, what)
            tallies[slot].add(number, int(made_at_s(last_id) * 1_000_000))
    return Read(tallies, max(reached, after), whole=last is None)


def _by_verdict(after: int, last: int) -> Select[Any]:
    table = messages.c
    # In the text of the statement: it stands there twice, and must be the same to the letter.
    minute = (table.id // literal(_IDS_A_MINUTE, literal_execute=True)).label("minute")
    by = minute, table.connector, table.account, table.verdict, table.type
    return (
        select(*by, func.count(), func.max(table.id))
        .where(table.id > after, table.id <= last)
        .group_by(*by)
    )


FOLLOWED: Final = {
    "traffic intake": read_intake,
    "traffic messages": read_messages,
    "traffic failures": read_failures,
}
"""What is followed, by the name of its mark."""


def add_traffic(connection: Connection, tallies: Mapping[Slot, Tally]) -> None:
    """Add counts to their minutes and hours."""
    hours: dict[Slot, Tally] = defaultdict(Tally)
    for slot, tally in tallies.items():
        hours[slot._replace(minute=slot.minute // 60)].add(tally.number, tally.last_at)
    dialect = postgresql if is_postgresql(connection) else sqlite
    for table, counted in ((traffic_minutes, tallies), (traffic_hours, hours)):
        rows = [
            {
                "start": slot.minute,
                "connector": slot.connector,
                "account": slot.account,
                "what": slot.what,
                "number": tally.number,
                "last_at": tally.last_at,
            }
            # In one order, so that two processes cannot wait for each other.
            for slot, tally in sorted(counted.items())
        ]
        if not rows:
            continue
        statement = dialect.insert(table)
        later = func.greatest if is_postgresql(connection) else func.max
        added = statement.on_conflict_do_update(
            index_elements=["start", "connector", "account", "what"],
            set_={
                "number": table.c.number + statement.excluded.number,
                "last_at": later(table.c.last_at, statement.excluded.last_at),
            },
        )
        connection.execute(added, rows)


def forget_traffic(connection: Connection, now: datetime) -> None:
    """Drop what is older than anything that is shown."""
    for table, kept, unit in (
        (traffic_minutes, MINUTES_KEPT, MINUTE_US),
        (traffic_hours, HOURS_KEPT, HOUR_US),
    ):
        connection.execute(delete(table).where(table.c.start < micros(now - kept) // unit))


def traffic_since(connection: Connection, minute: int, now: datetime) -> tuple[Tallies, bool]:
    """Counts from a minute (since 1970) on, the youngest included; whether those are whole."""
    table = traffic_minutes.c
    tallies: Tallies = defaultdict(Tally)
    for found in connection.execute(select(traffic_minutes).where(table.start >= minute)):
        slot = Slot(found.start, found.connector, found.account, found.what)
        tallies[slot].add(found.number, found.last_at)
    whole = True
    for name, read in FOLLOWED.items():
        young = read(connection, position(connection, name), now + timedelta(seconds=1))
        whole = whole and young.whole
        _merge(tallies, ((slot, one) for slot, one in young.tallies.items() if slot[0] >= minute))
    return tallies, whole


def _merge(into: Tallies, given: Iterable[tuple[Slot, Tally]]) -> None:
    for slot, tally in given:
        into[slot].add(tally.number, tally.last_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHours:
    """In which hours an account was heard."""

    connector: str
    account: str
    hours: Sequence[int]
    """Since 1970, in their order."""
    last_at: datetime


def hours_heard(connection: Connection, since: datetime) -> list[AccountHours]:
    """Every account that was heard since then, by name."""
    table = traffic_hours.c
    heard: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    statement = (
        select(table.connector, table.account, table.start, table.last_at)
        .where(table.start >= micros(since) // HOUR_US, table.what == RECEIVED)
        .order_by(table.connector, table.account, table.start)
    )
    for connector, account, start, last_at in connection.execute(statement):
        heard[connector, account].append((start, last_at))
    return [
        AccountHours(
            connector=connector,
            account=account,
            hours=[start for start, _ in slots],
            last_at=moment(max(last_at for _, last_at in slots)),
        )
        for (connector, account), slots in heard.items()
    ]
