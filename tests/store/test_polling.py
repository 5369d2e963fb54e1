"""Cursors, fetches and pauses as the store keeps them, on either engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from store.database import Connection, Database, open_database
from store.failures import dead_letters
from store.finding import audit
from store.intake import fetches, pauses, polling
from store.intake.polling import PollName, TurnTaken
from store.records import FetchRow, NewFetch, PollRow
from tests.store.building import (
    FAILURE,
    IDS,
    LATER,
    LEASE,
    NOW,
    message,
    receipt,
    receipt_states,
    record,
    translation,
)

ORDERS = PollName("shopify", "acme", "orders")
PAYOUTS = PollName("shopify", "acme", "payouts")
OTHER = PollName("shopify", "other", "orders")
SINCE = NOW - timedelta(days=1)
TURN = TurnTaken(cursor="c-1", since=NOW, due_at=LATER, found=3, new=2)
ACME = ("shopify", "acme")


async def know(database: Database, *names: PollName, since: datetime = SINCE) -> None:
    await database.write(lambda c: polling.know_polls(c, names, since, NOW))


async def claim(
    database: Database, *names: PollName, owner: str = "me", now: datetime = NOW, limit: int = 10
) -> list[PollRow]:
    return await database.write(
        lambda c: polling.claim_polls(c, owner, now, LEASE, limit, names=names)
    )


async def pause(database: Database, account: str = "acme") -> bool:
    return await database.write(
        lambda c: pauses.pause(c, "shopify", account, NOW, code="refused", message="answered 401")
    )


async def test_a_poll_is_claimed_once_for_its_lease(database: Database) -> None:
    await know(database, ORDERS, PAYOUTS)
    assert len(await claim(database, ORDERS, PAYOUTS, limit=1)) == 1
    assert len(await claim(database, ORDERS, PAYOUTS, owner="other")) == 1
    assert await claim(database, ORDERS, PAYOUTS, owner="third") == []
    assert len(await claim(database, ORDERS, PAYOUTS, owner="third", now=NOW + LEASE)) == 2


async def test_only_the_polls_asked_for_are_claimed(database: Database) -> None:
    await know(database, ORDERS, OTHER)
    assert await claim(database) == []
    assert [row.account for row in await claim(database, OTHER, PAYOUTS)] == ["other"]


async def test_many_processes_share_the_polls(database: Database, database_url: str) -> None:
    names = [PollName("shopify", f"shop-{n}", "orders") for n in range(20)]
    await know(database, *names)
    others = [await open_database(database_url) for _ in range(3)]
    claimed = await asyncio.gather(
        *(claim(one, *names, owner=f"p{n}", limit=7) for n, one in enumerate(others))
    )
    taken = [row.account for rows in claimed for row in rows]
    assert len(taken) == len(set(taken)) == 20
    for one in others:
        await one.close()


async def test_a_turn_moves_the_cursor_only_for_its_owner(database: Database) -> None:
    await know(database, ORDERS)
    (row,) = await claim(database, ORDERS)
    assert (row.cursor, row.since, row.turns) == (None, SINCE, 0)
    assert not await database.write(lambda c: polling.finish_turn(c, ORDERS, "x", TURN, NOW))
    assert await database.write(lambda c: polling.finish_turn(c, ORDERS, "me", TURN, NOW))
    assert await claim(database, ORDERS, now=LATER - timedelta(seconds=1)) == []

    (row,) = await claim(database, ORDERS, now=LATER)
    assert (row.cursor, row.since, row.turns, row.found, row.new_by_poll) == ("c-1", NOW, 1, 3, 2)
    again = replace(TURN, cursor=None)
    await database.write(lambda c: polling.finish_turn(c, ORDERS, "me", again, LATER))
    (row,) = await database.read(polling.list_polls)
    assert (row.cursor, row.turns, row.last_finished) == ("c-1", 2, LATER)


async def test_a_failed_turn_changes_nothing_but_when(database: Database) -> None:
    await know(database, ORDERS)
    await claim(database, ORDERS)
    assert await database.write(lambda c: polling.fail_turn(c, ORDERS, "me", "x: y\0", LATER))
    assert not await database.write(lambda c: polling.fail_turn(c, ORDERS, "me", "x", LATER))
    (row,) = await database.read(polling.list_polls)
    assert (row.failures, row.since, row.due_at, row.turns) == (1, SINCE, LATER, 0)
    assert row.last_error == "x: y\ufffd"


async def test_a_lease_can_be_kept_and_let_go(database: Database) -> None:
    await know(database, ORDERS)
    await claim(database, ORDERS)
    assert await database.write(lambda c: polling.renew_poll(c, ORDERS, "me", LATER))
    assert not await database.write(lambda c: polling.renew_poll(c, ORDERS, "other", LATER))
    assert await claim(database, ORDERS, now=NOW + LEASE) == []
    await database.write(lambda c: polling.release_claims(c, "me"))
    assert len(await claim(database, ORDERS)) == 1
    await database.write(polling.release_all_claims)
    assert len(await claim(database, ORDERS, owner="other")) == 1


async def test_knowing_polls_again_changes_nothing(database: Database) -> None:
    await know(database, ORDERS)
    await claim(database, ORDERS)
    await database.write(lambda c: polling.finish_turn(c, ORDERS, "me", TURN, NOW))
    await know(database, ORDERS, PAYOUTS, since=LATER)
    assert [row.turns for row in await database.read(polling.list_polls)] == [1, 0]


async def test_a_paused_account_is_left_alone_and_the_audit_log_tells(database: Database) -> None:
    await know(database, ORDERS, OTHER)
    await thin(database, "1")
    assert await pause(database)
    assert not await pause(database)
    assert [row.account for row in await claim(database, ORDERS, OTHER)] == ["other"]
    assert await due(database) == []

    ended = await database.write(lambda c: pauses.resume(c, *ACME, "ann", LATER))
    assert ended is not None
    assert (ended.since, ended.code) == (NOW, "refused")
    assert await database.write(lambda c: pauses.resume(c, *ACME, "ann", LATER)) is None
    assert await database.read(pauses.list_pauses) == []
    assert len(await claim(database, ORDERS, now=LATER)) == 1
    assert len(await due(database, LATER)) == 1
    log = await database.read(audit.recent_audit)
    assert [(one.actor, one.action) for one in log] == [
        ("ann", "account.resume"),
        ("gateway", "account.pause"),
    ]


def wish(object_id: str) -> NewFetch:
    return NewFetch(fetch_id=IDS.next(), kind="fetch/order", object_id=object_id, at="ids")


async def thin(database: Database, *objects: str, key: str = "t-1") -> int:
    """A receipt whose payload only named objects."""
    number = await receipt(database, key)
    named = translation(
        number, fetches=[wish(one) for one in objects], ignored_reason="thin", ignored=0
    )
    await record(database, named)
    return number


async def due(database: Database, now: datetime = NOW, owner: str = "me") -> list[FetchRow]:
    return await database.write(
        lambda c: fetches.claim_fetches(c, owner, now, LEASE, 10, account=ACME)
    )


async def test_wishes_come_with_the_translation_once_each(database: Database) -> None:
    number = await thin(database, "1", "2", "1")
    assert await receipt_states(database) == {"ignored": 1}
    asked = await database.read(lambda c: fetches.list_fetches(c, number))
    assert [one.object_id for one in asked] == ["1", "2"]
    again = translation(number, fetches=[wish("1"), wish("3")])
    await database.write(lambda c: fetches.want(c, [again], LATER))
    asked = await database.read(lambda c: fetches.list_fetches(c, number))
    assert [(one.object_id, one.created_at) for one in asked] == [
        ("1", NOW), ("2", NOW), ("3", LATER),
    ]  # fmt: skip


async def test_a_receipt_that_fails_asks_for_nothing(database: Database) -> None:
    number = await receipt(database)
    failed = translation(number, fetches=[wish("1")]).failed(FAILURE)
    await record(database, failed)
    assert await database.read(lambda c: fetches.list_fetches(c, number)) == []


async def test_wishes_may_stand_beside_messages(database: Database) -> None:
    number = await receipt(database)
    await record(database, translation(number, message(), fetches=[wish("1")]))
    assert await receipt_states(database) == {"translated": 1}
    assert len(await due(database)) == 1


async def test_which_accounts_have_something_due(database: Database) -> None:
    await thin(database, "1", "2")

    async def accounts(*served: tuple[str, str]) -> list[tuple[str, str]]:
        return await database.read(lambda c: fetches.due_accounts(c, NOW, served))

    assert await accounts(ACME, ("shopify", "other")) == [ACME]
    assert await accounts(("shopify", "other")) == []
    assert await accounts() == []
    await due(database)
    assert await accounts(ACME) == []


async def test_a_fetch_is_claimed_once_and_done_once(database: Database) -> None:
    await thin(database, "1")
    (row,) = await due(database)
    assert await due(database, owner="other") == []
    assert await database.write(lambda c: fetches.finish_fetch(c, row, 7, NOW))
    assert not await database.write(lambda c: fetches.finish_fetch(c, row, 8, NOW))
    done = await database.read(lambda c: fetches.load_fetch(c, row.fetch_id))
    assert done is not None
    assert (done.state, done.fetched_receipt_id, done.attempts) == ("done", 7, 1)
    assert await due(database, NOW + LEASE) == []
    counts = await database.read(fetches.fetch_counts)
    assert counts == {ACME: {"done": 1}}


async def test_a_postponed_fetch_comes_back(database: Database) -> None:
    await thin(database, "1")
    (row,) = await due(database)

    def postpone(connection: Connection, *, tried: bool) -> None:
        fetches.postpone_fetch(
            connection, row, LATER, NOW, code="server_error", message="answered 500", tried=tried
        )

    await database.write(lambda c: postpone(c, tried=False))
    assert await due(database) == []
    (row,) = await due(database, LATER)
    assert (row.attempts, row.error_code) == (0, "server_error")
    await database.write(lambda c: postpone(c, tried=True))
    (row,) = await due(database, LATER)
    assert row.attempts == 1


async def test_claims_are_let_go(database: Database) -> None:
    await thin(database, "1")
    await due(database)
    await database.write(lambda c: fetches.release_claims(c, "me"))
    assert len(await due(database)) == 1
    await database.write(fetches.release_all_claims)
    assert len(await due(database, owner="other")) == 1


async def test_dead_fetches_and_a_dead_receipt_have_a_letter_each(database: Database) -> None:
    number = await receipt(database)
    chunk = translation(number, fetches=[wish("1"), wish("2")], final=False)
    await record(database, chunk)
    await record(database, translation(number).failed(FAILURE))
    for row in await due(database):
        await database.write(
            lambda c: fetches.bury_fetch(c, row, NOW, code="not_found", message="404")  # noqa: B023
        )
    letters = await database.read(dead_letters.list_dead)
    assert [one.stage for one in letters] == ["fetch", "fetch", "translate"]
    assert {one.receipt_id for one in letters} == {number}

    # Replaying the receipt does not close what its fetches left.
    await database.write(
        lambda c: dead_letters.close_open(
            c, state="replayed", by="x", reason="x", now=LATER, receipt_id=number
        )
    )
    letters = await database.read(dead_letters.list_dead)
    assert [one.stage for one in letters] == ["fetch", "fetch"]


async def test_a_dead_fetch_goes_back_and_its_letter_closes_when_it_is_done(
    database: Database,
) -> None:
    await thin(database, "1")
    (row,) = await due(database)
    await database.write(lambda c: fetches.bury_fetch(c, row, NOW, code="gone", message="410"))
    assert await due(database, LATER) == []
    assert await database.write(lambda c: fetches.replay_fetch(c, row.fetch_id, "ann", LATER))
    assert not await database.write(lambda c: fetches.replay_fetch(c, row.fetch_id, "ann", LATER))
    (again,) = await due(database, LATER)
    await database.write(lambda c: fetches.finish_fetch(c, again, 7, LATER))
    (letter,) = await database.read(lambda c: dead_letters.list_dead(c, state="replayed"))
    assert (letter.dead_letter_id, letter.closed_at) == (row.fetch_id, LATER)


async def test_missed_is_what_only_a_poll_brought(database: Database) -> None:
    async def bring(key: str, transport: str, *facts: str) -> None:
        number = await receipt(database, key, transport=transport)
        made = [message(one, position=place) for place, one in enumerate(facts)]
        await record(database, translation(number, *made))

    await bring("w-1", "webhook", "1")
    await bring("p-1", "poll", "1", "2", "3")
    await bring("w-2", "webhook", "3")
    await bring("p-2", "poll", "2")
    await bring("f-1", "fetch", "4")
    missed = await database.read(polling.missed_webhooks)
    assert missed == {ACME: {"o2c.order.placed": 1}}


async def test_when_something_last_came(database: Database) -> None:
    await receipt(database, "a")
    await receipt(database, "b", received_at=LATER)
    await receipt(database, "c", account="other")
    last = await database.read(polling.last_received)
    assert last == {ACME: LATER, ("shopify", "other"): NOW}
