"""Facts as a domain is given them, and a domain's answer over any set of them, without a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from canonical.payload import Payload
from domains.contract import (
    NO_RULES_CHANGED,
    Announcement,
    Cluster,
    Decision,
    Derived,
    Domain,
    Fact,
    Finding,
    Parked,
    Record,
    Rules,
)

DAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When the facts of tests begin."""


def fact(
    payload: Payload,
    *,
    source: str = "/shopify/acme",
    at: datetime = DAY,
    arrived: datetime | None = None,
    version: str | None = None,
    name: str = "",
) -> Fact:
    """A fact of this payload; the same payload, source and name give the same id."""
    told = f"{source}|{payload.TYPE}|{version}|{name}|{payload.json_data()}"
    digest = sha256(told.encode()).hexdigest()
    return Fact(
        id=digest[:32],
        type=payload.TYPE,
        source=source,
        key=f"test/{digest[:16]}",
        occurred_at=at,
        arrived_at=arrived or at,
        version=version,
        receipt=f"rcp_{digest[:10]}",
        correlation=f"{source}/{digest[:8]}",
        data=payload,
    )


@dataclass
class World:
    """All a domain says about a set of facts."""

    records: dict[str, Record] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    announcements: dict[tuple[str, str], Announcement] = field(default_factory=dict)
    wake_at: datetime | None = None

    def of(self, kind: str) -> list[Record]:
        return [one for one in self.records.values() if one.kind == kind]

    def only(self, kind: str) -> Record:
        (found,) = self.of(kind)
        return found

    @property
    def kinds(self) -> list[str]:
        """The kinds of the findings, sorted."""
        return sorted(one.kind for one in self.findings.values())


def derive_all(
    domain: Domain,
    facts: Iterable[Fact],
    *,
    decisions: Sequence[Decision] = (),
    now: datetime = DAY + timedelta(hours=1),
    rules: Rules = NO_RULES_CHANGED,
) -> World:
    """Derive every cluster of these facts, until what clusters lend each other stands still."""
    known = {one.id: one for one in facts}
    states: dict[str, Mapping[str, Any]] = {}
    for _ in range(10):
        world = _derived_once(domain, known, decisions, now, rules, states)
        found = {key: record.state for key, record in world.records.items()}
        if found == states:
            return world
        states = found
    raise AssertionError("the clusters never agree with each other")


def _derived_once(  # noqa: PLR0917 - all of what a derivation is given
    domain: Domain,
    known: Mapping[str, Fact],
    decisions: Sequence[Decision],
    now: datetime,
    rules: Rules,
    states: Mapping[str, Mapping[str, Any]],
) -> World:
    world = World()
    for members, nearby in _clusters(domain, known):
        asked = Cluster(facts=_in_order(members), nearby=_in_order(nearby), rules=rules)
        ids = {one.id for one in members}
        first = domain.derive(asked, now)
        here = {one.key for one in first.records} | ids
        given = Cluster(
            facts=asked.facts,
            nearby=asked.nearby,
            decisions=tuple(one for one in decisions if one.record in here),
            borrowed={key: states[key] for key in domain.borrows(asked) if key in states},
            rules=rules,
        )
        _add(world, domain.derive(given, now))
    return world


def _in_order(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple(sorted(facts, key=lambda one: (one.occurred_at, one.version or "", one.key)))


def _clusters(domain: Domain, known: Mapping[str, Fact]) -> Iterable[tuple[list[Fact], list[Fact]]]:
    names = {key: domain.listens[one.type](one.data) for key, one in known.items()}
    left = set(known)
    while left:
        members, reached = {min(left)}, set(names[min(left)].strong)
        while True:
            more = {key for key in left - members if names[key].strong & reached}
            if not more:
                break
            members |= more
            reached |= {name for key in more for name in names[key].strong}
        weak = {name for key in members for name in names[key].weak}
        nearby = [
            one
            for key, one in known.items()
            if key not in members
            and (names[key].weak & (reached | weak) or names[key].strong & weak)
        ]
        left -= members
        yield [known[key] for key in members], nearby


def _add(world: World, derived: Derived) -> None:
    for record in derived.records:
        assert record.key not in world.records, f"two clusters derive {record.key}"
        world.records[record.key] = record
    for finding in derived.findings:
        assert finding.key not in world.findings, f"{finding.key} is found twice"
        world.findings[finding.key] = finding
    for announcement in derived.announcements:
        world.announcements[announcement.data.TYPE, announcement.subject] = announcement
    world.parked.extend(derived.parked)
    wakes = [one for one in (world.wake_at, derived.wake_at) if one is not None]
    world.wake_at = min(wakes, default=None)
