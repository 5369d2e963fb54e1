"""The vendor, the clock and the stage of the tests of polling and fetching."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from tests.polling.staging import Clock, Stage
from tests.polling.vendor import Vendor, listening


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """The other system, listening on this machine."""
    played = Vendor()
    async with listening(played.answer) as (url, _):
        played.url = url
        yield played


@pytest.fixture
async def stage(
    database: Database, tmp_path: Path, vendor: Vendor, clock: Clock
) -> AsyncIterator[Stage]:
    """A whole pipeline that polls and fetches from the vendor, on either engine."""
    spool = tmp_path / "spool"
    spool.mkdir()
    async with Stage(database, spool, vendor, clock) as opened:
        yield opened
