"""The chain as steps of business: the same from either end, bounded, with the payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete

from domains.engine.tables import evidence, record_names
from store.database import Connection, Database
from tests.domains.chain_story import ENTRY, PAYOUT, Story, put
from workbench.finding.chain_stages import stage_of
from workbench.finding.chain_steps import ChainStep
from workbench.finding.tracing import Trace, find_trace, print_trace, trace_document

WHOLE = [
    ("quote", "", "Q-7700"),
    ("order", "order", "#1001"),
    ("shipment", "shipment", "SHP-1001"),
    ("delivery", "shipment", "TRK12345678"),
    ("billing candidate", "billing", "SHP-1001"),
    ("invoice", "billing", "INV-2026-77"),
    ("receivable", "cash", "INV-2026-77"),
    ("payment", "cash", "pi_77001"),
    ("payout", "cash", "po_88001"),
    ("bank entry", "cash", "BANKREF-9"),
]
NAMES = ("#1001", "INV-2026-77", "pi_77001", "TRK12345678", "BANKREF-9", "po_88001", "SHP-1001")
WITHOUT_DELIVERY = [one for one in WHOLE if one[0] != "delivery"]


def told(found: Trace) -> list[tuple[str, str, str]]:
    return [(one.stage, one.domain, one.label) for one in found.chain]


def step(found: Trace, stage: str) -> ChainStep:
    (only,) = [one for one in found.chain if one.stage == stage]
    return only


@pytest.fixture
async def story(database: Database) -> Story:
    """One order, alone in its payout."""
    return await Story().happen(database)


def link_the_scan(story: Story, connection: Connection) -> None:
    """The parcel's record rests on the shipment's confirmation too, as it does in life."""
    key = "delivery/dhl/TRK12345678/1"
    put(connection, story, "shipment", "delivery", key, "TRK1/1", "DELIVERED", ("shipped", "scan"))


@pytest.mark.parametrize("name", NAMES)
async def test_every_name_leads_to_the_same_chain(
    database: Database, story: Story, name: str
) -> None:
    await database.write(lambda connection: link_the_scan(story, connection))
    found = await find_trace(database, name)
    expected = [*WHOLE[:4], ("delivery", "shipment", "TRK1/1"), *WHOLE[4:]]
    assert sorted(told(found)) == sorted(expected)
    assert [one.stage for one in found.chain] == [one[0] for one in expected]


async def test_ids_lead_to_it_as_well(database: Database, story: Story) -> None:
    for name in ("order", "invoice", "paid", "booked", "told"):
        for reference in (story.id(name), story.receipts[name], story.messages[name].key):
            assert told(await find_trace(database, reference)) in (WHOLE, WITHOUT_DELIVERY), name
    by_key = await find_trace(database, "order/shopify/acme/700507")
    assert told(by_key) == WITHOUT_DELIVERY


async def test_a_step_knows_its_facts_and_the_raw_payloads(
    database: Database, story: Story
) -> None:
    found = await find_trace(database, "#1001")
    order = step(found, "order")
    assert [one.row.message_id for one in order.facts] == [
        story.id(name) for name in ("quote", "order", "shipped", "invoice", "paid", "told")
    ]
    assert order.first is not None
    assert order.first.row.receipt == story.receipts["order"]
    assert order.at == story.messages["order"].occurred_at
    assert (order.status, order.tone) == ("FINANCIALLY_COMPLETE", "good")
    quote = step(found, "quote")
    assert (quote.status, quote.key) == ("ACCEPTED", "")
    assert [one.row.receipt for one in quote.facts] == [story.receipts["quote"]]


async def test_messages_that_only_records_lead_to_are_in_the_timeline(
    database: Database, story: Story
) -> None:
    found = await find_trace(database, "TRK12345678")
    shown = {one.message_id for one in found.timeline.messages}
    assert {story.id(name) for name in ("quote", "order", "paid", "payout", "booked")} <= shown
    receipts = {one.kind for one in found.timeline.receipts}
    assert "o2c.bank_entry.booked" in receipts


async def test_what_domains_say_is_lesser(database: Database, story: Story) -> None:
    found = await find_trace(database, "#1001")
    announced = [one for one in found.steps if one.system == "domains"]
    assert len(announced) == 2
    assert all(one.lesser and one.kind == "plain" for one in announced)
    assert "domains" in found.systems
    assert not any(one.lesser for one in found.steps if one.what == "judged new") or announced


async def test_a_payout_does_not_lead_to_the_payments_of_others(database: Database) -> None:
    story = await Story(paid_out_with=3).happen(database)
    found = await find_trace(database, "#1001")
    assert told(found) == WITHOUT_DELIVERY
    (others,) = step(found, "payout").others
    assert (others.kind, others.number) == ("payment", 3)
    told_of = {fact.row.message_id for one in found.chain for fact in one.facts}
    assert {story.id("line"), story.id("payout")} <= told_of
    assert not {story.id("line 0"), story.id("paid 0")} & told_of


async def test_from_its_bank_entry_a_small_payout_leads_to_all(database: Database) -> None:
    await Story(paid_out_with=2).happen(database)
    found = await find_trace(database, "BANKREF-9")
    labels = {label for stage, _, label in told(found) if stage == "order"}
    assert labels == {"#1001", "800000", "800001"}


@pytest.mark.parametrize("name", ["BANKREF-9", "po_88001", ENTRY, PAYOUT])
async def test_from_its_bank_entry_a_large_payout_is_counted(database: Database, name: str) -> None:
    await Story(paid_out_with=60).happen(database)
    found = await find_trace(database, name)
    assert [one[0] for one in told(found)] == ["payout", "bank entry"]
    (others,) = step(found, "payout").others
    assert (others.kind, others.number, len(others.records)) == ("payment", 61, 50)
    assert [one.row.type for one in step(found, "payout").facts] == ["o2c.payout.settled"]
    assert step(found, "payout").more_facts == 61
    document = trace_document(found)
    (told_of,) = [one for one in document["chain"] if one["stage"] == "payout"]
    assert told_of["others"][0]["number"] == 61


async def test_the_walk_is_bounded(database: Database) -> None:
    """A collective invoice of hundreds: so many are listed, not walked through."""
    story = await Story().happen(database)

    def many(connection: Connection) -> None:
        for number in range(400):
            key = f"order/shopify/acme/9{number:05}"
            put(connection, story, "order", "order", key, key[-6:], "PLACED", ("invoice",))

    await database.write(many)
    found = await find_trace(database, "pi_77001")
    assert len(found.chain) < 100
    listed = [others.number for one in found.chain for others in one.others if one.domain]
    assert max(listed) >= 400


async def test_without_domains_the_trace_is_as_it_was(database: Database) -> None:
    story = await Story().happen(database, domains=False)
    found = await find_trace(database, "#1001")
    assert found.chain == []
    assert trace_document(found)["chain"] == []
    assert {one.message_id for one in found.timeline.messages} >= {story.id("order")}
    assert (await find_trace(database, "nobody")).steps == []


async def test_records_are_shown_where_the_messages_are_gone(database: Database) -> None:
    """Names of records are a way in of their own."""
    await Story().happen(database)
    found = await find_trace(database, "#1001")
    assert found.chain

    def rename(connection: Connection) -> None:
        connection.execute(record_names.update().values(value="X-1"))

    await database.write(rename)
    assert told(await find_trace(database, "X-1"))
    await database.write(lambda connection: connection.execute(delete(evidence)))
    assert all(
        one.facts == [] and one.at is None for one in (await find_trace(database, "X-1")).chain
    )


async def test_it_is_printed(
    database: Database, story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await print_trace(database, "INV-2026-77", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the chain"
    assert lines[1].split() == ["stage", "label", "status", "when", "system", "receipt"]
    (payment,) = [line for line in lines if line.startswith("    payment ")]
    assert payment.split()[1:3] == ["pi_77001", "MATCHED"]
    assert payment.endswith(f"  {story.receipts['paid']}")
    assert "  stripe/acme  " in payment
    assert await print_trace(database, "INV-2026-77", as_json=True)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    order = next(one for one in document["chain"] if one["stage"] == "order")
    assert set(order) >= {"stage", "domain", "kind", "key", "label", "status", "at", "facts"}
    assert order["at"] == "2026-03-02T08:20:00.000Z"
    assert set(order["facts"][0]) == {"message", "type", "source", "at", "receipt"}


@pytest.mark.parametrize(
    ("domain", "kind", "types", "stage"),
    [
        ("cash", "receipt", {"o2c.bank_entry.booked"}, "bank entry"),
        ("cash", "receipt", {"o2c.bank_entry.booked", "o2c.payment.captured"}, "payment"),
        ("billing", "credit_note", {"o2c.credit_note.issued"}, "credit note"),
        ("shipment", "return", set(), "return"),
        ("cash", "dispute", set(), "dispute"),
        ("billing", "something new", set(), "invoice"),
    ],
)
def test_a_record_has_a_stage(domain: str, kind: str, types: set[str], stage: str) -> None:
    assert stage_of(domain, kind, types) == stage
