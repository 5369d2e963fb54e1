"""Failures that end by themselves: the sender has put a delivery right, and sent it again.

A delivery key seen before with other bytes is a resend. Where the first of them failed and the
resend did not, nobody need look at the failure any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, exists, select, update
from sqlalchemy import Row as Found

from store.failures.dead_letters import FETCH_STAGE, close_open, dead_letter
from store.ids import RECEIPT, show_id
from store.records import DeadLetter
from store.statements import among, insert_missing
from store.tables import dead_letters, messages, receipts, resends

_BY: Final = "gateway"


def note_resends(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Note (receipt, the receipt that holds its delivery key) of deliveries with other bytes."""
    rows = [{"receipt_id": receipt, "first_receipt_id": first} for receipt, first in pairs]
    insert_missing(connection, resends, rows)


def resolve_resent(connection: Connection, now: datetime, limit: int = 500) -> int:
    """Close failures of deliveries whose resend went well; returns how many failures.

    A failed record is closed when the record at its place went well in the resend.
    """
    done = connection.execute(
        select(resends.c.receipt_id, resends.c.first_receipt_id)
        .join_from(resends, receipts, receipts.c.id == resends.c.receipt_id)
        .where(receipts.c.state != "pending")
        .order_by(resends.c.receipt_id)
        .limit(limit)
    ).all()
    closed = 0
    for one in done:
        closed += _resolve(connection, one, now)
    seen = [one.receipt_id for one in done]
    connection.execute(delete(resends).where(among(connection, resends.c.receipt_id, seen)))
    return closed


def _resolve(connection: Connection, resend: Found[int, int], now: datetime) -> int:
    state = connection.scalar(select(receipts.c.state).where(receipts.c.id == resend.receipt_id))
    if state not in ("translated", "ignored"):
        return 0
    closing: dict[str, Any] = {
        "state": "resolved",
        "by": _BY,
        "reason": f"came through in {show_id(RECEIPT, resend.receipt_id)}",
        "now": now,
    }
    first = resend.first_receipt_id
    return _close_whole(connection, first, closing) + _close_records(connection, resend, closing)


def resolve_receipt(connection: Connection, receipt_id: int, why: str, now: datetime) -> int:
    """Close all that failed of a payload, because nothing of it is missing; how many failures."""
    locked = connection.scalar(
        select(receipts.c.state).where(receipts.c.id == receipt_id).with_for_update()
    )
    if locked is None or locked == "pending":
        return 0
    closing: dict[str, Any] = {"state": "resolved", "by": _BY, "reason": why, "now": now}
    letter = dead_letters.c
    rows = connection.scalars(
        select(letter.message_row_id).where(
            letter.receipt_id == receipt_id,
            letter.state == "open",
            letter.subscriber.is_(None),
            letter.message_row_id.is_not(None),
        )
    ).all()
    return _close_whole(connection, receipt_id, closing) + _give_up(connection, rows, closing)


def _close_whole(connection: Connection, first: int, closing: dict[str, Any]) -> int:
    given_up = connection.execute(
        update(receipts)
        .where(receipts.c.id == first, receipts.c.state == "dead")
        .values(state="discarded", reason=closing["reason"])
    )
    if not given_up.rowcount:
        return 0
    return close_open(connection, receipt_id=first, **closing)


def _close_records(connection: Connection, resend: Found[int, int], closing: dict[str, Any]) -> int:
    """Close what failed of the first and did not fail at the same place of the resend."""
    letter, again = dead_letters.c, messages.alias()
    went_well = exists().where(
        again.c.receipt_id == resend.receipt_id,
        again.c.at == letter.record_at,
        again.c.state != "dead",
    )
    rows = connection.scalars(
        select(letter.message_row_id).where(
            letter.receipt_id == resend.first_receipt_id,
            letter.state == "open",
            letter.subscriber.is_(None),
            letter.stage != FETCH_STAGE,
            letter.message_row_id.is_not(None),
            went_well,
        )
    ).all()
    return _give_up(connection, rows, closing)


def _give_up(connection: Connection, rows: Sequence[int | None], closing: dict[str, Any]) -> int:
    """End dead records and their failures."""
    if not rows:
        return 0
    connection.execute(
        update(messages)
        .where(among(connection, messages.c.id, rows), messages.c.state == "dead")
        .values(state="discarded")
    )
    wanted = [row for row in rows if row is not None]
    return close_open(connection, message_row_ids=wanted, **closing)


def list_open(connection: Connection, *, after: int, limit: int) -> list[DeadLetter]:
    """What is open, oldest first."""
    statement = (
        select(dead_letters)
        .where(dead_letters.c.state == "open", dead_letters.c.id > after)
        .order_by(dead_letters.c.id)
        .limit(limit)
    )
    return [dead_letter(found) for found in connection.execute(statement)]
