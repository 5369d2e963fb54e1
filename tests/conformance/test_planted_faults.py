"""The conformance checks themselves: each planted fault is caught, and only then."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from canonical import Item, Message, Problem
from canonical.order import OrderPlaced
from connectors import conformance, goldens, registry
from connectors.contract import Identity
from connectors.fetching import Fetch
from connectors.goldens import Specimen
from connectors.raw import RawMessage
from connectors.scaffold import scaffold
from connectors.secret import Secret

NAME = "planted_shop"


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[Specimen]:
    """A connector without a fault, as the scaffold makes it."""
    scaffold(NAME, family="marketplace", folder=tmp_path)
    yield goldens.specimen_of(registry.load_folder(tmp_path / NAME), tmp_path / NAME)
    for module in (f"connectors.{NAME}", f"connectors.{NAME}.translate"):
        sys.modules.pop(module, None)


def _with(one: Specimen, **changes: object) -> Specimen:
    return replace(one, connector=replace(one.connector, **changes))  # type: ignore[arg-type]


def _with_manifest(one: Specimen, **changes: object) -> Specimen:
    manifest = one.connector.manifest.model_copy(update=changes)
    return _with(one, manifest=manifest)


def _rekeyed(one: Specimen, key: Callable[[RawMessage], str]) -> Specimen:
    def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
        for item in one.connector.translate(raw, identity):
            assert isinstance(item, Message)
            yield replace(item, key=item.key.extended(key(raw)))

    return _with(one, translate=translate)


def _findings(check: Callable[..., list[str]], one: Specimen) -> str:
    return "\n".join(check(one, one.fixtures[0]))


def test_a_sound_connector_has_no_findings(sound: Specimen) -> None:
    assert list(conformance.check_all(sound)) == []


def test_an_escaping_validation_error_is_caught(sound: Specimen) -> None:
    class Event(BaseModel):
        event: str
        event_id: str

    def identify(raw: RawMessage) -> Identity:
        event = Event.model_validate_json(raw.body)
        return Identity(event.event, event.event_id)

    faulty = _with(sound, identify=identify)
    assert "raised ValidationError" in _findings(conformance.check_truncation, faulty)


def test_a_foreign_exception_is_caught_in_changed_values(sound: Specimen) -> None:
    def translate(raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
        len(raw.json()["order"]["lines"])
        yield from sound.connector.translate(raw, identity)

    faulty = _with(sound, translate=translate)
    assert "raised" in _findings(conformance.check_other_values, faulty)


def test_a_verify_that_never_refuses_is_caught(sound: Specimen) -> None:
    faulty = _with(sound, verify=lambda _raw, secrets: (*secrets, Secret("none", b""))[0])
    findings = _findings(conformance.check_signature, faulty)
    for forged in ("tampered body", "no headers", "wrong secret", "no secret", "empty secret"):
        assert f"{forged}" in findings
    assert "rotation, old first" not in findings


def test_a_verify_that_fails_instead_of_refusing_is_caught(sound: Specimen) -> None:
    def verify(raw: RawMessage, secrets: list[Secret]) -> Secret:
        assert raw.headers["x-planted-shop-signature"]
        return sound.connector.verify(raw, secrets)

    faulty = _with(sound, verify=verify)
    assert "no headers: raised KeyError" in _findings(conformance.check_signature, faulty)


def test_a_verify_that_knows_only_the_first_secret_is_caught(sound: Specimen) -> None:
    faulty = _with(sound, verify=lambda raw, secrets: sound.connector.verify(raw, secrets[:1]))
    assert "rotation, new first: refused" in _findings(conformance.check_signature, faulty)


def test_a_clock_is_caught(sound: Specimen) -> None:
    faulty = _rekeyed(sound, lambda _raw: datetime.now(UTC).isoformat())
    assert "a second reading differs" in _findings(conformance.check_determinism, faulty)


def test_a_key_from_the_time_of_receipt_is_caught(sound: Specimen) -> None:
    faulty = _rekeyed(sound, lambda raw: raw.received_at.isoformat())
    assert _findings(conformance.check_determinism, faulty) == ""
    assert "a redelivery is another fact" in _findings(conformance.check_redelivery, faulty)


def test_a_key_from_a_delivery_header_is_caught(sound: Specimen) -> None:
    fixture = sound.fixtures[0]
    meta = fixture.meta.model_copy(
        update={"headers": {**fixture.meta.headers, "x-planted-shop-delivery-id": "d-1"}}
    )
    named = replace(sound, fixtures=(replace(fixture, meta=meta),))
    faulty = _rekeyed(named, lambda raw: raw.headers["x-planted-shop-delivery-id"])
    assert "a redelivery is another fact" in _findings(conformance.check_redelivery, faulty)
    settings = sound.settings.model_copy(update={"fact_headers": ("x-planted-shop-delivery-id",)})
    excused = replace(faulty, settings=settings)
    assert _findings(conformance.check_redelivery, excused) == ""


def test_an_undeclared_kind_is_caught(sound: Specimen) -> None:
    faulty = _with_manifest(sound, kinds=("order.updated",))
    findings = "\n".join(conformance.check_kinds(faulty))
    assert "kind 'order.created' is not declared" in findings
    assert "kind 'order.updated' has no fixture" in findings


def test_a_fixture_named_after_another_kind_is_caught(sound: Specimen) -> None:
    faulty = _with(sound, identify=lambda _raw: Identity("ping", "1"))
    assert "is named after another kind" in "\n".join(conformance.check_kinds(faulty))


def test_ignoring_everything_is_caught(sound: Specimen) -> None:
    faulty = _with_manifest(sound, ignored_kinds=("*",))
    assert "`*` would ignore" in "\n".join(conformance.check_kinds(faulty))


def test_an_undeclared_message_type_is_caught(sound: Specimen) -> None:
    faulty = _with_manifest(sound, emits=("o2c.order.changed", "o2c.order.invented"))
    assert "not in the manifest's emits" in _findings(conformance.check_answers, faulty)
    findings = "\n".join(conformance.check_emits(faulty))
    assert "no fixture emits o2c.order.changed" in findings
    assert "o2c.order.invented is no canonical type" in findings


def test_a_float_in_the_data_is_caught(sound: Specimen) -> None:
    class WithFloat(OrderPlaced):
        weight: float = 1.5

    def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
        for item in sound.connector.translate(raw, identity):
            assert isinstance(item, Message)
            data = WithFloat(order_id="1", channel=NAME, account=raw.account)
            yield replace(item, data=data)

    faulty = _with(sound, translate=translate)
    assert "a float at messages[0].data.weight" in _findings(conformance.check_answers, faulty)


def test_a_changed_answer_is_shown_as_a_difference(sound: Specimen) -> None:
    def translate(_raw: RawMessage, _identity: Identity) -> Iterator[Item]:
        yield Problem(code="bad_order", message="no such order")

    faulty = _with(sound, translate=translate)
    findings = _findings(conformance.check_golden, faulty)
    assert '-  "outcome": "translated"' in findings
    assert '+  "outcome": "dead"' in findings


def test_a_missing_golden_names_the_command(sound: Specimen) -> None:
    sound.fixtures[0].expected_path.unlink()
    findings = _findings(conformance.check_golden, sound)
    assert f"gateway connectors golden {NAME}" in findings


def test_a_readme_without_its_sections_is_caught(sound: Specimen) -> None:
    (sound.folder / "README.md").write_text("# Planted\n\norder.created\n")
    faulty = _with_manifest(sound, options={"zone": "the shop's own zone"})
    findings = "\n".join(conformance.check_readme(faulty))
    assert "no section on sources" in findings
    assert "does not mention 'zone'" in findings


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("import time", "imports time"),
        ("from connectors.stripe import translate", "imports connectors.stripe.translate"),
        ("from connectors import registry", "imports connectors.registry"),
        ("from httpx import get", "imports httpx.get"),
        ("from xml.etree import ElementTree", "imports xml.etree.ElementTree"),
        ("from .. import registry", "imports ...registry"),
        ("import datetime\nNOW = datetime.datetime.now()", "calls .now()"),
        ("AMOUNT = float('1.5')", "calls float()"),
        ("def f():\n    global AMOUNT", "keeps state in a global"),
    ],
)
def test_impure_source_is_caught(sound: Specimen, line: str, finding: str) -> None:
    (sound.folder / "extra.py").write_text(f"{line}\n")
    assert f"{finding}" in "\n".join(conformance.check_purity(sound))


def test_truncation_covers_every_prefix_of_a_small_body(sound: Specimen) -> None:
    seen: list[int] = []

    def identify(raw: RawMessage) -> None:
        seen.append(raw.size)

    body = sound.fixtures[0].raw.body
    conformance.check_truncation(_with(sound, identify=identify), sound.fixtures[0])
    assert set(seen) == set(range(len(body)))


def test_large_bodies_are_cut_at_three_hundred_places(sound: Specimen) -> None:
    seen: set[int] = set()

    def identify(raw: RawMessage) -> None:
        seen.add(raw.size)

    fixture = sound.fixtures[0]
    event = json.loads(fixture.raw.body)
    fixture.path.write_text(json.dumps({**event, "padding": "x" * 6000}))
    conformance.check_truncation(_with(sound, identify=identify), fixture)
    assert len(seen) == 300
