"""The stream entry: a CloudEvents 1.0 event as flat fields that any Redis client can read.

Source: CloudEvents 1.0.2 and its documented extensions (correlation, partitioning, distributed
tracing); `idempotencykey`, `entityversion` and `corrects` are extensions of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from pydantic import ValidationError

from canonical.errors import Malformed, Unsupported
from canonical.families import FACT_OF
from canonical.payload import Payload, schema_uri
from store.ids import RECEIPT, show_id
from store.mending.corrections import CORRECTION, corrected_id

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"
REQUIRED: Final = (
    "id",
    "source",
    "type",
    "subject",
    "time",
    "dataschema",
    "idempotencykey",
    "correlationid",
    "causationid",
    "partitionkey",
)
OPTIONAL: Final = ("entityversion", "corrects", "traceparent")
_REQUIRED_RAW: Final = tuple((name, name.encode()) for name in (*REQUIRED, "data"))
_OPTIONAL_RAW: Final = tuple((name, name.encode()) for name in OPTIONAL)


class OutboxRow(Protocol):
    """What is needed of a message row to publish it (`store.records.OutboxRow` is one)."""

    @property
    def receipt_id(self) -> int: ...
    @property
    def message_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def version(self) -> str | None: ...
    @property
    def correlation(self) -> str: ...
    @property
    def partition_key(self) -> str: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def schema_uri(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def destinations(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message as it was read from a stream."""

    id: str
    """Derived from the idempotency key: a fact published twice has the same id."""
    source: str
    type: str
    """`o2c.order.placed` …"""
    subject: str
    time: datetime
    """When it happened by the sender's account, in UTC."""
    dataschema: str
    idempotencykey: str
    correlationid: str
    """The order-to-cash chain as far as it was known."""
    causationid: str
    """The receipt it came from."""
    partitionkey: str
    data: str
    """The canonical data as JSON text."""
    entityversion: str | None = None
    """Sorts in the order of the entity's versions; only on snapshots."""
    corrects: str | None = None
    """The id of the message this one replaces; only on corrections."""
    traceparent: str | None = None

    def payload(self) -> Payload:
        """The data as its canonical type.

        Raises Unsupported for a type or schema version not known here, Malformed for data that
        does not fit its schema.
        """
        fact = FACT_OF.get(self.type)
        if fact is None:
            raise Unsupported(
                "this message type is not known here", code="unknown_type", path="type"
            )
        if self.dataschema != schema_uri(fact):
            raise Unsupported(
                "this version of the schema is not known here",
                code="unknown_schema_version",
                path="dataschema",
            )
        try:
            return fact.model_validate_json(self.data)
        except ValidationError as error:
            path = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            raise Malformed(
                "the data does not fit its schema", code="invalid_value", path=f"data.{path}"
            ) from None


def entry_fields(row: OutboxRow) -> dict[str, str]:
    """The stream entry of a message row: the fields of `docs/streams.md`."""
    fields = {
        "specversion": SPEC_VERSION,
        "id": row.message_id,
        "source": row.source,
        "type": row.type,
        "subject": row.subject,
        "time": time_text(row.occurred_at),
        "datacontenttype": CONTENT_TYPE,
        "dataschema": row.schema_uri,
        "idempotencykey": row.key,
        "correlationid": row.correlation,
        "causationid": show_id(RECEIPT, row.receipt_id),
        "partitionkey": row.partition_key,
        "data": row.data,
    }
    if row.version is not None:
        fields["entityversion"] = row.version
    if CORRECTION in row.key and (corrects := corrected_id(row.key)) is not None:
        fields["corrects"] = corrects
    if row.traceparent is not None:
        fields["traceparent"] = row.traceparent
    return fields


def parse_entry(fields: Mapping[bytes, bytes]) -> Envelope:
    """The message in a stream entry. Fields not known here are left aside.

    Raises Malformed (`malformed_envelope`) when it is not one: a field is missing, not UTF-8 or
    not what it must be. The data is only checked to be there: `Envelope.payload` reads it.
    """
    if fields.get(b"specversion") != b"1.0":
        raise _malformed("specversion", "is not 1.0")
    if fields.get(b"datacontenttype", b"application/json") != b"application/json":
        raise _malformed("datacontenttype", "is not application/json")
    texts = {name: _text(fields, raw, name) for name, raw in _REQUIRED_RAW}
    for name, raw in _OPTIONAL_RAW:
        if raw in fields:
            texts[name] = _text(fields, raw, name)
    for name in ("id", "source", "type"):
        if not texts[name]:
            raise _malformed(name, "is empty")
    time = _moment(texts.pop("time"))
    return Envelope(time=time, **texts)


def envelope_text(envelope: Envelope) -> str:
    """The entry's fields as one JSON object of texts: how a message waits for its retry."""
    fields = {"specversion": SPEC_VERSION, "datacontenttype": CONTENT_TYPE}
    for name in (*REQUIRED, *OPTIONAL, "data"):
        value = getattr(envelope, name)
        if value is not None:
            fields[name] = time_text(value) if name == "time" else value
    return orjson.dumps(fields).decode()


def envelope_of_text(text: str) -> Envelope:
    """The message in a text made of `entry_fields` or by `envelope_text`. Raises Malformed."""
    try:
        fields = orjson.loads(text)
        raw = {name.encode(): value.encode() for name, value in fields.items()}
    except (orjson.JSONDecodeError, AttributeError):
        raise _malformed("text", "is not an object of texts") from None
    return parse_entry(raw)


def cloudevent(envelope: Envelope) -> dict[str, Any]:
    """The structured JSON form of the event (CloudEvents JSON Event Format), data included.

    Raises Malformed when the data is not JSON.
    """
    event: dict[str, Any] = {"specversion": SPEC_VERSION, "datacontenttype": CONTENT_TYPE}
    for name in (*REQUIRED, *OPTIONAL):
        value = getattr(envelope, name)
        if value is not None:
            event[name] = time_text(value) if name == "time" else value
    try:
        event["data"] = orjson.loads(envelope.data)
    except orjson.JSONDecodeError:
        raise _malformed("data", "is not JSON") from None
    return event


def time_text(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC, e.g. `2026-03-02T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def _text(fields: Mapping[bytes, bytes], raw: bytes, name: str) -> str:
    value = fields.get(raw)
    if value is None:
        raise _malformed(name, "is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _malformed(name, "is not UTF-8") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise _malformed("time", "has no zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _malformed("time", "is not a time of RFC 3339") from None


def _malformed(path: str, what: str) -> Malformed:
    return Malformed(f"the entry's {path} {what}", code="malformed_envelope", path=path)
