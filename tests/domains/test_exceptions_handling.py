"""What people do about exceptions, the clock, and what is read of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from canonical.errors import GatewayError, Malformed, Unsupported
from domains.contract import Owner
from domains.exceptions import handling, listing
from domains.exceptions.ageing import Ageing, age
from domains.exceptions.handling import BRANCHES, REASONS, Resolution
from domains.exceptions.listing import Wanted
from domains.exceptions.metrics import ExceptionMetrics
from domains.exceptions.stored import StoredException
from store.access.audit_entries import list_audit
from store.access.audit_log import verify_audit_log
from store.mending.contested import Contested
from tests.domains.exceptions_building import NOW, SHORT, Book, book, other

__all__ = ["book"]

ENOUGH = Resolution(reason="customer_agreed", words="they pay the rest in May")


async def _do(
    book: Book, work: Callable[..., Any], *given: Any, by: str = "ada", **act: Any
) -> Any:
    one = await book.only()
    return await book.database.write(
        lambda c: work(c, one.exception_id, *given, book.act(by, **act))
    )


async def test_it_is_taken_given_on_and_handed_over(book: Book) -> None:
    await book.keep(SHORT)
    assert (await _do(book, handling.assign, "ada")).assigned_to == "ada"
    assert (await _do(book, handling.assign, "  ")).assigned_to is None
    assert (await _do(book, handling.move, "sales")).owner == "sales"
    assert await book.actions() == ["opened", "assigned", "assigned", "moved"]
    with pytest.raises(Malformed, match="owner is one of"):
        await _do(book, handling.move, "marketing")
    with pytest.raises(Malformed):
        await _do(book, handling.assign, "x" * 101)


async def test_it_is_resolved_with_a_reason_and_the_branch_taken(book: Book) -> None:
    await book.keep(SHORT)
    one = await _do(book, handling.resolve, ENOUGH)
    assert (one.state, one.reason, one.branch, one.ended_by) == (
        "resolved", "customer_agreed", "disputed", "ada",
    )  # fmt: skip
    entries = await book.database.read(lambda c: list_audit(c, action="exception"))
    assert entries[0].action == "exception.resolved"
    assert entries[0].details["words"] == "they pay the rest in May"
    assert await book.database.read(verify_audit_log) is None


@pytest.mark.parametrize("reason", REASONS)
async def test_every_reason_says_which_way_the_work_went(reason: str, book: Book) -> None:
    await book.keep(SHORT)
    one = await _do(book, handling.resolve, Resolution(reason=reason, words="so it is"))
    assert one.branch in BRANCHES


@pytest.mark.parametrize(
    "how",
    [
        Resolution(reason="because"), Resolution(reason="other"),
        Resolution(reason="other", words="  "), Resolution(reason="duplicate", branch="left"),
        Resolution(reason="duplicate", words="x" * 10_001),
    ],
)  # fmt: skip
async def test_a_resolution_that_says_nothing_is_refused(book: Book, how: Resolution) -> None:
    await book.keep(SHORT)
    with pytest.raises(Malformed):
        await _do(book, handling.resolve, how)
    assert (await book.only()).state == "open"


async def test_what_was_resolved_is_opened_again_and_its_clock_goes_on(book: Book) -> None:
    await book.keep(SHORT)
    with pytest.raises(Contested):
        await _do(book, handling.reopen, "it is not")
    await _do(book, handling.resolve, ENOUGH)
    book.advance(days=1)
    with pytest.raises(Malformed):
        await _do(book, handling.reopen, " ")
    one = await _do(book, handling.reopen, "they did not pay")
    assert (one.state, one.opened_at, one.times_opened) == ("open", NOW, 2)
    assert one.reason is None
    await book.keep(scope=[SHORT.record])
    for act in (handling.reopen, handling.assign):
        with pytest.raises(Contested):
            await _do(book, act, "ended ones are nobody's")


async def test_notes_are_kept_and_the_audit_log_has_only_their_length(book: Book) -> None:
    await book.keep(SHORT)
    await _do(book, handling.note, "Asked the bank\0.")
    one = await book.only()
    history = await book.database.read(lambda c: listing.history_of(c, one.exception_id))
    assert (history[-1].by, history[-1].detail["text"]) == ("ada", "Asked the bank\ufffd.")
    entries = await book.database.read(lambda c: list_audit(c, action="exception.note"))
    assert entries[0].details == {"length": 16}
    for wrong in ("", " ", "x" * 10_001):
        with pytest.raises(Malformed):
            await _do(book, handling.note, wrong)


async def test_there_is_no_such_exception(book: Book) -> None:
    for work in (
        lambda c: listing.load_exception(c, 7),
        lambda c: handling.assign(c, 7, "ada", book.act()),
        lambda c: handling.note(c, 7, "x", book.act()),
        lambda c: handling.reopen(c, 7, "x", book.act()),
    ):
        with pytest.raises(Unsupported) as caught:
            await book.database.write(work)
        assert caught.value.code == "unknown_exception"


async def test_of_two_people_at_once_one_wins(book: Book) -> None:
    await book.keep(SHORT)
    seen = (await book.only()).revision

    async def take(name: str) -> StoredException | GatewayError:
        try:
            taken: StoredException = await _do(book, handling.assign, name, by=name, revision=seen)
        except Contested as error:
            return error
        return taken

    results = await asyncio.gather(*(take(f"person-{number}") for number in range(5)))
    (won,) = [one for one in results if isinstance(one, StoredException)]
    lost = [one for one in results if isinstance(one, Contested)]
    assert {one.code for one in lost} == {"changed_meanwhile"}
    assert len(lost) == 4
    assert (await book.only()).assigned_to == won.assigned_to
    assert await book.actions() == ["opened", "assigned"]


async def test_of_two_resolutions_at_once_one_wins(book: Book) -> None:
    await book.keep(SHORT)

    async def resolve(name: str) -> str:
        try:
            await _do(book, handling.resolve, ENOUGH, by=name)
        except Contested as error:
            return error.code
        return "won"

    results = await asyncio.gather(*(resolve(name) for name in ("ada", "grace", "vera")))
    assert set(results) <= {"won", "not_open", "changed_meanwhile"}
    assert results.count("won") == 1
    assert await book.actions() == ["opened", "resolved"]


async def test_a_person_and_the_gateway_at_once(book: Book) -> None:
    for number in range(10):
        found = other(number)
        await book.keep(found)
        (one,) = await book.all(record=found.record)

        async def resolve(one: StoredException = one) -> None:
            try:
                act = book.act(revision=one.revision)
                await book.database.write(
                    lambda c: handling.resolve(c, one.exception_id, ENOUGH, act)
                )
            except Contested:
                return

        changed = replace(found, balance="5.00 EUR")
        await asyncio.gather(resolve(), book.keep(changed, scope=[found.record]))
        (after,) = await book.all(record=found.record)
        # Whoever was first: what is other than what was resolved is open.
        assert (after.state, after.balance) == ("open", "5.00 EUR")
        await book.keep(scope=[found.record])


async def _aged(book: Book, limit: int = 200) -> list[int]:
    found = await book.database.write(lambda c: age(c, book.now, limit))
    return [one.escalated for one in found]


async def test_what_stays_open_is_escalated(book: Book) -> None:
    await book.keep(SHORT)
    levels = []
    for _ in range(35):
        levels += await _aged(book)
        book.advance(days=1)
    assert levels == [7, 14, 30]
    assert await book.actions() == ["opened", "escalated", "escalated", "escalated"]
    assert (await book.only()).escalated == 30


async def test_one_that_was_overlooked_goes_to_its_level_at_once(book: Book) -> None:
    await book.keep(SHORT, other(2), other(3))
    book.advance(days=7)
    await book.keep(other(4))
    book.advance(days=23)
    assert await _aged(book, limit=2) == [30, 30]
    assert await _aged(book) == [30, 14]
    assert await _aged(book) == []


async def test_only_what_is_open_ages_and_a_new_opening_ages_anew(book: Book) -> None:
    await book.keep(SHORT)
    book.advance(days=8)
    await _aged(book)
    await book.keep(scope=[SHORT.record])
    book.advance(days=8)
    assert await _aged(book) == []
    await book.keep(SHORT)
    assert (await book.only()).escalated == 0
    assert await _aged(book) == []
    book.advance(days=7)
    assert await _aged(book) == [7]


async def test_processes_that_age_at_once_escalate_each_but_once(book: Book) -> None:
    await book.keep(*(other(number) for number in range(50)))
    book.advance(days=15)
    rounds = await asyncio.gather(*(_aged(book, limit=30) for _ in range(4)))
    rest = await _aged(book)
    assert sorted([*sum(rounds, []), *rest]) == [14] * 50  # noqa: RUF017 - four short lists
    for one in await book.all():
        entries = await book.database.read(
            lambda c, one=one: listing.history_of(c, one.exception_id)  # type: ignore[misc]
        )
        assert [entry.action for entry in entries] == ["opened", "escalated"]


async def test_the_loop_escalates_and_counts(book: Book) -> None:
    registry = CollectorRegistry()
    metrics = ExceptionMetrics()
    metrics.show_in(registry)
    await book.keep(SHORT, other(2, owner=Owner.SALES))
    book.advance(days=10)
    ageing = Ageing(database=book.database, metrics=metrics, clock=lambda: book.now)
    assert not await ageing.step()
    assert {one.escalated for one in await book.all()} == {7}

    def counted(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert counted("gateway_exceptions_open", owner="sales", age="7") == 1
    assert counted("gateway_exceptions_open", owner="it", age="7") == 0
    assert counted("gateway_exceptions_overdue", owner="finance") == 1
    escalated = {"domain": "cash", "owner": "sales", "days": "7"}
    assert counted("gateway_exceptions_escalated_total", **escalated) == 1


async def test_lists_are_filtered(book: Book) -> None:
    await book.keep(SHORT)
    book.advance(days=8)
    await book.keep(other(2, kind="unapplied_cash", owner=Owner.SALES, involved=("INV 100%",)))
    await book.keep(other(3, within=timedelta(days=30)), domain="order")

    async def found(**wanted: Any) -> list[str]:
        return [one.record_key[-1] for one in await book.all(**wanted)]

    assert await found() == ["1", "2", "3"]
    assert await found(domain="order") == ["3"]
    assert await found(owner="sales") == ["2"]
    assert await found(kind="unapplied_cash") == ["2"]
    assert await found(age="7") == ["1"]
    assert await found(age="current") == ["2", "3"]
    assert await found(age="14") == []
    assert await found(overdue=True) == ["1"]
    assert await found(text="0%") == ["2"]
    assert await found(text="B-1") == ["1"]
    assert await found(text="LESS THAN") == ["1", "2", "3"]
    assert await found(text="_%\0\ud800") == []
    assert await found(state="resolved") == []
    assert await found(assigned_to="ada") == []
    assert await found(record="receipt/bank/2") == ["2"]


@pytest.mark.parametrize("sort", ["due", "recent"])
async def test_lists_are_read_page_by_page(book: Book, sort: Any) -> None:
    for number in range(7):
        await book.keep(other(number % 3), other(number + 10), scope=["none"])
        book.advance(minutes=number % 2)
    wanted = Wanted(state=None, sort=sort)
    everything = await book.database.read(
        lambda c: listing.list_exceptions(c, wanted, book.now, limit=100)
    )
    seen: list[StoredException] = []
    after = None
    while True:
        page = await book.database.read(
            lambda c, after=after: listing.list_exceptions(  # type: ignore[misc]
                c, wanted, book.now, after=after, limit=3
            )
        )
        if not page:
            break
        seen += page
        after = listing.page_key(page[-1], sort)
    assert seen == everything
    assert len(seen) == 10


async def test_counts_by_owner_and_age(book: Book) -> None:
    for number, days in enumerate((0, 6, 7, 13, 14, 29, 30, 100)):
        book.now = NOW - timedelta(days=days)
        await book.keep(other(number))
    book.now = NOW
    counts = {
        one.owner: one for one in await book.database.read(lambda c: listing.standing(c, book.now))
    }
    assert dict(counts["finance"].by_age) == {"current": 2, "7": 2, "14": 2, "30": 2}
    assert (counts["finance"].total, counts["finance"].overdue) == (8, 7)
    assert set(counts) == set(Owner)
    assert counts["it"].total == 0
