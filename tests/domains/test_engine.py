"""The engine: any order of the same messages, any number of times, one stored state."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select

from canonical.errors import Unsupported
from domains.contract import Decision, Rules
from domains.engine import gathering, settling
from domains.engine.again import derive_again
from domains.engine.announcing import Announcer
from domains.engine.decisions import decide
from domains.engine.filing import file_fact
from domains.engine.settling import Settler
from domains.engine.tables import announced, due_names, parked, record_facts, records
from domains.exceptions.tables import exceptions
from routing.envelope import Envelope
from store.database import Database
from store.finding import following
from store.ids import IdSource
from tests.domains import till
from tests.domains.till import NOW, TILL, boxed, captured, envelope, placed, settled

IDS = IdSource(worker=3)


@pytest.fixture
async def store(database: Database) -> Database:
    await database.write(till.orders.metadata.create_all)
    return database


def settler(database: Database, owner: str = "me") -> Settler:
    return Settler(
        domain=TILL,
        tables={"till_orders": till.orders},
        rules=Rules(),
        database=database,
        owner=owner,
        ids=IDS,
    )


async def file(database: Database, *messages: Envelope, now: datetime = NOW) -> None:
    def work(connection: Connection) -> None:
        for one in messages:
            file_fact(connection, TILL, one, IDS, now)

    await database.write(work)


async def settle(database: Database, now: datetime = NOW) -> None:
    while await settler(database).settle(now):
        pass


async def state(database: Database) -> dict[str, Any]:
    """All that is kept, without times and ids."""

    def read(connection: Connection) -> dict[str, Any]:
        rows = connection.execute(select(records).order_by(records.c.key)).all()
        facts = connection.execute(select(record_facts.c.record_key, record_facts.c.message_id))
        waits = connection.execute(select(parked.c.message_id, parked.c.awaits))
        found = select(exceptions.c.finding_key).where(exceptions.c.state == "open")
        typed = connection.execute(select(till.orders.c.record_key, till.orders.c.paid))
        told = connection.execute(select(announced.c.subject, announced.c.digest))
        return {
            "records": {one.key: (one.status, orjson.loads(one.state)) for one in rows},
            "facts": sorted(map(tuple, facts)),
            "parked": sorted(map(tuple, waits)),
            "open": sorted(connection.scalars(found)),
            "rows": sorted(map(tuple, typed)),
            "told": sorted(map(tuple, told)),
        }

    return await database.read(read)


MORNING = (
    envelope(placed("1")),
    envelope(captured("pi_1", "1")),
    envelope(boxed("po_1", "pi_1")),
    envelope(settled("po_1")),
    envelope(captured("pi_2", "1", "5.00")),
)


async def handled(database: Database, messages: Iterable[Envelope], step: int) -> dict[str, Any]:
    waiting = list(messages)
    for start in range(0, len(waiting), step):
        await file(database, *waiting[start : start + step])
        await settle(database)
    return await state(database)


async def test_what_is_derived_is_kept(store: Database) -> None:
    found = await handled(store, MORNING, 10)
    assert found["records"] == {
        "box/po_1": ("CLOSED", {"closed": True}),
        "order/1": ("PAID", {"received": "15.00", "boxed": True}),
    }
    assert found["rows"] == [("order/1", "15.00")]
    assert found["open"] == ["paid_too_much/order/1"]
    assert found["parked"] == []
    assert len([one for one in found["facts"] if one[0] == "order/1"]) == 3


async def test_every_order_of_delivery_ends_in_the_same_state(store: Database) -> None:
    """Each order of delivery plays about another shop order, so that one store serves all."""
    ends = []
    for number, way in enumerate(itertools.islice(itertools.permutations(range(5)), 0, 120, 11)):
        one, pay, box = f"o{number}", f"pi_{number}", f"po_{number}"
        told = (
            envelope(placed(one)),
            envelope(captured(pay, one)),
            envelope(boxed(box, pay)),
            envelope(settled(box)),
            envelope(captured(f"{pay}b", one, "5.00")),
        )
        twice = [told[index] for index in way] + [told[way[0]], told[way[3]]]
        await handled(store, twice, 1 + number % 3)
        found = await state(store)
        ends.append((found["records"][f"order/{one}"], found["records"][f"box/{box}"]))
    assert ends == [ends[0]] * len(ends)


async def test_a_fact_waits_for_its_cause(store: Database) -> None:
    payment = envelope(captured("pi_9", "9"))
    await file(store, payment)
    await settle(store)
    assert (await state(store))["parked"] == [(payment.id, "order:9")]
    await settle(store, NOW + timedelta(minutes=59))
    assert (await state(store))["open"] == []
    await settle(store, NOW + timedelta(minutes=61))
    assert (await state(store))["open"] == [f"unknown_order/{payment.id}#order:9"]
    await file(store, envelope(placed("9")), now=NOW + timedelta(minutes=62))
    await settle(store, NOW + timedelta(minutes=62))
    found = await state(store)
    assert (found["parked"], found["open"]) == ([], [])
    assert found["records"]["order/9"][0] == "PAID"


async def test_time_alone_changes_the_answer(store: Database) -> None:
    await handled(store, [envelope(placed("3"))], 1)
    assert await settler(store).settle(NOW + timedelta(minutes=119)) == 0
    await settle(store, NOW + timedelta(minutes=121))
    assert (await state(store))["open"] == ["not_paid/order/3"]
    assert await settler(store).settle(NOW + timedelta(days=9)) == 0


async def test_a_correction_replaces_what_it_corrects_whichever_comes_first(
    store: Database,
) -> None:
    wrong = envelope(captured("pi_1", "1", "99.00"))
    right = envelope(captured("pi_1", "1", "10.00"), corrects=wrong.id)
    await handled(store, [envelope(placed("1")), wrong, right], 1)
    wrong_2 = envelope(captured("pi_2", "2", "99.00"))
    right_2 = envelope(captured("pi_2", "2", "10.00"), corrects=wrong_2.id)
    found = await handled(store, [right_2, envelope(placed("2")), wrong_2], 1)
    assert found["open"] == []
    assert found["records"]["order/1"][1] == found["records"]["order/2"][1]


async def test_a_cluster_that_cannot_be_derived_stops_no_other(store: Database) -> None:
    poison = envelope(placed("poison"))
    found = await handled(store, [poison, envelope(placed("4"))], 2)
    assert list(found["records"]) == ["order/4"]
    assert found["open"] == [f"not_derived/{poison.id}"]


async def test_announcements_are_revisions_of_what_changed(store: Database) -> None:
    handed_in: list[dict[str, Any]] = []

    async def hand_in(domain: str, body: bytes) -> None:
        assert domain == "till"
        handed_in.append(orjson.loads(body))

    announcer = Announcer(domain="till", database=store, hand_in=hand_in)
    await handled(store, [envelope(placed("1"))], 1)
    await handled(store, [envelope(captured("pi_1", "1", "2.00"))], 1)
    assert await announcer.announce() == 1
    await handled(store, [envelope(captured("pi_2", "1", "8.00"))], 1)
    assert await announcer.announce() == 1
    assert await announcer.announce() == 0
    assert [(one["revision"], one["data"]["payment"]) for one in handed_in] == [
        (1, "OPEN"),
        (2, "PAID"),
    ]
    assert handed_in[1]["data"]["revision"] == 2


async def test_what_comes_while_it_is_thought_about_is_derived_again(store: Database) -> None:
    """A fact between reading and writing has a mark of its own."""
    await file(store, envelope(placed("1")))
    one = settler(store)
    held = await store.write(
        lambda connection: following.claim(connection, one.name, "me", NOW, timedelta(seconds=30))
    )
    assert held is not None
    due = await store.read(lambda connection: one._due(connection, NOW))
    await file(store, envelope(captured("pi_1", "1")))
    await file(store, envelope(placed("1")))
    assert len(due) == 1
    await settle(store)
    left = await store.read(lambda connection: connection.scalars(select(due_names.c.name)).all())
    assert (await state(store))["records"]["order/1"][0] == "PAID"
    assert left == []


async def test_only_one_process_derives_at_a_time(store: Database) -> None:
    await file(store, envelope(placed("1")))
    other = settler(store, "other")
    await store.write(
        lambda connection: following.claim(
            connection, other.name, "other", NOW, timedelta(seconds=30)
        )
    )
    assert await settler(store).settle(NOW) == 0
    assert await settler(store).settle(NOW + timedelta(seconds=31)) > 0


async def test_a_decision_is_evidence(store: Database) -> None:
    await handled(store, [envelope(placed("1"))], 1)
    decision = Decision(
        id="dec_1", at=NOW, by="ada", action="waive", record="order/1", reason="a gift"
    )
    await store.write(lambda connection: decide(connection, TILL, decision, IDS, NOW))
    await settle(store)
    assert (await state(store))["records"]["order/1"][0] == "PAID"


async def test_a_decision_joins_the_records_it_names(store: Database) -> None:
    await handled(store, [envelope(placed("1")), envelope(placed("2"))], 2)
    decision = Decision(
        id="dec_1", at=NOW, by="ada", action="waive", record="order/1", values={"like": ["order/2"]}
    )
    await store.write(lambda connection: decide(connection, TILL, decision, IDS, NOW))
    clusters = await store.read(
        lambda connection: gathering.gather(connection, "till", ["decision:dec_1"])
    )
    assert [len(one.members) for one in clusters] == [2]


@pytest.mark.parametrize(
    ("action", "record", "code"),
    [("wave", "order/1", "unknown_action"), ("waive", "order/2", "unknown_record")],
)
async def test_a_decision_about_nothing_is_refused(
    store: Database, action: str, record: str, code: str
) -> None:
    await handled(store, [envelope(placed("1"))], 1)
    decision = Decision(id="dec_1", at=NOW, by="ada", action=action, record=record)
    with pytest.raises(Unsupported) as refused:
        await store.write(lambda connection: decide(connection, TILL, decision, IDS, NOW))
    assert refused.value.code == code


async def test_what_hangs_together_too_much_is_refused(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_FACTS", 4)
    many = [envelope(captured(f"pi_{number}", "1")) for number in range(5)]
    found = await handled(store, [envelope(placed("1")), *many, envelope(placed("2"))], 10)
    assert list(found["records"]) == ["order/2"]
    (key,) = found["open"]
    assert key.startswith("too_entangled/")


async def test_many_clusters_at_once_are_gathered_whole(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_FACTS", 6)
    told = [
        one
        for number in range(12)
        for one in (
            envelope(placed(f"o{number}")),
            envelope(captured(f"pi_{number}", f"o{number}", "4.00")),
            envelope(captured(f"pj_{number}", f"o{number}", "6.00")),
        )
    ]
    found = await handled(store, told, 100)
    assert {status for status, _ in found["records"].values()} == {"PAID"}
    assert len(found["records"]) == 12


async def test_what_the_store_refuses_stops_no_other(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = envelope(placed("bad"))
    unkept = till.orders.name
    derive = till.derive

    def with_a_row_nobody_has_columns_for(cluster: Any, now: datetime) -> Any:
        derived = derive(cluster, now)
        first, *others = derived.records
        if first.label != "bad":
            return derived
        rows = {unkept: [{"no_such_column": 1}]}
        return replace(derived, records=(replace(first, rows=rows), *others))

    await file(store, bad, envelope(placed("5")), envelope(placed("6")))
    one = settler(store)
    await replace(one, domain=replace(TILL, derive=with_a_row_nobody_has_columns_for)).settle(NOW)
    found = await state(store)
    assert list(found["records"]) == ["order/5", "order/6"]
    assert found["open"] == [f"not_derived/{bad.id}"]
    assert await settler(store).settle(NOW) == 0


async def test_text_no_database_takes_is_kept_without_it(store: Database) -> None:
    found = await handled(store, [envelope(placed("7\0x"))], 1)
    assert list(found["records"]) == ["order/7%00x"]


async def test_all_is_derived_again_by_other_rules(store: Database) -> None:
    await handled(store, [*MORNING, envelope(placed("8")), envelope(captured("pi_9", "9"))], 10)
    before = await state(store)
    assert await settler(store).settle(NOW) == 0
    await store.write(lambda connection: derive_again(connection, "till", IDS, NOW))
    lenient = replace(
        TILL, derive=lambda cluster, now: replace(till.derive(cluster, now), findings=())
    )
    one = replace(settler(store), domain=lenient)
    while await one.settle(NOW):
        pass
    after = await state(store)
    assert before["open"] == ["paid_too_much/order/1"]
    assert after == before | {"open": []}


async def test_what_is_due_of_one_cluster_is_done_at_once(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "BATCH", 1)
    await file(store, *MORNING[:2], MORNING[4])
    assert await settler(store).settle(NOW) == 3
    assert await settler(store).settle(NOW) == 0
