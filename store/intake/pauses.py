"""Accounts whose credential was refused: nothing is asked of them until a person resumes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select, update

from store.access.audit_log import append_audit
from store.records import Pause
from store.statements import insert_new, storable
from store.tables import account_pauses, fetches, poll_cursors
from store.times import micros, moment

_BY = "gateway"


def pause(
    connection: Connection, connector: str, account: str, now: datetime, *, code: str, message: str
) -> bool:
    """Pause an account; False when it is paused already."""
    row = {
        "connector": connector,
        "account": account,
        "since": micros(now),
        "code": code,
        "message": storable(message),
    }
    if not insert_new(connection, account_pauses, [row], account_pauses.c.account):
        return False
    append_audit(
        connection,
        at=now,
        actor=_BY,
        action="account.pause",
        target=f"{connector}/{account}",
        details={"code": code},
    )
    return True


def resume(
    connection: Connection, connector: str, account: str, actor: str, now: datetime
) -> Pause | None:
    """Let an account be asked again, at once; the pause that ended, or None when there was none."""
    held = connection.execute(
        delete(account_pauses)
        .where(account_pauses.c.connector == connector, account_pauses.c.account == account)
        .returning(account_pauses)
    ).first()
    if held is None:
        return None
    _make_due(connection, connector, account, now)
    append_audit(
        connection,
        at=now,
        actor=actor,
        action="account.resume",
        target=f"{connector}/{account}",
        details={"code": held.code, "paused_since": moment(held.since).isoformat()},
    )
    return Pause(**held._asdict() | {"since": moment(held.since)})


def _make_due(connection: Connection, connector: str, account: str, now: datetime) -> None:
    polls = update(poll_cursors).where(
        poll_cursors.c.connector == connector, poll_cursors.c.account == account
    )
    connection.execute(polls.values(due_at=micros(now)))
    waiting = update(fetches).where(
        fetches.c.connector == connector,
        fetches.c.account == account,
        fetches.c.state == "pending",
    )
    connection.execute(waiting.values(due_at=micros(now)))


def list_pauses(connection: Connection) -> list[Pause]:
    """Every account that is paused, by name."""
    names = (account_pauses.c.connector, account_pauses.c.account)
    return [
        Pause(**found._asdict() | {"since": moment(found.since)})
        for found in connection.execute(select(account_pauses).order_by(*names))
    ]


def not_paused(table: Table) -> ColumnElement[bool]:
    """For rows of a table with `connector` and `account`: theirs is not paused."""
    return ~exists().where(
        account_pauses.c.connector == table.c.connector,
        account_pauses.c.account == table.c.account,
    )
