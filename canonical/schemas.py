"""JSON Schemas of the canonical messages: made from the models, published, and kept compatible.

A published schema only grows. What a reader of yesterday relied on stays; anything else is a new
`SCHEMA_VERSION` beside the old one. `python -m canonical.schemas docs/schemas` writes them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from canonical.errors import Unsupported
from canonical.families import FACT_OF
from canonical.payload import Payload, schema_uri

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Schema]:
    """Every schema as it is now, by name and version: `o2c.order.placed/v1`, `envelope/v1`."""
    facts = {f"{fact.TYPE}/v{fact.SCHEMA_VERSION}": _schema_of(fact) for fact in FACT_OF.values()}
    return {**facts, "envelope/v1": envelope_schema()}


def envelope_schema() -> Schema:
    """The CloudEvents 1.0 envelope with the hub's extension attributes, in structured mode."""
    optional = {"entityversion", "corrects", "traceparent"}
    return {
        "$schema": DIALECT,
        "$id": "urn:o2c:schema:envelope:v1",
        "title": "Envelope",
        "description": "A CloudEvents 1.0 envelope around one canonical message.",
        "type": "object",
        "properties": _ENVELOPE,
        "required": sorted(set(_ENVELOPE) - optional),
    }


def export(folder: Path) -> list[Path]:
    """Write every schema to `folder/<type>/v<version>.json`; returns the files that changed.

    Raises Unsupported with code `incompatible_schema` when a published one would break its
    readers; nothing is written then.
    """
    current = {folder / f"{name}.json": schema for name, schema in schemas().items()}
    broken = [reason for path, schema in current.items() for reason in _breaks(path, schema)]
    if broken:
        raise Unsupported(
            "give the payload a new SCHEMA_VERSION: " + "; ".join(broken),
            code="incompatible_schema",
        )
    changed = []
    for path, schema in current.items():
        text = schema_text(schema)
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            changed.append(path)
    return changed


def schema_text(schema: Schema) -> str:
    """A schema as it is published: sorted keys, a newline at the end."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """Why a reader of the old schema could stumble over data of the new one.

    More optional properties and more enum values are no reason: readers skip what they do not
    know. Each reason names the path, e.g. `lines[].sku: type string became integer`.
    """
    return list(_Comparison(old, new).reasons("", old, new))


def _schema_of(fact: type[Payload]) -> Schema:
    made = fact.model_json_schema(mode="serialization")
    _open(made)
    return {**made, "$schema": DIALECT, "$id": schema_uri(fact)}


def _open(node: Any) -> None:
    # The models refuse unknown fields when a message is made; a reader must not, or no field
    # could ever be added.
    if isinstance(node, dict):
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        for inner in node.values():
            _open(inner)
    elif isinstance(node, list):
        for inner in node:
            _open(inner)


def _breaks(path: Path, schema: Schema) -> Iterator[str]:
    if path.exists():
        published = json.loads(path.read_bytes())
        for reason in incompatibilities(published, schema):
            yield f"{path.parent.name}: {reason}"


class _Comparison:
    """Walks two schemas side by side, each with its own definitions."""

    _SAME = ("type", "format", "pattern", "const")
    _UPPER = ("maxLength", "maxItems", "maximum")
    _LOWER = ("minLength", "minItems", "minimum")

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str]] = set()

    def reasons(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._of_alternatives(path, _alternatives(old), _alternatives(new))
        else:
            yield from self._of_one(path, old, new)

    def _of_one(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        for word in self._SAME:
            if old.get(word) != new.get(word):
                yield _changed(path, word, old, new)
        yield from self._of_limits(path, old, new)
        if "enum" in new:
            gone = [value for value in old.get("enum", ()) if value not in new["enum"]]
            if gone or "enum" not in old:
                yield f"{path or 'root'}: enum was narrowed by {gone or 'its introduction'}"
        yield from self._of_properties(path, old, new)
        if "items" in old:
            yield from self.reasons(f"{path}[]", old["items"], new.get("items", {}))
        yield from self._of_additional(path, old, new)

    def _of_limits(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        for word in self._UPPER:
            if word in new and new[word] < old.get(word, float("inf")):
                yield _changed(path, word, old, new)
        for word in self._LOWER:
            if word in new and new[word] > old.get(word, float("-inf")):
                yield _changed(path, word, old, new)

    def _of_properties(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, inner in before.items():
            where = f"{path}.{name}" if path else name
            if name in after:
                yield from self.reasons(where, inner, after[name])
            else:
                yield f"{where}: property was removed"
        must, still = set(old.get("required", ())), set(new.get("required", ()))
        yield from (f"{path or 'root'}: {name} became required" for name in sorted(still - must))
        for name in sorted((must - still) & set(after)):
            yield f"{path or 'root'}: {name} is no longer always there"

    def _of_additional(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if after is False and before is not False:
            yield f"{path or 'root'}: additionalProperties were closed"
        elif isinstance(after, dict) and before is True:
            yield f"{path or 'root'}: additionalProperties were restricted"
        elif isinstance(after, dict) and isinstance(before, dict):
            yield from self.reasons(f"{path}.*", before, after)

    def _of_alternatives(self, path: str, old: list[Schema], new: list[Schema]) -> Iterator[str]:
        for one in old:
            if not any(self._fits(one, other) for other in new):
                yield from self._closest(path, one, new)
        for other in new:
            if not any(self._fits(one, other) for one in old) and len(new) > len(old):
                yield f"{path or 'root'}: alternative {_name(other)} was added"

    def _closest(self, path: str, one: Schema, new: list[Schema]) -> Iterator[str]:
        alike = [other for other in new if _name(other) == _name(one)]
        if alike:
            yield from _Comparison(self._old, self._new).reasons(path, one, alike[0])
        else:
            yield f"{path or 'root'}: alternative {_name(one)} was removed"

    def _fits(self, one: Schema, other: Schema) -> bool:
        return not any(_Comparison(self._old, self._new).reasons("", one, other))


def _alternatives(node: Schema) -> list[Schema]:
    # null is left out: absent fields are never published as null.
    listed = node.get("anyOf", [node])
    return [one for one in listed if one.get("type") != "null"]


def _resolved(root: Schema, node: Schema) -> Schema:
    ref = node.get("$ref")
    if ref is None:
        return node
    target: Schema = root
    for step in str(ref).removeprefix("#/").split("/"):
        target = target[step]
    return target


def _name(node: Schema) -> str:
    return str(node.get("$ref") or node.get("type") or "any")


def _changed(path: str, word: str, old: Schema, new: Schema) -> str:
    return f"{path or 'root'}: {word} {old.get(word)} became {new.get(word)}"


_TEXT: Schema = {"type": "string", "minLength": 1}
_ENVELOPE: dict[str, Schema] = {
    "specversion": {"const": "1.0", "description": "CloudEvents version."},
    "id": {
        "type": "string",
        "format": "uuid",
        "description": "Made from the idempotency key: a message sent again has the same id.",
    },
    "source": {
        "type": "string",
        "format": "uri-reference",
        "description": "Which connector and account reported the fact.",
    },
    "type": {**_TEXT, "description": "The kind of fact, e.g. o2c.order.placed."},
    "subject": {**_TEXT, "description": "What it is about, e.g. order/4507."},
    "time": {
        "type": "string",
        "format": "date-time",
        "description": "When it happened, by the sender's account; UTC.",
    },
    "datacontenttype": {"const": "application/json"},
    "dataschema": {**_TEXT, "format": "uri", "description": "$id of the schema of data."},
    "idempotencykey": {**_TEXT, "description": "Names the one business fact, whoever tells it."},
    "entityversion": {
        "type": "string",
        "description": "On states only: sorts in the order of the entity's versions.",
    },
    "correlationid": {**_TEXT, "description": "The order-to-cash chain."},
    "causationid": {**_TEXT, "description": "The receipt whose payload told the fact."},
    "partitionkey": {**_TEXT, "description": "Messages with the same one keep their order."},
    "corrects": {
        "type": "string",
        "format": "uuid",
        "description": "The id of the message this one replaces; only on corrections.",
    },
    "traceparent": {
        "type": "string",
        "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "description": "W3C Trace Context of the delivery.",
    },
    "data": {"type": "object", "description": "The fact, by its dataschema."},
}


if __name__ == "__main__":
    export(Path(sys.argv[1]))
