"""Replays: a dead receipt, or one with dead records, is translated again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, select, update

from store.access.audit_log import append_audit
from store.failures.attempts import record_attempts
from store.failures.dead_letters import close_open
from store.ids import RECEIPT, show_id
from store.log.matching import Plan
from store.records import Attempt
from store.statements import among
from store.tables import dead_letters, messages, receipts, subscriber_retries
from store.times import micros, moment

_BY = "gateway"
NO_LONGER_PRODUCED = "a replay no longer produced this record"


def reopen_receipt(
    connection: Connection, receipt_id: int, actor: str, now: datetime, *, operation: str = ""
) -> bool:
    """Make a receipt pending again, for the next sweep to translate.

    `operation` names what this is a part of, in the audit log. False when there is nothing to
    replay: it is neither dead nor has dead records, or a replay of it is outstanding already.
    """
    state = connection.scalar(
        select(receipts.c.state).where(receipts.c.id == receipt_id).with_for_update()
    )
    if state != "dead" and not (state == "translated" and _has_dead(connection, receipt_id)):
        return False
    connection.execute(
        update(receipts)
        .where(receipts.c.id == receipt_id)
        .values(
            state="pending",
            reopened_at=micros(_after_failures(connection, receipt_id, now)),
            reason=None,
            translated_at=None,
            ignored_count=0,
            claimed_by=None,
            claimed_until=None,
        )
    )
    append_audit(
        connection,
        at=now,
        actor=actor,
        action="receipt.replay",
        target=show_id(RECEIPT, receipt_id),
        details={"state": state} | ({"operation": operation} if operation else {}),
    )
    record_attempts(
        connection,
        [Attempt(at=now, receipt_id=receipt_id, stage="translate", outcome="replayed")],
    )
    return True


def is_scheduled(connection: Connection, subscriber: str, message_id: str) -> bool:
    """Whether a subscriber will be given this message again anyway."""
    table = subscriber_retries.c
    waiting = exists().where(table.subscriber == subscriber, table.message_id == message_id)
    return bool(connection.scalar(select(waiting)))


def _has_dead(connection: Connection, receipt_id: int) -> bool:
    dead = exists().where(messages.c.receipt_id == receipt_id, messages.c.state == "dead")
    return bool(connection.scalar(select(dead)))


def _after_failures(connection: Connection, receipt_id: int, now: datetime) -> datetime:
    # What fails again has a later time than this, what is not met again an earlier one.
    last = connection.scalar(
        select(func.max(dead_letters.c.last_failed_at)).where(
            dead_letters.c.receipt_id == receipt_id
        )
    )
    return now if last is None else max(now, moment(last) + timedelta(microseconds=1))


def finish_replays(connection: Connection, plans: Sequence[Plan], now: datetime) -> None:
    """Close the dead letters of what succeeded, and give up records that are no longer found."""
    for plan in plans:
        receipt = plan.receipt
        if receipt.reopened_at is None or plan.translation.failure is not None:
            continue
        if plan.revived:
            rows = [one.row_id for one in plan.revived]
            close_open(
                connection,
                state="replayed",
                by=_BY,
                reason="the record became a message",
                now=now,
                message_row_ids=rows,
            )
        if plan.translation.final:
            _finish(connection, receipt.receipt_id, receipt.reopened_at, now)


def _finish(connection: Connection, receipt_id: int, reopened_at: datetime, now: datetime) -> None:
    close_open(
        connection,
        state="replayed",
        by=_BY,
        reason="the receipt was translated",
        now=now,
        receipt_id=receipt_id,
    )
    not_met = connection.scalars(
        select(dead_letters.c.message_row_id).where(
            dead_letters.c.receipt_id == receipt_id,
            dead_letters.c.message_row_id.is_not(None),
            dead_letters.c.subscriber.is_(None),
            dead_letters.c.state == "open",
            dead_letters.c.last_failed_at < micros(reopened_at),
        )
    ).all()
    if not_met:
        connection.execute(
            update(messages)
            .where(among(connection, messages.c.id, not_met), messages.c.state == "dead")
            .values(state="discarded")
        )
        close_open(
            connection,
            state="resolved",
            by=_BY,
            reason=NO_LONGER_PRODUCED,
            now=now,
            message_row_ids=not_met,
        )
    record_attempts(
        connection,
        [Attempt(at=now, receipt_id=receipt_id, stage="translate", outcome="succeeded")],
    )
