"""Gathering: from names that are due to the clusters of facts around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select
from sqlalchemy import Row as Found

from canonical.families import FACT_OF, FAMILY_OF
from domains.contract import Cluster, Decision, Domain, Fact, Rules
from domains.engine.tables import decisions, evidence, filed_names, record_facts, records
from domains.facts import canonical_order
from store.statements import select_among
from store.times import moment

MOST_FACTS: Final = 20_000
"""A larger cluster is a mistake of names: nothing is derived of it, and a finding says so."""
MOST_OF_A_WEAK_NAME: Final = 20
"""A weak name that more facts have says nothing, and leads nowhere."""
_MOST_NEARBY: Final = 5_000


@dataclass(slots=True)
class Gathered:
    """Facts that hang together, by their ids."""

    members: set[str] = field(default_factory=set)
    nearby: set[str] = field(default_factory=set)
    strong: set[str] = field(default_factory=set)
    """Names of the members."""
    weak: set[str] = field(default_factory=set)

    @property
    def too_large(self) -> bool:
        return len(self.members) > MOST_FACTS


def gather(connection: Connection, domain: str, names: Iterable[str]) -> list[Gathered]:
    """The clusters around these names, each once; names nobody has lead to none.

    Of clusters that are too large for one of them not all facts are here.
    """
    begun = sorted(names)
    asked, looked = set(begun), set[str]()
    named: dict[str, tuple[set[str], set[str]]] = {}
    while asked and len(named) <= 2 * MOST_FACTS:
        looked |= asked
        new = _members(connection, domain, asked) - named.keys()
        found = _names_of(connection, domain, new)
        named |= found
        asked = {name for strong, _ in found.values() for name in strong} - looked
    if asked and len(begun) > 1:
        return _in_halves(connection, domain, begun)
    clusters = _clusters(named)
    _add_nearby(connection, domain, [one for one in clusters if not one.too_large])
    return clusters


def _in_halves(connection: Connection, domain: str, names: Sequence[str]) -> list[Gathered]:
    """Together they lead to more facts than are held at once."""
    middle = len(names) // 2
    first = gather(connection, domain, names[:middle])
    seen = {name for one in first for name in one.strong}
    return [*first, *gather(connection, domain, [n for n in names[middle:] if n not in seen])]


def _clusters(named: Mapping[str, tuple[set[str], set[str]]]) -> list[Gathered]:
    """Facts that share strong names, directly or by others, are one."""
    of_name: dict[str, Gathered] = {}
    for fact in sorted(named):
        strong, weak = named[fact]
        cluster = Gathered(members={fact}, strong=set(strong), weak=set(weak))
        met = {id(of_name[name]): of_name[name] for name in strong if name in of_name}
        if met:
            largest = max(met.values(), key=lambda one: len(one.members))
            for other in (cluster, *met.values()):
                if other is not largest:
                    _join(largest, other, of_name)
            cluster = largest
        of_name.update(dict.fromkeys(strong, cluster))
    return list({id(one): one for one in of_name.values()}.values())


def _join(into: Gathered, other: Gathered, of_name: dict[str, Gathered]) -> None:
    into.members |= other.members
    into.strong |= other.strong
    into.weak |= other.weak
    of_name.update(dict.fromkeys(other.strong, into))


def _add_nearby(connection: Connection, domain: str, clusters: Sequence[Gathered]) -> None:
    names = {name for one in clusters for name in (*one.strong, *one.weak)}
    holders = _holders(connection, domain, names)
    for one in clusters:
        one.nearby = _reached(holders, one.strong, one.weak) - one.members


def nearby(
    connection: Connection,
    domain: str,
    strong: Collection[str],
    weak: Collection[str],
    *,
    most: int = MOST_OF_A_WEAK_NAME,
) -> set[str]:
    """Facts that share a name with a cluster of these names, but only a weak one.

    It is mutual: whoever is nearby has this cluster nearby. Names with more than `most` facts
    lead nowhere.
    """
    return _reached(_holders(connection, domain, {*strong, *weak}), strong, weak, most)


def _holders(
    connection: Connection, domain: str, names: Collection[str]
) -> Mapping[str, list[tuple[str, bool]]]:
    table = filed_names.c
    statement = select(table.name, table.message_id, table.strong).where(table.domain == domain)
    holders: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for one in select_among(connection, statement, table.name, sorted(names)):
        holders[one.name].append((one.message_id, bool(one.strong)))
    return holders


def _reached(
    holders: Mapping[str, list[tuple[str, bool]]],
    strong: Collection[str],
    weak: Collection[str],
    most: int = MOST_OF_A_WEAK_NAME,
) -> set[str]:
    found: set[str] = set()
    for name in {*strong, *weak} & holders.keys():
        facts = {fact for fact, strongly in holders[name] if not strongly or name in weak}
        if len(facts) <= most:
            found |= facts
    return found


def _members(connection: Connection, domain: str, names: Collection[str]) -> set[str]:
    table = filed_names.c
    statement = select(table.message_id).where(table.domain == domain, table.strong == 1)
    found: set[str] = set()
    for one in select_among(connection, statement, table.name, sorted(names)):
        found.add(one.message_id)
        if len(found) > 2 * MOST_FACTS:
            break
    return found


def _names_of(
    connection: Connection, domain: str, facts: Collection[str]
) -> dict[str, tuple[set[str], set[str]]]:
    """Fact → its strong and its weak names."""
    table = filed_names.c
    statement = select(table.message_id, table.name, table.strong).where(table.domain == domain)
    named: dict[str, tuple[set[str], set[str]]] = {one: (set(), set()) for one in facts}
    for one in select_among(connection, statement, table.message_id, sorted(facts)):
        named[one.message_id][0 if one.strong else 1].add(one.name)
    return named


def read_clusters(
    connection: Connection, domain: Domain, gathered: Sequence[Gathered], rules: Rules
) -> list[Cluster]:
    """The clusters as the domain is given them, in the order of `gathered`."""
    shown = [sorted(one.nearby)[:_MOST_NEARBY] for one in gathered]
    wanted = {fact for one in gathered for fact in one.members} | {
        fact for one in shown for fact in one
    }
    facts = read_facts(connection, domain.name, wanted)
    decided = _decisions(connection, domain.name, {f for one in gathered for f in one.members})
    clusters = [
        Cluster(
            facts=_those(facts, one.members),
            nearby=_those(facts, around),
            decisions=_in_time(decided, one.members),
            rules=rules,
        )
        for one, around in zip(gathered, shown, strict=True)
    ]
    return _with_borrowed(connection, domain, clusters)


def _those(facts: Mapping[str, Fact], ids: Iterable[str]) -> tuple[Fact, ...]:
    return tuple(sorted((facts[one] for one in ids if one in facts), key=canonical_order))


def _with_borrowed(
    connection: Connection, domain: Domain, clusters: Sequence[Cluster]
) -> list[Cluster]:
    wanted = [domain.borrows(one) for one in clusters]
    states = _states(connection, domain.name, {key for keys in wanted for key in keys})
    return [
        replace(one, borrowed={key: states[key] for key in sorted(keys & states.keys())})
        for one, keys in zip(clusters, wanted, strict=True)
    ]


def read_facts(
    connection: Connection, domain: str, message_ids: Collection[str]
) -> dict[str, Fact]:
    """Facts by their ids; left out are those another one corrects, and what domains announced
    where a later revision of the same is here."""
    table = evidence.c
    statement = select(evidence).where(table.domain == domain, table.corrected_by.is_(None))
    rows = select_among(connection, statement, table.message_id, sorted(message_ids))
    facts: dict[str, Fact] = {}
    newest: dict[str, Found[Any]] = {}
    for one in rows:
        if FAMILY_OF[one.type] != "chain":
            facts[one.message_id] = fact_of(one)
            continue
        told = one.idempotency_key.rpartition("/")[0]
        if told not in newest or (one.version or "") > (newest[told].version or ""):
            newest[told] = one
    return facts | {one.message_id: fact_of(one) for one in newest.values()}


def fact_of(row: Found[Any]) -> Fact:
    """A row of the evidence as a fact."""
    return Fact(
        id=row.message_id,
        type=row.type,
        source=row.source,
        key=row.idempotency_key,
        occurred_at=moment(row.occurred_at),
        arrived_at=moment(row.arrived_at),
        version=row.version,
        receipt=row.receipt,
        correlation=row.correlation,
        data=FACT_OF[row.type].model_validate_json(row.data),
    )


def _decisions(
    connection: Connection, domain: str, facts: Collection[str]
) -> dict[str, list[Decision]]:
    """Fact → what was decided of it, and of records that rest on it."""
    rests, table = record_facts.c, decisions.c
    held = select(rests.record_key, rests.message_id).where(rests.domain == domain)
    of_record: dict[str, set[str]] = {fact: {fact} for fact in facts}
    for one in select_among(connection, held, rests.message_id, sorted(facts)):
        of_record.setdefault(one.record_key, set()).add(one.message_id)
    found: dict[str, list[Decision]] = defaultdict(list)
    statement = select(decisions).where(table.domain == domain)
    for row in select_among(connection, statement, table.record_key, sorted(of_record)):
        for fact in of_record[row.record_key]:
            found[fact].append(_decision(row))
    return found


def _in_time(
    decided: Mapping[str, list[Decision]], members: Collection[str]
) -> tuple[Decision, ...]:
    those = {one.id: one for fact in members & decided.keys() for one in decided[fact]}
    return tuple(sorted(those.values(), key=lambda one: (one.at, one.id)))


def _decision(row: Found[Any]) -> Decision:
    return Decision(
        id=row.id,
        at=moment(row.at),
        by=row.by,
        action=row.action,
        record=row.record_key,
        subject=row.subject,
        values=orjson.loads(row.given),
        reason=row.reason,
    )


def _states(
    connection: Connection, domain: str, keys: Collection[str]
) -> Mapping[str, Mapping[str, Any]]:
    if not keys:
        return {}
    table = records.c
    statement = select(table.key, table.state).where(table.domain == domain)
    rows = select_among(connection, statement, table.key, sorted(keys))
    return {one.key: orjson.loads(one.state) for one in rows}
