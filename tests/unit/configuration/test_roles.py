"""Which roles a process has, and where they may be apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from canonical.errors import Malformed
from configuration import ALL_ROLES, Configuration, Role, parse_configuration, read_configuration

SHARED = {"GATEWAY_STORE_URL": "postgresql://db/hub", "GATEWAY_STREAMS_URL": "redis://road"}


def _read(tmp_path: Path, text: str, **environment: str) -> Configuration:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    return read_configuration(file, environment)


def test_a_process_does_everything_unless_it_is_told(tmp_path: Path) -> None:
    configuration = _read(tmp_path, "")
    assert configuration.roles == ALL_ROLES
    assert configuration.sweep_seconds == 1.0


def test_roles_from_the_file(tmp_path: Path) -> None:
    configuration = _read(tmp_path, '[gateway]\nroles = ["worker", "relay"]\n', **SHARED)
    assert configuration.roles == {Role.WORKER, Role.RELAY}
    assert configuration.sweep_seconds == 0.2


def test_roles_from_the_environment(tmp_path: Path) -> None:
    configuration = _read(tmp_path, "", **SHARED, GATEWAY_ROLES="ingest, relay")
    assert configuration.roles == {Role.INGEST, Role.RELAY}


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    configuration = _read(tmp_path, '[gateway]\nroles = ["worker"]\n', **SHARED)
    assert configuration.with_roles(["relay", "relay"]).roles == {Role.RELAY}


def test_a_sweep_that_is_configured_is_used(tmp_path: Path) -> None:
    text = '[gateway]\nroles = ["worker"]\n[limits]\nsweep_seconds = 0.5\n'
    assert _read(tmp_path, text, **SHARED).sweep_seconds == 0.5


@pytest.mark.parametrize(
    ("text", "environment", "line", "says"),
    [
        ('[gateway]\nroles = ["worker"]\n', {}, 1, "ingest, relay: roles apart need PostgreSQL"),
        (
            '[gateway]\nroles = ["worker"]\n',
            {"GATEWAY_STORE_URL": "postgresql://db/hub"},
            1,
            "roles apart need a stream server",
        ),
        ('[gateway]\nroles = ["wroker"]\n', SHARED, 2, "'ingest', 'worker' or 'relay'"),
        ("[gateway]\nroles = []\n", SHARED, 2, "would do nothing"),
        ("[limits]\nlease_seconds = 0.1\n", {}, 2, "greater than or equal to 1"),
        ("[limits]\ndrain_seconds = 0\n", {}, 2, "greater than or equal to 1"),
        ("[streams]\nmax_entries = 10\n", {}, 2, "greater than or equal to 1000"),
        ('[streams]\nrefill = "never"\n', {}, 2, "'auto' or 'manual'"),
    ],
)
def test_the_fault_and_its_line(
    tmp_path: Path, text: str, environment: dict[str, str], line: int, says: str
) -> None:
    configuration, findings = parse_configuration(text, environment, tmp_path)
    assert configuration is None
    assert [one.line for one in findings] == [line]
    assert says in findings[0].message


def test_roles_of_the_command_line_are_checked_too(tmp_path: Path) -> None:
    configuration = _read(tmp_path, "")
    with pytest.raises(Malformed) as unknown:
        configuration.with_roles(["wroker"])
    with pytest.raises(Malformed) as apart:
        configuration.with_roles(["ingest"])
    assert (unknown.value.code, apart.value.code) == ("unknown_role", "roles_apart")
    assert configuration.with_roles(["relay", "ingest", "worker"]).roles == ALL_ROLES
