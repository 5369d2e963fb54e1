"""The Inbox: durable once, recognised ever after, leased to one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from canonical.errors import GatewayError
from store.database import Database
from store.failures.dead_letters import list_dead
from store.ids import IdSource
from store.intake import inbox
from store.tables import intake_ledger, raw_payloads
from tests.store.building import (
    FAILURE,
    LATER,
    LEASE,
    NOW,
    accept,
    balanced,
    delivery,
    receipt,
    receipt_states,
)


async def _body(database: Database, receipt_id: int) -> bytes:
    return await database.read(lambda connection: inbox.read_body(connection, receipt_id))


async def _write_part(database: Database, receipt_id: int, number: int, part: bytes) -> None:
    await database.write(lambda c: inbox.write_part(c, receipt_id, number, part))


async def _read_part(database: Database, receipt_id: int, number: int) -> bytes | None:
    return await database.read(lambda c: inbox.read_part(c, receipt_id, number))


async def _part_count(database: Database) -> int:
    counted = select(func.count()).select_from(raw_payloads)
    return await database.read(lambda connection: connection.scalar(counted) or 0)


async def test_a_delivery_is_kept_as_it_came(database: Database) -> None:
    one = delivery(filename="päck\0 \udce9.json", body=b"{}", claimed_until=LATER)
    answers = await accept(database, one)

    row = await database.read(lambda c: inbox.load_receipt(c, one.receipt_id))
    assert answers[0].receipt_id == one.receipt_id
    assert answers[0].first_receipt_id is None
    assert row is not None
    assert row.state == "pending"
    assert row.received_at == NOW
    assert row.headers == {"x-topic": "orders/create"}
    assert row.filename is not None
    assert row.filename.startswith("päck�")
    assert await _body(database, one.receipt_id) == b"{}"


@pytest.mark.parametrize("body", [b"", b"x", b"ab" * 5000, bytes(range(256)) * 10000])
async def test_bodies_of_any_size_come_back(database: Database, body: bytes) -> None:
    one = delivery(body=body)
    await accept(database, one)
    assert await _body(database, one.receipt_id) == body


async def test_the_same_delivery_again_is_redelivered(database: Database) -> None:
    first = delivery()
    again = delivery(received_at=LATER)
    await accept(database, first)
    answer = (await accept(database, again))[0]

    assert answer.first_receipt_id == first.receipt_id
    assert answer.received_at == NOW
    assert await receipt_states(database) == {"pending": 1, "redelivered": 1}
    assert await _part_count(database) == 1
    assert await _body(database, again.receipt_id) == first.body


async def test_the_same_delivery_twice_in_one_batch(database: Database) -> None:
    first, again, other = delivery(), delivery(), delivery("wh-2")
    answers = await accept(database, first, again, other)
    assert [one.first_receipt_id for one in answers] == [None, first.receipt_id, None]
    assert await balanced(database)


async def test_the_same_key_of_another_account_is_another_delivery(database: Database) -> None:
    answers = await accept(database, delivery(), delivery(account="other"))
    answers += await accept(database, delivery(connector="woo"))
    assert [one.first_receipt_id for one in answers] == [None, None, None]


@pytest.mark.parametrize("together", [True, False])
async def test_the_same_key_with_other_bytes_is_kept(database: Database, together: bool) -> None:
    first, other = delivery(body=b"one"), delivery(body=b"two")
    batches = [[first, other]] if together else [[first], [other]]
    answers = [answer for batch in batches for answer in await accept(database, *batch)]

    assert [one.first_receipt_id for one in answers] == [None, None]
    assert await receipt_states(database) == {"pending": 2}
    assert await _body(database, first.receipt_id) == b"one"
    assert await _body(database, other.receipt_id) == b"two"


async def test_an_unreadable_delivery_is_dead_from_the_start(database: Database) -> None:
    one = delivery(failure=FAILURE)
    await accept(database, one)
    again = (await accept(database, delivery(failure=FAILURE)))[0]

    letters = await database.read(list_dead)
    assert await receipt_states(database) == {"dead": 1, "redelivered": 1}
    assert again.first_receipt_id == one.receipt_id
    assert [(letter.receipt_id, letter.error_code) for letter in letters] == [
        (one.receipt_id, "bad_total")
    ]


async def test_an_ignored_delivery_keeps_its_reason(database: Database) -> None:
    one = delivery(ignored_reason="a draft")
    await accept(database, one)
    row = await database.read(lambda c: inbox.load_receipt(c, one.receipt_id))
    assert row is not None
    assert (row.state, row.reason) == ("ignored", "a draft")


async def test_the_ledger_counts_what_came_in(database: Database) -> None:
    await accept(database, delivery("a"), delivery("a"), delivery("b", account="other"))
    await accept(database, delivery("c"))
    columns = (intake_ledger.c.account, intake_ledger.c.accepted)
    rows = await database.read(
        lambda c: c.execute(select(*columns).order_by(intake_ledger.c.id)).all()
    )
    assert [tuple(row) for row in rows] == [("acme", 2), ("other", 1), ("acme", 1)]


async def test_parts_written_ahead_become_the_body(database: Database) -> None:
    parts = [b"a" * 3000, b"b" * 10]
    one = delivery(body=b"".join(parts))._replace(body=None)
    for number, part in enumerate([b"a first try", parts[1]]):
        await _write_part(database, one.receipt_id, number, part)
    await _write_part(database, one.receipt_id, 0, parts[0])
    await accept(database, one)

    assert await _body(database, one.receipt_id) == b"".join(parts)
    read = [await _read_part(database, one.receipt_id, number) for number in range(3)]
    assert read == [*parts, None]


async def test_parts_of_a_redelivery_are_dropped(database: Database) -> None:
    await accept(database, delivery(body=b"same"))
    again = delivery(body=b"same")._replace(body=None)
    await _write_part(database, again.receipt_id, 0, b"same")
    await accept(database, again)
    assert await _part_count(database) == 1


async def test_parts_without_a_receipt_are_dropped_once_they_are_old(database: Database) -> None:
    kept = delivery()
    await accept(database, kept)
    orphan, recent = (delivery().receipt_id for _ in range(2))
    for number in (orphan, recent):
        await _write_part(database, number, 0, b"left")
    assert await database.write(lambda c: inbox.drop_orphan_parts(c, recent)) == 1
    assert await _body(database, kept.receipt_id) == kept.body
    assert await _read_part(database, recent, 0) == b"left"


@pytest.mark.parametrize("body", [b"short", b"long enough to compress" * 100])
async def test_changed_bytes_are_noticed(database: Database, body: bytes) -> None:
    one = delivery(body=body)
    await accept(database, one)
    changed = update(raw_payloads).values(body=b"something else")
    await database.write(lambda c: c.execute(changed) and None)
    with pytest.raises(GatewayError) as raised:
        await _body(database, one.receipt_id)
    assert raised.value.code == "digest_mismatch"


async def test_lost_bytes_are_noticed(database: Database) -> None:
    one = delivery()
    await accept(database, one)
    await database.write(lambda c: c.execute(delete(raw_payloads)) and None)
    with pytest.raises(GatewayError) as raised:
        await _body(database, one.receipt_id)
    assert raised.value.code == "body_missing"


async def _claim(database: Database, owner: str, limit: int = 10, late: bool = False) -> list[int]:
    now = LATER if late else NOW
    rows = await database.write(lambda c: inbox.claim_receipts(c, owner, now, LEASE, limit))
    return [row.receipt_id for row in rows]


async def test_pending_receipts_are_leased_oldest_first(database: Database) -> None:
    ids = [await receipt(database, f"wh-{number}") for number in range(3)]
    await receipt(database, "of no interest", ignored_reason="a draft")

    assert await _claim(database, "one", limit=2) == ids[:2]
    assert await _claim(database, "two") == ids[2:]
    assert await _claim(database, "three") == []
    assert await _claim(database, "three", late=True) == ids


async def test_a_lease_taken_with_the_receipt_holds(database: Database) -> None:
    one = await receipt(database, claimed_until=NOW + timedelta(seconds=1))
    assert await _claim(database, "other") == []
    assert await _claim(database, "other", late=True) == [one]


async def test_leases_are_let_go_and_renewed_by_their_owner_only(database: Database) -> None:
    ids = [await receipt(database, f"wh-{number}") for number in range(2)]
    assert await _claim(database, "mine", limit=1) == ids[:1]
    assert await _claim(database, "theirs") == ids[1:]

    renewed = await database.write(lambda c: inbox.renew_claims(c, "mine", ids, LATER + LEASE))
    assert renewed == 1
    assert await _claim(database, "other", late=True) == ids[1:]
    await database.write(lambda c: inbox.release_claims(c, "mine"))
    assert await _claim(database, "other", late=True) == ids[:1]
    await database.write(inbox.release_all_claims)
    assert await _claim(database, "other", late=True) == ids


async def test_an_empty_batch_is_nothing(database: Database) -> None:
    assert await accept(database) == []
    assert await balanced(database)


async def test_large_batches(database: Database) -> None:
    ids = IdSource()
    many = [delivery(f"wh-{number}", receipt_id=ids.next()) for number in range(1200)]
    await accept(database, *many)
    answers = await accept(database, *(delivery(f"wh-{number}") for number in range(1200)))
    assert [one.first_receipt_id for one in answers] == [one.receipt_id for one in many]
