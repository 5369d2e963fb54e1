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
    """Items that will be committed together, and the one future they all wait for."""

    __slots__ = ("future", "items")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.items: list[T] = []
        self.future: asyncio.Future[Sequence[R]] = loop.create_future()


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
        batch, index = self._join(item)
        self._waiting += 1
        try:
            # Shielded: a caller that gives up must not cancel the commit of the others.
            return (await asyncio.shield(batch.future))[index]
        finally:
            self._waiting -= 1

    async def drain(self) -> None:
        """Wait for what is in flight."""
        if self._running:
            await asyncio.shield(self._running)

    def _join(self, item: T) -> tuple[_Batch[T, R], int]:
        loop = asyncio.get_running_loop()
        if not self._batches or len(self._batches[-1].items) >= self._max_batch:
            self._batches.append(_Batch(loop))
        batch = self._batches[-1]
        batch.items.append(item)
        if self._running is None:
            self._running = loop.create_task(self._run())
        return batch, len(batch.items) - 1

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
            batch.future.set_exception(error)
            batch.future.exception()  # a batch whose callers all left is no "never retrieved"
        else:
            batch.future.set_result(results)
