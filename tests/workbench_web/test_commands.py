"""`gateway users`, `gateway tokens` and `gateway audit log`, as somebody at the shell sees them."""

from __future__ import annotations

import getpass
import json
import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
from commands import Root, build_cli


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


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


def test_people_are_kept_from_the_shell(shell: Shell) -> None:
    assert "nobody yet" in shell.told("users", "list")
    link = r"http://127\.0\.0\.1:8080/workbench/welcome\?link=[\w-]{43}"
    assert re.search(link, shell.told("users", "link"))
    assert re.search(link, shell.told("users", "add", "ada", "--role", "admin"))
    told = shell.told("users", "add", "grace", "--url", "https://hub.example.com/")
    assert "https://hub.example.com/workbench/welcome?link=" in told
    assert shell.refused("users", "link") == "not_the_first"
    assert shell.told("users", "role", "grace", "operator") == "grace is operator\n"
    assert shell.refused("users", "role", "grace", "king") == "unknown_role"
    assert shell.refused("users", "disable", "ada") == "last_admin"
    shell.told("users", "disable", "grace")
    listed = json.loads(shell.told("users", "list", "--json"))
    states = {one["name"]: (one["role"], one["state"]) for one in listed}
    assert states == {"ada": ("admin", "invited"), "grace": ("operator", "shut out")}
    assert shell.refused("users", "link", "grace") == "user_disabled"
    shell.told("users", "enable", "grace")
    assert shell.refused("users", "link", "nobody") == "unknown_user"


def test_tokens_are_shown_once(shell: Shell) -> None:
    told = shell.told("tokens", "add", "nightly report", "--role", "operator", "--days", "7")
    token = re.search(r"o2c_[\w-]{43}", told)
    assert token is not None
    listed = json.loads(shell.told("tokens", "list", "--json"))
    assert [(one["name"], one["state"]) for one in listed] == [("nightly report", "active")]
    assert token[0] not in json.dumps(listed)
    assert shell.run("tokens", "revoke", listed[0]["id"]).exit_code == 0
    assert shell.run("tokens", "revoke", listed[0]["id"]).exit_code == 1
    assert json.loads(shell.told("tokens", "list", "--json"))[0]["state"] == "revoked"
    assert shell.refused("tokens", "add", "x", "--days", "0") == "bad_token"


def test_secrets_stay_out_of_the_store(shell: Shell) -> None:
    told = shell.told("users", "add", "ada") + shell.told("tokens", "add", "nightly")
    secrets = re.findall(r"link=([\w-]{43})", told) + re.findall(r"o2c_([\w-]{43})", told)
    assert len(secrets) == 2
    kept = b"".join(path.read_bytes() for path in shell.data.glob("gateway.db*"))
    assert b"nightly" in kept
    assert not any(secret.encode() in kept for secret in secrets)


def test_the_audit_log_is_read_and_verified(shell: Shell) -> None:
    for name in ("ada", "grace"):
        shell.told("users", "add", name)
    entries = json.loads(shell.told("audit", "log", "--json", "--action", "user.add"))
    assert [one["target"] for one in entries] == ["grace", "ada"]
    assert {one["actor"] for one in entries} == {f"cli:{getpass.getuser()}"}
    assert json.loads(shell.told("audit", "log", "--json", "--limit", "1"))[0]["number"] == 4
    assert "user.link" in shell.told("audit", "log", "--target", "ada")
    assert "whole: 4 entries" in shell.told("audit", "log", "--verify")
    assert json.loads(shell.told("audit", "--json"))["balanced"] is True


def test_a_tampered_log_is_found(shell: Shell) -> None:
    for name in ("ada", "grace"):
        shell.told("users", "add", name)
    with sqlite3.connect(shell.data / "gateway.db") as connection:
        connection.execute("UPDATE audit_log SET target = 'eve' WHERE id = 3")
    connection.close()
    result = shell.run("audit", "log", "--verify")
    assert result.exit_code == 1
    assert "entry 3" in result.output
