"""Whatever of an order's facts is known, in whatever order it came: one answer, and sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import orjson
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import PaymentAuthorised, PaymentFailed
from canonical.chain import OrderStateChanged, ReceivableChanged, ReceivableState
from canonical.order import QuoteAccepted
from canonical.shipment import DeliveryStatus
from canonical.values import Identifier
from domains.contract import Cluster, Derived, Fact
from domains.order import DOMAIN
from domains.order.tables import TABLES
from tests.domains.building import DAY, derive_all, fact
from tests.domains.order_facts import (
    BILLED,
    HOUR,
    billed,
    came_back,
    cancelled,
    captured,
    changed,
    confirmed,
    credited,
    delivered,
    eur,
    held,
    invoiced,
    line,
    placed,
    receivable,
    refunded,
    rejected,
    return_requested,
    shipped,
    unshipped,
)

NOW = DAY + timedelta(days=20)


def _payment(kind: type[PaymentAuthorised | PaymentFailed], at: timedelta) -> Fact:
    data = kind(
        gateway="stripe",
        account="shop",
        payment_id="pi_3Example",
        amount=eur("100.00"),
        occurred_at=DAY + at,
        order_id="1042",
    )
    return fact(data, at=DAY + at, source="/stripe/shop")


_QUOTE = QuoteAccepted(
    quote_id="990100",
    channel="shopify",
    account="acme",
    accepted_at=DAY,
    references=(Identifier(scheme="shopify:order", value="4507"),),
)

FACTS = (
    fact(_QUOTE),
    placed(),
    changed(DAY + HOUR, payment_status="paid"),
    changed(DAY + 2 * HOUR, (line("L1", "4", "MUG"),), complete=False),
    changed(DAY + 3 * HOUR, (line("L1", "-4", "MUG"),)),
    cancelled(DAY + 4 * HOUR),
    placed(order_id="4508"),
    confirmed(DAY),
    confirmed(DAY, with_changes=True, response_id="R-2"),
    rejected(DAY),
    held(DAY + HOUR),
    held(DAY + HOUR, released=True),
    shipped(DAY + 2 * HOUR, "L1", "3"),
    shipped(DAY + 2 * HOUR, "L1", "5"),
    shipped(DAY + 2 * HOUR, "L2", "2", "SH-2"),
    shipped(DAY + 2 * HOUR, "L1", "5", "W-1", "shipbob"),
    shipped(DAY + 2 * HOUR, "L7", "1", "W-2", "shipbob"),
    shipped(DAY + 2 * HOUR, "L1", "-1", "SH-3"),
    unshipped(DAY + 3 * HOUR, "L1", "2"),
    unshipped(DAY + 3 * HOUR, "L1", "5", "W-1", "shipbob"),
    delivered(DAY + 5 * HOUR),
    delivered(DAY + 5 * HOUR, status=DeliveryStatus.FAILED),
    delivered(DAY + 6 * HOUR, "SH-2"),
    return_requested(DAY + 7 * HOUR),
    came_back(DAY + 8 * HOUR, "L1", "1"),
    invoiced(DAY + 3 * HOUR),
    invoiced(DAY + 3 * HOUR, "INV-2", (billed("L1", "1", "99.00"),)),
    credited(DAY + 4 * HOUR, "CN-1", BILLED[:1]),
    receivable(DAY + 9 * HOUR, ReceivableState.PAID),
    receivable(DAY + 9 * HOUR, ReceivableState.CLOSED, revision=2),
    _payment(PaymentAuthorised, HOUR),
    _payment(PaymentFailed, 3 * HOUR),
    captured(DAY + HOUR, "60.00"),
    captured(DAY + HOUR, "100.00", order_id=None),
    captured(DAY + HOUR, "100.00", "USD"),
    refunded(DAY + 5 * HOUR, "100.00"),
    refunded(DAY + 5 * HOUR, "100.00", "failed"),
)

some_facts = st.lists(st.sampled_from(FACTS), unique_by=lambda one: one.id, min_size=1)


def _said(facts: list[Fact]) -> Derived:
    return DOMAIN.derive(Cluster(facts=tuple(facts)), NOW)


@given(facts=some_facts, random=st.randoms(use_true_random=False))
def test_no_order_of_facts_matters(facts: list[Fact], random: Random) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert _said(shuffled) == _said(facts)


@given(facts=some_facts, repeated=st.lists(st.sampled_from(FACTS)))
def test_repeats_and_the_way_there_leave_no_trace(facts: list[Fact], repeated: list[Fact]) -> None:
    again = [one for one in repeated if one in facts]
    assert derive_all(DOMAIN, [*again, *facts, *again], now=NOW) == derive_all(
        DOMAIN, facts, now=NOW
    )


@given(facts=some_facts, hours=st.integers(0, 200))
def test_when_facts_arrived_does_not_matter(facts: list[Fact], hours: int) -> None:
    late = [replace(one, arrived_at=one.arrived_at + hours * HOUR) for one in facts]
    assert _said(late) == _said(facts)


@given(facts=some_facts)
def test_lines_add_up(facts: list[Fact]) -> None:
    for record in _said(facts).records:
        cancelled_whole = record.state.get("dimensions", {}).get("document") == "CANCELLED"
        for row in record.rows.get("order_lines", ()):
            ordered, gross, back, left = (
                Decimal(row[name]) for name in ("ordered", "shipped", "reversed", "open")
            )
            assert 0 <= back <= gross
            assert left == (0 if cancelled_whole else max(ordered - (gross - back), Decimal(0)))
            assert 0 <= Decimal(row["back_ordered"]) <= max(left, Decimal(0))


@given(facts=some_facts)
def test_an_order_is_cancelled_or_closed_for_good_reason_only(facts: list[Fact]) -> None:
    for record in _said(facts).records:
        if record.kind != "order":
            continue
        words = record.state["dimensions"]
        left = [
            Decimal(row["shipped"]) - Decimal(row["reversed"]) for row in record.rows["order_lines"]
        ]
        if words["document"] == "CANCELLED":
            assert not any(left)
        if words["closure"] == "FINANCIALLY_COMPLETE":
            assert words["billing"] == "INVOICED"
            assert any(
                one.data.state is ReceivableState.CLOSED
                for one in facts
                if isinstance(one.data, ReceivableChanged)
            )


@given(facts=some_facts)
def test_what_is_said_can_be_kept_and_told(facts: list[Fact]) -> None:
    said = _said(facts)
    columns = {table.name: set(table.columns.keys()) - {"record_key"} for table in TABLES}
    keys = [one.key for one in said.records]
    assert len(keys) == len(set(keys))
    for record in said.records:
        orjson.dumps(dict(record.state))
        assert record.facts <= {one.id for one in facts}
        for table, rows in record.rows.items():
            assert all(set(row) == columns[table] for row in rows)
    findings = [one.key for one in said.findings]
    assert len(findings) == len(set(findings))
    orders = {one.key: one for one in said.records if one.kind == "order"}
    assert {one.subject for one in said.announcements} == set(orders)
    for one in said.announcements:
        assert isinstance(one.data, OrderStateChanged)
        told = one.data.model_dump()
        dimensions = orders[one.subject].state["dimensions"]
        assert {name: told[name] for name in dimensions} == dimensions


@given(facts=some_facts)
def test_after_the_moment_to_wake_nothing_new_is_due_before_the_next(facts: list[Fact]) -> None:
    early = DOMAIN.derive(Cluster(facts=tuple(facts)), DAY)
    if early.wake_at is not None:
        just_before = early.wake_at - timedelta(microseconds=1)
        assert DOMAIN.derive(Cluster(facts=tuple(facts)), just_before) == early
