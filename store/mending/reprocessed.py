"""What a reprocessing found: only what differs, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, update
from sqlalchemy import Row as Found

from store.mending.reprocessing import Reprocessing, change, load_reprocessing, note
from store.statements import insert_all, storable
from store.tables import reprocessed, reprocessings

DIFFERENCE: Final = "dif"
WAITING: Final = ("found", "guarded")
"""What is not published or left out yet; a second person has to agree to what is guarded."""
_SKEW: Final = 60_000 << 22
"""A minute of ids: clocks of processes may differ by as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDifference:
    """Something today's code says otherwise."""

    row_id: int
    receipt_id: int
    outcome: str
    key: str
    at: str
    message_row_id: int | None
    """The current message under the key."""
    error_code: str | None
    content_digest: bytes | None
    differences: Sequence[Mapping[str, Any]]
    second_person: Sequence[str] = ()
    """The changed fields that another person has to agree to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprocessedDifference:
    """One of them as it stands."""

    row_id: int
    reprocessing_id: int
    receipt_id: int
    outcome: str
    """changed, new, gone or failing."""
    state: str
    """found, guarded (found, and a second person has to agree), published or left_out."""
    key: str
    at: str
    message_row_id: int | None
    error_code: str | None
    content_digest: bytes | None
    differences: Sequence[Mapping[str, Any]]
    second_person: Sequence[str]
    correction_row_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What of a run needs a second person's agreement."""

    messages: int
    fields: Sequence[str]
    """Those of the first messages, each once."""


def keep_differences(
    connection: Connection,
    run: Reprocessing,
    found: Sequence[NewDifference],
    counts: Mapping[str, int],
    cursor: int,
) -> Reprocessing:
    """Keep what was found in receipts up to `cursor`."""
    rows = [
        {
            "id": one.row_id,
            "reprocessing_id": run.reprocessing_id,
            "receipt_id": one.receipt_id,
            "outcome": one.outcome,
            "state": "guarded" if one.second_person else "found",
            "key": one.key,
            "at": storable(one.at),
            "message_row_id": one.message_row_id,
            "error_code": one.error_code,
            "content_digest": one.content_digest,
            "differences": json.dumps(
                {"fields": list(one.differences), "second_person": list(one.second_person)}
            ),
        }
        for one in found
    ]
    insert_all(connection, reprocessed, rows)
    counted = {name: getattr(run, name) + number for name, number in counts.items()}
    return change(connection, run, cursor=cursor, **counted)


def list_differences(
    connection: Connection,
    reprocessing_id: int,
    *,
    outcome: str | None = None,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[ReprocessedDifference]:
    """What a run found, in the order of the receipts, page by page."""
    table = reprocessed.c
    # Differences have ids from after the start of their run: those of earlier runs are passed by.
    behind = max(after, reprocessing_id - _SKEW)
    statement = select(reprocessed).where(
        table.reprocessing_id == reprocessing_id, table.id > behind
    )
    for column, value in ((table.outcome, outcome), (table.state, state)):
        if value is not None:
            statement = statement.where(column == value)
    return [
        _difference(one) for one in connection.execute(statement.order_by(table.id).limit(limit))
    ]


_LOOKED_AT = 100


def asking(connection: Connection, reprocessing_id: int) -> Asking:
    """What of a run's changes a second person has to agree to, without those left out."""
    table = reprocessed.c
    waiting = (table.reprocessing_id == reprocessing_id, table.state == "guarded")
    number = connection.scalar(select(func.count()).where(*waiting)) or 0
    first = select(reprocessed).where(*waiting).order_by(table.id).limit(_LOOKED_AT)
    shown = [_difference(one) for one in connection.execute(first)] if number else []
    fields = dict.fromkeys(path for one in shown for path in one.second_person)
    return Asking(messages=number, fields=tuple(fields))


def leave_out(
    connection: Connection, reprocessing_id: int, row_ids: Sequence[int], *, actor: str,
    now: datetime,
) -> int:  # fmt: skip
    """Keep differences from being published; returns how many were not published yet."""
    table = reprocessed.c
    run = load_reprocessing(connection, reprocessing_id)
    left = connection.execute(
        update(reprocessed)
        .where(
            table.reprocessing_id == reprocessing_id,
            table.id.in_(list(row_ids)[:1000]),
            table.state.in_(WAITING),
        )
        .values(state="left_out")
    ).rowcount
    change(connection, run, left_out=reprocessings.c.left_out + left)
    note(connection, run, "leave_out", actor=actor, now=now, number=left)
    return left


def settle_difference(
    connection: Connection, row_id: int, state: str, *, correction: int | None = None,
    error_code: str | None = None,
) -> None:  # fmt: skip
    """Note that a difference was published, or why it was left out."""
    connection.execute(
        update(reprocessed)
        .where(reprocessed.c.id == row_id)
        .values(state=state, correction_row_id=correction, error_code=error_code)
    )


def _difference(found: Found[Any]) -> ReprocessedDifference:
    values = found._asdict()
    told = json.loads(found.differences)
    return ReprocessedDifference(
        **values
        | {
            "row_id": values.pop("id"),
            "differences": told["fields"],
            "second_person": told["second_person"],
            "content_digest": None if found.content_digest is None else bytes(found.content_digest),
        }
    )
