"""Exceptions follow what is found: opened, changed, ended, opened again, and people's word kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domains.contract import Owner
from domains.exceptions import handling
from domains.exceptions.handling import Resolution
from domains.exceptions.keeping import Kept
from domains.exceptions.listing import history_of, standing
from tests.domains.exceptions_building import NOW, SHORT, Book, book, other

__all__ = ["book"]


async def test_a_finding_opens_an_exception(book: Book) -> None:
    assert await book.keep(SHORT) == Kept(opened=1)
    one = await book.only()
    assert (one.domain, one.kind, one.state, one.owner) == ("cash", "short_payment", "open", "finance")  # fmt: skip  # noqa: E501
    assert (one.record_key, one.record_label) == ("receipt/bank/1", "B-1")
    assert (one.expected, one.received, one.balance) == ("120.00 EUR", "100.00 EUR", "20.00 EUR")
    assert one.involved == ("invoice/acme/R-1", "R-1")
    assert one.facts == ("fact-1",)
    assert (one.opened_at, one.due_at) == (NOW, NOW + timedelta(days=2))
    assert one.since == NOW - timedelta(hours=3)
    assert (one.times_opened, one.escalated, one.assigned_to) == (1, 0, None)
    assert await book.actions() == ["opened"]


async def test_the_same_findings_write_nothing(book: Book) -> None:
    await book.keep(SHORT, other(2))
    before = await book.all()
    book.advance(hours=1)
    assert await book.keep(SHORT, other(2)) == Kept()
    assert await book.all() == before


async def test_other_numbers_change_it_and_its_history_tells(book: Book) -> None:
    await book.keep(SHORT)
    book.advance(hours=1)
    assert await book.keep(replace(SHORT, received="110.00 EUR", balance="10.00 EUR")) == Kept(
        changed=1
    )
    one = await book.only()
    assert (one.balance, one.opened_at, one.changed_at) == ("10.00 EUR", NOW, book.now)
    history = await book.database.read(lambda c: history_of(c, one.exception_id))
    assert history[-1].detail == {
        "balance": ["20.00 EUR", "10.00 EUR"],
        "received": ["100.00 EUR", "110.00 EUR"],
    }


async def test_a_record_gets_another_number_without_a_word(book: Book) -> None:
    await book.keep(SHORT)
    await book.keep(SHORT, **{SHORT.record: "B-1a"})
    assert (await book.only()).record_label == "B-1a"
    assert await book.actions() == ["opened"]
    assert await book.keep(SHORT, unknown="x") == Kept()
    assert (await book.only()).record_label == "B-1a"


async def test_what_is_no_longer_found_ends(book: Book) -> None:
    await book.keep(SHORT, other(2))
    book.advance(hours=1)
    assert await book.keep(other(2), scope=[SHORT.record]) == Kept(ended=1)
    ended, still = sorted(await book.all(), key=lambda one: one.record_key)
    assert (ended.state, ended.ended_by, ended.reason) == (
        "ended", "gateway", "no longer the case",
    )  # fmt: skip
    assert ended.ended_at == book.now
    assert still.state == "open"


async def test_only_records_that_were_derived_end(book: Book) -> None:
    await book.keep(SHORT, other(2))
    assert await book.keep(scope=["receipt/bank/3"]) == Kept()
    assert await book.keep(scope=[SHORT.record], domain="order") == Kept()
    assert len(await book.all(state="open")) == 2


async def test_what_comes_back_is_opened_in_the_same_row(book: Book) -> None:
    await book.keep(SHORT)
    first = await book.only()
    book.advance(days=8)
    await book.keep(scope=[SHORT.record])
    book.advance(days=1)
    assert await book.keep(SHORT) == Kept(reopened=1)
    again = await book.only()
    assert again.exception_id == first.exception_id
    assert (again.state, again.times_opened, again.escalated) == ("open", 2, 0)
    assert (again.opened_at, again.due_at) == (book.now, book.now + timedelta(days=2))
    assert (again.ended_at, again.ended_by, again.reason) == (None, None, None)
    assert await book.actions() == ["opened", "ended", "reopened"]


async def _resolve(book: Book) -> None:
    one = await book.only()
    how = Resolution(reason="accepted_difference", words="agreed by phone")
    await book.database.write(lambda c: handling.resolve(c, one.exception_id, how, book.act()))


async def test_what_a_person_resolved_stays_closed(book: Book) -> None:
    await book.keep(SHORT)
    await _resolve(book)
    resolved = await book.only()
    book.advance(days=10)
    same = replace(SHORT, explanation="The words are others.", involved=("R-1",))
    assert await book.keep(same) == Kept()
    assert await book.keep(scope=[SHORT.record]) == Kept()
    assert await book.keep(SHORT) == Kept()
    assert await book.only() == resolved


@pytest.mark.parametrize(
    "change",
    [
        {"expected": "121.00 EUR"}, {"received": "99.00 EUR"}, {"balance": None},
        {"facts": frozenset({"fact-1", "fact-2"})},
    ],
)  # fmt: skip
async def test_it_opens_again_when_it_is_no_longer_what_was_resolved(
    book: Book, change: dict[str, object]
) -> None:
    await book.keep(SHORT)
    await _resolve(book)
    book.advance(days=3)
    assert await book.keep(replace(SHORT, **change)) == Kept(reopened=1)  # type: ignore[arg-type]
    one = await book.only()
    assert (one.state, one.times_opened, one.opened_at) == ("open", 2, book.now)
    assert (one.reason, one.words, one.branch, one.ended_by) == (None, None, None, None)
    assert await book.actions() == ["opened", "resolved", "reopened"]


async def test_a_person_s_choice_of_owner_stays_until_the_rule_s_changes(book: Book) -> None:
    await book.keep(SHORT)
    one = await book.only()
    await book.database.write(lambda c: handling.move(c, one.exception_id, "sales", book.act()))
    await book.keep(replace(SHORT, balance="19.00 EUR"))
    assert (await book.only()).owner == "sales"
    await book.keep(replace(SHORT, owner=Owner.OPERATIONS))
    assert (await book.only()).owner == "operations"


async def test_a_fact_without_a_record_is_told_apart_by_what_it_awaits(book: Book) -> None:
    parked = [
        replace(SHORT, kind="unknown_order", record="fact-9", subject=f"order:{number}")
        for number in (1, 2)
    ]
    assert await book.keep(*parked) == Kept(opened=2)
    assert {one.record_label for one in await book.all()} == {"fact-9"}
    assert await book.keep(parked[1], scope=["fact-9"]) == Kept(ended=1)


async def test_texts_that_an_engine_cannot_hold_are_kept_all_the_same(book: Book) -> None:
    odd = replace(
        SHORT, record="receipt/\0\ud800", explanation="\0", involved=("\ud800\0",), subject="\0"
    )
    assert (await book.keep(odd)).opened == 1
    assert await book.keep(odd, scope=[SHORT.record]) == Kept()


async def test_many_at_once(book: Book) -> None:
    many = [other(number) for number in range(600)]
    assert (await book.keep(*many)).opened == 600
    assert await book.keep(*many) == Kept()
    changed = [replace(one, balance="1.00 EUR") for one in many[:300]]
    scope = [one.record for one in many]
    assert await book.keep(*changed, scope=scope) == Kept(changed=300, ended=300)
    finance = next(
        one
        for one in await book.database.read(lambda c: standing(c, book.now))
        if one.owner == "finance"
    )
    assert (finance.total, finance.by_age["current"]) == (300, 300)


async def test_two_that_keep_the_same_at_once_open_it_once(book: Book) -> None:
    kept = await asyncio.gather(*(book.keep(SHORT, other(2)) for _ in range(4)))
    assert sum(one.opened for one in kept) == 2
    assert len(await book.all()) == 2


_BALANCES = st.sampled_from([None, "1.00 EUR", "2.00 EUR"])
_WORLD = st.dictionaries(st.integers(0, 3), _BALANCES, max_size=4)


@given(worlds=st.lists(_WORLD, min_size=1, max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_open_is_what_was_found_last(
    book: Book, worlds: list[dict[int, str | None]]
) -> None:
    scope = [other(number).record for number in range(4)]
    for world in worlds:
        found = [other(number, balance=balance) for number, balance in world.items()]
        await book.keep(*found, scope=scope)
        assert await book.keep(*found, scope=scope) == Kept()
        stored = {one.record_key: one.balance for one in await book.all(state="open")}
        assert stored == {one.record: one.balance for one in found}
