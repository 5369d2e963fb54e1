"""Group commit: whoever comes while a commit is in flight shares the next one.

There is no timer: a lone item commits at once; under load the batches grow by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from canonical.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")


class _Batch(Generic[T, R]):
    """Items that will be committed together, and who waits for each."""

    __slots__ = ("items", "waiters")

    def __init__(self) -> None:
        self.items: list[T] = []
        self.waiters: list[asyncio.Future[R]] = []

    def join(self, item: T, waiter: asyncio.Future[R]) -> None:
        self.items.append(item)
        self.waiters.append(waiter)

    def succeed(self, results: Sequence[R]) -> None:
        for waiter, result in zip(self.waiters, results, strict=True):
            if not waiter.done():  # its caller may have given up: the item is durable all the same
                waiter.set_result(result)

    def fail(self, error: Exception) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(error)


class GroupCommit(Generic[T, R]):
    """Collects items into batches for `commit`, which answers one result an item, in order."""

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_batch: int = 200,
        max_waiting: int = 2000,
    ) -> None:
        self._commit = commit
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting = 0
        self._batches: list[_Batch[T, R]] = []
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Items whose commit has not ended."""
        return self._waiting

    async def submit(self, item: T) -> R:
        """Wait until the item is durable; its result.

        Raises Unavailable (`overloaded`) past the bound, and whatever the commit raised.
        """
        if self._waiting >= self._max_waiting:
            raise Unavailable("too many deliveries wait for their commit", code="overloaded")
        self._waiting += 1
        try:
            return await self._join(item)
        finally:
            self._waiting -= 1

    async def drain(self) -> None:
        """Wait for what is in flight."""
        if self._running:
            await asyncio.shield(self._running)

    def _join(self, item: T) -> asyncio.Future[R]:
        # A future each: a caller that gives up cancels its own only.
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[R] = loop.create_future()
        if not self._batches or len(self._batches[-1].items) >= self._max_batch:
            self._batches.append(_Batch())
        self._batches[-1].join(item, waiter)
        if self._running is None:
            self._running = loop.create_task(self._run())
        return waiter

    async def _run(self) -> None:
        try:
            while self._batches:
                await self._commit_one(self._batches.pop(0))
        finally:
            self._running = None

    async def _commit_one(self, batch: _Batch[T, R]) -> None:
        try:
            results = await self._commit(batch.items)
        except Exception as error:  # noqa: BLE001 - every waiter must hear of it
            batch.fail(error)
        else:
            batch.succeed(results)
