"""The steps of a chain: each record, or fact without one, with what it rests on."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domains.engine.records_of import FactRow, RecordRow, read_data
from store.database import Connection
from workbench.finding.chain_of_records import Link, Links
from workbench.finding.chain_stages import (
    HUBS,
    RANK,
    is_decided,
    label_of,
    makes_a_step,
    stage_of_type,
    status_of,
    tells_of,
    tone_of,
)
from workbench.showing import harmless, time_text

MOST_FACTS: Final = 50
"""Facts of one step that are told."""
MOST_LISTED: Final = 50
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFact:
    """What a step rests on."""

    row: FactRow
    is_own: bool
    """It tells of the step itself: of an invoice, not of the order it bills."""

    @property
    def system(self) -> str:
        """Who said it."""
        return "domains" if is_decided(self.row.type) else self.row.source.removeprefix("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Records of one kind that belong to a step and are not in the chain."""

    kind: str
    number: int
    records: Sequence[RecordRow]
    """The first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """A step of business: a record of a domain, or a fact that no domain has a record of."""

    stage: str
    domain: str
    """Empty, as `key`, where no domain says it."""
    kind: str
    key: str
    label: str
    status: str
    facts: Sequence[ChainFact]
    """By time."""
    more_facts: int = 0
    others: Sequence[Others] = ()

    @property
    def first(self) -> ChainFact | None:
        """What told of it first."""
        own = [one for one in self.facts if one.is_own]
        return next(iter(own or self.facts), None)

    @property
    def at(self) -> datetime | None:
        return self.first.row.occurred_at if self.first else None

    @property
    def tone(self) -> str:
        """good, warn, bad, info or plain."""
        return tone_of(self.status)


def steps_of(connection: Connection, links: Links) -> list[ChainStep]:
    """By stage, then by time."""
    records = [_of_record(link, links) for link in links.records.values()]
    found = [*records, *_of_facts(connection, links)]
    return sorted(found, key=lambda one: (RANK[one.stage], one.at or _NEVER, one.label, one.key))


def _of_record(link: Link, links: Links) -> ChainStep:
    name = link.row.name
    known = [links.facts[one] for one in link.facts if one in links.facts]
    facts = _in_order(ChainFact(row=one, is_own=tells_of(one.type, link.stage)) for one in known)
    shown = _chosen(facts, link, links)
    return ChainStep(
        stage=link.stage,
        domain=name.domain,
        kind=link.row.kind,
        key=name.key,
        label=link.row.label,
        status=link.row.status,
        facts=shown,
        more_facts=len(link.facts) - len(shown),
        others=list(_others(link, links)),
    )


def _chosen(facts: Sequence[ChainFact], link: Link, links: Links) -> list[ChainFact]:
    """Those that are told: of a payout not the lines of payments beside the chain."""
    others = [one for one in links.records.values() if one is not link]
    shared = {fact for one in others for fact in one.facts & link.facts}
    main = [one for one in facts if one.is_own and makes_a_step(one.row.type)]
    joining = [one for one in facts if one not in main and one.row.message_id in shared]
    rest = [one for one in facts if one not in main and one not in joining]
    wanted = [*main, *joining, *(() if link.is_hub and (main or joining) else rest)]
    return _in_order(wanted[:MOST_FACTS])


def _in_order(facts: Iterable[ChainFact]) -> list[ChainFact]:
    return sorted(facts, key=lambda one: (one.row.occurred_at, one.row.message_id))


def _others(link: Link, links: Links) -> Iterator[Others]:
    for kind, rows in sorted(link.others.items()):
        left = [row for name, row in sorted(rows.items()) if name not in links.records]
        if left:
            yield Others(kind=kind, number=len(left), records=left[:MOST_LISTED])


def _of_facts(connection: Connection, links: Links) -> Iterator[ChainStep]:
    """What happened and no record of its stage rests on: a quote, a bank entry …"""
    told = {
        (link.stage, fact) for link in links.records.values() for fact in link.facts
    }  # fmt: skip
    near = {fact for link in links.records.values() if not link.is_hub for fact in link.facts}
    alone = {
        key: fact
        for key, fact in links.facts.items()
        if _stands_alone(fact, near) and (stage_of_type(fact.type), key) not in told
    }
    data = read_data(connection, alone)
    groups: dict[tuple[str, str], list[FactRow]] = {}
    for key, fact in alone.items():
        stage = stage_of_type(fact.type) or ""
        groups.setdefault((stage, label_of(stage, data[key])), []).append(fact)
    for (stage, label), some in sorted(groups.items()):
        facts = _in_order(ChainFact(row=one, is_own=True) for one in some)
        newest = facts[-1].row
        yield ChainStep(
            stage=stage,
            domain="",
            kind=stage.replace(" ", "_"),
            key="",
            label=label,
            status=status_of(newest.type, data[newest.message_id]),
            facts=facts[:MOST_FACTS],
            more_facts=max(0, len(facts) - MOST_FACTS),
        )


def _stands_alone(fact: FactRow, near: Container[str]) -> bool:
    """Of a payout only its bank entry does; its payments are others' steps."""
    is_near = fact.message_id in near or stage_of_type(fact.type) in HUBS
    return is_near and makes_a_step(fact.type)


def chain_document(steps: Sequence[ChainStep]) -> list[dict[str, Any]]:
    """The steps as JSON."""
    return [
        {
            "stage": one.stage,
            "domain": one.domain,
            "kind": one.kind,
            "key": one.key,
            "label": one.label,
            "status": one.status,
            "at": None if one.at is None else time_text(one.at),
            "facts": [_fact_document(fact) for fact in one.facts],
            "more_facts": one.more_facts,
            "others": [_others_document(others) for others in one.others],
        }
        for one in steps
    ]


def _fact_document(fact: ChainFact) -> dict[str, Any]:
    return {
        "message": fact.row.message_id,
        "type": fact.row.type,
        "source": fact.row.source,
        "at": time_text(fact.row.occurred_at),
        "receipt": fact.row.receipt,
    }


def _others_document(others: Others) -> dict[str, Any]:
    return {
        "kind": others.kind,
        "number": others.number,
        "records": [
            {"domain": one.name.domain, "key": one.name.key, "label": one.label}
            for one in others.records
        ],
    }


_HEADS: Final = ("stage", "label", "status", "when", "system", "receipt")


def chain_lines(steps: Sequence[ChainStep]) -> Iterator[str]:
    """The steps as a table for a terminal."""
    rows: list[Sequence[str]] = [_HEADS, *(_row(one) for one in steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"    {'  '.join(cells)}".rstrip()
        if number:
            yield from _beside(steps[number - 1])


def _row(step: ChainStep) -> Sequence[str]:
    first = step.first
    cells: Mapping[str, str] = {
        "stage": step.stage,
        "label": step.label or step.key or "–",
        "status": step.status,
        "when": time_text(step.at),
        "system": first.system if first else "–",
        "receipt": first.row.receipt if first else "–",
    }
    return [harmless(cells[head]) for head in _HEADS]


def _beside(step: ChainStep) -> Iterator[str]:
    for one in step.others:
        named = ", ".join(row.label or row.name.key for row in one.records[:5])
        more = ", …" if one.number > 5 else ""
        yield harmless(f"        and {one.number} of kind {one.kind}: {named}{more}")
