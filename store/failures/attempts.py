"""The history of tries: appended, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import Row as Found

from store.records import Attempt
from store.statements import insert_all, storable
from store.tables import attempts
from store.times import micros, moment

_COLUMNS = tuple(one.name for one in fields(Attempt))


def record_attempts(connection: Connection, tries: Sequence[Attempt]) -> None:
    """Append to the history."""
    insert_all(
        connection,
        attempts,
        [_row(one) for one in tries],
    )


def _row(one: Attempt) -> dict[str, Any]:
    message = None if one.message is None else storable(one.message)
    values = {name: getattr(one, name) for name in _COLUMNS}
    return values | {"at": micros(one.at), "message": message}


def attempt_row(found: Found[Any]) -> Attempt:
    """A row of the table as a value."""
    values = {name: getattr(found, name) for name in _COLUMNS}
    return Attempt(**values | {"at": moment(found.at)})
