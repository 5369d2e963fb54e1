"""Fetching: what thin events named is asked for, and taken in with a receipt of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from canonical.errors import GatewayError, Malformed, Rejected, TooLarge, Unavailable
from connectors.fetching import Fetch, Found
from routing.accounts import Account, Accounts
from routing.metrics import Metrics
from routing.receive import Receiver
from routing.retry import GiveUp, RetryAt, RetryPolicy, decide
from store.database import Connection, Database
from store.intake import fetches, pauses
from store.records import FetchRow
from transports.limits import CircuitOpen, Sleep
from transports.outbound import Outbound, asked, caller
from transports.polling import found_message, pause_if_refused

SWEEP_S = 1.0
ACCOUNTS_AT_ONCE = 32
CALLS_AT_ONCE = 4
"""Of one account."""
RETRIES = RetryPolicy(attempts_max=16, first_s=5.0, wait_s_max=3600.0)
"""Some six hours, not counting the time in which nothing was called."""

log = structlog.get_logger(__name__)

Name = tuple[str, str]
"""(connector, account)"""


class Fetching:
    """Makes the fetches of every account that has a credential."""

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
        self._accounts: dict[Name, Account] = {
            (account.connector.manifest.name, account.name): account
            for account in accounts
            if account.api_credential and account.connector.fetch
        }
        self._lease = timedelta(seconds=2 * outbound.longest_call_s)
        self._under_way: set[Name] = set()

    async def run(self) -> None:
        """Fetch until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    for name in await self._due():
                        group.create_task(self._serve(name))
                    await self._sleep(SWEEP_S)
        finally:
            await self._database.write(partial(fetches.release_claims, owner=self._owner))

    async def sweep(self) -> int:
        """Make every fetch that is due and wait for its end; how many they were."""
        return sum(await asyncio.gather(*map(self._serve, await self._due())))

    async def _due(self) -> Sequence[Name]:
        free = [name for name in self._accounts if name not in self._under_way]
        room = ACCOUNTS_AT_ONCE - len(self._under_way)

        def look(connection: Connection) -> Sequence[Name]:
            return fetches.due_accounts(connection, self._now(), free)[:room]

        try:
            names = await self._database.read(look)
            await self._show_pauses()
        except Unavailable as error:
            log.warning("fetching stalled", code=error.code)
            return []
        self._under_way.update(names)
        return names

    async def _show_pauses(self) -> None:
        paused = await self._database.read(pauses.list_pauses)
        self._metrics.paused.clear()
        for one in paused:
            self._metrics.paused.labels(one.connector, one.account).set(1)

    async def _serve(self, name: Name) -> int:
        """Make the fetches of one account until none is due; how many they were."""
        made = 0
        try:
            while rows := await self._claim(name):
                account = self._accounts[name]
                await _all(*(self._make(account, row) for row in rows))
                made += len(rows)
        except Unavailable as error:
            log.warning("fetching stalled", code=error.code)
        finally:
            self._under_way.discard(name)
        return made

    async def _claim(self, name: Name) -> list[FetchRow]:
        now = self._now()
        return await self._database.write(
            lambda connection: fetches.claim_fetches(
                connection, self._owner, now, self._lease, CALLS_AT_ONCE, account=name
            )
        )

    async def _make(self, account: Account, row: FetchRow) -> None:
        """Make one fetch. Raises Unavailable when the store is away; its lease then runs out."""
        try:
            await self._take_in(account, row, await self._document(account, row))
        except GatewayError as error:
            await self._failed(account, row, error)
        except Exception as error:
            log.exception("a fetch broke", account=account.source, kind=row.kind)
            message = f"the fetch broke ({type(error).__name__})"
            await self._failed(account, row, Unavailable(message, code="fetch_broke"))
        else:
            self._count(account, "succeeded")

    async def _document(self, account: Account, row: FetchRow) -> Found:
        if account.connector.fetch is None:
            raise Malformed("this connector fetches nothing", code="connector_fault")
        wish = Fetch(kind=row.kind, object_id=row.object_id, at=row.at)
        request = asked("fetch", account.connector.fetch, caller(account), wish)
        answer = await self._outbound.call(account, request)
        return Found(body=answer.body, kind=row.kind)

    async def _take_in(self, account: Account, row: FetchRow, document: Found) -> None:
        received = await self._receiver.accept(
            account,
            found_message(account, document, self._now()),
            transport="fetch",
            secret=None,
        )
        now, receipt_id = self._now(), received.accepted.receipt_id
        await self._database.write(
            lambda connection: fetches.finish_fetch(connection, row, receipt_id, now)
        )

    async def _failed(self, account: Account, row: FetchRow, error: GatewayError) -> None:
        now = self._now()
        await pause_if_refused(self._database, account, error, now)
        decided = _decide(error, row, now)
        if isinstance(decided, GiveUp):
            log.warning("fetch given up", account=account.source, kind=row.kind, code=error.code)
            self._count(account, "dead")
            work = partial(
                fetches.bury_fetch, row=row, now=now, code=error.code, message=str(error)
            )
        else:
            self._count(account, "failed")
            work = partial(
                fetches.postpone_fetch,
                row=row,
                due_at=decided.moment,
                now=now,
                code=error.code,
                message=str(error),
                tried=not isinstance(error, CircuitOpen),
            )
        await self._database.write(work)

    def _count(self, account: Account, outcome: str) -> None:
        name = account.connector.manifest.name
        self._metrics.fetches.labels(name, account.name, outcome).inc()


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Wait for all of it, then raise the first of its errors."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _decide(error: GatewayError, row: FetchRow, now: datetime) -> RetryAt | GiveUp:
    if isinstance(error, Rejected) and row.error_code != error.code:
        # Hardly this object's fault: it waits until a person resumes the account.
        return RetryAt(now)
    if isinstance(error, Rejected | TooLarge):
        # One object that may not be seen must not pause its account for ever.
        return GiveUp("not_retryable")
    # Waiting while nothing was called is no try, however often it happens.
    attempt = 1 if isinstance(error, CircuitOpen) else row.attempts + 1
    return decide(error, attempt, now, RETRIES)
