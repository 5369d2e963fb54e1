"""Running queries: durable when it returns, apart when it fails, Unavailable when it cannot."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from canonical.errors import GatewayError, Unavailable, Unsupported
from store.database import Database, open_database
from store.engines import sqlite
from store.finding import audit
from store.intake import inbox
from store.records import Accepted
from store.tables import receipts
from tests.store.building import accept, delivery, receipt_states

ROOT = Path(__file__).resolve().parents[2]
ACCEPT_AND_WAIT = """
import asyncio, sys
from store.database import open_database
from tests.store.building import accept, delivery

async def main():
    database = await open_database(sys.argv[1])
    for number in range(20):
        await accept(database, delivery(f"wh-{number}"))
    print("durable", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Planned(Exception):
    """What a failing job raises."""


def _fail(connection: Connection) -> None:
    inbox.accept(connection, [delivery("never there")])
    raise Planned


async def test_a_failing_job_undoes_its_own_work_only(database: Database) -> None:
    jobs = [accept(database, delivery(f"wh-{number}")) for number in range(10)]
    results = await asyncio.gather(
        *jobs[:5], database.write(_fail), *jobs[5:], return_exceptions=True
    )
    assert [type(one) for one in results].count(Planned) == 1
    assert await receipt_states(database) == {"pending": 10}


async def test_a_failing_job_alone_leaves_nothing(database: Database) -> None:
    with pytest.raises(Planned):
        await database.write(_fail)
    assert await receipt_states(database) == {}
    await accept(database, delivery())


async def test_a_broken_rule_is_told_as_it_is(database: Database) -> None:
    one = delivery()
    await accept(database, one)
    with pytest.raises(IntegrityError):
        await accept(database, delivery("another", receipt_id=one.receipt_id))


async def test_a_cancelled_caller_does_not_stop_the_others(database: Database) -> None:
    cancelled = asyncio.ensure_future(accept(database, delivery("a")))
    other = asyncio.ensure_future(accept(database, delivery("b")))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert len(await other) == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await database.read(lambda c: inbox.accept(c, [delivery()]))
    assert await receipt_states(database) == {}


async def test_a_read_sees_one_moment(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def twice(connection: Connection) -> list[int]:
        count = select(func.count()).select_from(receipts)
        return [connection.scalar(count) or 0, connection.scalar(count) or 0]

    reads = [loop.create_task(database.read(twice)) for _ in range(5)]
    writes = [loop.create_task(accept(database, delivery(f"wh-{one}"))) for one in range(5)]
    await asyncio.gather(*writes)
    assert all(before == after for before, after in await asyncio.gather(*reads))


def _accept_until_killed(url: str) -> str:
    """What a process says once its deliveries were accepted, just before it is killed."""
    command = [sys.executable, "-c", ACCEPT_AND_WAIT, url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    return said


async def test_what_was_answered_survives_a_kill(database_url: str) -> None:
    assert await asyncio.to_thread(_accept_until_killed, database_url) == "durable\n"
    opened = await open_database(database_url)
    assert await receipt_states(opened) == {"pending": 20}
    assert all(row.balanced for row in await opened.read(audit.balance))
    await opened.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
async def test_no_store_of_ours(url: str) -> None:
    with pytest.raises(Unsupported) as raised:
        await open_database(url)
    assert raised.value.code == "unknown_store"


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all.db", "postgresql://127.0.0.1:1/none", "postgres+x://h/d"]
)
async def test_a_store_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(GatewayError) as raised:
        await open_database(url)
    assert raised.value.code in ("store_unavailable", "unknown_store")


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"these are notes, not pages" * 500)
    with pytest.raises(Unavailable) as raised:
        await open_database(f"sqlite:///{path}")
    assert raised.value.code == "store_unavailable"


async def test_writes_wait_for_a_commit_together(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    begun, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        go_on.wait()

    first = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(begun.wait)
    waiting = [
        asyncio.ensure_future(accept(database, delivery(f"wh-{number}")))
        for number in range(sqlite.WAITING_BOUND)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as raised:
        await accept(database, delivery("one too many"))
    assert raised.value.code == "store_busy"
    go_on.set()
    answers: list[list[Accepted]] = await asyncio.gather(*waiting)
    await first
    assert len(answers) == sqlite.WAITING_BOUND
    assert await receipt_states(database) == {"pending": sqlite.WAITING_BOUND}
    await database.close()


async def test_a_commit_that_fails_fails_everybody(sqlite_url: str) -> None:
    """A job that ends the transaction under the others, as a full disk does."""
    database = await open_database(sqlite_url)
    begun, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        go_on.wait()

    first = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(begun.wait)
    jobs = [
        asyncio.ensure_future(accept(database, delivery("a"))),
        asyncio.ensure_future(database.write(lambda c: c.execute(text("ROLLBACK")).rowcount)),
        asyncio.ensure_future(accept(database, delivery("b"))),
    ]
    await asyncio.sleep(0)
    go_on.set()
    results = await asyncio.gather(*jobs, return_exceptions=True)
    await first
    assert [type(one) for one in results] == [Unavailable] * 3
    assert await receipt_states(database) == {}
    await accept(database, delivery("c"))
    assert await receipt_states(database) == {"pending": 1}
    await database.close()


async def test_a_disk_that_is_full(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1").scalar())
    large = delivery(body=random.Random(7).randbytes(1_000_000))  # noqa: S311 - cannot be packed
    with pytest.raises(Unavailable) as raised:
        await asyncio.gather(accept(database, large), accept(database, delivery("other")))
    assert raised.value.code == "store_unavailable"
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 100000").scalar())
    await accept(database, large)
    await database.close()


async def test_a_closed_store_is_unavailable(database_url: str) -> None:
    database = await open_database(database_url)
    last = asyncio.ensure_future(accept(database, delivery()))
    await asyncio.sleep(0)
    if database.dialect == "sqlite":
        await database.close()
        with pytest.raises(Unavailable):
            await accept(database, delivery("late"))
        with pytest.raises(Unavailable):
            await receipt_states(database)
    assert len(await last) == 1
    await database.close()
    again = await open_database(database_url)
    assert await receipt_states(again) == {"pending": 1}
    await again.close()
