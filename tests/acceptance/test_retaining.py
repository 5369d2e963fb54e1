"""`gateway retain` as people call it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
from canonical.errors import Malformed
from commands import Root, build_cli
from store.database import open_database
from store.finding import audit
from store.ids import first_id_at
from tests.store.building import accept, delivery

SETTINGS = "raw_days = 30\nmessage_days = 60\nreceipt_days = 60\ndedup_days = 90\n"


def _run(folder: Path, *arguments: str, settings: str = SETTINGS) -> Result:
    file = folder / "gateway.toml"
    file.write_text(f'data = "."\n[retention]\n{settings}', encoding="utf-8")
    root = Root(
        open_store=gateway.open_store,
        open_publisher=gateway.open_publisher,
        open_hub=gateway.open_hub,
        build_accounts=gateway.build_accounts,
    )
    return CliRunner().invoke(build_cli(root), ["--config", str(file), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose store has two deliveries of 200 days ago and one of today."""

    async def fill() -> None:
        database = await open_database(f"sqlite:///{tmp_path / 'gateway.db'}")
        old, young = datetime.now(UTC) - timedelta(days=200), datetime.now(UTC)
        for number, at in enumerate((old, old + timedelta(seconds=1), young)):
            one = delivery(f"d-{number}", receipt_id=first_id_at(at), received_at=at)
            await accept(database, one._replace(ignored_reason="a draft"))
        await database.close()

    asyncio.run(fill())
    return tmp_path


def test_a_dry_run_says_what_would_go_and_a_run_drops_it(folder: Path) -> None:
    told = _run(folder, "retain", "--dry-run", "--json")
    assert told.exit_code == 0
    expected = json.loads(told.output)
    assert expected["dry_run"]
    assert (expected["dropped"]["raw bodies"], expected["dropped"]["receipts"]) == (2, 2)

    done = json.loads(_run(folder, "retain", "--json").output)
    assert not done["dry_run"]
    assert (done["dropped"]["raw bodies"], done["dropped"]["receipts"]) == (2, 2)
    assert done["dropped"]["delivery keys"] == 2

    again = _run(folder, "retain")
    assert again.exit_code == 0
    assert "raw bodies" in again.output
    assert json.loads(_run(folder, "audit", "--json").output)["balanced"]
    assert _run(folder, "audit", "log", "--verify").exit_code == 0


def test_who_ran_it_is_in_the_audit_log(folder: Path) -> None:
    _run(folder, "retain")

    async def entries() -> list[str]:
        database = await open_database(f"sqlite:///{folder / 'gateway.db'}")
        found = await database.read(audit.recent_audit)
        await database.close()
        return [f"{one.actor} {one.action}" for one in found]

    done, begun = asyncio.run(entries())
    assert begun.startswith("cli:")
    assert begun.endswith(" retention.start")
    assert done.endswith(" retention.finish")


def test_without_settings_nothing_is_dropped(folder: Path) -> None:
    refused = _run(folder, "retain", settings="")
    assert isinstance(refused.exception, Malformed)
    assert refused.exception.code == "nothing_to_retain"


def test_keys_that_would_not_outlive_bodies_are_a_fault_of_the_configuration(
    folder: Path,
) -> None:
    told = _run(folder, "check", settings=SETTINGS.replace("90", "59"))
    assert told.exit_code == 1
    assert "gateway.toml:6: error: retention.dedup_days" in told.output
    assert "must be at least message_days (60)" in told.output
