"""Migrations, run from code: no configuration file is needed beside the package."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

from store.intake.raw_partitions import ensure_partitions
from store.statements import is_postgresql

_LOCK = 0x6F32635F6D6967
"""The advisory lock of this application's migrations; any constant number of its own serves."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in the transaction of this connection.

    Several processes may start at once: on PostgreSQL an advisory lock lets one migrate and the
    others find it done; on SQLite the transaction itself does. At the newest tables the
    partitions of the coming weeks are made too.
    """
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    command.upgrade(configuration(connection), revision)
    if revision == "head":
        ensure_partitions(connection, datetime.now(UTC))


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for the folder `migrations` and this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
