"""Fixtures are read as their files say, and goldens are never overwritten unasked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import connectors
from canonical import Malformed
from connectors import goldens, registry
from connectors.scaffold import scaffold

NAME = "golden_shop"


@pytest.fixture
def fixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The fixtures folder of an installed connector."""
    monkeypatch.setattr(connectors, "__path__", [str(tmp_path)])
    scaffold(NAME, family="pos", folder=tmp_path)
    yield tmp_path / NAME / "fixtures"
    for module in (f"connectors.{NAME}", f"connectors.{NAME}.translate"):
        sys.modules.pop(module, None)


def _golden(fixtures: Path) -> Path:
    return fixtures / "order.created__basic.json.expected.json"


def test_a_fixture_arrives_as_its_meta_says(fixtures: Path) -> None:
    (fixture,) = goldens.specimen(NAME).fixtures
    assert fixture.raw.body == fixture.path.read_bytes()
    assert fixture.raw.account == "acme"
    assert fixture.raw.received_at == datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)
    assert "x-golden-shop-signature" in fixture.raw.headers


def test_existing_goldens_are_left_alone_without_force(fixtures: Path) -> None:
    _golden(fixtures).write_text("{}\n")
    assert goldens.write_goldens(NAME) == []
    assert _golden(fixtures).read_text() == "{}\n"
    assert list(goldens.compare(NAME)) == ["order.created__basic.json"]


def test_force_writes_those_that_differ(fixtures: Path) -> None:
    right = _golden(fixtures).read_text()
    assert goldens.write_goldens(NAME, force=True) == []
    _golden(fixtures).write_text("{}\n")
    assert goldens.write_goldens(NAME, force=True) == [_golden(fixtures)]
    assert _golden(fixtures).read_text() == right
    assert goldens.compare(NAME) == {}


def test_a_missing_golden_is_written(fixtures: Path) -> None:
    _golden(fixtures).unlink()
    assert goldens.write_goldens(NAME) == [_golden(fixtures)]


def test_the_golden_of_an_unsigned_delivery_is_a_refusal(fixtures: Path) -> None:
    body = (fixtures / "order.created__basic.json").read_bytes()
    (fixtures / "order.created__unsigned.json").write_bytes(body)
    meta = '{"received_at": "2026-03-02T10:00:00Z"}'
    (fixtures / "order.created__unsigned.json.meta.json").write_text(meta)
    (fixtures / "order.created__as_file.json").write_bytes(body)
    meta = '{"received_at": "2026-03-02T10:00:00Z", "filename": "orders.json"}'
    (fixtures / "order.created__as_file.json.meta.json").write_text(meta)
    one = goldens.specimen(NAME)
    outcomes = {path.path.name: goldens.golden(one, path)["outcome"] for path in one.fixtures}
    assert outcomes["order.created__unsigned.json"] == "refused"
    assert outcomes["order.created__as_file.json"] == "translated"


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "not json",
        "{}",
        '{"received_at": "2026-03-02T10:00:00"}',
        '{"received_at": "2026-03-02T10:00:00Z", "hedaers": {}}',
        '{"received_at": "2026-03-02T10:00:00Z", "headers": {"X-Upper": "1"}}',
    ],
)
def test_an_unusable_meta_file_is_named(fixtures: Path, meta: str | None) -> None:
    path = fixtures / "order.created__basic.json.meta.json"
    path.unlink() if meta is None else path.write_text(meta)
    with pytest.raises(Malformed, match=path.name) as caught:
        goldens.specimen_of(registry.load(NAME), fixtures.parent)
    assert caught.value.code == "bad_fixture"


def test_unusable_secrets_are_told(fixtures: Path) -> None:
    (fixtures / "secrets.toml").write_text("secret = 1")
    with pytest.raises(Malformed, match=r"secrets\.toml"):
        goldens.specimen(NAME)
