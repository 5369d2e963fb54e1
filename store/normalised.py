"""What translations become: message rows with their verdicts, in one commit with the receipts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from canonical.keys import message_id
from store.attempts import record_attempts
from store.dead_letters import (
    ReceiptFailure,
    fail_records_again,
    open_for_receipts,
    open_for_records,
)
from store.fetches import want
from store.matching import OpenReceipt, Plan, plan
from store.records import Attempt, FailedRecord, NewMessage, Recorded, Translation
from store.replays import finish_replays, reopen_receipt
from store.statements import (
    insert_all,
    insert_missing,
    is_state,
    select_among,
    storable,
    update_all,
)
from store.tables import message_references, messages, receipts
from store.times import micros, moment_or_none
from store.verdicts import Candidate, judge

__all__ = ["record", "reopen_receipt"]


def record(
    connection: Connection,
    translations: Sequence[Translation],
    now: datetime,
    *,
    owner: str,
    claimed_until: datetime,
) -> list[Recorded]:
    """Store what a batch of receipts became; returns the rows written.

    Receipts no longer pending are passed over: somebody else did them. Rows that a chunk recorded
    before are left and not returned. New messages are leased to `owner` for publishing; a record
    that a replay turned into a message is not: any relay takes it.
    """
    recorded: list[Recorded] = []
    for wave in _waves(translations):
        recorded += _Batch(connection, wave, now, owner, claimed_until).record()
    return recorded


def _waves(translations: Sequence[Translation]) -> Iterator[list[Translation]]:
    """The batch so cut that no receipt is in a part twice; almost always one part."""
    wave: dict[int, Translation] = {}
    for one in translations:
        if one.receipt_id in wave:
            yield list(wave.values())
            wave = {}
        wave[one.receipt_id] = one
    if wave:
        yield list(wave.values())


class _Batch:
    """One transaction's share of translations, each of another receipt."""

    def __init__(
        self,
        connection: Connection,
        translations: Sequence[Translation],
        now: datetime,
        owner: str,
        claimed_until: datetime,
    ) -> None:
        self._connection = connection
        self._now = now
        self._claim = {"claimed_by": owner, "claimed_until": micros(claimed_until)}
        held = _lock_pending(connection, translations)
        self._plans = [
            plan(connection, one, held[one.receipt_id])
            for one in translations
            if one.receipt_id in held
        ]

    def record(self) -> list[Recorded]:
        """Write everything; returns the rows that are new or changed."""
        recorded = [*self._write_messages(), *self._write_failures()]
        want(self._connection, [one.translation for one in self._plans], self._now)
        finish_replays(self._connection, self._plans, self._now)
        self._fail_receipts()
        self._settle_receipts()
        return recorded

    def _write_messages(self) -> list[Recorded]:
        plans = [(one, message) for one in self._plans for message in (*one.new, *one.revived)]
        candidates = [Candidate(one.receipt.receipt_id, message) for one, message in plans]
        verdicts = judge(self._connection, candidates, self._now)
        revived = {message.row_id for one in self._plans for message in one.revived}
        rows = [
            self._message_row(one.translation, message, verdict)
            for (one, message), verdict in zip(plans, verdicts, strict=True)
        ]
        insert_all(self._connection, messages, [row for row in rows if row["id"] not in revived])
        changed = [row | _UNCLAIMED for row in rows if row["id"] in revived]
        update_all(self._connection, messages, changed)
        self._write_references(candidates, verdicts)
        return [_recorded(row) for row in rows]

    def _message_row(
        self, translation: Translation, message: NewMessage, verdict: str
    ) -> dict[str, Any]:
        state = _state(message, verdict)
        return {
            "id": message.row_id,
            "receipt_id": translation.receipt_id,
            "position": message.position,
            "connector": translation.connector,
            "account": translation.account,
            "message_id": message_id(message.key_digest),
            "key": message.key,
            "type": message.type,
            "source": message.source,
            "subject": message.subject,
            "occurred_at": micros(message.occurred_at),
            "entity": message.entity,
            "version": message.version,
            "correlation": message.correlation,
            "partition_key": message.partition_key,
            "traceparent": translation.traceparent,
            "schema_uri": message.schema_uri,
            "data": None if verdict == "duplicate" else message.data,
            "content_digest": message.content_digest,
            "destinations": orjson.dumps(message.destinations).decode(),
            "at": message.at,
            "verdict": verdict,
            "state": state,
            "created_at": micros(self._now),
            **(self._claim if state == "pending" else _UNCLAIMED),
        }

    def _write_references(self, candidates: Sequence[Candidate], verdicts: Sequence[str]) -> None:
        """By what a message may be asked for; a duplicate is found through the first."""
        rows = [
            {"value": value, "scheme": scheme, "message_row_id": one.message.row_id}
            for one, verdict in zip(candidates, verdicts, strict=True)
            if verdict != "duplicate"
            for scheme, value in one.message.references
        ]
        insert_missing(self._connection, message_references, rows)

    def _write_failures(self) -> list[Recorded]:
        rows = []
        for one in self._plans:
            if not one.failures and not one.failed_again:
                continue
            at = max(self._now, one.receipt.reopened_at or self._now)
            rows += [self._failed_row(one.translation, failure) for failure in one.failures]
            open_for_records(self._connection, one.translation, one.failures, at)
            self._fail_again(one, at)
            tried = [(failure.row_id, failure) for failure in one.failures] + one.failed_again
            record_attempts(
                self._connection, [_failed_attempt(one, at, row_id, why) for row_id, why in tried]
            )
        insert_all(self._connection, messages, rows)
        return [_recorded(row) for row in rows]

    def _fail_again(self, one: Plan, at: datetime) -> None:
        if one.failed_again:
            fail_records_again(self._connection, one.translation, one.failed_again, at)
            # A row that an earlier replay no longer met may have been given up since.
            again = [{"id": row_id, "state": "dead"} for row_id, _ in one.failed_again]
            update_all(self._connection, messages, again)

    def _failed_row(self, translation: Translation, failure: FailedRecord) -> dict[str, Any]:
        return {
            "id": failure.row_id,
            "receipt_id": translation.receipt_id,
            "position": failure.position,
            "connector": translation.connector,
            "account": translation.account,
            "message_id": None,
            "traceparent": translation.traceparent,
            "destinations": "[]",
            "at": storable(failure.at),
            "verdict": "problem",
            "state": "dead",
            "created_at": micros(self._now),
            **dict.fromkeys(_EMPTY_TEXTS, ""),
        }

    def _fail_receipts(self) -> None:
        failures = [
            ReceiptFailure(
                receipt_id=one.receipt.receipt_id,
                connector=one.translation.connector,
                account=one.translation.account,
                kind=one.translation.kind or one.receipt.kind,
                failure=one.translation.failure,
                at=self._now,
            )
            for one in self._plans
            if one.translation.failure is not None
        ]
        if failures:
            open_for_receipts(self._connection, failures)
            record_attempts(self._connection, [_receipt_attempt(one) for one in failures])

    def _settle_receipts(self) -> None:
        chunks = [_counts(one) for one in self._plans if not one.translation.final]
        finals = [_counts(one) | self._ending(one) for one in self._plans if one.translation.final]
        added = ("message_count", "ignored_count")
        update_all(self._connection, receipts, chunks, added=added)
        update_all(self._connection, receipts, finals, added=added)

    def _ending(self, one: Plan) -> dict[str, Any]:
        state, reason = _receipt_state(one.translation)
        return {
            "state": state,
            "reason": reason,
            "kind": one.translation.kind or one.receipt.kind,
            "translated_at": micros(self._now) if state != "dead" else None,
            "reopened_at": None,
            **_UNCLAIMED,
        }


_UNCLAIMED = {"claimed_by": None, "claimed_until": None}
_EMPTY_TEXTS = ("key", "type", "source", "subject", "correlation", "partition_key", "schema_uri")


def _lock_pending(
    connection: Connection, translations: Sequence[Translation]
) -> dict[int, OpenReceipt]:
    statement = (
        select(receipts.c.id, receipts.c.kind, receipts.c.message_count, receipts.c.reopened_at)
        .where(is_state(receipts.c.state, "pending"))
        .order_by(receipts.c.id)
        .with_for_update()
    )
    wanted = sorted({one.receipt_id for one in translations})
    return {
        found.id: OpenReceipt(
            found.id, found.kind, found.message_count, moment_or_none(found.reopened_at)
        )
        for found in select_among(connection, statement, receipts.c.id, wanted)
    }


def _state(message: NewMessage, verdict: str) -> str:
    if verdict != "new":
        return verdict
    return "pending" if message.destinations else "discarded"


def _receipt_state(translation: Translation) -> tuple[str, str | None]:
    if translation.failure is not None:
        return "dead", translation.failure.code
    if translation.ignored_reason is not None:
        return "ignored", translation.ignored_reason
    return "translated", None


def _counts(one: Plan) -> dict[str, Any]:
    return {
        "id": one.receipt.receipt_id,
        "message_count": one.added,
        "ignored_count": one.translation.ignored,
    }


def _recorded(row: dict[str, Any]) -> Recorded:
    return Recorded(
        row_id=row["id"],
        message_id=row["message_id"],
        verdict=row["verdict"],
        state=row["state"],
    )


def _failed_attempt(one: Plan, at: datetime, row_id: int, failure: FailedRecord) -> Attempt:
    return Attempt(
        at=at,
        receipt_id=one.receipt.receipt_id,
        message_row_id=row_id,
        stage="translate",
        outcome="failed",
        error_code=failure.code,
        message=failure.message,
    )


def _receipt_attempt(one: ReceiptFailure) -> Attempt:
    return Attempt(
        at=one.at,
        receipt_id=one.receipt_id,
        stage=one.failure.stage,
        outcome="failed",
        error_code=one.failure.code,
        message=one.failure.message,
    )
