"""The stage of the workbench's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from tests.workbench.staging import Stage


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A working pipeline with a workbench, on either engine."""
    spool = tmp_path / "spool"
    spool.mkdir()
    async with Stage(database, spool) as opened:
        yield opened
