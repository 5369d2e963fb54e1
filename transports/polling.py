"""Polling: asks for what is not sent, turn by turn, and takes in what it finds like a delivery.

A turn's cursor is stored at its end, when everything it found is durable. A crash makes the turn
again; what was taken in before is recognised as a redelivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from canonical.errors import GatewayError, Malformed, Rejected, Unavailable
from connectors.fetching import KIND_HEADER, Answer, Found, Page, Poll, Turn
from connectors.raw import RawMessage
from routing.accounts import Account, Accounts
from routing.calling_out import poll_from
from routing.metrics import Metrics
from routing.receive import Receiver
from routing.retry import RetryAt, RetryPolicy, decide
from store.database import Database
from store.intake import pauses, polling
from store.intake.polling import PollName, TurnTaken
from store.records import PollRow
from transports.limits import Sleep
from transports.outbound import Outbound, asked, caller

SWEEP_S = 1.0
TURNS_AT_ONCE = 16
PAGES_A_TURN = 1000
DOCUMENTS_A_PAGE = 10_000
ACCEPTED_AT_ONCE = 50
IN_LOOP_LIMIT = 256 * 1024
"""Larger answers are read in a thread, so that requests go on being answered."""
FIRST_TURN_REACHES_BACK = timedelta(days=1)
RETRIES = RetryPolicy(attempts_max=1_000_000_000, first_s=5.0, wait_s_max=900.0)
"""A poll is never given up: there is always a next turn."""

log = structlog.get_logger(__name__)


class LeaseLost(GatewayError):
    """Another process has taken this turn over; whatever it finds is the same."""

    default_code = "lease_lost"


class _Task(NamedTuple):
    account: Account
    poll: Poll


@dataclass(slots=True)
class _Progress:
    """What a turn has brought so far."""

    cursor: str | None = None
    found: int = 0
    new: int = 0


class Polling:
    """Takes the turns of every poll of every account that has a credential."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        receiver: Receiver,
        outbound: Outbound,
        metrics: Metrics,
        *,
        owner: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._database = database
        self._receiver = receiver
        self._outbound = outbound
        self._metrics = metrics
        self._owner = owner
        self._now = now
        self._sleep = sleep
        self._tasks = {
            PollName(account.connector.manifest.name, account.name, poll.name): _Task(account, poll)
            for account in accounts
            if account.api_credential and account.poll
            for poll in account.connector.polls
        }
        self._lease = timedelta(seconds=2 * outbound.longest_call_s)
        self._under_way: set[PollName] = set()
        self._known = False

    async def run(self) -> None:
        """Take turns until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    for row in await self._due():
                        group.create_task(self._take(row))
                    await self._sleep(SWEEP_S)
        finally:
            await self._database.write(partial(polling.release_claims, owner=self._owner))

    async def sweep(self) -> int:
        """Take all turns that are due and wait for their end; how many they were."""
        rows = await self._due()
        await asyncio.gather(*map(self._take, rows))
        return len(rows)

    async def _due(self) -> Sequence[PollRow]:
        now = self._now()
        names = [name for name in self._tasks if name not in self._under_way]
        try:
            if not self._known:
                since = now - FIRST_TURN_REACHES_BACK
                await self._database.write(
                    lambda connection: polling.know_polls(connection, names, since, now)
                )
                self._known = True
            room = TURNS_AT_ONCE - len(self._under_way)
            rows = await self._database.write(
                lambda connection: polling.claim_polls(
                    connection, self._owner, now, self._lease, room, names=names
                )
            )
        except Unavailable as error:
            log.warning("polling stalled", code=error.code)
            return []
        self._under_way.update(map(_name, rows))
        return rows

    async def _take(self, row: PollRow) -> None:
        """Take one turn. Whatever goes wrong is stored, and the turn is taken again."""
        task, started = self._tasks[_name(row)], self._now()
        try:
            progress = await self._pages(task, row, started)
            await self._finish(task, row, started, progress)
        except LeaseLost:
            log.info("turn taken over", account=task.account.source, poll=row.poll)
        except GatewayError as error:
            await self._fail(task, row, started, error)
        except Exception as error:
            log.exception("a turn broke", account=task.account.source, poll=row.poll)
            message = f"the turn broke ({type(error).__name__})"
            await self._fail(task, row, started, Unavailable(message, code="turn_broke"))
        finally:
            self._under_way.discard(_name(row))

    async def _pages(self, task: _Task, row: PollRow, started: datetime) -> _Progress:
        turn = Turn(
            caller=caller(task.account),
            cursor=row.cursor,
            since=_since(task.account, row),
            now=started,
        )
        progress = _Progress()
        request = asked("begin", task.poll.begin, turn)
        for _ in range(PAGES_A_TURN):
            answer = await self._outbound.call(task.account, request)
            page = await _read(task.poll, turn, answer)
            await self._accept(task.account, page.found, progress)
            progress.cursor = page.cursor if page.cursor is not None else progress.cursor
            await self._keep(row)
            if page.next is None:
                return progress
            if page.next == request:
                raise Malformed("a page names itself as the next one", code="endless_turn")
            request = page.next
        raise Malformed(f"more than {PAGES_A_TURN} pages in one turn", code="endless_turn")

    async def _accept(
        self, account: Account, documents: Sequence[Found], progress: _Progress
    ) -> None:
        """Make everything durable before anything goes on."""
        for start in range(0, len(documents), ACCEPTED_AT_ONCE):
            part = documents[start : start + ACCEPTED_AT_ONCE]
            taken = await asyncio.gather(
                *(
                    self._receiver.accept(
                        account,
                        found_message(account, one, self._now()),
                        transport="poll",
                        secret=None,
                    )
                    for one in part
                ),
                return_exceptions=True,
            )
            for one in taken:
                if isinstance(one, BaseException):
                    raise one
                progress.found += 1
                progress.new += one.accepted.first_receipt_id is None

    async def _keep(self, row: PollRow) -> None:
        until = self._now() + self._lease
        if not await self._database.write(
            lambda connection: polling.renew_poll(connection, _name(row), self._owner, until)
        ):
            raise LeaseLost("another process takes this turn")

    async def _finish(
        self, task: _Task, row: PollRow, started: datetime, progress: _Progress
    ) -> None:
        taken = TurnTaken(
            cursor=progress.cursor,
            since=started - task.poll.overlap,
            due_at=started + task.poll.every,
            found=progress.found,
            new=progress.new,
        )
        now = self._now()
        await self._database.write(
            lambda connection: polling.finish_turn(connection, _name(row), self._owner, taken, now)
        )
        self._metrics.poll_turns.labels(*_name(row), "succeeded").inc()
        self._metrics.polled.labels(*_name(row), "new").inc(progress.new)
        self._metrics.polled.labels(*_name(row), "known").inc(progress.found - progress.new)

    async def _fail(
        self, task: _Task, row: PollRow, started: datetime, error: GatewayError
    ) -> None:
        now = self._now()
        self._metrics.poll_turns.labels(*_name(row), "failed").inc()
        due_at = _next_try(task.poll, row, started, error, now)
        try:
            await pause_if_refused(self._database, task.account, error, now)
            await self._database.write(
                lambda connection: polling.fail_turn(
                    connection, _name(row), self._owner, f"{error.code}: {error}", due_at
                )
            )
        except Unavailable as away:
            # The lease runs out, and the turn is taken again.
            log.warning("polling stalled", code=away.code)
            return
        if not isinstance(error, Rejected):
            log.warning("turn failed", account=task.account.source, poll=row.poll, code=error.code)


def found_message(account: Account, found: Found, received_at: datetime) -> RawMessage:
    """A polled or fetched document as if it had been delivered."""
    return RawMessage(
        found.body,
        account=account.name,
        received_at=received_at,
        headers={KIND_HEADER: found.kind},
        options=account.options,
    )


async def pause_if_refused(
    database: Database, account: Account, error: GatewayError, now: datetime
) -> None:
    """Pause an account whose credential was refused: asking on would only get it locked."""
    if not isinstance(error, Rejected):
        return
    name = account.connector.manifest.name
    if await database.write(
        lambda connection: pauses.pause(
            connection, name, account.name, now, code=error.code, message=str(error)
        )
    ):
        log.error("account paused", account=account.source, code=error.code)


async def _read(poll: Poll, turn: Turn, answer: Answer) -> Page:
    if len(answer.body) > IN_LOOP_LIMIT:
        page = await asyncio.to_thread(asked, "read", poll.read, turn, answer)
    else:
        page = asked("read", poll.read, turn, answer)
    if len(page.found) > DOCUMENTS_A_PAGE:
        raise Malformed(f"more than {DOCUMENTS_A_PAGE} documents in a page", code="endless_page")
    return page


def _since(account: Account, row: PollRow) -> datetime:
    return (None if row.turns else poll_from(account.options)) or row.since


def _next_try(
    poll: Poll, row: PollRow, started: datetime, error: GatewayError, now: datetime
) -> datetime:
    decided = decide(error, row.failures + 1, now, RETRIES)
    # What cannot be read now will hardly be in a moment: the usual time is soon enough.
    return decided.moment if isinstance(decided, RetryAt) else started + poll.every


def _name(row: PollRow) -> PollName:
    return PollName(row.connector, row.account, row.poll)
