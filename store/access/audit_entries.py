"""Reading the audit log: by actor, action and target, newest first."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, func, select

from store.access.audit_log import AuditEntry
from store.tables import audit_log
from store.times import micros, moment


def list_audit(
    connection: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """Entries, newest first. An action may be named whole, or by its first word (`user`).

    `before` is the last number of the page before this one.
    """
    chosen = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    for column, wanted in ((audit_log.c.actor, actor), (audit_log.c.target, target)):
        if wanted is not None:
            chosen = chosen.where(column == wanted)
    if action is not None:
        family = audit_log.c.action.startswith(f"{action}.", autoescape=True)
        chosen = chosen.where((audit_log.c.action == action) | family)
    if since is not None:
        chosen = chosen.where(audit_log.c.at >= micros(since))
    if before is not None:
        chosen = chosen.where(audit_log.c.id < before)
    return [
        AuditEntry(
            number=found.id,
            at=moment(found.at),
            actor=found.actor,
            action=found.action,
            target=found.target,
            details=json.loads(found.details),
        )
        for found in connection.execute(chosen)
    ]


def count_audit(connection: Connection) -> int:
    """How many entries there are."""
    return int(connection.scalar(select(func.max(audit_log.c.id))) or 0)
