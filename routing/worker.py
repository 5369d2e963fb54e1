"""The normaliser's loop: receipts from memory or from the store, translated in batches."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

import structlog

from canonical.errors import GatewayError, Unavailable
from connectors.raw import RawMessage
from routing.accounts import Accounts
from routing.metrics import Metrics, Times
from routing.normalise import Normaliser, Reading
from routing.receive import Received
from routing.relay import Relay
from routing.spans import NO_SPANS, Spans
from store.database import Connection, Database
from store.intake import bodies, inbox
from store.log import normalised, outbox
from store.records import (
    Failure,
    ReceiptRow,
    Translation,
)

BATCH = 100
MEMORY_BOUND = 2000
"""Receipts kept in memory; past it they are left to the store."""
AT_A_STRETCH = 8
"""Payloads translated before the loop has a turn."""
IN_LOOP_LIMIT = 256 * 1024
"""Larger payloads are translated in a thread, so that requests go on being answered."""
BACKOFF_S = 0.5

log = structlog.get_logger(__name__)


class Worker:
    """Translates what was received."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        normaliser: Normaliser,
        relay: Relay,
        metrics: Metrics,
        *,
        owner: str,
        lease: timedelta,
        sweep_s: float,
        spool_folder: Path,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._spool_folder = spool_folder
        self._database = database
        self._accounts = accounts
        self._normaliser = normaliser
        self._relay = relay
        self._metrics = metrics
        self._spans = spans
        self._owner = owner
        self._lease = lease
        self._sweep_s = sweep_s
        self._waiting: deque[Reading] = deque()
        self._swept = 0.0
        self._let_go = False
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()

    def has_room(self) -> bool:
        """Whether a new receipt may be leased to this process."""
        return len(self._waiting) < MEMORY_BOUND

    def hand_over(self, received: Received) -> None:
        """Translate this delivery next; its lease is this process's."""
        self._waiting.append(
            Reading(
                receipt_id=received.accepted.receipt_id,
                account=received.account,
                raw=received.raw,
                identity=received.identity,
                traceparent=received.traceparent,
            )
        )
        self._idle.clear()
        self._woken.set()

    def wake(self) -> None:
        """There may be something in the store."""
        self._swept = 0.0
        self._idle.clear()
        self._woken.set()

    async def idle(self) -> None:
        """Wait until memory and store hold nothing this process could translate."""
        await self._idle.wait()

    async def run(self) -> None:
        """Translate until cancelled."""
        try:
            while True:
                await self._step()
        finally:
            self._forget_waiting()

    async def _step(self) -> None:
        try:
            if not await self._translate_next():
                await self._rest()
        except Unavailable as error:
            log.warning("normaliser stalled", code=error.code, reason=str(error))
            self._forget_waiting()
            self._let_go = True
            self._swept = 0.0
            await asyncio.sleep(BACKOFF_S)

    def _forget_waiting(self) -> None:
        """What is in memory is in the store too: it is let go of and taken up again."""
        for reading in self._waiting:
            reading.drop_spool()
        self._waiting.clear()

    async def _translate_next(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._swept >= self._sweep_s and self.has_room():
            self._swept = now
            if await self._sweep():
                self._swept = 0.0  # Where there was a whole batch there may be another.
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._metrics.normaliser_backlog.set(len(self._waiting))
        if not batch:
            return False
        try:
            await self._translate(batch)
        finally:
            # Also when the store went away: whoever takes them up again makes copies of its own.
            for reading in batch:
                reading.drop_spool()
        return True

    async def _translate(self, batch: Sequence[Reading]) -> None:
        small = [one for one in batch if one.raw.size <= IN_LOOP_LIMIT]
        parts = []
        times: list[Times] = []
        for one in small:
            begun = perf_counter()
            parts.append(self._normaliser.next_chunk(one))
            times.append((begun, perf_counter()))
            if len(parts) % AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # acknowledgements must not wait for a whole batch
        if parts:
            self._translated(parts, times)
            await self._record(parts)
        unfinished = [one for one, part in zip(small, parts, strict=True) if not part.final]
        for reading in [*unfinished, *(one for one in batch if one.raw.size > IN_LOOP_LIMIT)]:
            await self._translate_large(reading)

    async def _translate_large(self, reading: Reading) -> None:
        final = False
        while not final:
            begun = perf_counter()
            part = await asyncio.to_thread(self._normaliser.next_chunk, reading)
            self._translated([part], [(begun, perf_counter())])
            await self._record([part])
            final = part.final
            await self._keep_lease(reading)
        reading.drop_spool()

    def _translated(self, parts: Sequence[Translation], times: Sequence[Times]) -> None:
        self._metrics.translated(parts, times)
        self._spans.translated(parts, times)

    async def _keep_lease(self, reading: Reading) -> None:
        until = datetime.now(UTC) + self._lease
        await self._database.write(
            lambda connection: inbox.renew_claims(
                connection, self._owner, [reading.receipt_id], until
            )
        )

    async def _record(self, parts: Sequence[Translation]) -> None:
        try:
            await self._record_together(parts)
        except Unavailable:
            raise
        except Exception as error:
            log.exception("a batch could not be recorded", size=len(parts))
            await self._record_apart(parts, error)

    async def _record_apart(self, parts: Sequence[Translation], error: Exception) -> None:
        if len(parts) > 1:
            for part in parts:
                await self._record([part])
            return
        failure = Failure(
            stage="translate",
            code="record_failed",
            path="",
            message=f"the store refused what this became ({type(error).__name__})",
        )
        await self._record_together([parts[0].failed(failure)])

    async def _record_together(self, parts: Sequence[Translation]) -> None:
        now = datetime.now(UTC)
        until = now + self._lease if self._relay.takes_rows else None
        begun = perf_counter()
        recorded = await self._database.write(
            lambda connection: normalised.record(
                connection, parts, now, owner=self._owner, claimed_until=until
            )
        )
        self._metrics.committed("record", begun)
        self._metrics.recorded(parts, recorded)
        self._spans.recorded(parts, recorded, begun)
        pending = [one for one in recorded if one.state == "pending"]
        rows = outbox.rows_of(parts, [one.row_id for one in pending if one.leased])
        if rows:
            self._relay.offer(rows)
        if len(rows) < len(pending):
            # A replay revived an old row, or somebody else is first to publish in its partition.
            self._relay.wake()

    async def _sweep(self) -> bool:
        """Take up what nobody holds; whether there may be more."""
        now = datetime.now(UTC)
        let_go = self._let_go

        def claim(connection: Connection) -> Sequence[ReceiptRow]:
            if let_go:
                inbox.release_claims(connection, self._owner)
            return inbox.claim_receipts(connection, self._owner, now, self._lease, BATCH)

        rows = await self._database.write(claim)
        self._let_go = False
        small = [row.receipt_id for row in rows if row.size <= IN_LOOP_LIMIT]
        at_hand = await self._database.read(lambda connection: _bodies(connection, small))
        for row in rows:
            reading = await self._reading(row, at_hand.get(row.receipt_id))
            if reading is not None:
                self._waiting.append(reading)
        return len(rows) == BATCH

    async def _reading(self, row: ReceiptRow, body: bytes | GatewayError | None) -> Reading | None:
        account = self._accounts.find(row.connector, row.account)
        if account is None:
            await self._fail(row, "unknown_account", "its account is no longer configured")
            return None
        try:
            if isinstance(body, GatewayError):
                raise body
            content = await self._spool(row) if body is None else body
        except Unavailable:
            raise
        except GatewayError as error:
            await self._fail(row, error.code, str(error))
            return None
        except OSError as error:
            # No room for a copy: it is tried again when its lease ends; the others go on.
            log.warning("a large body cannot be spooled", reason=type(error).__name__)
            return None
        raw = RawMessage(
            content,
            account=row.account,
            received_at=row.received_at,
            headers=row.headers,
            filename=row.filename,
            options=account.options,
            digest=row.digest,
        )
        return Reading(
            receipt_id=row.receipt_id,
            account=account,
            raw=raw,
            identity=None,
            traceparent=row.traceparent,
            spool=content if isinstance(content, Path) else None,
        )

    async def _spool(self, row: ReceiptRow) -> Path:
        with contextlib.ExitStack() as undone:
            with tempfile.NamedTemporaryFile(dir=self._spool_folder, delete=False) as spool:
                path = Path(spool.name)
                undone.callback(path.unlink, missing_ok=True)
                number, digest = 0, hashlib.sha256()
                while part := await self._database.read(
                    partial(bodies.read_part, receipt_id=row.receipt_id, part=number)
                ):
                    spool.write(part)
                    digest.update(part)
                    number += 1
            if digest.digest() != row.digest:
                raise GatewayError(
                    "the stored bytes are not those received", code="digest_mismatch"
                )
            undone.pop_all()
        return path

    async def _fail(self, row: ReceiptRow, code: str, message: str) -> None:
        failed = Translation.of_failure(
            row, Failure(stage="translate", code=code, path="", message=message)
        )
        await self._record([failed])

    async def _rest(self) -> None:
        self._idle.set()
        self._woken.clear()
        # Not wait_for: on Python 3.11 a cancel that meets a wake is lost in it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._sweep_s):
                await self._woken.wait()


def _bodies(connection: Connection, receipt_ids: Sequence[int]) -> dict[int, bytes | GatewayError]:
    """The bodies of receipts, or what is wrong with them."""
    found: dict[int, bytes | GatewayError] = {}
    for receipt_id in receipt_ids:
        try:
            found[receipt_id] = bodies.read_body(connection, receipt_id)
        except GatewayError as error:
            found[receipt_id] = error
    return found
