"""Tables as Parquet files: their types and values, all or nothing, on either engine."""

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text

from canonical.errors import Malformed, Unavailable, Unsupported
from domains.billing.tables import candidates
from domains.cash.tables import cash_receivables
from domains.installed import INSTALLED
from domains.warehouse import export
from domains.warehouse.columns import AMOUNTS, DAYS, TABLES, parquet_type
from store.database import Database
from store.times import micros
from tests.domains.reported import NOW, a_month, before, put

duckdb = pytest.importorskip("duckdb")
FOLDER = "out [1]*'s"
"""A name that globs and quotes would trip over."""


@pytest.fixture
async def month(database: Database) -> Database:
    """A store with a small month in it."""
    await database.write(a_month)
    return database


def read(path: Path, what: str = "*") -> list[tuple[Any, ...]]:
    """What a warehouse reads."""
    with duckdb.connect() as connection:
        table = connection.from_parquet(str(path))
        rows: list[tuple[Any, ...]] = table.project(what).fetchall()
        return rows


def contents(folder: Path) -> dict[str, bytes]:
    """All there is in a folder."""
    return {one.name: one.read_bytes() for one in folder.iterdir()}


async def test_every_table_is_a_file(month: Database, tmp_path: Path) -> None:
    written = await export(month, tmp_path / "new" / "out")
    names = {table for one in INSTALLED.values() for table in one.tables}
    assert {one.table for one in written} == names | {"domain_records", "exceptions"}
    for one in written:
        assert len(read(one.path)) == one.rows
    counts = {one.table: one.rows for one in written}
    assert (counts["cash_receivables"], counts["exceptions"], counts["cash_payouts"]) == (10, 4, 0)
    assert {one.name for one in (tmp_path / "new" / "out").iterdir()} == {
        f"{name}.parquet" for name in counts
    }


async def test_values_keep_their_kinds(month: Database, tmp_path: Path) -> None:
    # DuckDB's own way to ask for a file takes such names for a pattern.
    folder = tmp_path / FOLDER
    await export(month, folder)
    plain = folder.rename(tmp_path / "plain")
    rows = read(plain / "cash_receivables.parquet", 'number, "open", due_date, issue_date, paid_at, auto')  # fmt: skip  # noqa: E501
    found = {row[0]: row[1:] for row in rows}
    assert found["R-2"] == (Decimal("0.10"), date(2026, 3, 30), date(2026, 3, 1), None, 0)
    paid = datetime(2026, 3, 30, 12)  # noqa: DTZ001 - Parquet's TIMESTAMP is in UTC here
    assert found["=1+1"] == (Decimal("0.00"), date(2026, 1, 30), date(2026, 3, 1), paid, 1)
    assert found["R-5"][1] is None
    goods = read(plain / "billing_candidates.parquet", 'shipment, "order", invoiced, shipped_at')
    assert ("S-2", None, Decimal("1.5"), _utc(before(days=41))) in goods


def _utc(value: int) -> datetime:
    return datetime.fromtimestamp(value // 1_000_000, NOW.tzinfo).replace(tzinfo=None)


async def test_large_and_odd_values_are_exact(database: Database, tmp_path: Path) -> None:
    odd = '"{\\n}\u2028 \U0001f980 \\N null'
    row = {
        "record_key": odd, "issue_date": "2026-03-01", "currency": "EUR",
        "paid_at": micros(NOW) + 7,
        "original": "123456789012345678.123456789012", "open": "-0.000000000001",
    }  # fmt: skip
    for name in ("allocated", "credited", "written_off", "adjusted"):
        row[name] = "0"
    await database.write(lambda connection: put(connection, cash_receivables, [row]))
    (written,) = await export(database, tmp_path, [cash_receivables])
    ((key, original, still_open, paid_at),) = read(
        written.path, 'record_key, original, "open", paid_at'
    )
    assert key == odd
    assert original == Decimal("123456789012345678.123456789012")
    assert still_open == Decimal("-0.000000000001")
    assert paid_at.microsecond == 7


async def test_several_pages(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domains.warehouse.exporting.A_PAGE", 100)
    rows = [
        {"record_key": f"r/{one}", "shipment": str(one), "shipped": str(one), "allowed": "0",
         "invoiced": "0"}
        for one in range(450)
    ]  # fmt: skip
    await database.write(lambda connection: put(connection, candidates, rows))
    (written,) = await export(database, tmp_path, [candidates])
    assert written.rows == 450
    assert read(written.path, "sum(shipped), count(DISTINCT shipment)") == [
        (Decimal(449 * 450 // 2), 450)
    ]


async def test_it_replaces_what_was_there(month: Database, tmp_path: Path) -> None:
    await export(month, tmp_path / "out")
    again = await export(month, tmp_path / "out")
    assert len(contents(tmp_path / "out")) == len(again)


async def test_what_does_not_fit_leaves_the_folder_as_it_was(
    month: Database, tmp_path: Path
) -> None:
    await export(month, tmp_path / "out")
    before_it = contents(tmp_path / "out")
    row = {"record_key": "r/bad", "issue_date": "2026-03-01", "open": "secret text"}
    await month.write(lambda connection: put(connection, cash_receivables, [row]))
    with pytest.raises(Malformed) as refused:
        await export(month, tmp_path / "out")
    assert (refused.value.code, refused.value.path) == ("unfit_value", "cash_receivables")
    assert "secret" not in str(refused.value)
    assert contents(tmp_path / "out") == before_it


async def test_a_folder_that_cannot_be_made(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable) as refused:
        await export(database, tmp_path / "file" / "out")
    assert refused.value.code == "folder_unwritable"


async def test_without_duckdb(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Unsupported) as refused:
        await export(database, tmp_path / "out")
    assert refused.value.code == "no_duckdb"
    assert "o2c-gateway[warehouse]" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_names_of_amounts_and_days_are_of_columns() -> None:
    texts = {one.name for table in TABLES for one in table.columns if isinstance(one.type, Text)}
    assert texts >= AMOUNTS | DAYS
    exception = {one.name: parquet_type(one) for one in TABLES[-1].columns}
    assert (exception["expected"], exception["since"], exception["escalated"]) == (
        "VARCHAR", "TIMESTAMP", "BIGINT",
    )  # fmt: skip
