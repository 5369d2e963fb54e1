"""Finding connectors: folders, entry points of other distributions, and what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
from canonical import GatewayError, Unsupported
from connectors import registry
from connectors.scaffold import scaffold

WELL = "well_shop"
BAD = "bad_shop"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only folder that connectors are found in."""
    folder = tmp_path / "connectors"
    folder.mkdir()
    monkeypatch.setattr(connectors, "__path__", [str(folder)])
    yield folder
    for module in [name for name in sys.modules if name.startswith(tuple(_MINE))]:
        del sys.modules[module]


_MINE = (f"connectors.{WELL}", f"connectors.{BAD}", "third_party_shop")


def _forget(name: str) -> None:
    for module in [one for one in sys.modules if one.startswith(f"connectors.{name}")]:
        del sys.modules[module]


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A distribution with one entry point, on the path."""
    info = folder / "third_party_shop-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party-shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.ENTRY_POINTS}]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(folder)


def test_a_folder_with_a_manifest_is_a_connector(place: Path) -> None:
    scaffold(WELL, family="marketplace", folder=place)
    (place / "kit").mkdir()
    (place / "notes.txt").write_text("not a connector")
    assert registry.names() == [WELL]
    assert list(registry.discover()) == [WELL]
    assert registry.load(WELL).manifest.name == WELL
    assert registry.folder_of(WELL) == place / WELL


def test_names_imports_nothing(place: Path) -> None:
    scaffold(WELL, family="marketplace", folder=place)
    _forget(WELL)
    assert registry.names() == [WELL]
    assert f"connectors.{WELL}" not in sys.modules


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "kit",
        "contract",
        "",
        "..",
        "../well_shop",
        "Well_Shop",
        "a/b",
        "os.path",
        "x" * 41,
    ],
)
def test_an_unknown_or_impossible_name_is_refused(place: Path, name: str) -> None:
    with pytest.raises(Unsupported) as caught:
        registry.load(name)
    assert caught.value.code == "unknown_connector"
    with pytest.raises(Unsupported):
        registry.folder_of(name)


@pytest.mark.parametrize(
    ("file", "text", "cause"),
    [
        ("__init__.py", "raise RuntimeError('planted')", "RuntimeError: planted"),
        ("__init__.py", "CONNECTOR = 1", "it has no CONNECTOR"),
        ("__init__.py", "", "it has no CONNECTOR"),
        ("__init__.py", "def broken(:", "SyntaxError"),
        ("manifest.toml", "name = 'bad_shop'", "ValidationError"),
        ("manifest.toml", "name =", "TOMLDecodeError"),
        ("manifest.toml", "name = 'other_shop'", "ValidationError"),
    ],
)
def test_a_connector_that_does_not_load_is_named(
    place: Path, file: str, text: str, cause: str
) -> None:
    scaffold(BAD, family="marketplace", folder=place)
    _forget(BAD)
    (place / BAD / file).write_text(text)
    for attempt in (registry.discover, lambda: registry.load(BAD)):
        with pytest.raises(GatewayError) as caught:
            attempt()
        assert caught.value.code == "connector_broken"
        assert caught.value.path == BAD
        assert cause in str(caught.value)


def test_one_broken_connector_does_not_keep_others_from_loading(place: Path) -> None:
    scaffold(WELL, family="marketplace", folder=place)
    scaffold(BAD, family="marketplace", folder=place)
    _forget(BAD)
    (place / BAD / "__init__.py").write_text("1 / 0")
    assert registry.load(WELL).manifest.name == WELL


def test_an_entry_point_brings_a_connector(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold("third_party_shop", family="pos", folder=tmp_path / "site")
    _forget("third_party_shop")
    _installed(tmp_path / "site", monkeypatch, "third_party_shop", "third_party_shop:CONNECTOR")
    assert registry.names() == ["third_party_shop"]
    assert list(registry.discover()) == ["third_party_shop"]
    assert registry.folder_of("third_party_shop") == tmp_path / "site" / "third_party_shop"


def test_two_connectors_of_one_name_are_both_named(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(WELL, family="marketplace", folder=place)
    _installed(tmp_path / "site", monkeypatch, WELL, "third_party_shop:CONNECTOR")
    with pytest.raises(GatewayError) as caught:
        registry.discover()
    assert caught.value.code == "connector_twice"
    assert str(place / WELL) in str(caught.value)
    assert "third_party_shop:CONNECTOR" in str(caught.value)


def test_an_entry_point_that_names_another_connector_is_broken(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold("third_party_shop", family="pos", folder=tmp_path / "site")
    _forget("third_party_shop")
    _installed(tmp_path / "site", monkeypatch, "alias_shop", "third_party_shop:CONNECTOR")
    with pytest.raises(GatewayError, match="its manifest names 'third_party_shop'"):
        registry.load("alias_shop")


def test_load_folder_refuses_a_second_connector_of_a_loaded_name(
    place: Path, tmp_path: Path
) -> None:
    scaffold(WELL, family="marketplace", folder=place)
    with pytest.raises(GatewayError) as caught:
        scaffold(WELL, family="marketplace", folder=tmp_path / "elsewhere")
    assert caught.value.code == "connector_broken"
