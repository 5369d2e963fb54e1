"""A new connector passes the suite as it is, and starting one never harms what is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canonical import Malformed, Message
from connectors import conformance, goldens, registry
from connectors.scaffold import scaffold
from connectors.translation import dry_run

ROOT = Path(__file__).resolve().parents[3]
NAME = "corner_shop_7"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[Path]]:
    yield scaffold(NAME, family="pos", folder=tmp_path)
    for module in (f"connectors.{NAME}", f"connectors.{NAME}.translate"):
        sys.modules.pop(module, None)


def test_it_passes_the_conformance_suite(files: list[Path], tmp_path: Path) -> None:
    one = goldens.specimen_of(registry.load_folder(tmp_path / NAME), tmp_path / NAME)
    assert list(conformance.check_all(one)) == []
    assert one.connector.manifest.family == "pos"
    assert [message.data.TYPE for message in _messages(one)] == ["o2c.order.placed"]


def _messages(one: goldens.Specimen) -> list[Message]:
    return [
        message
        for fixture in one.fixtures
        for message in dry_run(one.connector, fixture.raw, one.secrets).messages
    ]


def test_it_tells_which_files_it_made(files: list[Path], tmp_path: Path) -> None:
    assert sorted(files) == sorted(
        path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pyc"
    )


def test_it_is_formatted_and_linted(files: list[Path], tmp_path: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(tmp_path / NAME)]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, *config], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "Shop",
        "7shop",
        "../shop",
        "a/b",
        "a.b",
        "shop\n",
        "class",
        "import",
        "schöp",
        "x" * 41,
    ],
)
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Malformed) as caught:
        scaffold(name, family="pos", folder=tmp_path)
    assert caught.value.code == "bad_name"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        scaffold("good_shop", family="bakery", folder=tmp_path)
    assert caught.value.code == "unknown_family"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["contract", "kit", "registry"])
def test_names_of_the_package_itself_are_refused(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        scaffold(name, family="pos")
    assert caught.value.code == "already_there"


def test_what_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "nowhere")
    for name in ("taken", "linked"):
        with pytest.raises(Malformed) as caught:
            scaffold(name, family="pos", folder=tmp_path)
        assert caught.value.code == "already_there"
    assert list((tmp_path / "taken").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
