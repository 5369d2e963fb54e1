"""Settling: take what is due, derive it, and keep what changed. One process a domain at a time.

It reads on a snapshot and thinks outside of any transaction; the write is short, and is dropped
when the lease was lost meanwhile. A fact that comes in between has a mark of its own, so that its
cluster is derived once more.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection, Table, delete, select

from canonical.errors import Unavailable
from domains.contract import Cluster, Derived, Domain, Finding, Owner, Parked, Record, Rules
from domains.engine.comparing import Keeper
from domains.engine.filing import mark_due, own_name
from domains.engine.gathering import MOST_FACTS, Gathered, gather, read_clusters
from domains.engine.tables import due_names
from domains.exceptions.keeping import keep
from store.database import Database
from store.finding import following
from store.ids import IdSource
from store.statements import among, select_among
from store.times import micros

LEASE: Final = timedelta(seconds=30)
BATCH: Final = 40
"""Names taken at once; the writes they lead to are one transaction."""
AGAIN: Final = timedelta(hours=1)
"""When a cluster without an answer is tried again by itself."""

_TOO_ENTANGLED: Final = Finding(
    kind="too_entangled",
    record="",
    owner=Owner.IT,
    explanation=f"More than {MOST_FACTS} facts hang together by their names; nothing is derived of"
    " them. Look for a reference that many share.",
)
_NOT_DERIVED: Final = Finding(
    kind="not_derived",
    record="",
    owner=Owner.IT,
    explanation="The domain could not derive this fact and those that belong to it; what was"
    " derived before stands. The gateway's log names the error.",
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A cluster and what the domain says of it."""

    members: frozenset[str]
    due: Mapping[str, int]
    """The names that led to it, and their marks."""
    arrived: Mapping[str, int]
    derived: Derived
    answered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settler:
    """Derives one domain."""

    domain: Domain
    tables: Mapping[str, Table]
    rules: Rules
    database: Database
    owner: str
    ids: IdSource = field(default_factory=IdSource)
    lease: timedelta = LEASE

    @property
    def name(self) -> str:
        """Of its lease."""
        return f"domain-{self.domain.name}"

    async def settle(self, now: datetime) -> int:
        """Derive up to a batch of what is due; how many names that were. Raises Unavailable.

        0 also where another process is at it.
        """
        if not await self.database.read(lambda connection: self._due(connection, now)):
            return 0
        held = await self.database.write(
            lambda connection: following.claim(connection, self.name, self.owner, now, self.lease)
        )
        if held is None:
            return 0
        due, answers = await self.database.read(lambda connection: self._answers(connection, now))

        try:
            kept = await self._write(held, due, answers, now)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what only the store refuses may be anything
            log.error("not kept", domain=self.domain.name, error=raised_where(error))  # noqa: TRY400
            kept = await self._write_apart(held, due, answers, now)
        return len(due) if kept else 0

    async def _write(
        self, held: int, due: Mapping[str, int], answers: Sequence[Answer], now: datetime
    ) -> bool:
        """Keep these answers, if the lease is still held; whether it was."""

        def keep_all(connection: Connection) -> bool:
            if not following.move(connection, self.name, self.owner, held, held + 1):
                return False
            _strike_off(connection, self.domain.name, due)
            self._keep(connection, answers, now)
            return True

        return await self.database.write(keep_all)

    async def _write_apart(
        self, held: int, due: Mapping[str, int], answers: Sequence[Answer], now: datetime
    ) -> bool:
        """One answer cannot be stored: find it, and tell people; the others are kept."""
        for number, answer in enumerate(answers):
            try:
                kept = await self._write(held + number, answer.due, [answer], now)
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - told already
                told = _without_answer(answer.members, answer.due, _NOT_DERIVED, now)
                kept = await self._write(held + number, answer.due, [told], now)
            if not kept:
                return False
        answered = {name for answer in answers for name in answer.due}
        left = {name: mark for name, mark in due.items() if name not in answered}
        return await self._write(held + len(answers), left, [], now)

    def _due(self, connection: Connection, now: datetime) -> dict[str, int]:
        """Names that are due, longest first, and their marks."""
        table = due_names.c
        statement = (
            select(table.name, table.mark)
            .where(table.domain == self.domain.name, table.due_at <= micros(now))
            .order_by(table.due_at, table.name)
            .limit(BATCH)
        )
        return {one.name: one.mark for one in connection.execute(statement)}

    def _due_among(
        self, connection: Connection, names: Collection[str], now: datetime
    ) -> dict[str, int]:
        table = due_names.c
        statement = select(table.name, table.mark).where(
            table.domain == self.domain.name, table.due_at <= micros(now)
        )
        found = select_among(connection, statement, table.name, sorted(names))
        return {one.name: one.mark for one in found}

    def _answers(
        self, connection: Connection, now: datetime
    ) -> tuple[dict[str, int], list[Answer]]:
        due = self._due(connection, now)
        gathered = gather(connection, self.domain.name, due)
        # What else is due of these clusters is done with them.
        due |= self._due_among(connection, {name for one in gathered for name in one.strong}, now)
        fine = [one for one in gathered if not one.too_large]
        clusters = read_clusters(connection, self.domain, fine, self.rules)
        answers = [
            self._answer(one, _of_cluster(due, one), cluster, now)
            for one, cluster in zip(fine, clusters, strict=True)
        ]
        refused = [
            _without_answer(one.members, _of_cluster(due, one), _TOO_ENTANGLED, now)
            for one in gathered
            if one.too_large
        ]
        return due, [*refused, *answers]

    def _answer(
        self, gathered: Gathered, due: Mapping[str, int], cluster: Cluster, now: datetime
    ) -> Answer:
        try:
            derived = self.domain.derive(cluster, now)
        except Exception as error:  # noqa: BLE001 - one cluster must not stop the others
            # Not the traceback: what an error says may quote a message.
            log.error("not derived", domain=self.domain.name, error=raised_where(error))  # noqa: TRY400
            return _without_answer(gathered.members, due, _NOT_DERIVED, now)
        return Answer(
            members=frozenset(gathered.members),
            due=due,
            arrived={one.id: micros(one.arrived_at) for one in cluster.facts},
            derived=_with_deadlines(derived, cluster, now),
        )

    def _keep(self, connection: Connection, answers: Sequence[Answer], now: datetime) -> None:
        """Clusters have nothing in common, so that all are compared at once."""
        keeper = Keeper(domain=self.domain.name, tables=self.tables, ids=self.ids)
        members = {fact for one in answers for fact in one.members}
        answered = [one for one in answers if one.answered]
        of_answered = {fact for one in answered for fact in one.members}
        said = [
            _resting_here(record, one.members) for one in answered for record in one.derived.records
        ]
        known = keeper.known_records(connection, of_answered)
        changed = keeper.keep_records(connection, known, said, now)
        keeper.keep_parked(
            connection,
            of_answered,
            [parked for one in answered for parked in one.derived.parked],
            {fact: at for one in answered for fact, at in one.arrived.items()},
        )
        keep(
            connection,
            domain=self.domain.name,
            scope={*known, *(one.key for one in said), *members},
            findings=[finding for one in answers for finding in one.derived.findings],
            labels={one.key: one.label for one in said},
            ids=self.ids,
            now=now,
        )
        keeper.announce(
            connection, [told for one in answered for told in one.derived.announcements]
        )
        disturbed = {name for one in changed for name in one.disturbs}
        mark_due(connection, self.domain.name, disturbed, self.ids, now)
        self._wake(connection, answers, now)

    def _wake(self, connection: Connection, answers: Sequence[Answer], now: datetime) -> None:
        for answer in answers:
            if (wake_at := answer.derived.wake_at) is not None:
                # What is derived for the present must not be due again at once, and for ever.
                at = max(wake_at, now + timedelta(seconds=1))
                name = own_name(min(answer.members))
                mark_due(connection, self.domain.name, {name}, self.ids, at)


def _strike_off(connection: Connection, domain: str, due: Mapping[str, int]) -> None:
    """Take away what was due, unless it was marked again meanwhile."""
    table = due_names.c
    marks = sorted(due.values())
    connection.execute(
        delete(due_names).where(table.domain == domain, among(connection, table.mark, marks))
    )


def _with_deadlines(derived: Derived, cluster: Cluster, now: datetime) -> Derived:
    """What is parked becomes a finding when its patience has run out, and wakes when it will."""
    arrived = {one.id: one.arrived_at for one in cluster.facts}
    waits = [one for one in derived.parked if one.fact in arrived]
    ends = [arrived[one.fact] + one.patience for one in waits]
    late = [one for one, end in zip(waits, ends, strict=True) if end <= now]
    wakes = [end for end in ends if end > now]
    if derived.wake_at is not None:
        wakes.append(derived.wake_at)
    return replace(
        derived,
        parked=tuple(waits),
        findings=(*derived.findings, *_never_came(late, cluster)),
        wake_at=min(wakes, default=None),
    )


def _never_came(late: Sequence[Parked], cluster: Cluster) -> Iterator[Finding]:
    """One finding for all that waits for the same, on the first of its facts."""
    place = {one.id: number for number, one in enumerate(cluster.facts)}
    waiting: dict[tuple[str, str], list[Parked]] = defaultdict(list)
    for one in late:
        waiting[one.kind, one.awaits].append(one)
    for (kind, awaits), parked in sorted(waiting.items()):
        first = min(parked, key=lambda one: place[one.fact])
        yield Finding(
            kind=kind,
            record=first.fact,
            subject=awaits,
            owner=first.owner,
            explanation=first.explanation,
            involved=(awaits,),
            facts=frozenset(one.fact for one in parked),
            since=cluster.facts[place[first.fact]].occurred_at,
        )


def _of_cluster(due: Mapping[str, int], gathered: Gathered) -> dict[str, int]:
    return {name: mark for name, mark in due.items() if name in gathered.strong}


def _without_answer(
    members: Collection[str], due: Mapping[str, int], finding: Finding, now: datetime
) -> Answer:
    """What is stored of these facts stays; people are told, and it is tried again."""
    first = min(members)
    told = replace(finding, record=first, facts=frozenset({first}))
    return Answer(
        members=frozenset({first}),
        due=due,
        arrived={},
        derived=Derived(findings=(told,), wake_at=now + AGAIN),
        answered=False,
    )


def _resting_here(record: Record, members: Collection[str]) -> Record:
    """Facts that are only nearby belong to the records of their own cluster."""
    return replace(record, facts=record.facts & frozenset(members))


def raised_where(error: BaseException) -> str:
    """An error's type and the innermost place it came from, without its words."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
