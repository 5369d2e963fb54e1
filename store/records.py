"""What goes into the store and what comes out of it, as plain values.

Those of every message are named tuples: they are made in a third of a frozen data class's time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a whole receipt is dead."""

    stage: str
    """receive, identify, translate, route, publish or fetch."""
    code: str
    path: str
    message: str


class Delivery(NamedTuple):
    """One delivery to be made durable."""

    receipt_id: int
    connector: str
    account: str
    kind: str
    delivery_key: str
    transport: str
    received_at: datetime
    headers: Mapping[str, str]
    filename: str | None
    digest: bytes
    """SHA-256 of the body."""
    size: int
    body: bytes | None
    """None: its parts were written before, under this receipt id."""
    secret_name: str | None
    traceparent: str | None
    failure: Failure | None
    """Set: the receipt is dead from the start."""
    ignored_reason: str | None
    """Set: the receipt is ignored from the start."""
    claimed_by: str
    claimed_until: datetime | None
    """None: nobody holds the receipt, and `claimed_by` is not kept."""


class Accepted(NamedTuple):
    """A delivery that is durable once the transaction is committed."""

    receipt_id: int
    first_receipt_id: int | None
    """The receipt that already holds this delivery; None for the first."""
    received_at: datetime
    """When the first was received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """A receipt as it stands."""

    receipt_id: int
    connector: str
    account: str
    kind: str
    delivery_key: str
    transport: str
    received_at: datetime
    headers: Mapping[str, str]
    filename: str | None
    digest: bytes
    size: int
    secret_name: str | None
    traceparent: str | None
    state: str
    """pending, translated, redelivered, ignored, dead or discarded."""
    first_receipt_id: int | None
    message_count: int
    ignored_count: int
    reason: str | None
    translated_at: datetime | None
    reopened_at: datetime | None
    """Set while a replay is outstanding."""


class NewMessage(NamedTuple):
    """A message as it was translated and routed, before its verdict."""

    row_id: int
    position: int
    message_id: str
    key: str
    key_digest: bytes
    content_digest: bytes
    type: str
    source: str
    subject: str
    occurred_at: datetime
    entity: str | None
    entity_digest: bytes | None
    version: str | None
    correlation: str
    partition_key: str
    schema_uri: str
    data: str
    destinations: tuple[str, ...]
    references: Sequence[tuple[str, str]]
    """(scheme, value), each pair once."""
    at: str


class FailedRecord(NamedTuple):
    """One record of a payload that could not become a message."""

    row_id: int
    dead_letter_id: int
    position: int
    code: str
    path: str
    at: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFetch:
    """An object that a thin event named and that is to be fetched."""

    fetch_id: int
    kind: str
    object_id: str
    at: str


class Translation(NamedTuple):
    """What became of a receipt, or (`final=False`) of the next chunk of it."""

    receipt_id: int
    connector: str
    account: str
    kind: str
    traceparent: str | None
    messages: Sequence[NewMessage]
    failures: Sequence[FailedRecord]
    ignored: int
    final: bool
    failure: Failure | None
    """Set: the whole receipt is dead; what earlier chunks recorded stands."""
    ignored_reason: str | None
    """Set on the last chunk of a payload of no interest: the receipt is ignored."""
    fetches: Sequence[NewFetch] = ()
    """Objects to fetch; what they say comes with receipts of their own."""

    @classmethod
    def of_failure(cls, receipt: ReceiptRow, failure: Failure) -> Translation:
        """A receipt that cannot be translated at all."""
        return cls(
            receipt_id=receipt.receipt_id,
            connector=receipt.connector,
            account=receipt.account,
            kind=receipt.kind,
            traceparent=receipt.traceparent,
            messages=(),
            failures=(),
            ignored=0,
            final=True,
            failure=failure,
            ignored_reason=None,
        )

    def failed(self, failure: Failure) -> Translation:
        """The same receipt, dead instead."""
        return self._replace(
            messages=(),
            failures=(),
            fetches=(),
            ignored=0,
            final=True,
            failure=failure,
            ignored_reason=None,
        )


class Recorded(NamedTuple):
    """What a message or failed record became."""

    row_id: int
    connector: str
    account: str
    message_id: str | None
    verdict: str
    """new, duplicate, stale, conflict or problem."""
    state: str
    """pending, duplicate, stale, conflict, dead or discarded."""
    leased: bool
    """Whether its recorder is to publish it; otherwise a pending message waits in the store."""


class OutboxRow(NamedTuple):
    """Everything the envelope of a message to be published is built from."""

    row_id: int
    receipt_id: int
    connector: str
    account: str
    message_id: str
    key: str
    type: str
    source: str
    subject: str
    occurred_at: datetime
    entity: str | None
    version: str | None
    correlation: str
    partition_key: str
    traceparent: str | None
    schema_uri: str
    data: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """A message row as it stands; rows of failed records have empty texts and no data."""

    row_id: int
    receipt_id: int
    position: int
    connector: str
    account: str
    message_id: str | None
    key: str
    type: str
    source: str
    subject: str
    occurred_at: datetime | None
    entity: str | None
    version: str | None
    correlation: str
    partition_key: str
    traceparent: str | None
    schema_uri: str
    data: str | None
    """None for duplicates and failed records."""
    content_digest: bytes | None
    destinations: tuple[str, ...]
    at: str
    verdict: str
    state: str
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One failure that waits for a person, or did."""

    dead_letter_id: int
    receipt_id: int | None
    message_row_id: int | None
    subscriber: str | None
    message_id: str | None
    connector: str
    account: str
    kind: str
    stage: str
    error_code: str
    field_path: str
    record_at: str
    message: str
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: str
    """open, replayed, resolved or discarded."""
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at something, for the history."""

    at: datetime
    receipt_id: int | None = None
    message_row_id: int | None = None
    subscriber: str | None = None
    message_id: str | None = None
    stage: str
    outcome: str
    """failed, succeeded, retry_scheduled, replayed or discarded."""
    error_code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was turned away; nothing of its body is kept."""

    id: int
    at: datetime
    connector: str
    account: str
    code: str
    body_digest: bytes
    size: int
    remote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A message a subscriber will be given again."""

    subscriber: str
    message_id: str
    stream: str
    envelope: str
    """The envelope as JSON."""
    attempts: int
    due_at: datetime
    error_code: str
    message: str
    first_failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRow:
    """One poll of one account as it stands."""

    connector: str
    account: str
    poll: str
    cursor: str | None
    since: datetime
    """From when on the next turn asks."""
    due_at: datetime
    last_started: datetime | None
    last_finished: datetime | None
    """When the last turn that succeeded ended."""
    last_error: str | None
    """Code and message of the last turn's failure; None when it succeeded."""
    failures: int
    """Turns that failed since the last that succeeded."""
    turns: int
    """Turns that succeeded."""
    found: int
    new_by_poll: int
    """Documents among those found that no earlier turn had brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRow:
    """A fetch as it stands."""

    fetch_id: int
    receipt_id: int
    """The receipt of the thin event."""
    connector: str
    account: str
    kind: str
    object_id: str
    at: str
    state: str
    """pending, done or dead."""
    attempts: int
    due_at: datetime
    created_at: datetime
    fetched_receipt_id: int | None
    error_code: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """An account that is neither polled nor fetched from until a person resumes it."""

    connector: str
    account: str
    since: datetime
    code: str
    message: str
