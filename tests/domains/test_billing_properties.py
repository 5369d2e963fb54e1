"""What holds of billing whatever comes, in whatever order and however often."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.billing import EInvoiceStatus as Status
from canonical.chain import BillingCandidateChanged, Gate, ReceivableState
from domains.billing.network import network_of
from domains.billing.tables import TABLES
from domains.contract import Fact, Record
from tests.domains.billing_facts import (
    answer,
    captured,
    credit,
    gate,
    invoice,
    line,
    order,
    receivable,
    refs,
    refund,
    returned,
    reversal,
    shipped,
    tax,
    told,
)
from tests.domains.building import World

PIECES = st.sampled_from(["1", "2", "3", "5", "7"])
HOURS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 24.0, 60.0])
NUMBERS = st.sampled_from(["INV-1", "INV-2", "INV-4"])
SHIPMENTS = st.sampled_from(["S-1", "S-2"])
SYSTEMS = st.sampled_from(["wms", "shopify"])
TRACKING = st.sampled_from([(), ("T-1",)])


def bill_line() -> st.SearchStrategy[Any]:
    named = st.sampled_from(
        [{}, {"order_line_id": None}, {"sku": None}, {"sku": "PEN", "order_line_id": "L2"}]
    )
    return st.builds(lambda pieces, more: line(pieces, **more), PIECES, named)


FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(lambda pieces: order(pieces=pieces), PIECES),
    st.builds(lambda number: order("77", order_number=number), st.sampled_from(["77", "4507"])),
    st.builds(
        lambda pieces, name, system, at, tracking: shipped(
            pieces, shipment_id=name, system=system, at=at, tracking_numbers=tracking
        ),
        PIECES, SHIPMENTS, SYSTEMS, HOURS, TRACKING,
    ),
    st.builds(lambda pieces, name, at: reversal(pieces, shipment_id=name, at=at),
              PIECES, SHIPMENTS, HOURS),
    st.builds(lambda state, allowed, name, revision: gate(
        state, allowed, shipment_id=name, revision=revision, at=revision),
        st.sampled_from(Gate), PIECES, SHIPMENTS, st.integers(1, 3)),
    st.builds(
        lambda number, lines, at, note, preceding: invoice(
            *lines, number=number, at=at, delivery_note=note,
            preceding=refs(("x:invoice", preceding)) if preceding else (),
            code="384" if preceding else "380",
        ),
        NUMBERS, st.lists(bill_line(), min_size=1, max_size=2), HOURS,
        st.sampled_from([None, "S-1"]), st.sampled_from([None, "INV-1"]),
    ),
    st.builds(
        lambda number, of, one, at: credit(one, number=f"CN-{number}", of=of, at=at),
        NUMBERS, st.one_of(st.none(), NUMBERS), bill_line(), HOURS,
    ),
    st.builds(lambda status, number, at: answer(status, number=number, at=at),
              st.sampled_from(Status), NUMBERS, HOURS),
    st.builds(lambda state, revision: receivable(state, revision=revision),
              st.sampled_from(ReceivableState), st.integers(1, 3)),
    st.builds(lambda pieces, name, at: returned(pieces, return_id=name, at=at),
              PIECES, st.sampled_from(["R-1", "R-2"]), HOURS),
    st.builds(captured),
    st.builds(refund),
    st.builds(lambda amount, number, version: tax(amount, code=number, version=version),
              st.sampled_from(["10.00", "9.00"]), NUMBERS, st.integers(1, 2)),
)  # fmt: skip
SETS = st.lists(FACTS, max_size=12)


def said(world: World) -> tuple[object, ...]:
    """All of a world, in a form that compares."""
    return (
        sorted((key, _shown(one)) for key, one in world.records.items()),
        sorted((key, repr(one.kind), _facts(one)) for key, one in world.findings.items()),
        sorted(
            (key, one.data.json_data(), one.correlation, one.occurred_at)
            for key, one in world.announcements.items()
        ),
        sorted((one.fact, one.awaits, one.kind) for one in world.parked),
        world.wake_at,
    )


def _shown(record: Record) -> str:
    rows = {name: [dict(row) for row in rows] for name, rows in record.rows.items()}
    named = [one.model_dump() for one in record.names]
    whole = [record.status, record.label, record.state, sorted(record.facts), rows, named]
    return json.dumps(whole, sort_keys=True)


def _facts(finding: Any) -> list[Any]:
    shown = [finding.expected, finding.received, finding.balance, finding.explanation]
    return [sorted(finding.facts), list(finding.involved), repr(finding.since), repr(shown)]


@settings(max_examples=150, deadline=None)
@given(facts=SETS, data=st.data())
def test_any_order_and_any_repeats_end_the_same(facts: list[Fact], data: st.DataObject) -> None:
    once = told(facts)
    again = data.draw(st.permutations([*facts, *facts[: len(facts) // 2]]))
    assert said(told(again)) == said(once)


@settings(max_examples=150, deadline=None)
@given(SETS)
def test_no_more_is_billed_than_shipped_without_a_finding(facts: list[Fact]) -> None:
    world = told(facts)
    for (kind, subject), announcement in world.announcements.items():
        data = announcement.data
        if not isinstance(data, BillingCandidateChanged):
            continue
        assert kind == BillingCandidateChanged.TYPE
        for one in data.lines:
            if one.invoiced.value > one.quantity.value:
                found = [each for each in world.findings.values() if subject in each.involved]
                assert "invoiced_for_reversed_shipment" in {each.kind for each in found}


@settings(max_examples=150, deadline=None)
@given(SETS)
def test_every_billed_piece_is_of_one_shipment(facts: list[Fact]) -> None:
    """What the candidates say is invoiced is no more than what the invoices say."""
    world = told(facts)
    billed = sum(
        Decimal(one["invoiced"])
        for record in world.of("candidate")
        for one in record.state["lines"]
    )
    listed = sum(
        Decimal(one["quantity"] or 0)
        for record in world.of("invoice")
        for one in record.state["lines"]
    )
    assert billed <= listed


@settings(max_examples=150, deadline=None)
@given(SETS)
def test_no_invoice_is_credited_beyond_its_amount(facts: list[Fact]) -> None:
    for record in told(facts).of("invoice"):
        assert 0 <= Decimal(record.state["credited"]) <= Decimal(record.state["gross"])


@settings(max_examples=150, deadline=None)
@given(SETS)
def test_every_document_shipment_and_return_has_one_record(facts: list[Fact]) -> None:
    world = told(facts)
    resting = [fact for record in world.records.values() for fact in record.facts]
    documents = {
        one.id for one in facts if one.type.endswith(".issued") and "refund" not in one.type
    }
    assert documents <= set(resting)
    for finding in world.findings.values():
        assert finding.record in {*world.records, *(one.id for one in facts)}
        assert finding.facts <= {one.id for one in facts}


@settings(max_examples=100, deadline=None)
@given(SETS)
def test_rows_have_the_columns_of_their_tables(facts: list[Fact]) -> None:
    columns = {
        one.name: {column.name for column in one.columns} - {"id", "record_key"} for one in TABLES
    }
    for record in told(facts).records.values():
        for name, rows in record.rows.items():
            for row in rows:
                assert set(row) == columns[name]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Status), HOURS), max_size=8), st.randoms())
def test_a_network_state_is_what_its_answers_say_in_any_order(
    told_so: Sequence[tuple[Status, float]], random: Any
) -> None:
    answers: list[Any] = [(one, one.data) for one in (answer(each, at=at) for each, at in told_so)]
    once = network_of(answers, "INV-1")
    random.shuffle(answers)
    again = network_of(answers, "INV-1")
    assert (once.status, once.sent_at, once.refused) == (again.status, again.sent_at, again.refused)
    assert len(once.told) == len(answers)
    if once.is_negative:
        assert once.rejection is not None
