"""Search, chains and traffic: what is kept up behind the pipeline, and what is found in it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from canonical.errors import Malformed
from store.database import Connection, Database
from store.finding import chains, following, overview, search, trace, traffic
from store.ids import MESSAGE, show_id
from store.records import NewMessage
from store.tables import search_blocks, traffic_hours, traffic_minutes
from tests.store.building import NOW, message, problem, receipt, record, translation
from workbench.finding.following import SEARCH, Followers
from workbench.finding.search_blocks import block_of
from workbench.finding.searching import Found, find, query_of, terms_of
from workbench.finding.tracing import find_trace
from workbench.finding.words import folded, words_in


def fact(number: str, **data: Any) -> NewMessage:
    """A message that says something."""
    references = data.pop("references", [{"scheme": "shop:order", "value": number}])
    one = message(number, json.dumps({"references": references, **data}, ensure_ascii=False))
    return one._replace(references=[(ref["scheme"], ref["value"]) for ref in references])


async def told(database: Database, *facts: NewMessage) -> None:
    """Record facts, all out of one receipt."""
    now = datetime.now(UTC)
    number = await receipt(database, f"wh-{facts[0].row_id}", received_at=now)
    placed = [one._replace(position=place) for place, one in enumerate(facts)]
    await record(database, translation(number, *placed), now=now)


def amount(text: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": text, "currency": currency}


async def looked_for(database: Database, text: str = "", **more: Any) -> list[str]:
    """The subjects that are found, newest first."""
    found = await searched(database, text, **more)
    return [hit.message.subject for hit in found.hits]


async def searched(database: Database, text: str = "", **more: Any) -> Found:
    paging = {name: more.pop(name) for name in ("after", "limit", "budget_s") if name in more}
    return await find(database, query_of(text=text, **more), **paging)


def followers(database: Database, later: timedelta = timedelta(minutes=5)) -> Followers:
    return Followers(database, owner="me", clock=lambda: datetime.now(UTC) + later)


async def follow(database: Database) -> None:
    """Until nothing moves."""
    one = followers(database)
    while await one.follow_once():
        pass


async def count_of(database: Database, table: Any) -> int:
    def count(connection: Connection) -> int:
        return connection.scalar(select(func.count()).select_from(table)) or 0

    return await database.read(count)


BUYER = {"name": "Ágnes Müller-Weiß", "email": "agnes@mail.example"}


@pytest.fixture(params=[True, False], ids=["summed up", "one by one"])
async def shop(request: pytest.FixtureRequest, database: Database) -> Database:
    """Three hundred orders, in blocks or not."""
    many = [
        fact(f"40{number:02}", note=f"case {number}", totals={"total": amount(f"{number}.00")})
        for number in range(297)
    ]  # fmt: skip
    await told(
        database,
        fact("5001", buyer=BUYER, totals={"total": amount("409.94")}),
        *many,
        fact("5002", buyer={"name": "Bo Lind"}, sku="DESK-17", amount=amount("409.94", "USD")),
        fact("5003", counterparty={"name": "Müller & Söhne"}),
    )  # fmt: skip
    if request.param:
        await follow(database)
        assert await count_of(database, search_blocks) == 1
    return database


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("muller", ["order/5003", "order/5001"]),
        ("MÜLLER weiss", ["order/5001"]),
        ("mül", ["order/5003", "order/5001"]),
        ('"mul"', []),
        ("agnes@mail.example", ["order/5001"]),
        ("desk-17", ["order/5002"]),
        ("desk", ["order/5002"]),
        ("lind desk", ["order/5002"]),
        ("lind muller", []),
        ("409,94", ["order/5002", "order/5001"]),
        ("5002", ["order/5002"]),
        ("case 233", ["order/40233"]),
        ("nothing of this", []),
        ("%' OR 1=1 --", []),
    ],
)
async def test_words_are_found(shop: Database, text: str, found: list[str]) -> None:
    assert await looked_for(shop, text) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"amount_from": "409.94", "amount_to": "409.94"}, ["order/5002", "order/5001"]),
        ({"amount_from": "409,94", "currency": "usd"}, ["order/5002"]),
        ({"amount_from": "295", "amount_to": "295.99"}, ["order/40295"]),
        ({"text": "muller", "domain": "cash"}, []),
        ({"text": "mul", "domain": "order", "connector": "shopify"}, ["order/5003", "order/5001"]),
        ({"text": "muller", "account": "somebody"}, []),
        ({"text": "muller", "state": "pending"}, ["order/5003", "order/5001"]),
        ({"text": "muller", "state": "conflict"}, []),
        ({"text": "muller", "since": datetime.now(UTC) + timedelta(days=1)}, []),
        ({"text": "muller", "until": datetime(2025, 1, 1, tzinfo=UTC)}, []),
    ],
)  # fmt: skip
async def test_filters_narrow_it_down(
    shop: Database, filters: dict[str, Any], found: list[str]
) -> None:
    assert await looked_for(shop, **filters) == found


async def test_pages_follow_each_other(shop: Database) -> None:
    seen: list[str] = []
    after = None
    while True:
        found = await searched(shop, "case", after=after, limit=40)
        seen += [hit.message.subject for hit in found.hits]
        after = found.next
        if after is None:
            break
    assert seen == [f"order/40{number:02}" for number in reversed(range(297))]


async def test_a_search_that_runs_out_of_time_says_how_far_it_came(shop: Database) -> None:
    seen: list[str] = []
    after, turns = None, 0
    while turns == 0 or after is not None:
        found = await searched(shop, "muller", after=after, budget_s=0.0)
        assert (found.back_to is None) == (found.next is None)
        seen += [hit.message.subject for hit in found.hits]
        after, turns = found.next, turns + 1
    assert seen == ["order/5003", "order/5001"]
    assert turns > 1


async def test_what_bears_the_name_comes_apart(shop: Database) -> None:
    found = await searched(shop, "5001")
    assert [hit.message.subject for hit in found.named.messages] == ["order/5001"]
    assert (found.named.messages[0].amount, found.named.messages[0].party) == (
        "409.94", "Ágnes Müller-Weiß",
    )  # fmt: skip
    assert len(found.named.receipts) == 1
    prefix = await searched(shop, "500")
    assert {hit.message.subject for hit in prefix.named.messages} == {
        "order/5001", "order/5002", "order/5003",
    }  # fmt: skip


async def test_records_that_failed_and_repeats_are_found_too(database: Database) -> None:
    first = fact("1", note="walnut")
    await told(database, first, fact("1", note="walnut"), fact("1", note="oak"))
    number = await receipt(database, "wh-bad")
    await record(database, translation(number, problem("lines[3]")))
    assert len(await looked_for(database, "")) == 4
    assert await looked_for(database, "", state="dead") == [""]
    assert await looked_for(database, "oak", state="conflict") == ["order/1"]


@pytest.mark.parametrize("given", [{"amount_from": "many"}, {"text": "x" * 201}])
def test_what_is_no_query_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        query_of(**given)


def test_words() -> None:
    assert list(words_in("Große Straße 7-9, ACME-17")) == [
        "grosse", "strasse", "7-9", "7", "9", "acme-17", "acme", "17",
    ]  # fmt: skip
    assert list(words_in("2026-03-02T10:00:00Z")) == ["2026-03-02"]
    assert list(words_in("409.94")) == ["409.94"]
    assert folded("ÀÉÎ") == "aei"
    assert [term.word for term in terms_of('"Müller GmbH" a-b 12')] == [
        "muller", "gmbh", "a-b", "12",
    ]  # fmt: skip


async def test_followers_may_be_stopped_anywhere_and_go_on(database: Database) -> None:
    await told(database, *(fact(str(number)) for number in range(300)))
    one = followers(database)
    await one.follow_once()
    other = Followers(database, owner="other", clock=lambda: datetime.now(UTC))
    assert not await other.follow_once()  # The lease is the first one's.
    await database.write(lambda connection: following.let_go(connection, "me"))
    await follow(database)
    await follow(database)
    assert await count_of(database, search_blocks) == 1
    counted = await database.read(lambda c: Counter(_by_what(c)))
    assert counted == {"received": 1, "new:order": 300}


def _by_what(connection: Connection) -> dict[str, int]:
    table = traffic_minutes.c
    rows = connection.execute(select(table.what, func.sum(table.number)).group_by(table.what))
    return {what: int(number) for what, number in rows}


async def test_messages_that_come_late_are_summed_up_again(database: Database) -> None:
    late = fact("late", note="nightingale")
    await told(database, *(fact(str(number)) for number in range(300)))
    await follow(database)
    await told(database, late)
    await follow(database)
    assert await looked_for(database, "nightingale") == ["order/late"]
    block = (await database.read(lambda c: search.blocks_before(c, 1 << 62, 0, 1)))[0]
    assert block.first_id == late.row_id


async def test_a_mark_moves_for_its_holder_only(database: Database) -> None:
    now = datetime.now(UTC)

    def claim_and_move(connection: Connection) -> list[bool]:
        assert following.claim(connection, SEARCH, "me", now, timedelta(seconds=30)) == 0
        assert following.claim(connection, SEARCH, "you", now, timedelta(seconds=30)) is None
        moves = [("you", 0, 5), ("me", 3, 5), ("me", 0, 5), ("me", 0, 7)]
        return [following.move(connection, SEARCH, *one) for one in moves]

    assert await database.write(claim_and_move) == [False, False, True, False]
    assert await database.read(lambda c: following.position(c, SEARCH)) == 5


@pytest.mark.parametrize("followed", [True, False])
async def test_traffic_is_the_same_before_and_after_it_is_added_up(
    database: Database, followed: bool
) -> None:
    await told(database, fact("1"), fact("1"), fact("2"))
    now = datetime.now(UTC)
    number = await receipt(database, "wh-bad", received_at=now)
    await record(database, translation(number, problem("lines[3]")), now=now)
    if followed:
        await follow(database)
        assert await count_of(database, traffic_hours) > 0
    soon = datetime.now(UTC) + timedelta(minutes=10)
    counted, whole = await database.read(lambda c: traffic.traffic_since(c, 0, soon))
    totals: Counter[str] = Counter()
    for slot, tally in counted.items():
        totals[slot.what] += tally.number
    assert whole
    assert totals == {"received": 2, "new:order": 2, "duplicate:order": 1, "failed": 1}


async def test_the_overview_counts_what_waits(database: Database) -> None:
    await told(database, fact("1", note="a"), fact("1", note="b"))
    found = await database.read(lambda c: overview.standing(c, datetime.now(UTC)))
    assert found.waiting.conflicts == 1
    assert found.backlog.messages == 1
    assert found.not_in_blocks == 2


def order(number: str, *more: tuple[str, str], **data: Any) -> NewMessage:
    references = [{"scheme": "shop:order", "value": f"60000{number}"}]
    references += [{"scheme": scheme, "value": value} for scheme, value in more]
    return fact(f"o{number}", references=references, **data)


def payment(number: str, order_number: str = "", **data: Any) -> NewMessage:
    references = [{"scheme": "pay:payment", "value": f"pi_{number}00000"}]
    about = {"order_id": f"60000{order_number}"} if order_number else {}
    return fact(f"p{number}", references=references, **about, **data)


async def subjects(database: Database, reference: str) -> set[str]:
    found = await find_trace(database, reference)
    return {one.subject for one in found.timeline.messages}


@pytest.mark.parametrize("start", ["600001", "pi_100000", "bank-77"])
async def test_a_chain_is_found_from_either_end(database: Database, start: str) -> None:
    bank = fact("b1", references=[
        {"scheme": "bank:entry", "value": "bank-77"}, {"scheme": "bank:e2e", "value": "pi_100000"},
    ])  # fmt: skip
    await told(database, order("1"), payment("1", "1"), bank, order("2"), payment("2", "2"))
    assert await subjects(database, start) == {"order/o1", "order/p1", "order/b1"}


async def test_what_many_share_joins_nothing(database: Database) -> None:
    shared = ("shop:payout", "po_everybody")
    await told(database, *(order(str(number), shared) for number in range(10, 60)))
    found = await find_trace(database, "6000012")
    assert len(found.timeline.messages) == 1
    assert [(one.value, one.messages) for one in found.relations] == [("po_everybody", 50)]


async def test_who_is_named_joins_nothing(database: Database) -> None:
    customer = ("shop:customer", "customer-1")
    await told(database, order("1", customer), order("2", customer))
    chain = await database.read(lambda c: chains.follow(c, trace.find(c, "600001")))
    assert len(chain.trail.message_row_ids) == 1
    assert chain.whole


async def test_short_names_join_only_within_their_scheme(database: Database) -> None:
    await told(
        database,
        fact("a", references=[{"scheme": "shop:number", "value": "17"}]),
        fact("b", references=[{"scheme": "shop:number", "value": "17"}]),
        fact("c", references=[{"scheme": "bank:number", "value": "17"}]),
    )
    chain = await database.read(
        lambda c: chains.follow(c, trace.find(c, show_id(MESSAGE, _row(c, "order/a"))))
    )
    assert len(chain.trail.message_row_ids) == 2


def _row(connection: Connection, subject: str) -> int:
    rows = search.window(connection, 1 << 62, 0, 100, {}).rows
    return next(one.row_id for one in rows if one.subject == subject)


async def test_a_chain_of_any_length_is_bounded(database: Database) -> None:
    number = await receipt(database, "wh-many")
    many = [fact(f"m{place}")._replace(position=place, correlation="one") for place in range(1200)]
    await record(database, translation(number, *many))
    found = await find_trace(database, "one")
    assert len(found.timeline.messages) == 1000
    assert not found.whole


async def test_blocks_say_what_cannot_be_in_them(database: Database) -> None:
    await told(database, fact("1", note="walnut"))
    rows = await database.read(lambda c: search.to_summarise(c, 0, NOW + timedelta(days=9999)))
    block = block_of(rows)
    assert (block.first_id, block.last_id, block.rows) == (rows[0].row_id, rows[0].row_id, 1)
    await database.write(lambda c: search.put_block(c, block))
    await database.write(lambda c: search.put_block(c, block))
    assert await database.read(lambda c: search.blocks_before(c, 1 << 62, 0, 9)) == [block]
