"""The hot queries find their rows by an index, on both engines, however much is done already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from sqlalchemy import Connection, text

from benchmarks.plans import Plans, plans_of
from store.database import Database
from store.failures import dead_letters
from store.finding import audit, trace
from store.intake import bodies, inbox
from store.log import known_facts, normalised, outbox
from store.log.verdicts import Candidate, judge
from store.mending import conflicts
from store.records import Translation
from store.retaining.holding import held_receipts
from tests.store.building import (
    FAILURE,
    IDS,
    LATER,
    LEASE,
    NOW,
    accept,
    delivery,
    message,
    record,
    translation,
)

DONE, WAITING = 3000, 10
BATCH = 500


@pytest.fixture
async def filled(database: Database) -> Database:
    """A store with some thousand receipts that are done, and a few of everything else."""
    for start in range(0, DONE, BATCH):
        await _done(database, [f"d-{number}" for number in range(start, start + BATCH)])
    await accept(database, *(delivery(f"p-{one}") for one in range(WAITING)))
    await accept(database, *(delivery(f"f-{one}", failure=FAILURE) for one in range(WAITING)))
    last = delivery("last")
    await accept(database, last)
    facts = [message(f"w-{one}", position=one) for one in range(WAITING)]
    await record(database, translation(last.receipt_id, *facts))
    await database.write(lambda c: c.execute(text("ANALYZE")) and None)
    return database


async def _done(database: Database, keys: list[str]) -> None:
    arrived = [delivery(key, body=key.encode()) for key in keys]
    await accept(database, *arrived)
    made = [
        translation(one.receipt_id, message(one.delivery_key, entity=one.delivery_key, version=1))
        for one in arrived
    ]
    rows = await record(database, *made)
    await database.write(lambda c: outbox.mark_published(c, [row.row_id for row in rows], NOW))


async def _plans(database: Database, work: Callable[[Connection], object]) -> Plans:
    def explain(connection: Connection) -> Plans:
        if database.dialect == "postgresql":
            # Of some thousand rows PostgreSQL likes to read all; what is asked is whether it must.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        return plans_of(connection, work)

    return await database.write(explain)


def _names(database: Database, sqlite: set[str], postgresql: set[str]) -> set[str]:
    return sqlite if database.dialect == "sqlite" else postgresql


async def test_receipts_are_claimed_by_the_index_of_the_pending(filled: Database) -> None:
    plans = await _plans(filled, lambda c: inbox.claim_receipts(c, "me", LATER, LEASE, 100))
    wanted = _names(
        filled,
        {"receipts_pending", "pkey of receipts"},
        {"receipts_pending", "receipts_pkey"},
    )
    assert plans == Plans(frozenset(wanted), frozenset())


async def test_messages_are_claimed_by_the_index_of_the_pending(filled: Database) -> None:
    plans = await _plans(filled, lambda c: outbox.claim_outbox(c, "me", LATER, LEASE, 100))
    assert "messages_pending" in plans.indexes
    # A dozen pending rows are joined to themselves from either of the indexes that hold only them.
    others = {"messages_in_line", "messages_pkey", "pkey of messages"}
    assert plans.indexes <= {"messages_pending"} | others
    assert not plans.scans


async def test_a_look_at_the_outbox_reads_the_pending_only(filled: Database) -> None:
    for work in (outbox.pending_count, outbox.oldest_pending):
        plans = await _plans(filled, work)
        assert plans == Plans(frozenset({"messages_pending"}), frozenset())


async def test_a_batch_is_locked_by_its_ids(filled: Database) -> None:
    ids = await filled.read(lambda c: [row.receipt_id for row in _claimable(c)])
    empty = [_nothing(one) for one in ids]

    def settle(connection: Connection) -> None:
        normalised.record(connection, empty, NOW, owner="me", claimed_until=LATER)

    plans = await _plans(filled, settle)
    own = {"receipts_pkey", "pkey of receipts", "receipts_pending"}
    assert plans.indexes & own
    assert "receipts" not in plans.scans


def _claimable(connection: Connection) -> Any:
    found = text("SELECT id AS receipt_id FROM receipts WHERE state = 'pending' LIMIT 5")
    return connection.execute(found).all()


def _nothing(receipt_id: int) -> Translation:
    return translation(receipt_id)._replace(ignored_reason="a draft")


async def test_known_keys_and_versions_are_looked_up(filled: Database) -> None:
    again = [message(f"d-{one}", entity=f"d-{one}", version=2) for one in range(50)]
    new = [message(f"n-{one}") for one in range(5)]
    candidates = [Candidate(IDS.next(), one) for one in [*again, *new]]
    plans = await _plans(filled, lambda c: judge(c, candidates, NOW))
    wanted = _names(filled, {"pkey of fact_keys"}, {"fact_keys_pkey"})
    assert wanted <= plans.indexes
    assert not plans.scans
    keys = [one.key_digest for one in again]
    looked = await _plans(filled, lambda c: known_facts.known_facts(c, keys))
    assert "fact_keys" not in looked.scans
    assert "messages" not in looked.scans


async def test_a_redelivery_is_looked_up(filled: Database) -> None:
    again = [delivery(f"d-{one}", body=f"d-{one}".encode()) for one in range(50)]
    plans = await _plans(filled, lambda c: inbox.accept(c, again))
    assert plans.indexes >= _names(
        filled,
        {"pkey of deliveries", "pkey of receipts"},
        {"deliveries_pkey", "receipts_pkey"},
    )
    assert not plans.scans


async def test_messages_are_marked_published_by_their_ids(filled: Database) -> None:
    ids = await filled.read(
        lambda c: c.scalars(text("SELECT id FROM messages WHERE state = 'pending'")).all()
    )
    plans = await _plans(filled, lambda c: outbox.mark_published(c, ids, NOW))
    assert plans.indexes & {"messages_pkey", "pkey of messages", "messages_pending"}
    assert not plans.scans


async def test_the_audit_reads_indexes_and_the_ledger(filled: Database) -> None:
    plans = await _plans(filled, audit.balance)
    wanted = {"receipts_by_state", "receipts_pending", "messages_by_state", "messages_pending"}
    assert wanted <= plans.indexes
    assert plans.scans <= {"intake_ledger", "dropped"}


@pytest.mark.parametrize("reference", ["d-77", "shopify/acme/order/d-77"])
async def test_a_trace_scans_nothing(filled: Database, reference: str) -> None:
    def look(connection: Connection) -> None:
        found = trace.find(connection, reference)
        assert found.receipt_ids
        trace.timeline(connection, found)

    plans = await _plans(filled, look)
    large = {"receipts", "messages", "deliveries", "fact_keys", "message_references"}
    assert not plans.scans & large


async def test_dead_letters_are_listed_by_their_state(filled: Database) -> None:
    plans = await _plans(filled, dead_letters.list_dead)
    assert plans == Plans(frozenset({"dead_letters_by_state"}), frozenset())


async def test_a_body_is_read_from_one_partition(filled: Database) -> None:
    one = delivery("body")
    await accept(filled, one)
    plans = await _plans(filled, lambda c: bodies.read_body(c, one.receipt_id))
    of_bodies = {name for name in plans.indexes if "raw_payloads" in name}
    assert len(of_bodies) == 1
    assert not plans.scans & {"raw_payloads", "receipts"}


async def test_what_retention_must_leave_is_found_by_ids(filled: Database) -> None:
    ids = await filled.read(lambda c: [row.receipt_id for row in _claimable(c)])
    plans = await _plans(filled, lambda c: held_receipts(c, ids))
    assert not plans.scans & {"receipts", "messages"}
    if filled.dialect == "sqlite":  # by the states it would be all that is open, for each message
        assert "dead_letters_by_message_id" in plans.indexes


@pytest.mark.parametrize("verdict", ["conflict", "stale"])
async def test_what_waits_for_a_decision_has_its_own_index(
    filled: Database, verdict: Literal["conflict", "stale"]
) -> None:
    plans = await _plans(filled, lambda c: conflicts.list_judged(c, verdict, before=IDS.next()))
    wanted = {"conflict": "messages_conflicts", "stale": "messages_stale"}[verdict]
    assert plans == Plans(frozenset({wanted}), frozenset())
