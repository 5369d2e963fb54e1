"""Stored payloads that are no longer what was received are found."""

from __future__ import annotations

from sqlalchemy import delete, update

from store.database import Database
from store.log.body_check import check_bodies
from store.tables import raw_payloads
from tests.store.building import accept, delivery, receipt


async def _faults(database: Database) -> list[tuple[str, str]]:
    check = await database.read(lambda c: check_bodies(c, after=0, limit=10))
    return [(one.code, one.where) for one in check.faults]


async def test_what_was_received_is_still_there(database: Database) -> None:
    await accept(database, delivery("a", b"x" * 3000), delivery("b", b""), delivery("b", b""))
    check = await database.read(lambda c: check_bodies(c, after=0, limit=10))
    assert (check.bodies, check.retained, check.faults) == (2, 0, [])


async def test_a_slice_goes_on_behind_the_last(database: Database) -> None:
    first, second = await receipt(database, "a"), await receipt(database, "b")
    part = await database.read(lambda c: check_bodies(c, after=0, limit=1))
    rest = await database.read(lambda c: check_bodies(c, after=first, limit=9))
    end = await database.read(lambda c: check_bodies(c, after=second, limit=9))
    assert (part.last, rest.last, end.last) == (first, second, None)


async def test_changed_bytes_are_named(database: Database) -> None:
    one = await receipt(database, "a")
    await database.write(
        lambda c: c.execute(update(raw_payloads).values(encoding="identity", body=b"forged"))
    )
    assert await _faults(database) == [("digest_mismatch", f"receipt {one}")]


async def test_missing_bytes_are_named(database: Database) -> None:
    one = await receipt(database, "a")
    await database.write(lambda c: c.execute(delete(raw_payloads)))
    assert await _faults(database) == [("body_missing", f"receipt {one}")]
