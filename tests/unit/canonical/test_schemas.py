"""Published schemas are those of the models, and no reader of them is ever broken unasked."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from canonical import Unsupported
from canonical.families import FACT_OF
from canonical.schemas import export, incompatibilities, schema_text, schemas

PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "schemas"
COMMAND = "python -m canonical.schemas docs/schemas"

Schema = dict[str, Any]


@pytest.mark.parametrize("name", sorted(schemas()))
def test_what_is_published_is_what_is_sent(name: str) -> None:
    path = PUBLISHED / f"{name}.json"
    assert path.exists(), f"publish it: {COMMAND}"
    text, current = path.read_text("utf-8"), schemas()[name]
    broken = incompatibilities(json.loads(text), current)
    assert not broken, "readers would break; raise SCHEMA_VERSION:\n" + "\n".join(broken)
    assert text == schema_text(current), f"publish the addition: {COMMAND}"


def test_old_versions_stay_published_and_nothing_else_is() -> None:
    current = schemas()
    for path in PUBLISHED.rglob("*.json"):
        type_, version = path.parent.name, int(path.stem.removeprefix("v"))
        newest = FACT_OF[type_].SCHEMA_VERSION if type_ in FACT_OF else 1
        assert f"{type_}/v{newest}" in current, f"{path} belongs to no message type"
        assert version <= newest


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schemas_are_valid_and_described(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    type_, version = name.split("/")
    assert schema["$id"] == f"urn:o2c:schema:{type_}:{version}"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert schema["description"]


def test_a_reader_takes_fields_it_does_not_know() -> None:
    assert '"additionalProperties": false' not in "".join(map(schema_text, schemas().values()))


ORDER = {"order_id": "1", "channel": "shop", "account": "acme"}


def test_amounts_are_text_in_the_schema() -> None:
    validator = Draft202012Validator(schemas()["o2c.order.placed/v1"])
    validator.validate({**ORDER, "totals": {"total": {"amount": "10.00", "currency": "EUR"}}})
    for amount in (10.0, 10, "1e5", "10,00"):
        with pytest.raises(ValidationError):
            validator.validate(
                {**ORDER, "totals": {"total": {"amount": amount, "currency": "EUR"}}}
            )


def test_the_envelope_names_its_attributes() -> None:
    event = {
        "specversion": "1.0",
        "id": "ea046430-181a-8b31-a3cd-0d454c459018",
        "source": "/shop/acme",
        "type": "o2c.order.placed",
        "subject": "order/1",
        "time": "2026-03-02T10:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:o2c:schema:o2c.order.placed:v1",
        "idempotencykey": "order/shop/acme/1",
        "correlationid": "shop/acme/order/1",
        "causationid": "1",
        "partitionkey": "shop/acme/order/1",
        "data": ORDER,
    }
    validator = Draft202012Validator(schemas()["envelope/v1"])
    validator.validate(event)
    validator.validate(
        {**event, "entityversion": "1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    )
    for name in event:
        with pytest.raises(ValidationError):
            validator.validate({key: value for key, value in event.items() if key != name})


# export


def test_export_writes_once_and_then_only_what_changed(tmp_path: Path) -> None:
    assert len(export(tmp_path)) == len(schemas())
    assert export(tmp_path) == []
    path = tmp_path / "o2c.order.placed" / "v1.json"
    published = json.loads(path.read_text())
    del published["properties"]["payment_terms"]
    path.write_text(schema_text(published))
    assert export(tmp_path) == [path]


def test_export_refuses_to_break_a_published_schema(tmp_path: Path) -> None:
    export(tmp_path)
    path = tmp_path / "o2c.order.placed" / "v1.json"
    published = json.loads(path.read_text())
    published["properties"]["loyalty"] = {"type": "string"}
    path.write_text(schema_text(published))
    with pytest.raises(Unsupported, match=r"o2c\.order\.placed: loyalty: property was removed"):
        export(tmp_path)
    assert "loyalty" in path.read_text()


# incompatibilities

BASE: Schema = {
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {
                "sku": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            },
            "required": ["sku"],
        },
        "State": {"type": "string", "enum": ["OPEN", "SHUT"]},
    },
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "note": {"anyOf": [{"type": "string", "maxLength": 40}, {"type": "null"}]},
        "at": {"type": "string", "format": "date-time"},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "state": {"$ref": "#/$defs/State"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["id"],
}


def _changed(path: str, value: Any = None) -> Schema:
    """BASE with the value at a path replaced, or removed where there is none."""
    new = copy.deepcopy(BASE)
    *steps, last = path.split("/")
    node: Any = new
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/extra", {"type": "string"}),
        ("$defs/Line/properties/colour", {"type": "string"}),
        ("$defs/State/enum", ["OPEN", "SHUT", "AJAR"]),
        ("$defs/Unused", {"type": "object"}),
        ("description", "other words"),
        ("properties/note", {"type": "string", "maxLength": 80}),
        ("properties/id", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("properties/state", {"type": "string", "enum": ["OPEN", "SHUT"]}),
    ],
)
def test_what_only_adds_is_compatible(path: str, value: Any) -> None:
    assert incompatibilities(BASE, _changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("properties/id", None, "id: property was removed"),
        ("$defs/Line/properties/sku", None, "lines[].sku: property was removed"),
        ("properties/id/type", "integer", "id: type string became integer"),
        ("properties/at/format", "date", "at: format date-time became date"),
        ("properties/at/format", None, "at: format date-time became None"),
        ("properties/code/pattern", "^[A-Z]{3}$", "code: pattern ^[A-Z]+$ became ^[A-Z]{3}$"),
        ("$defs/State/enum", ["OPEN"], "state: enum was narrowed by ['SHUT']"),
        ("properties/code/enum", ["A"], "code: enum was narrowed by its introduction"),
        ("required", ["id", "at"], "root: at became required"),
        ("required", [], "root: id is no longer always there"),
        ("$defs/Line/required", ["sku", "parts"], "lines[]: parts became required"),
        ("additionalProperties", False, "root: additionalProperties were closed"),
        ("additionalProperties", {"type": "string"}, "root: additionalProperties were restricted"),
        (
            "properties/labels/additionalProperties",
            {"type": "integer"},
            "labels.*: type string became integer",
        ),
        ("properties/note/anyOf/0/type", "integer", "note: alternative string was removed"),
        ("properties/note/anyOf/0/maxLength", 20, "note: maxLength 40 became 20"),
        (
            "properties/note/anyOf",
            [{"type": "string", "maxLength": 40}, {"type": "integer"}],
            "note: alternative integer was added",
        ),
        ("properties/lines/items", {"type": "string"}, "lines[]: type object became string"),
        ("properties/id/minLength", 1, "id: minLength None became 1"),
    ],
)
def test_what_breaks_a_reader_is_named(path: str, value: Any, reason: str) -> None:
    assert reason in incompatibilities(BASE, _changed(path, value))


def test_a_schema_is_compatible_with_itself_however_deep_it_refers_to_itself() -> None:
    for schema in (BASE, *schemas().values()):
        assert incompatibilities(schema, schema) == []
