"""The chain as business steps: from what was asked for, over the records of the domains.

A record leads to those that rest on the same facts, that it names in its state or that name it,
and that announced what it rests on. Money of many chains meets in payouts and bank entries: from
a payment they are reached, but they lead back only where the search began there, and to a few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from domains.engine import records_of
from domains.engine.records_of import FactRow, Name, RecordRow
from store.database import Connection
from workbench.finding.chain_stages import HUBS, RANK, is_decided, joins_many, needs_facts, stage_of

MOST_RECORDS: Final = 300
ROUNDS: Final = 8
FEW: Final = 8
"""So many are followed from a payout or a bank entry; of more, a list is given."""
FAN: Final = 40
"""So many of one kind are followed from any other record."""
_MOST_LOOKED_AT: Final = 2000
_MOST_KEYS: Final = 2000
_NOT_APPLIED: Final = ("proposed", "reversed")
"""Allocations that join nothing."""
_ANNOUNCED: Final = re.compile(r"/chain/([^/]+)")

Handles = Mapping[str, Collection[str]]
"""Message id → what it shares with others of its order: its correlation, a payment's id."""


@dataclass(slots=True)
class Link:
    """A record of the chain."""

    row: RecordRow
    stage: str
    facts: set[str] = field(default_factory=set)
    leads_back: bool = True
    """Whether it leads to the payments in it; of payouts and bank entries."""
    others: dict[str, dict[Name, RecordRow]] = field(default_factory=dict)
    """Kind → records that belong to it and are not followed."""

    @property
    def is_hub(self) -> bool:
        return self.stage in HUBS


@dataclass(slots=True)
class Links:
    """The records of a chain, and the facts they rest on."""

    records: dict[Name, Link] = field(default_factory=dict)
    facts: dict[str, FactRow] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a chain is looked for."""

    reference: str
    named: frozenset[str]
    """Ids of the messages the reference itself names."""
    handles: Handles
    """Of all messages the trace has found."""


def walk(connection: Connection, start: Start) -> Links:
    """The records around a start; none where no domain has any."""
    walker = _Walk(connection, start)
    new = walker.begin()
    for _ in range(ROUNDS):
        if not new:
            break
        new = walker.step(new)
    walker.links.whole = walker.links.whole and not new
    return walker.links


class _Walk:
    def __init__(self, connection: Connection, start: Start) -> None:
        self._connection = connection
        self._start = start
        self._by_handle: dict[str, set[str]] = {}
        for message, handles in start.handles.items():
            for one in handles:
                self._by_handle.setdefault(one, set()).add(message)
        self.links = Links()

    def begin(self) -> list[Link]:
        """The records the reference names; else those that rest on the messages it names, or on
        any of the trace."""
        names = records_of.named(self._connection, self._start.reference, most=MOST_RECORDS)
        for messages in (self._start.named, self._start.handles):
            if names:
                break
            found = records_of.resting_on(self._connection, messages)
            names = list(dict.fromkeys(name for _, name in found))
        return self._take(_beginnings(self._read(names)))

    def step(self, new: Sequence[Link]) -> list[Link]:
        """Take what these lead to; returns the records that are new."""
        near = {one.row.name: _Near() for one in new}
        self._add_by_facts(new, near)
        for link in new:
            own = near[link.row.name]
            own.any |= self._announcers(link)
            own.any |= {Name(link.row.name.domain, key) for key in keys_of(link.row)}
        self._add_by_names(new, near)
        unknown = {name for one in near.values() for name in one.any | one.hubs | one.naming}
        read = {one.row.name: one for one in self._read(unknown - self.links.records.keys())}
        found: list[Link] = []
        for link in new:
            found += _followed(link, near[link.row.name].among(read, link))
        return self._take(found)

    def _add_by_facts(self, new: Sequence[Link], near: Mapping[Name, _Near]) -> None:
        """What rests on the same facts, or on others the trace knows of the same order."""
        facts = {one.row.name: one.facts | self._told_with(one) for one in new}
        holders: dict[str, set[Name]] = {}
        wanted = {fact for ids in facts.values() for fact in ids}
        for fact, name in records_of.resting_on(self._connection, wanted):
            holders.setdefault(fact, set()).add(name)
        for link in new:
            own = near[link.row.name]
            for fact in facts[link.row.name] & holders.keys():
                known = self.links.facts.get(fact)
                is_shared = known is not None and joins_many(known.type)
                (own.hubs if is_shared and not link.is_hub else own.any).update(holders[fact])

    def _add_by_names(self, new: Sequence[Link], near: Mapping[Name, _Near]) -> None:
        """What rests on facts its domain files under the same names: these may name it."""
        for domain in {one.row.name.domain for one in new}:
            links = [one for one in new if one.row.name.domain == domain]
            facts = {fact for one in links for fact in one.facts}
            beside = records_of.filed_beside(self._connection, domain, facts)
            wanted = {fact for found in beside.values() for fact in found}
            holders: dict[str, set[Name]] = {}
            for fact, name in records_of.resting_on(self._connection, wanted):
                if name.domain == domain:
                    holders.setdefault(fact, set()).add(name)
            for link in links:
                reached = {one for fact in link.facts for one in beside[fact]}
                near[link.row.name].naming.update(*(holders.get(one, ()) for one in reached))

    def _told_with(self, link: Link) -> set[str]:
        """Messages of the trace that share the order or the payment of a record's facts."""
        if link.is_hub:
            return set()
        handles = {one for fact in link.facts for one in self._start.handles.get(fact, ())}
        return {message for one in handles for message in self._by_handle[one]}

    def _announcers(self, link: Link) -> set[Name]:
        """The records whose announcements a record rests on."""
        facts = [self.links.facts[one] for one in link.facts if one in self.links.facts]
        return {name for one in facts if (name := announcer_of(one)) is not None}

    def _read(self, names: Collection[Name]) -> list[Link]:
        """Records without their facts, but where only these tell of which stage one is."""
        if len(names) > _MOST_LOOKED_AT:
            self.links.whole = False
        rows = records_of.read_records(self._connection, sorted(names)[:_MOST_LOOKED_AT])
        facts = self._facts(
            [name for name, row in sorted(rows.items()) if needs_facts(row.kind)][:MOST_RECORDS]
        )
        return [
            Link(row=row, stage=self._stage(row, facts.get(name, ())))
            for name, row in sorted(rows.items())
        ]

    def _facts(self, names: Collection[Name]) -> dict[Name, set[str]]:
        facts = records_of.facts_of(self._connection, names)
        unknown = {fact for ids in facts.values() for fact in ids} - self.links.facts.keys()
        self.links.facts |= records_of.read_facts(self._connection, unknown)
        return facts

    def _stage(self, row: RecordRow, facts: Iterable[str]) -> str:
        known = self.links.facts
        types = {known[one].type for one in facts if one in known}
        return stage_of(row.name.domain, row.kind, types)

    def _take(self, found: Iterable[Link]) -> list[Link]:
        new: dict[Name, Link] = {}
        for one in found:
            if one.row.name in self.links.records or one.row.name in new:
                continue
            if len(self.links.records) + len(new) >= MOST_RECORDS:
                self.links.whole = False
                break
            new[one.row.name] = one
        facts = self._facts(new.keys())
        for name, one in new.items():
            one.facts = facts[name]
        self.links.records |= new
        return list(new.values())


@dataclass(slots=True)
class _Near:
    """What a record leads to: `hubs` only if they are such, `naming` only if they name it."""

    any: set[Name] = field(default_factory=set)
    hubs: set[Name] = field(default_factory=set)
    naming: set[Name] = field(default_factory=set)

    def among(self, read: Mapping[Name, Link], link: Link) -> list[Link]:
        """Those that are there and fit."""
        own = link.row.name.key
        return [
            one
            for name, one in read.items()
            if name in self.any
            or (name in self.hubs and one.is_hub)
            or (name in self.naming and own in keys_of(one.row))
        ]


def _beginnings(found: Sequence[Link]) -> list[Link]:
    """Where to begin. Everything in a payout may bear its name: then the payout is meant."""
    hubs = [one for one in found if one.is_hub]
    if not hubs:
        return list(found)
    kinds = Counter(one.row.kind for one in found)
    others = [one for one in found if not one.is_hub and kinds[one.row.kind] <= FEW]
    for hub in hubs:
        hub.leads_back = not others and len(hubs) <= FEW
    return [*others, *hubs]


def _followed(link: Link, found: Sequence[Link]) -> list[Link]:
    """Which of the records one leads to are gone to; the others are listed with it."""
    followed: list[Link] = []
    by_kind: dict[str, list[Link]] = {}
    for one in found:
        by_kind.setdefault(one.row.kind, []).append(one)
    for some in by_kind.values():
        ahead = [one for one in some if _is_ahead(link, one)]
        if len(ahead) <= (FEW if link.is_hub else FAN):
            followed += ahead
        else:
            ahead = []
        for one in some:
            if one not in ahead:
                link.others.setdefault(one.row.kind, {})[one.row.name] = one.row
    return followed


def _is_ahead(link: Link, found: Link) -> bool:
    """Whether what money has come to is gone after: forth always, back only at times."""
    if link.is_hub and link.leads_back:
        return True
    found.leads_back = False
    return not link.is_hub or (found.is_hub and RANK[found.stage] >= RANK[link.stage])


def announcer_of(fact: FactRow) -> Name | None:
    """The record an announcement tells of; None of any other fact."""
    source = _ANNOUNCED.fullmatch(fact.source)
    parts = fact.key.split("/")
    if source is None or not is_decided(fact.type) or len(parts) < 5:
        return None
    return Name(source[1], unquote(parts[3]))


def keys_of(row: RecordRow) -> set[str]:
    """The texts of a record's state that may be keys of other records."""
    return set(islice(_keys_in(row.state), _MOST_KEYS))


def _keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "/" in value:
            yield value
    elif isinstance(value, Mapping):
        if value.get("state") in _NOT_APPLIED:
            return
        for name, one in value.items():
            yield from _keys_in(name)
            yield from _keys_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _keys_in(one)
