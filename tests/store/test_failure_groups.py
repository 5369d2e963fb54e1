"""Failure groups: counted as failures come and go, closed by people, reopened by failures."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, case, event, func, select

from canonical.errors import Malformed, Unsupported
from store.database import Database, open_database
from store.failures.dead_letters import discard, list_dead
from store.finding import audit
from store.fingerprints import GROUPINGS
from store.intake import inbox
from store.log.normalised import reopen_receipt
from store.mending.contested import Contested
from store.mending.failure_groups import (
    FailureGroup,
    change_group,
    count_groups,
    forget_hours,
    group_ungrouped,
    groups_of,
    list_groups,
    list_letters,
    load_group,
    page_key,
    trends,
)
from store.mending.failure_notes import add_note, list_notes
from store.records import DeadLetter
from store.tables import dead_letters, failure_groups, failure_hours
from tests.store.building import (
    FAILURE,
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

ADA = "ada@example.com"


async def _groups(database: Database, grouping: str = "field", **wanted: Any) -> list[FailureGroup]:
    return await database.read(lambda c: list_groups(c, grouping, **wanted))


async def _change(database: Database, group: FailureGroup, **given: Any) -> FailureGroup:
    options = {name: given.pop(name) for name in ("revision", "reason") if name in given}
    return await database.write(
        lambda c: change_group(c, group.group_id, given, actor=ADA, now=LATER, **options)
    )


def _recounted(connection: Connection) -> dict[int, tuple[int, int]]:
    counts: dict[int, tuple[int, int]] = {}
    for grouping in GROUPINGS:
        column = dead_letters.c[f"group_{grouping}"]
        is_open = func.sum(case((dead_letters.c.state == "open", 1), else_=0))
        for group_id, opened, total in connection.execute(
            select(column, is_open, func.count()).group_by(column)
        ):
            counts[group_id] = (int(opened), total)
    return counts


async def _exact(database: Database) -> bool:
    """Whether the counters say what counting the letters says."""

    def look(connection: Connection) -> bool:
        table = failure_groups.c
        kept = {
            row.id: (row.open_count, row.total_count)
            for row in connection.execute(
                select(table.id, table.open_count, table.total_count).where(table.total_count > 0)
            )
        }
        return kept == _recounted(connection)

    return await database.read(look)


async def _five(database: Database) -> None:
    for number in range(3):
        await receipt(database, f"a-{number}", failure=FAILURE)
    await accept(database, delivery("b", failure=FAILURE, connector="stripe", account="eu"))
    one = await receipt(database, "c")
    await record(
        database, translation(one, problem("line[1]"), problem("line[2]", position=1)), now=LATER
    )


async def test_failures_meet_in_groups_of_every_grouping(database: Database) -> None:
    await _five(database)
    counts = {
        grouping: sorted(one.open_count for one in await _groups(database, grouping))
        for grouping in GROUPINGS
    }
    assert counts == {
        "field": [1, 2, 3],
        "account": [1, 2, 3],
        "code": [2, 4],
        "kind": [1, 2, 3],
        "text": [1, 2, 3],
    }
    assert await _exact(database)
    (largest, *_) = await _groups(database, sort="largest")
    assert (largest.connector, largest.error_code, largest.field_path) == (
        "shopify", "bad_total", "total",
    )  # fmt: skip
    assert (largest.total_count, largest.failure_count, largest.state) == (3, 3, "open")
    letters = await database.read(lambda c: list_letters(c, largest))
    assert len(letters) == 3
    older = await database.read(
        lambda c: list_letters(c, largest, before=letters[0].dead_letter_id)
    )
    assert older == letters[1:]
    assert await database.read(count_groups) == {"open": (3, 6)}
    of_it = await database.read(lambda c: groups_of(c, letters[0].dead_letter_id))
    assert of_it["field"] == largest.group_id
    assert of_it.keys() == GROUPINGS.keys()


@pytest.mark.parametrize("sort", ["recent", "largest"])
async def test_lists_are_paged(database: Database, sort: Any) -> None:
    await _five(database)
    whole = await _groups(database, sort=sort)
    paged: list[FailureGroup] = []
    while page := await _groups(
        database, sort=sort, limit=1, after=page_key(paged[-1], sort) if paged else None
    ):
        paged += page
    assert paged == whole
    assert [one.connector for one in await _groups(database, connector="stripe")] == ["stripe"]
    with pytest.raises(Malformed):
        await _groups(database, "colour")


async def test_a_group_without_open_failures_is_resolved_and_reopens(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    (letter,) = await database.read(list_dead)
    await database.write(lambda c: discard(c, letter.dead_letter_id, ADA, "a test", NOW))
    (group,) = await _groups(database, state="resolved")
    assert (group.open_count, group.total_count, group.closed_by) == (0, 1, "gateway")
    assert await _groups(database) == []

    await accept(database, delivery("wh-2", failure=FAILURE, received_at=LATER))
    (group,) = await _groups(database)
    assert (group.open_count, group.total_count, group.reopened_count) == (1, 2, 1)
    assert (group.opened_at, group.closed_at, group.first_seen) == (LATER, None, NOW)
    assert one == letter.receipt_id
    assert await _exact(database)


async def test_a_group_closed_by_a_person_is_reopened_by_a_later_failure(
    database: Database,
) -> None:
    await receipt(database, failure=FAILURE)
    (group,) = await _groups(database)
    closed = await _change(database, group, state="resolved", reason="mended in the shop")
    assert (closed.state, closed.closed_by, closed.open_count) == ("resolved", ADA, 1)
    await accept(database, delivery("wh-2", failure=FAILURE, received_at=LATER))
    (group,) = await _groups(database)
    assert (group.open_count, group.reopened_count, group.close_reason) == (2, 1, None)


async def test_a_muted_group_counts_in_silence(database: Database) -> None:
    await receipt(database, failure=FAILURE)
    (group,) = await _groups(database)
    await _change(database, group, state="muted", reason="a known test system")
    await receipt(database, "wh-2", failure=FAILURE)
    (group,) = await _groups(database, state="muted")
    assert group.open_count == 2
    again = await _change(database, group, state="open")
    assert (again.state, again.closed_by) == ("open", None)


async def test_a_failure_that_changes_moves_to_another_group(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    await database.write(lambda c: reopen_receipt(c, one, ADA, NOW))
    other = type(FAILURE)(stage="translate", code="bad_date", path="at", message="no date")
    await record(database, translation(one, failure=other), now=LATER)

    (group,) = await _groups(database)
    assert (group.error_code, group.open_count, group.total_count) == ("bad_date", 1, 1)
    (left,) = await _groups(database, state="resolved")
    assert (left.error_code, left.open_count, left.total_count) == ("bad_total", 0, 0)
    assert await _exact(database)


async def test_failing_again_counts_as_a_failure_not_as_a_letter(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, problem("line[1]")))
    await database.write(lambda c: reopen_receipt(c, one, ADA, NOW))
    await record(database, translation(one, problem("line[1]")), now=LATER)
    (group,) = await _groups(database)
    assert (group.open_count, group.total_count, group.failure_count) == (1, 1, 2)
    await database.write(lambda c: reopen_receipt(c, one, ADA, LATER))
    await record(database, translation(one, message("b", at="line[1]")), now=LATER)
    (group,) = await _groups(database, state="resolved")
    assert group.open_count == 0
    assert await _exact(database)


async def test_the_trend_counts_by_hour_and_day(database: Database) -> None:
    for hours in (0, 3, 30, 24 * 20):
        at = NOW - timedelta(hours=hours)
        await accept(database, delivery(f"wh-{at}-{hours}", failure=FAILURE, received_at=at))
        await accept(database, delivery(f"wh2-{at}", failure=FAILURE, received_at=at))
    (group,) = await _groups(database)
    trend = (await database.read(lambda c: trends(c, [group.group_id], NOW)))[group.group_id]
    assert (len(trend.hours), len(trend.days)) == (24, 14)
    assert (trend.hours[-1], trend.hours[-4], sum(trend.hours)) == (2, 2, 4)
    assert (trend.days[-1], trend.days[-2], sum(trend.days)) == (4, 2, 6)
    assert await database.write(lambda c: forget_hours(c, NOW)) == len(GROUPINGS)
    left = await database.read(lambda c: c.scalar(select(func.count()).select_from(failure_hours)))
    assert left == 3 * len(GROUPINGS)


async def test_people_say_whose_it_is_and_until_when(database: Database) -> None:
    await receipt(database, failure=FAILURE)
    (group,) = await _groups(database)
    changed = await _change(
        database, group, owner="grace", severity="high", due_at=LATER, tags=["shop", " shop", "vat"]
    )
    assert (changed.owner, changed.severity, changed.due_at) == ("grace", "high", LATER)
    assert changed.tags == ("shop", "vat")
    assert await _groups(database, owner="grace") == [changed]
    assert await _groups(database, owner="ada") == []
    with pytest.raises(Contested):
        await _change(database, group, owner="ada", revision=group.revision)
    (entry,) = await database.read(audit.recent_audit)
    assert (entry.actor, entry.action) == (ADA, "failure_group.change")


@pytest.mark.parametrize(
    "changes",
    [{"state": "gone"}, {"severity": "odd"}, {"tags": ["x" * 41]}, {"open_count": 3}, {},
     {"state": "muted"}],
)  # fmt: skip
async def test_changes_that_make_no_sense(database: Database, changes: dict[str, Any]) -> None:
    await receipt(database, failure=FAILURE)
    (group,) = await _groups(database)
    with pytest.raises(Malformed):
        await _change(database, group, **changes)
    with pytest.raises(Unsupported):
        await database.read(lambda c: load_group(c, 1))


async def test_notes_are_appended_with_their_author(database: Database) -> None:
    await receipt(database, failure=FAILURE)
    (group,) = await _groups(database)
    for text_ in ("called the shop", "they mend it\0 tomorrow"):
        await database.write(
            lambda c, t=text_: add_note(  # type: ignore[misc]
                c, author=ADA, text=t, now=NOW, group_id=group.group_id
            )
        )
    await database.write(
        lambda c: add_note(c, author=ADA, text="this one too", now=NOW, dead_letter_id=5)
    )
    notes = await database.read(lambda c: list_notes(c, group_id=group.group_id))
    assert [one.text for one in notes] == ["called the shop", "they mend it\ufffd tomorrow"]
    assert len(await database.read(lambda c: list_notes(c, dead_letter_id=5))) == 1
    with pytest.raises(Malformed):
        await database.write(
            lambda c: add_note(c, author=ADA, text=" ", now=NOW, group_id=group.group_id)
        )


async def test_letters_from_before_are_given_their_groups(database: Database) -> None:
    await _five(database)
    (letter, *_) = await database.read(list_dead)
    await database.write(lambda c: discard(c, letter.dead_letter_id, ADA, "a test", NOW))
    before = {one.group_id: one for one in await _groups(database, state=None)}

    def forget(connection: Connection) -> None:
        connection.execute(failure_groups.delete())
        nothing = {f"group_{grouping}": None for grouping in GROUPINGS}
        connection.execute(dead_letters.update().values(**nothing))

    await database.write(forget)
    assert await database.write(lambda c: group_ungrouped(c, 4)) == 4
    assert await database.write(lambda c: group_ungrouped(c, 4)) == 2
    assert await database.write(lambda c: group_ungrouped(c, 4)) == 0
    assert await _exact(database)
    after = {one.group_id: one for one in await _groups(database, state=None)}
    assert after.keys() == before.keys()


@pytest.mark.parametrize("sort", ["recent", "largest"])
async def test_lists_use_their_index(database: Database, sort: Any) -> None:
    if database.dialect != "sqlite":
        pytest.skip("the other engine's planner reads a table this small from end to end")
    asked: list[str] = []

    def look(connection: Connection) -> str:
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
        list_groups(connection, sort=sort)
        parameters = ("field", "open", 100, 0)[: asked[0].count("?")]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", parameters)
        return " ".join(str(row[3]) for row in plan)

    told = await database.read(look)
    assert "USING INDEX failure_groups_" in told
    assert "TEMP B-TREE" not in told


async def test_counters_are_exact_when_many_fail_at_once(
    database: Database, database_url: str
) -> None:
    others = [await open_database(database_url) for _ in range(2)]
    stores = [database, *others]

    async def fail(number: int) -> None:
        codes = [f"code_{(number + step) % 4}" for step in range(6)]
        failures = [replace(FAILURE, code=code) for code in codes]
        arrived = [
            delivery(f"{number}-{place}", body=f"{number}-{place}".encode(), failure=failure)
            for place, failure in enumerate(failures)
        ]
        await stores[number % 3].write(lambda c: inbox.accept(c, arrived))

    await asyncio.gather(*(fail(number) for number in range(12)))
    letters = await database.read(list_dead)

    async def give_up(place: int, letter: DeadLetter) -> bool:
        return await stores[place % 3].write(
            lambda c: discard(c, letter.dead_letter_id, ADA, "a test", LATER)
        )

    twice = [*letters[:20], *letters[:20]]
    won = await asyncio.gather(*(give_up(place, one) for place, one in enumerate(twice)))
    assert sum(won) == 20
    assert await _exact(database)
    assert sum(one.open_count for one in await _groups(database, "code")) == 52
    assert await database.read(audit.verify_audit_log) is None
    for one in others:
        await one.close()
