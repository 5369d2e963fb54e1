"""Records of the domains as people look at them: lists, and one with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from canonical.errors import Unsupported
from domains.contract import Decision
from domains.engine import record_lists
from domains.engine.record_lists import KeptFact, RecordQuery, StoredRecord
from domains.exceptions import listing
from domains.exceptions.stored import StoredException
from store.access import proposals
from store.access.proposals import Proposal
from store.database import Connection
from workbench.bench import Bench
from workbench.business.exceptions import DOMAINS
from workbench.business.exceptions_deciding import target_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """A page of records."""

    records: tuple[StoredRecord, ...]
    next: str | None
    """The key of the last record, where there are more behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A record with what it rests on, what is wrong with it, and what people decided."""

    record: StoredRecord
    facts: tuple[KeptFact, ...]
    exceptions: tuple[StoredException, ...]
    decisions: tuple[Decision, ...]
    waiting: tuple[Proposal, ...]
    """Decisions that wait for a second person."""


async def list_records(
    bench: Bench, wanted: RecordQuery, *, after: str | None = None, limit: int = 50
) -> RecordPage:
    """A page of records by their keys. Raises Unsupported (`unknown_domain`)."""
    known_domain(wanted.domain)
    found = await bench.database.read(
        lambda connection: record_lists.list_records(
            connection, wanted, after=after, limit=limit + 1
        )
    )
    shown = tuple(found[:limit])
    return RecordPage(records=shown, next=shown[-1].key if len(found) > limit else None)


async def kinds_of(bench: Bench, domain: str) -> Mapping[str, Mapping[str, int]]:
    """Kind → status → how many records. Raises Unsupported (`unknown_domain`)."""
    known_domain(domain)
    return await bench.database.read(lambda connection: record_lists.kinds_of(connection, domain))


async def show_record(bench: Bench, domain: str, key: str) -> RecordView:
    """One record. Raises Unsupported (`unknown_domain`, `unknown_record`)."""
    known_domain(domain)

    def look(connection: Connection) -> RecordView:
        record = record_lists.load_record(connection, domain, key)
        waiting = proposals.list_proposals(connection, target=target_of(domain, record.key))
        return RecordView(
            record=record,
            facts=tuple(record_lists.facts_of(connection, domain, record.key)),
            exceptions=tuple(listing.of_record(connection, domain, record.key)),
            decisions=tuple(record_lists.decisions_on(connection, domain, record.key)),
            waiting=tuple(waiting),
        )

    return await bench.database.read(look)


def known_domain(domain: str) -> None:
    """Raises Unsupported (`unknown_domain`) for a name that is none."""
    if domain not in set(DOMAINS):
        raise Unsupported(f"the domains are {', '.join(DOMAINS)}", code="unknown_domain")
