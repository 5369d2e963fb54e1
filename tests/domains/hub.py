"""A hub without store and streams: domains that hear facts and each other, until all is quiet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from canonical.keys import Key, Version, message_id
from domains.contract import (
    NO_RULES_CHANGED,
    Announcement,
    Cluster,
    Derived,
    Domain,
    Fact,
    Finding,
    Parked,
    Record,
    Rules,
)
from domains.engine.comparing import announcement_digest, canonical_json, record_digest
from domains.engine.filing import own_name
from domains.engine.gathering import MOST_OF_A_WEAK_NAME
from domains.facts import canonical_order

MOST_ROUNDS = 60
"""Domains that still have something to say to each other after so many never agree."""
CHAIN = "/chain/"
"""How the sources of announcements begin."""


def _sets() -> defaultdict[str, set[str]]:
    return defaultdict(set)


@dataclass
class Station:
    """One domain's facts, and what it says of them now."""

    domain: Domain
    rules: Rules
    facts: dict[str, Fact] = field(default_factory=dict)
    strong: defaultdict[str, set[str]] = field(default_factory=_sets)
    weak: defaultdict[str, set[str]] = field(default_factory=_sets)
    due: set[str] = field(default_factory=set)
    records: dict[str, Record] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    parked: dict[str, list[Parked]] = field(default_factory=dict)
    told: dict[tuple[str, str], tuple[str, int, Announcement]] = field(default_factory=dict)
    derivations: int = 0
    _resting: defaultdict[str, set[str]] = field(default_factory=_sets)
    """Fact → keys of the records that rest on it."""
    _found: dict[str, set[str]] = field(default_factory=dict)
    """Fact → keys of the findings of the cluster it was a member of."""

    def file(self, fact: Fact) -> None:
        """Take a fact; told again it changes nothing."""
        if fact.id in self.facts or fact.type not in self.domain.listens:
            return
        self.facts[fact.id] = fact
        names = self.domain.listens[fact.type](fact.data)
        for name in {*names.strong, own_name(fact.id)}:
            self.strong[name].add(fact.id)
        for name in names.weak:
            self.weak[name].add(fact.id)
        # One more than lead anywhere: who was nearby until now has to hear that it no longer is.
        around = self._nearby(names.strong, names.weak, MOST_OF_A_WEAK_NAME + 1)
        self.due |= {fact.id} | around

    def settle(self, now: datetime) -> list[Fact]:
        """Derive all that is due; what is told anew or differently, as the others hear it."""
        said: list[Fact] = []
        while self.due:
            members, nearby = self._gathered(min(self.due))
            self.due -= members
            said += self._keep(members, self._derived(members, nearby, now))
        return said

    def _gathered(self, one: str) -> tuple[set[str], set[str]]:
        members: set[str] = set()
        strong: set[str] = set()
        weak: set[str] = set()
        asked = {one}
        while asked:
            members |= asked
            names = [
                self.domain.listens[self.facts[key].type](self.facts[key].data) for key in asked
            ]
            new = {name for each in names for name in each.strong} - strong
            strong |= new
            weak |= {name for each in names for name in each.weak}
            asked = {fact for name in new for fact in self.strong[name]} - members
        return members, self._nearby(strong, weak) - members

    def _nearby(
        self, strong: Iterable[str], weak: Iterable[str], most: int = MOST_OF_A_WEAK_NAME
    ) -> set[str]:
        weak = set(weak)
        holders = [
            self.weak.get(name, set()) | (self.strong.get(name, set()) if name in weak else set())
            for name in {*strong, *weak}
        ]
        return {fact for held in holders if len(held) <= most for fact in held}

    def _derived(self, members: set[str], nearby: set[str], now: datetime) -> Derived:
        self.derivations += 1
        asked = Cluster(
            facts=self._ordered(members), nearby=self._ordered(nearby), rules=self.rules
        )
        lent = self.domain.borrows(asked)
        borrowed = {key: self.records[key].state for key in sorted(lent) if key in self.records}
        given = Cluster(facts=asked.facts, nearby=asked.nearby, borrowed=borrowed, rules=self.rules)
        return self.domain.derive(given, now)

    def _ordered(self, ids: Iterable[str]) -> tuple[Fact, ...]:
        return tuple(sorted((self.facts[one] for one in ids), key=canonical_order))

    def _keep(self, members: set[str], derived: Derived) -> list[Fact]:
        known = {key for one in members for key in self._resting.pop(one, ())}
        said = {one.key: one for one in derived.records}
        assert len(said) == len(derived.records), "two records of one key"
        changed = [
            one
            for one in derived.records
            if one.key not in self.records
            or record_digest(self.records[one.key]) != record_digest(one)
        ]
        for key in known - said.keys():
            del self.records[key]
        self.records.update(said)
        for one in derived.records:
            for fact in one.facts & members:
                self._resting[fact].add(one.key)
        self._keep_findings(members, derived)
        names = {name for one in changed for name in one.disturbs}
        self.due |= {fact for name in names for fact in self.strong.get(name, ())}
        return [self._fact_of(one) for one in derived.announcements if self._is_new(one)]

    def _keep_findings(self, members: set[str], derived: Derived) -> None:
        for one in members:
            for key in self._found.pop(one, set()):
                self.findings.pop(key, None)
            self.parked.pop(one, None)
        keys = {one.key for one in derived.findings}
        assert len(keys) == len(derived.findings), "two findings of one key"
        self.findings.update({one.key: one for one in derived.findings})
        self._found[min(members)] = keys
        for waiting in derived.parked:
            self.parked.setdefault(waiting.fact, []).append(waiting)

    def _is_new(self, one: Announcement) -> bool:
        digest, key = announcement_digest(one), (one.data.TYPE, one.subject)
        before, revision, _ = self.told.get(key, ("", 0, one))
        if before == digest:
            return False
        self.told[key] = (digest, revision + 1, one)
        return True

    def _fact_of(self, one: Announcement) -> Fact:
        kind = one.data.TYPE
        revision = self.told[kind, one.subject][1]
        key = Key.of("chain", self.domain.name, kind, one.subject, revision)
        return Fact(
            id=message_id(key.digest),
            type=kind,
            source=f"{CHAIN}{self.domain.name}",
            key=key.text,
            occurred_at=one.occurred_at,
            arrived_at=one.occurred_at,
            version=Version.number(revision).text,
            receipt="rcp_0000000000000",
            correlation=one.correlation,
            data=one.data.model_copy(update={"revision": revision}),
        )

    def end_state(self) -> Mapping[str, Any]:
        """All it says, without how often it changed its mind."""
        chained = {one.id for one in self.facts.values() if one.source.startswith(CHAIN)}
        return {
            "records": {key: _shown(one, chained) for key, one in self.records.items()},
            "findings": {
                key: (one.owner, one.expected, one.received, one.balance, one.since)
                for key, one in self.findings.items()
            },
            "parked": sorted(
                (one.fact, one.awaits, one.kind)
                for waiting in self.parked.values()
                for one in waiting
            ),
            "told": {key: digest for key, (digest, _, _) in self.told.items()},
        }


def _shown(record: Record, chained: set[str]) -> tuple[Any, ...]:
    rows = {name: [dict(row) for row in rows] for name, rows in record.rows.items()}
    facts = sorted(record.facts - chained)
    return (record.kind, record.label, record.status, canonical_json(record.state), facts, rows)


class Hub:
    """Some domains, each heard by the others."""

    def __init__(
        self, domains: Sequence[Domain], now: datetime, rules: Rules = NO_RULES_CHANGED
    ) -> None:
        self.now = now
        self.stations = {one.name: Station(one, rules) for one in domains}

    def deliver(self, facts: Iterable[Fact]) -> None:
        """Let all domains have these facts, and go on until none has anything new to say."""
        self._tell(facts)
        for _ in range(MOST_ROUNDS):
            stations = self.stations.values()
            said = [one for station in stations for one in station.settle(self.now)]
            if not said:
                return
            self._tell(said)
        raise AssertionError("the domains never agree with each other")

    def end_state(self) -> Mapping[str, Any]:
        """What all of them say."""
        return {name: one.end_state() for name, one in self.stations.items()}

    def of(self, domain: str, kind: str) -> list[Record]:
        """Records of one kind, by key."""
        records = self.stations[domain].records
        return [records[key] for key in sorted(records) if records[key].kind == kind]

    def told(self, kind: str) -> list[Any]:
        """The newest announcements of a type."""
        return [
            one.data
            for station in self.stations.values()
            for (told, _), (_, _, one) in sorted(station.told.items())
            if told == kind
        ]

    def _tell(self, facts: Iterable[Fact]) -> None:
        for one in facts:
            for station in self.stations.values():
                station.file(one)
