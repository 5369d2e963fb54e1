"""Again: have everything a domain keeps derived anew, by today's rules."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from domains.engine.filing import mark_due, own_name
from domains.engine.tables import parked, record_facts
from store.ids import IdSource


def derive_again(connection: Connection, domain: str, ids: IdSource, now: datetime) -> int:
    """Mark every cluster of a domain as due; how many marks that were.

    What comes out the same changes nothing and announces nothing.
    """
    table = record_facts.c
    first = (
        select(func.min(table.message_id)).where(table.domain == domain).group_by(table.record_key)
    )
    waiting = select(parked.c.message_id).where(parked.c.domain == domain)
    facts = {*connection.scalars(first), *connection.scalars(waiting)}
    mark_due(connection, domain, map(own_name, facts), ids, now)
    return len(facts)
