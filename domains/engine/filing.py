"""Filing: a message becomes a fact under its names, and its cluster is due.

This is all a domain's subscriber does in the transaction of its inbox; what follows from the fact
is derived afterwards, for all facts that came meanwhile at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domains.contract import Domain, Names
from domains.engine.gathering import MOST_OF_A_WEAK_NAME, nearby
from domains.engine.tables import due_names, evidence, filed_names
from routing.envelope import Envelope
from store.ids import IdSource
from store.statements import insert_missing, insert_new, is_postgresql, storable
from store.times import micros


def own_name(message_id: str) -> str:
    """The name every fact has for itself alone."""
    return f"fact:{message_id}"


def file_fact(
    connection: Connection, domain: Domain, envelope: Envelope, ids: IdSource, now: datetime
) -> bool:
    """File a message of a type the domain listens to; False when it is there already.

    Raises Malformed or Unsupported for data that cannot be read.
    """
    names = _storable(domain.listens[envelope.type](envelope.payload()))
    row = _row(domain.name, envelope, now)
    row["corrected_by"] = _corrector(connection, domain.name, envelope.id)
    if not insert_new(connection, evidence, [row], evidence.c.message_id):
        return False
    _file_names(connection, domain.name, envelope.id, names)
    touched = {own_name(envelope.id)}
    # One more than a name may have and mean something: those it has lost are derived again too.
    around = nearby(connection, domain.name, names.strong, names.weak, most=MOST_OF_A_WEAK_NAME + 1)
    touched.update(map(own_name, around))
    if envelope.corrects is not None:
        _set_aside(connection, domain.name, envelope.corrects, envelope.id)
        touched.add(own_name(envelope.corrects))
    mark_due(connection, domain.name, touched, ids, now)
    return True


def _storable(names: Names) -> Names:
    return Names(
        strong=frozenset(map(storable, names.strong)), weak=frozenset(map(storable, names.weak))
    )


def mark_due(
    connection: Connection, domain: str, names: Iterable[str], ids: IdSource, at: datetime
) -> None:
    """Have the clusters of these names derived at this time, or earlier if that was so."""
    rows = [
        {"domain": domain, "name": name, "due_at": micros(at), "mark": ids.next()}
        for name in sorted(set(map(storable, names)))
    ]
    if rows:
        connection.execute(_marking(connection), rows)


def _marking(connection: Connection) -> Executable:
    dialect = postgresql if is_postgresql(connection) else sqlite
    earlier = func.least if is_postgresql(connection) else func.min
    new: Any = dialect.insert(due_names)
    changed = {
        "due_at": earlier(due_names.c.due_at, new.excluded.due_at),
        "mark": new.excluded.mark,
    }
    marking: Executable = new.on_conflict_do_update(index_elements=["domain", "name"], set_=changed)
    return marking


def _row(domain: str, envelope: Envelope, now: datetime) -> dict[str, object]:
    return {
        "domain": domain,
        "message_id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "idempotency_key": envelope.idempotencykey,
        "occurred_at": micros(envelope.time),
        "arrived_at": micros(now),
        "version": envelope.entityversion,
        "receipt": envelope.causationid,
        "correlation": envelope.correlationid,
        "corrects": envelope.corrects,
        "data": envelope.data,
    }


def _corrector(connection: Connection, domain: str, message_id: str) -> str | None:
    """Who corrects this fact, where the correction was here first."""
    table = evidence.c
    statement = select(func.max(table.message_id)).where(
        table.domain == domain, table.corrects == message_id
    )
    found: str | None = connection.scalar(statement)
    return found


def _set_aside(connection: Connection, domain: str, corrected: str, by: str) -> None:
    table = evidence.c
    connection.execute(
        update(evidence)
        .where(table.domain == domain, table.message_id == corrected)
        .values(corrected_by=by)
    )


def _file_names(connection: Connection, domain: str, message_id: str, names: Names) -> None:
    strong = {own_name(message_id), *names.strong}
    rows = [
        {"domain": domain, "name": name, "message_id": message_id, "strong": int(name in strong)}
        for name in sorted(strong | names.weak)
    ]
    insert_missing(connection, filed_names, rows)
