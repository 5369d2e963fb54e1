"""`gateway exceptions` and `gateway records`, as somebody at the shell sees them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
from commands import Root, build_cli
from domains.installed import INSTALLED
from store.database import open_database
from tests.workbench_web.exceptional import KEY, NASTY, SHORT, opened_office


class Shell:
    """Runs commands over one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        root = Root(
            open_store=gateway.open_store,
            open_publisher=gateway.open_publisher,
            open_hub=gateway.open_hub,
            build_accounts=gateway.build_accounts,
        )
        self._cli = build_cli(root)

    def run(self, *words: str) -> Result:
        """A command, whatever comes of it."""
        return CliRunner().invoke(self._cli, [*words, "--data", str(self.data)])

    def told(self, *words: str) -> str:
        """What a command says that succeeds."""
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *words: str) -> str:
        """The code of the error a command ends with."""
        return str(getattr(self.run(*words).exception, "code", "none"))


async def _fill(file: Path) -> None:
    database = await open_database(f"sqlite:///{file}")
    async with opened_office(database) as office:
        await office.derive(SHORT)
    await database.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A data folder with one exception in it."""
    opened = Shell(tmp_path / "data")
    opened.told("exceptions", "list")
    (file,) = opened.data.glob("*.db")
    asyncio.run(_fill(file))
    return opened


def _only(shell: Shell) -> str:
    (found,) = json.loads(shell.told("exceptions", "list", "--json"))
    return str(found["id"])


def test_exceptions_are_listed_and_shown(shell: Shell) -> None:
    told = shell.told("exceptions", "list")
    assert "short_payment" in told
    assert "overdue since 2026-03-04" in told
    assert "no exception fits" in shell.told("exceptions", "list", "--owner", "sales")
    assert "no exception fits" in shell.told("exceptions", "list", "--age", "current")
    assert "short_payment" in shell.told("exceptions", "list", "--age", "30", "--overdue")
    assert shell.refused("exceptions", "list", "--age", "9") == "bad_age"
    standing = json.loads(shell.told("exceptions", "standing", "--json"))
    assert {one["owner"]: one["total"] for one in standing}["finance"] == 1
    assert "finance" in shell.told("exceptions", "standing")
    shown = shell.told("exceptions", "show", _only(shell))
    for part in ("120.00 EUR", "what happened:", "opened by gateway", "o2c.bank_entry.booked"):
        assert part in shown
    assert shell.refused("exceptions", "show", "exc_0000000000001") == "unknown_exception"
    assert shell.refused("exceptions", "show", "x") == "bad_id"


def test_exceptions_are_worked_on(shell: Shell) -> None:
    shown = _only(shell)
    assert shell.told("exceptions", "assign", shown, "ada", "--owner", "sales") == (
        f"{shown}: with sales, ada’s\n"
    )
    assert "nobody" in shell.told("exceptions", "assign", shown, "")
    shell.told("exceptions", "note", shown, "Asked the bank.")
    assert shell.refused("exceptions", "resolve", shown, "--reason", "because") == "bad_reason"
    done = shell.told("exceptions", "resolve", shown, "--reason", "written_off")
    assert done == f"{shown}: resolved, written_off; written_off\n"
    assert shell.refused("exceptions", "resolve", shown, "--reason", "duplicate") == "not_open"
    assert "open" in shell.told("exceptions", "reopen", shown, "--reason", "it was not")
    history = json.loads(shell.told("exceptions", "show", shown, "--json"))["history"]
    assert [one["action"] for one in history] == [
        "opened", "moved", "assigned", "assigned", "note", "resolved", "reopened",
    ]  # fmt: skip


def test_decisions_are_made_in_the_words_of_a_domain(shell: Shell) -> None:
    shown = _only(shell)
    action = min(INSTALLED["cash"].domain.money_actions)
    words = ("exceptions", "decide", shown)
    assert shell.refused(*words, "burn", "--reason", "x") == "unknown_action"
    assert shell.refused(*words, action, "--reason", "x", "--values", "{") == "bad_values"
    assert shell.refused(*words, action, "--reason", " ") == "reason_required"
    told = shell.told(*words, action, "--reason", "as it is", "--values", '{"amount": "1.00"}')
    assert f"{shown}: waits for a second person: gateway dead approve prp_" in told
    on = ("records", "decide", "cash", KEY, action, "--reason", "as it is")
    assert "gateway dead approve" in shell.told(*on, "--values", '{"amount": "1.00"}')


def test_records_are_listed_and_shown(shell: Shell) -> None:
    assert KEY in shell.told("records", "list", "cash")
    assert "no record fits" in shell.told("records", "list", "cash", "--status", "OPEN")
    assert json.loads(shell.told("records", "list", "cash", "--json"))[0]["key"] == KEY
    told = shell.told("records", "show", "cash", KEY)
    for part in ("receipt B-1001: PARTIALLY_APPLIED", '"R-1001"', "open exception exc_"):
        assert part in told
    assert NASTY[3] not in told
    document = json.loads(shell.told("records", "show", "cash", KEY, "--json"))
    assert document["exceptions"][0]["kind"] == "short_payment"
    assert shell.refused("records", "show", "cash", "none") == "unknown_record"
    assert shell.refused("records", "list", "colour") == "unknown_domain"
