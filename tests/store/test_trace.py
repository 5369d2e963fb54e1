"""Tracing: whatever a person has in hand leads to the whole story."""

from __future__ import annotations

import pytest

from store import subscriptions
from store.database import Database
from store.finding import trace
from store.finding.trace import Trail
from store.ids import MESSAGE, RECEIPT, show_id
from store.intake import refusals
from store.log.normalised import reopen_receipt
from store.records import Refusal
from tests.store.building import (
    LATER,
    NOW,
    accept,
    delivery,
    message,
    problem,
    receipt,
    record,
    translation,
)


async def _find(database: Database, reference: str) -> Trail:
    return await database.read(lambda c: trace.find(c, reference))


@pytest.mark.parametrize(
    "reference",
    ["receipt", "row", "message id", "key", "delivery key", "correlation", "reference"],
)
async def test_everything_leads_to_the_message(database: Database, reference: str) -> None:
    one = await receipt(database, "wh/1")
    other = await receipt(database, "wh/2")
    fact = message("4507")
    (row,) = await record(database, translation(one, fact))
    await record(database, translation(other, message("4508")))
    shown = {
        "receipt": show_id(RECEIPT, one),
        "row": show_id(MESSAGE, fact.row_id),
        "message id": row.message_id or "",
        "key": fact.key,
        "delivery key": "wh/1",
        "correlation": fact.correlation,
        "reference": "4507",
    }
    trail = await _find(database, f" {shown[reference]} ")
    assert trail == Trail(receipt_ids=(one,), message_row_ids=(fact.row_id,))


@pytest.mark.parametrize("reference", ["", "nothing", "rcp_0000000000001", "%", "' OR 1=1 --"])
async def test_unknown_leads_nowhere(database: Database, reference: str) -> None:
    await record(database, translation(await receipt(database), message()))
    assert await _find(database, reference) == Trail(receipt_ids=(), message_row_ids=())


async def test_duplicates_are_part_of_the_story(database: Database) -> None:
    ids = [await receipt(database, f"wh-{number}") for number in range(2)]
    facts = [message("a"), message("a")]
    await record(database, *(translation(*pair) for pair in zip(ids, facts, strict=True)))
    trail = await _find(database, facts[0].key)
    assert trail.receipt_ids == tuple(ids)
    assert trail.message_row_ids == tuple(fact.row_id for fact in facts)


async def test_redeliveries_lead_to_the_first_and_back(database: Database) -> None:
    first, again = delivery(), delivery()
    await accept(database, first, again)
    both = (first.receipt_id, again.receipt_id)
    for reference in ("wh-1", *(show_id(RECEIPT, number) for number in both)):
        assert (await _find(database, reference)).receipt_ids == both


async def test_the_story_in_order(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, message("a"), problem("line[2]", position=1)))
    await database.write(lambda c: reopen_receipt(c, one, "ada@example.com", LATER))
    (row,) = await record(
        database, translation(one, message("a"), message("b", at="line[2]")), now=LATER
    )
    ids = [row.message_id or ""]
    await database.write(lambda c: subscriptions.mark_handled(c, "billing", ids, LATER))
    trail = await _find(database, show_id(RECEIPT, one))
    story = await database.read(lambda c: trace.timeline(c, trail))

    assert [each.receipt_id for each in story.receipts] == [one]
    assert [each.verdict for each in story.messages] == ["new", "new"]
    assert [(each.at, each.outcome) for each in story.attempts] == [
        (NOW, "failed"),
        (LATER, "replayed"),
        (LATER, "succeeded"),
    ]
    assert [each.state for each in story.dead_letters] == ["replayed"]
    assert [(each.subscriber, each.message_id) for each in story.handled] == [("billing", ids[0])]
    assert story.retries == []


async def test_refusals_are_remembered_newest_first(database: Database) -> None:
    refused = [
        Refusal(
            id=number,
            at=NOW,
            connector="shopify",
            account="acme",
            code="bad_signature",
            body_digest=bytes(32),
            size=10,
            remote="192.0.2.1",
        )
        for number in (1, 2, 3)
    ]
    await database.write(lambda c: refusals.record_refusals(c, refused))
    found = await database.read(lambda c: refusals.recent_refusals(c, 2))
    assert found == [refused[2], refused[1]]
