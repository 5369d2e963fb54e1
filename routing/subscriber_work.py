"""What becomes of messages that were read: one effect, a retry, or a dead letter; never lost.

Everything about a batch is one transaction: the marks in the inbox, the handlers' effects, the
retries of those that failed. Whoever reads acknowledges after it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby, repeat
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from canonical.errors import GatewayError, Malformed, Unavailable
from routing.envelope import Envelope, envelope_of_text, envelope_text, parse_entry
from routing.retry import GiveUp, Randomness, RetryAt, RetryPolicy, decide
from routing.spans import Spans, process_spans
from routing.subscriber_handlers import Handlers, InTransaction
from routing.subscriber_streams import Entry
from store import subscriptions
from store.database import Database
from store.failures import dead_letters
from store.failures.dead_letters import SubscriberFailure
from store.ids import RECEIPT, IdSource, parse_id
from store.records import Retry

RETRY_BATCH: Final = 50
RETRY_LEASE: Final = timedelta(minutes=5)
STORE_BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

Clock = Callable[[], datetime]
T = TypeVar("T")

log = structlog.get_logger(__name__)


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Wait so long at most for the event; whether it happened."""
    # Not wait_for: on Python 3.11 a cancel that meets the event is lost in it.
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to be handled now."""

    envelope: Envelope
    stream: str
    failed_before: int = 0
    """Tries that failed already."""
    first_failed_at: datetime | None = None
    is_retry: bool = False
    """Whether it comes from the store rather than from a stream."""


class Work:
    """Handles deliveries for one subscriber."""

    def __init__(
        self,
        name: str,
        database: Database,
        handlers: Handlers,
        policy: RetryPolicy,
        *,
        stopping: asyncio.Event,
        clock: Clock,
        randomness: Randomness = random.random,
        spans: Spans | None = None,
    ) -> None:
        self._name = name
        self._stopping = stopping
        self._database = database
        self._handlers = (spans or process_spans()).traced(name, handlers)
        self._policy = policy
        self._clock = clock
        self._randomness = randomness
        self._ids = IdSource()

    async def handle_entries(self, entries: Sequence[Entry]) -> None:
        """Handle what was read from a stream. When this returns, all of it may be acknowledged.

        Raises Unavailable when the subscriber stopped before the store could take it: then
        nothing is to be acknowledged.
        """
        deliveries: list[Delivery] = []
        unreadable: list[tuple[Entry, Malformed]] = []
        for entry in entries:
            try:
                envelope = parse_entry(entry.fields)
            except Malformed as error:
                unreadable.append((entry, error))
            else:
                deliveries.append(Delivery(envelope=envelope, stream=entry.stream))
        if unreadable:
            await self._write(lambda connection: self._bury_unreadable(connection, unreadable))
        await self._handle(deliveries)

    async def bury(self, entry: Entry, error: GatewayError) -> None:
        """Send an entry to the workbench without trying it. Raises Unavailable."""
        try:
            delivery = Delivery(envelope=parse_entry(entry.fields), stream=entry.stream)
        except Malformed:
            lost = [(entry, error)]
            await self._write(lambda connection: self._bury_unreadable(connection, lost))
        else:
            await self._write(lambda connection: self._dead_letter(connection, delivery, error))

    async def handle_due(self) -> int:
        """Try again what is due; returns how many messages that were. Raises Unavailable."""
        now = self._clock()
        due = await self._write(
            lambda connection: subscriptions.due_retries(
                connection, self._name, now, RETRY_BATCH, RETRY_LEASE
            )
        )
        await self._handle(
            [
                Delivery(
                    envelope=envelope_of_text(one.envelope),
                    stream=one.stream,
                    failed_before=one.attempts,
                    first_failed_at=one.first_failed_at if one.attempts else None,
                    is_retry=True,
                )
                for one in due
            ]
        )
        return len(due)

    async def _handle(self, deliveries: Iterable[Delivery]) -> None:
        # Runs of one kind, so that the order on the stream is the order of handling.
        for in_transaction, run in groupby(deliveries, self._is_in_transaction):
            if in_transaction:
                await self._handle_together(list(run))
            else:
                for delivery in run:
                    await self._call(delivery)

    def _is_in_transaction(self, delivery: Delivery) -> bool:
        return isinstance(self._handlers.find(delivery.envelope.type), InTransaction)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Write, and wait for a store that is down: reading on would only pile up what is pending.

        Raises Unavailable when the subscriber stops meanwhile.
        """
        for delay_s in chain(STORE_BACKOFF_S, repeat(STORE_BACKOFF_S[-1])):
            try:
                return await self._database.write(work)
            except Unavailable as error:
                if await happens(self._stopping, delay_s):
                    raise
                log.warning("waiting for the store", subscriber=self._name, code=error.code)
        raise AssertionError("unreachable")

    # ── handlers with effects in the transaction ─────────────────────────────────────────────────

    async def _handle_together(self, deliveries: Sequence[Delivery]) -> None:
        try:
            await self._write(lambda connection: self._apply_all(connection, deliveries))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what only the commit refuses may be anything
            await self._handle_apart(deliveries, error)

    async def _handle_apart(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        """The transaction was refused as a whole: find the one message that is to blame."""
        if len(deliveries) > 1:
            for delivery in deliveries:
                await self._handle_together([delivery])
            return
        await self._write(lambda connection: self._failed(connection, deliveries[0], error))

    def _apply_all(self, connection: Connection, deliveries: Sequence[Delivery]) -> None:
        """Mark all, handle each; those that fail lose their mark and get a retry instead."""
        fresh = self._mark_fresh(connection, deliveries)
        failed: list[tuple[Delivery, Exception]] = []
        for delivery in deliveries:
            if delivery.envelope.id not in fresh:
                continue
            # A batch may hold one message twice.
            fresh.remove(delivery.envelope.id)
            error = self._apply(connection, delivery)
            if error is not None:
                failed.append((delivery, error))
            elif delivery.is_retry:
                self._finish(connection, delivery)
        if failed:
            ids = [delivery.envelope.id for delivery, _ in failed]
            subscriptions.unmark_handled(connection, self._name, ids)
        for delivery, error in failed:
            self._failed(connection, delivery, error)

    def _mark_fresh(self, connection: Connection, deliveries: Sequence[Delivery]) -> set[str]:
        """Mark what is to be handled now, and nobody has handled; returns the ids.

        Marked before it is handled: whoever handles a copy at the same time waits here.
        """
        aside = self._aside(connection, deliveries)
        ids = [one.envelope.id for one in deliveries if one.envelope.id not in aside]
        fresh = subscriptions.mark_handled(connection, self._name, ids, self._clock())
        for delivery in deliveries:
            if delivery.is_retry and delivery.envelope.id not in fresh:
                self._finish(connection, delivery)
        return fresh

    def _apply(self, connection: Connection, delivery: Delivery) -> Exception | None:
        """Handle one message or leave no trace of it. Raises what has ended the transaction."""
        handler = self._handlers.find(delivery.envelope.type)
        # At a fifth of the cost of the library's own nested transaction.
        connection.exec_driver_sql("SAVEPOINT delivery")
        try:
            if isinstance(handler, InTransaction):
                handler.run(delivery.envelope, connection)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT delivery")
            connection.exec_driver_sql("RELEASE SAVEPOINT delivery")
            return error
        connection.exec_driver_sql("RELEASE SAVEPOINT delivery")
        return None

    # ── handlers with effects elsewhere ──────────────────────────────────────────────────────────

    async def _call(self, delivery: Delivery) -> None:
        handler = self._handlers.find(delivery.envelope.type)
        if isinstance(handler, InTransaction) or await self._write(
            lambda connection: self._settled(connection, delivery)
        ):
            return
        try:
            await handler.run(delivery.envelope)
        except Exception as error:  # noqa: BLE001 - any failure of a handler is a retry
            failure = error
            await self._write(lambda connection: self._failed(connection, delivery, failure))
        else:
            await self._write(lambda connection: self._succeeded(connection, delivery))

    # ── what the store keeps about a message ─────────────────────────────────────────────────────

    def _settled(self, connection: Connection, delivery: Delivery) -> bool:
        """Whether there is nothing to do for this message here and now."""
        ids = [delivery.envelope.id]
        handled = subscriptions.already_handled(connection, self._name, ids)
        if handled and delivery.is_retry:
            self._finish(connection, delivery)
        return bool(handled or self._aside(connection, [delivery]))

    def _aside(self, connection: Connection, deliveries: Sequence[Delivery]) -> set[str]:
        ids = [one.envelope.id for one in deliveries if not one.is_retry]
        return subscriptions.set_aside(connection, self._name, ids) if ids else set()

    def _succeeded(self, connection: Connection, delivery: Delivery) -> None:
        ids = [delivery.envelope.id]
        subscriptions.mark_handled(connection, self._name, ids, self._clock())
        if delivery.is_retry:
            self._finish(connection, delivery)

    def _finish(self, connection: Connection, delivery: Delivery) -> None:
        subscriptions.finish_retry(connection, self._name, delivery.envelope.id, self._clock())

    def _failed(self, connection: Connection, delivery: Delivery, error: Exception) -> None:
        now = self._clock()
        attempt = delivery.failed_before + 1
        match decide(error, attempt, now, self._policy, self._randomness):
            case RetryAt(moment):
                subscriptions.schedule_retry(
                    connection,
                    Retry(
                        subscriber=self._name,
                        message_id=delivery.envelope.id,
                        stream=delivery.stream,
                        envelope=envelope_text(delivery.envelope),
                        attempts=attempt,
                        due_at=moment,
                        error_code=_code(error),
                        message=_explained(error),
                        first_failed_at=delivery.first_failed_at or now,
                    ),
                    now,
                )
            case GiveUp():
                self._dead_letter(connection, delivery, error)

    def _dead_letter(self, connection: Connection, delivery: Delivery, error: Exception) -> None:
        now = self._clock()
        envelope = delivery.envelope
        connector, account = _reporter(envelope.source)
        dead_letters.open_subscriber_dead_letter(
            connection,
            SubscriberFailure(
                dead_letter_id=self._ids.next(),
                subscriber=self._name,
                message_id=envelope.id,
                receipt_id=_receipt_id(envelope.causationid),
                connector=connector,
                account=account,
                kind=envelope.type,
                error_code=_code(error),
                message=_explained(error),
                attempts=delivery.failed_before + 1,
                first_failed_at=delivery.first_failed_at or now,
            ),
            now,
        )
        subscriptions.finish_retry(connection, self._name, envelope.id, now, succeeded=False)

    def _bury_unreadable(
        self, connection: Connection, unreadable: Sequence[tuple[Entry, GatewayError]]
    ) -> None:
        now = self._clock()
        for entry, error in unreadable:
            dead_letters.open_subscriber_dead_letter(
                connection,
                SubscriberFailure(
                    dead_letter_id=self._ids.next(),
                    subscriber=self._name,
                    # It has no id that can be read; its place names it.
                    message_id=f"{entry.stream}/{entry.entry_id.decode()}",
                    receipt_id=None,
                    connector="",
                    account="",
                    kind="",
                    error_code=error.code,
                    message=_explained(error),
                    attempts=1,
                    first_failed_at=now,
                ),
                now,
            )


def _code(error: Exception) -> str:
    return error.code if isinstance(error, GatewayError) else "handler_failed"


def _explained(error: Exception) -> str:
    # The text of any other error may quote what the message is about.
    if isinstance(error, GatewayError):
        return str(error)
    return f"the handler raised {type(error).__name__}"


def _reporter(source: str) -> tuple[str, str]:
    """Connector and account of a source `/connector/account`; empty where it is another's."""
    connector, _, account = source.removeprefix("/").partition("/")
    return connector, account


def _receipt_id(causation: str) -> int | None:
    try:
        return parse_id(RECEIPT, causation)
    except Malformed:
        return None
