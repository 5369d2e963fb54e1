"""Group commit: who comes while a commit is in flight shares the next one."""

import asyncio
from collections.abc import Sequence

import pytest

from canonical.errors import Unavailable
from routing.group_commit import GroupCommit


class Gate:
    """A commit that waits to be let through and keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.entered = asyncio.Event()

    async def commit(self, items: Sequence[int]) -> Sequence[str]:
        self.batches.append(list(items))
        self.entered.set()
        await self.open.wait()
        return [f"r{item}" for item in items]


async def test_a_lone_item_commits_alone_and_at_once() -> None:
    gate = Gate()
    gate.open.set()
    group = GroupCommit(gate.commit)

    assert await group.submit(1) == "r1"
    assert gate.batches == [[1]]


async def test_items_that_come_during_a_commit_share_the_next() -> None:
    gate = Gate()
    group = GroupCommit(gate.commit)
    first = asyncio.create_task(group.submit(1))
    await gate.entered.wait()
    others = [asyncio.create_task(group.submit(item)) for item in (2, 3, 4)]
    await asyncio.sleep(0)
    gate.open.set()

    assert await asyncio.gather(first, *others) == ["r1", "r2", "r3", "r4"]
    assert gate.batches == [[1], [2, 3, 4]]


async def test_a_batch_has_a_bound() -> None:
    gate = Gate()
    gate.open.set()
    group = GroupCommit(gate.commit, max_batch=2)

    assert await asyncio.gather(*(group.submit(item) for item in range(5))) == [
        "r0", "r1", "r2", "r3", "r4",
    ]  # fmt: skip
    assert max(len(batch) for batch in gate.batches) == 2


async def test_past_the_bound_it_says_so_instead_of_growing() -> None:
    gate = Gate()
    group = GroupCommit(gate.commit, max_waiting=2)
    waiting = [asyncio.create_task(group.submit(item)) for item in (1, 2)]
    await gate.entered.wait()

    with pytest.raises(Unavailable) as refused:
        await group.submit(3)
    assert refused.value.code == "overloaded"

    gate.open.set()
    assert await asyncio.gather(*waiting) == ["r1", "r2"]
    assert await group.submit(4) == "r4"


async def test_a_failed_commit_fails_everyone_in_it_and_nobody_else() -> None:
    calls = 0

    async def commit(items: Sequence[int]) -> Sequence[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unavailable("disk full")
        return items

    group = GroupCommit(commit)
    with pytest.raises(Unavailable):
        await group.submit(1)
    assert await group.submit(2) == 2


async def test_a_caller_that_leaves_does_not_cancel_the_others() -> None:
    gate = Gate()
    group = GroupCommit(gate.commit)
    leaving = asyncio.create_task(group.submit(1))
    staying = asyncio.create_task(group.submit(2))
    await gate.entered.wait()
    leaving.cancel()
    gate.open.set()

    assert await staying == "r2"
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await group.drain()
    assert group.waiting == 0
