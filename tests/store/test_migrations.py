"""Migrations: what they make is what the queries are written for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from domains.engine import tables as engine_tables
from domains.exceptions import tables as exception_tables
from domains.installed import INSTALLED
from store.database import Database, open_database
from store.migrating import configuration, migrate
from store.tables import metadata
from tests.store.building import receipt, receipt_states

# Tables of the domains are on the same metadata, from when their modules are loaded.
assert engine_tables.TABLES
assert exception_tables.exceptions is not None
assert INSTALLED

SQLITE_OBJECTS = """
    SELECT name, sql FROM sqlite_master
    WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'alembic%' AND sql IS NOT NULL
"""
# Partitions of weeks are made while the gateway runs, not by migrations: the default is, though.
POSTGRESQL_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'
      AND tablename !~ '^raw_payloads_[0-9]'
"""
POSTGRESQL_COLUMNS = """
    SELECT table_name || '.' || column_name,
           concat_ws(' ', data_type, is_nullable, column_default, collation_name, attstorage)
    FROM information_schema.columns
    JOIN pg_attribute ON attrelid = table_name::regclass AND attname = column_name
    WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'
      AND table_name !~ '^raw_payloads_[0-9]'
"""
POSTGRESQL_PARTITIONS = """
    SELECT 'partition ' || relname,
           concat_ws(' ', pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid))
    FROM pg_class
    WHERE relkind IN ('r', 'p') AND relname ~ '^raw_payloads' AND relname !~ '^raw_payloads_[0-9]'
"""


def _definitions(connection: Connection) -> dict[str, str]:
    queries = [SQLITE_OBJECTS]
    if connection.dialect.name == "postgresql":
        queries = [POSTGRESQL_INDEXES, POSTGRESQL_COLUMNS, POSTGRESQL_PARTITIONS]
    return {
        name: "".join(definition.split())
        for query in queries
        for name, definition in connection.execute(text(query))
    }


def _downgrade(connection: Connection) -> None:
    command.downgrade(configuration(connection), "base")


async def test_migrations_make_the_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        wanted = {"include_object": _is_of(connection)}
        context = MigrationContext.configure(connection, opts=wanted)
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []


def _is_of(connection: Connection) -> Callable[..., bool]:
    """Leaves out the index that only PostgreSQL has, and the partitions there."""
    only_there = {"messages_in_line"} if connection.dialect.name == "sqlite" else set()
    return lambda _thing, name, *_: (
        name not in only_there and not str(name).startswith("raw_payloads_")
    )


async def test_migrations_make_them_to_the_letter(database: Database) -> None:
    migrated = await database.read(_definitions)
    await database.write(_downgrade)
    assert await database.read(_definitions) == {}
    await database.write(metadata.create_all)
    assert await database.read(_definitions) == migrated


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await receipt(database)
    await database.write(migrate)
    assert await receipt_states(database) == {"pending": 1}


async def test_many_may_start_at_once(database: Database, database_url: str) -> None:
    await database.write(_downgrade)
    opened = await asyncio.gather(*(open_database(database_url) for _ in range(4)))
    await receipt(opened[3])
    assert await receipt_states(opened[0]) == {"pending": 1}
    for one in opened:
        await one.close()
