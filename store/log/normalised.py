"""What translations become: message rows with their verdicts, in one commit with the receipts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Select, func, select

from store.failures.attempts import record_attempts
from store.failures.dead_letters import (
    ReceiptFailure,
    fail_records_again,
    open_for_receipts,
    open_for_records,
)
from store.intake.fetches import want
from store.log.matching import OpenReceipt, Plan, plan
from store.log.message_log import LOGGED, append_block
from store.log.partition_order import held_elsewhere
from store.log.replays import finish_replays, reopen_receipt
from store.log.verdicts import Candidate, judge
from store.records import Attempt, FailedRecord, NewMessage, Recorded, Translation
from store.statements import (
    insert_all,
    insert_free,
    insert_values,
    is_postgresql,
    is_state,
    listed,
    listing,
    run,
    storable,
    update_all,
    update_values,
)
from store.tables import message_references, messages, receipts
from store.times import micros, moment_or_none

__all__ = ["record", "reopen_receipt"]


def record(
    connection: Connection,
    translations: Sequence[Translation],
    now: datetime,
    *,
    owner: str,
    claimed_until: datetime | None,
) -> list[Recorded]:
    """Store what a batch of receipts became; returns the rows written.

    Receipts no longer pending are passed over: somebody else did them. Rows that a chunk recorded
    before are left and not returned. New messages are leased to `owner` for publishing (not
    without `claimed_until`); a record that a replay turned into a message is not: any relay takes
    it.
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
        claimed_until: datetime | None,
    ) -> None:
        self._connection = connection
        self._now = now
        self._at = micros(now)
        self._owner = owner
        self._until = None if claimed_until is None else micros(claimed_until)
        self._elsewhere: set[str] = set()
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
        fresh = [(one.translation, message) for one in self._plans for message in one.new]
        again = [(one.translation, message) for one in self._plans for message in one.revived]
        found = fresh + again
        candidates = [Candidate(one.receipt_id, message) for one, message in found]
        verdicts = judge(self._connection, candidates, self._now)
        # Asked after the verdicts: they have waited for whoever was recording the same entities.
        self._elsewhere = self._held_elsewhere(candidates, verdicts)
        judged = [(*pair, verdict) for pair, verdict in zip(found, verdicts, strict=True)]
        written = [self._message_values(*one) for one in judged[: len(fresh)]]
        insert_values(self._connection, messages, _MESSAGE, written)
        written += self._revive(judged[len(fresh) :])
        append_block(self._connection, written, self._now)
        self._write_references(candidates, verdicts)
        return [self._recorded(*one) for one in judged]

    def _held_elsewhere(self, candidates: Sequence[Candidate], verdicts: Sequence[str]) -> set[str]:
        """Partitions whose next message another process is to publish."""
        new = [
            one.message.partition_key
            for one, verdict in zip(candidates, verdicts, strict=True)
            if verdict == "new"
        ]
        return held_elsewhere(self._connection, new, self._owner, self._at)

    def _recorded(self, translation: Translation, message: NewMessage, verdict: str) -> Recorded:
        state = _state(message, verdict)
        return Recorded(
            message.row_id, translation.connector, translation.account, message.message_id,
            verdict, state, self._leases(message, state),
        )  # fmt: skip

    def _leases(self, message: NewMessage, state: str) -> bool:
        return (
            state == "pending"
            and self._until is not None
            and message.partition_key not in self._elsewhere
        )

    def _revive(
        self, judged: Sequence[tuple[Translation, NewMessage, str]]
    ) -> list[tuple[Any, ...]]:
        """Dead rows that are messages now; unclaimed, for any relay."""
        values = [self._message_values(*one) for one in judged]
        rows = [dict(zip(_MESSAGE, one, strict=True)) | _UNCLAIMED for one in values]
        update_all(self._connection, messages, rows)
        return values

    def _message_values(
        self, translation: Translation, message: NewMessage, verdict: str
    ) -> tuple[Any, ...]:
        """A row's values in the order of `_MESSAGE`."""
        state = _state(message, verdict)
        leased = self._leases(message, state)
        return (
            message.row_id, translation.receipt_id, message.position, translation.connector,
            translation.account, message.message_id, message.key, message.type, message.source,
            message.subject, micros(message.occurred_at), message.entity, message.version,
            message.correlation, message.partition_key, translation.traceparent,
            message.schema_uri, None if verdict == "duplicate" else message.data,
            message.content_digest, _json_list(message.destinations), message.at, verdict, state,
            self._at, self._owner if leased else None, self._until if leased else None,
        )  # fmt: skip

    def _write_references(self, candidates: Sequence[Candidate], verdicts: Sequence[str]) -> None:
        """By what a message may be asked for; a duplicate is found through the first."""
        values = [
            (value, scheme, one.message.row_id)
            for one, verdict in zip(candidates, verdicts, strict=True)
            if verdict != "duplicate"
            for scheme, value in one.message.references
        ]
        insert_free(self._connection, message_references, _REFERENCE, values)

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
        return [_recorded_failure(row) for row in rows]

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
        finals = [one for one in self._plans if one.translation.final]
        counted = [_counts(one) for one in self._plans if not one.translation.final]
        ended = [(*_counts(one), *self._ending(one)) for one in finals]
        update_values(self._connection, receipts, _COUNTS, counted, added=_COUNTS[1:])
        update_values(self._connection, receipts, _ENDING, ended, added=_COUNTS[1:])

    def _ending(self, one: Plan) -> tuple[Any, ...]:
        state, reason = _receipt_state(one.translation)
        kind = one.translation.kind or one.receipt.kind
        return state, reason, kind, self._at if state != "dead" else None, None, None, None


_MESSAGE = (
    *LOGGED, "content_digest", "destinations", "at", "verdict", "state", "created_at",
    "claimed_by", "claimed_until",
)  # fmt: skip
_REFERENCE = ("value", "scheme", "message_row_id")
_COUNTS = ("id", "message_count", "ignored_count")
_ENDING = (
    *_COUNTS, "state", "reason", "kind", "translated_at", "reopened_at", "claimed_by",
    "claimed_until",
)  # fmt: skip
_UNCLAIMED = {"claimed_by": None, "claimed_until": None}
_EMPTY_TEXTS = ("key", "type", "source", "subject", "correlation", "partition_key", "schema_uri")


def _lock_pending(
    connection: Connection, translations: Sequence[Translation]
) -> dict[int, OpenReceipt]:
    wanted = sorted({one.receipt_id for one in translations})
    statement = _pending(postgresql=is_postgresql(connection))
    found = run(connection, statement, {"listed": listing(connection, wanted)}).rows
    rows = found if is_postgresql(connection) else orjson.loads(found[0][0])
    return {
        receipt_id: OpenReceipt(receipt_id, kind, count, moment_or_none(reopened_at))
        for receipt_id, kind, count, reopened_at in rows
    }


@cache
def _pending(*, postgresql: bool) -> Select[Any]:
    table = receipts.c
    columns = (table.id, table.kind, table.message_count, table.reopened_at)
    held = listed(table.id, postgresql=postgresql), is_state(table.state, "pending")
    if postgresql:
        return select(*columns).where(*held).order_by(table.id).with_for_update()
    # As one row: every row that is read waits for the interpreter's lock (see `sqlite_rows`).
    return select(func.json_group_array(func.json_array(*columns))).where(*held)


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


def _counts(one: Plan) -> tuple[int, int, int]:
    return one.receipt.receipt_id, one.added, one.translation.ignored


@lru_cache(maxsize=1000)
def _json_list(destinations: tuple[str, ...]) -> str:
    # Few different lists: they are made by a routing table.
    return orjson.dumps(destinations).decode()


def _recorded_failure(row: dict[str, Any]) -> Recorded:
    return Recorded(
        row["id"], row["connector"], row["account"], None, row["verdict"], row["state"], False
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
