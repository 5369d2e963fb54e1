"""Several processes on one PostgreSQL: the database decides, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from canonical.errors import Unavailable
from store.database import Database, open_database
from store.finding import audit
from store.intake import inbox
from store.log import outbox
from store.records import Translation
from tests.store.building import (
    LEASE,
    NOW,
    accept,
    balanced,
    delivery,
    message,
    message_states,
    receipt,
    receipt_states,
    record,
    translation,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
async def stores(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The same store, opened by two."""
    one, other = [await open_database(postgresql_url) for _ in range(2)]
    yield one, other
    await one.close()
    await other.close()


async def test_the_same_delivery_at_the_same_time(stores: tuple[Database, Database]) -> None:
    keys = [f"wh-{number}" for number in range(50)]
    forwards = [delivery(key) for key in keys]
    backwards = [delivery(key) for key in reversed(keys)]
    answers = await asyncio.gather(accept(stores[0], *forwards), accept(stores[1], *backwards))
    repeated = [one.first_receipt_id for batch in answers for one in batch if one.first_receipt_id]
    assert len(repeated) == 50
    assert await receipt_states(stores[0]) == {"pending": 50, "redelivered": 50}
    assert await balanced(stores[0])


async def test_the_same_facts_at_the_same_time(stores: tuple[Database, Database]) -> None:
    receipts = [await receipt(stores[0], f"wh-{number}") for number in range(8)]

    def made(receipt_id: int, turned: bool) -> Translation:
        facts = [
            message(str(number), entity=f"e{number % 5}", version=number) for number in range(40)
        ]
        return translation(
            receipt_id,
            *(message_at for message_at in (reversed(facts) if turned else facts)),
        )

    def placed(one: Translation) -> Translation:
        return one._replace(
            messages=[each._replace(position=place) for place, each in enumerate(one.messages)],
        )

    await asyncio.gather(
        *(
            record(stores[number % 2], placed(made(receipt_id, bool(number % 2))))
            for number, receipt_id in enumerate(receipts)
        )
    )
    states = await message_states(stores[0])
    assert states["pending"] + states["stale"] == 40
    assert states["duplicate"] == 7 * 40
    assert await balanced(stores[0])


async def test_one_receipt_translated_by_two(stores: tuple[Database, Database]) -> None:
    one = await receipt(stores[0])
    results = await asyncio.gather(
        *(record(store, translation(one, message("a"))) for store in stores)
    )
    assert Counter(len(rows) for rows in results) == {0: 1, 1: 1}
    assert await message_states(stores[0]) == {"pending": 1}


async def test_claims_do_not_overlap(stores: tuple[Database, Database]) -> None:
    await accept(stores[0], *(delivery(f"wh-{number}") for number in range(60)))
    claims = await asyncio.gather(
        *(
            stores[number % 2].write(lambda c: inbox.claim_receipts(c, "somebody", NOW, LEASE, 10))
            for number in range(6)
        )
    )
    ids = [row.receipt_id for rows in claims for row in rows]
    assert len(ids) == len(set(ids))
    await record(stores[0], *(translation(each, message(str(each))) for each in sorted(set(ids))))
    published = await asyncio.gather(
        *(store.write(lambda c: outbox.claim_outbox(c, "x", NOW, LEASE, 25)) for store in stores)
    )
    rows = [row.row_id for part in published for row in part]
    assert len(rows) == len(set(rows))


async def test_the_audit_log_stays_a_chain(stores: tuple[Database, Database]) -> None:
    await asyncio.gather(
        *(
            stores[number % 2].write(
                lambda c: audit.append_audit(
                    c, at=NOW, actor="ada", action="x", target="y", details={}
                )
            )
            for number in range(20)
        )
    )
    assert await stores[0].read(audit.verify_audit_log) is None
    assert len(await stores[0].read(audit.recent_audit)) == 20


async def test_a_lost_connection_is_unavailable_and_the_next_is_there(
    postgresql_url: str, stores: tuple[Database, Database]
) -> None:
    await accept(stores[0], delivery("before"))
    await accept(stores[1], delivery("other"))
    connection = await asyncpg.connect(postgresql_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await connection.close()
    with pytest.raises(Unavailable) as raised:
        await accept(stores[0], delivery("lost"))
    assert raised.value.code == "store_unavailable"
    await accept(stores[0], delivery("after"))
    assert await receipt_states(stores[0]) == {"pending": 3}


async def test_commits_wait_for_the_disk(stores: tuple[Database, Database]) -> None:
    setting = await stores[0].read(lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar())
    assert setting == "on"
