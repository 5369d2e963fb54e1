"""Every fixture of every connector that is found, through every check of the conformance suite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from canonical.schemas import schemas
from connectors import registry
from connectors.conformance import (
    CONNECTOR_CHECKS,
    FIXTURE_CHECKS,
    Findings,
)
from connectors.goldens import Fixture, Specimen, fixture_paths, golden, specimen

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
NAMES = registry.names()


def _cases() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for path in fixture_paths(registry.folder_of(name) / "fixtures"):
            yield name, path.name


CASES = [pytest.param(*case, id=":".join(case)) for case in _cases()]


@cache
def connector_under_test(name: str) -> Specimen:
    return specimen(name)


def _case(name: str, file: str) -> tuple[Specimen, Fixture]:
    one = connector_under_test(name)
    return one, next(fixture for fixture in one.fixtures if fixture.path.name == file)


@cache
def _validators() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(schema) for name, schema in schemas().items()}


@cache
def _corpus_digests() -> frozenset[str]:
    files = (path for path in CORPUS.rglob("*") if path.is_file())
    return frozenset(_digest(path.read_bytes()) for path in files)


def _digest(body: bytes) -> str:
    return hashlib.sha256(b"".join(body.split())).hexdigest()


@pytest.mark.parametrize("check", FIXTURE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "file"), CASES)
def test_fixture(name: str, file: str, check: Callable[[Specimen, Fixture], Findings]) -> None:
    findings = check(*_case(name, file))
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("check", CONNECTOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_connector(name: str, check: Callable[[Specimen], Findings]) -> None:
    findings = check(connector_under_test(name))
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(("name", "file"), CASES)
def test_messages_fit_their_published_schemas(name: str, file: str) -> None:
    for message in golden(*_case(name, file))["messages"]:
        _, _, type_, version = message["dataschema"].split(":")[-4:]
        _validators()[f"{type_}/{version}"].validate(message["data"])


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize(("name", "file"), CASES)
def test_fixtures_are_our_own(name: str, file: str) -> None:
    _, fixture = _case(name, file)
    assert _digest(fixture.raw.body) not in _corpus_digests()


def test_discovery_and_the_parameters_above_agree() -> None:
    assert sorted(registry.discover()) == NAMES
