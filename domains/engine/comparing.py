"""Comparing: what a domain says now with what is stored, and the writes that make them one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, Table, delete, select

from domains.contract import Announcement, Parked, Record
from domains.engine.tables import announced, outbox, parked, record_facts, record_names, records
from store.ids import IdSource
from store.statements import among, insert_all, select_among, storable, upsert
from store.times import micros

_NEVER = ("", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Keeps one domain's answers."""

    domain: str
    tables: Mapping[str, Table]
    """The domain's own tables by name."""
    ids: IdSource

    def known_records(self, connection: Connection, facts: Collection[str]) -> set[str]:
        """Keys of the records that rest on any of these facts."""
        rests = record_facts.c
        statement = select(rests.record_key).where(rests.domain == self.domain).distinct()
        return {
            one.record_key
            for one in select_among(connection, statement, rests.message_id, sorted(facts))
        }

    def keep_records(
        self, connection: Connection, known: Collection[str], said: Sequence[Record], now: datetime
    ) -> list[Record]:
        """Store the records that changed, forget those no longer said; returns the changed."""
        keys = {one.key for one in said}
        stored = self._stored(connection, keys | set(known))
        changed = [one for one in said if stored.get(one.key, _NEVER)[0] != record_digest(one)]
        self._forget(connection, {*(set(known) - keys), *(one.key for one in changed)})
        self._store(connection, changed, {key: made for key, (_, made) in stored.items()}, now)
        return changed

    def keep_parked(
        self,
        connection: Connection,
        facts: Collection[str],
        said: Iterable[Parked],
        arrived: Mapping[str, int],
    ) -> None:
        """What of these facts waits, and for what."""
        rows = {
            (one.fact, storable(one.awaits)): self._parked_row(one, arrived[one.fact])
            for one in said
        }
        table = parked.c
        statement = select(parked).where(table.domain == self.domain)
        stored = {
            (one.message_id, one.awaits): dict(one._mapping)  # noqa: SLF001 - its public name
            for one in select_among(connection, statement, table.message_id, sorted(facts))
        }
        if stored == rows:
            return
        self._delete(connection, parked, table.message_id, {fact for fact, _ in stored})
        insert_all(connection, parked, list(rows.values()))

    def announce(self, connection: Connection, said: Sequence[Announcement]) -> int:
        """Put what is told anew, or differently, into the outbox; how many that were."""
        stored = self._announced(connection, {one.subject for one in said})
        bodies = []
        for one in said:
            kind = one.data.TYPE
            digest, revision = stored.get((kind, one.subject), ("", 0))
            if (now_digest := announcement_digest(one)) == digest:
                continue
            row = {"domain": self.domain, "type": kind, "subject": one.subject}
            upsert(connection, announced, {**row, "digest": now_digest, "revision": revision + 1})
            body = _body(one, revision + 1)
            bodies.append({"id": self.ids.next(), "domain": self.domain, "body": body})
        insert_all(connection, outbox, bodies)
        return len(bodies)

    def _stored(self, connection: Connection, keys: Collection[str]) -> dict[str, tuple[str, int]]:
        """Key → digest, and when it was first said."""
        table = records.c
        statement = select(table.key, table.digest, table.created_at)
        held = statement.where(table.domain == self.domain)
        return {
            one.key: (one.digest, one.created_at)
            for one in select_among(connection, held, table.key, sorted(keys))
        }

    def _forget(self, connection: Connection, keys: Collection[str]) -> None:
        self._delete(connection, records, records.c.key, keys)
        self._delete(connection, record_facts, record_facts.c.record_key, keys)
        self._delete(connection, record_names, record_names.c.record_key, keys)
        if keys:
            for table in self.tables.values():
                held = among(connection, table.c.record_key, sorted(keys))
                connection.execute(delete(table).where(held))

    def _delete(
        self, connection: Connection, table: Table, column: Any, values: Collection[str]
    ) -> None:
        if values:
            held = among(connection, column, sorted(values))
            connection.execute(delete(table).where(table.c.domain == self.domain, held))

    def _store(
        self,
        connection: Connection,
        changed: Sequence[Record],
        made: Mapping[str, int],
        now: datetime,
    ) -> None:
        at = micros(now)
        insert_all(
            connection, records, [self._row(one, made.get(one.key, at), at) for one in changed]
        )
        insert_all(
            connection,
            record_facts,
            [
                {"domain": self.domain, "record_key": one.key, "message_id": fact}
                for one in changed
                for fact in sorted(one.facts)
            ],
        )
        insert_all(
            connection,
            record_names,
            [
                {"domain": self.domain, "record_key": one.key, "scheme": scheme, "value": value}
                for one in changed
                for scheme, value in _named(one)
            ],
        )
        for name, table in self.tables.items():
            rows = [
                {"record_key": one.key, **row} for one in changed for row in one.rows.get(name, ())
            ]
            if rows:
                connection.execute(table.insert(), _of_one_shape(rows))

    def _row(self, record: Record, made_at: int, at: int) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "key": record.key,
            "kind": record.kind,
            "label": storable(record.label),
            "status": storable(record.status),
            "state": canonical_json(record.state),
            "digest": record_digest(record),
            "created_at": made_at,
            "updated_at": at,
        }

    def _parked_row(self, one: Parked, arrived_at: int) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "message_id": one.fact,
            "awaits": storable(one.awaits),
            "kind": one.kind,
            "owner": one.owner.value,
            "explanation": one.explanation,
            "since": arrived_at,
            "until": arrived_at + round(one.patience.total_seconds() * 1_000_000),
        }

    def _announced(
        self, connection: Connection, subjects: Collection[str]
    ) -> dict[tuple[str, str], tuple[str, int]]:
        table = announced.c
        statement = select(announced).where(table.domain == self.domain)
        return {
            (one.type, one.subject): (one.digest, one.revision)
            for one in select_among(connection, statement, table.subject, sorted(subjects))
        }


def _named(record: Record) -> list[tuple[str, str]]:
    return sorted({(one.scheme, storable(one.value)) for one in record.names})


def _of_one_shape(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows that all name the same columns: what one leaves out is empty."""
    columns = sorted({name for row in rows for name in row})
    return [{name: _stored_value(row.get(name)) for name in columns} for row in rows]


def _stored_value(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def canonical_json(value: Any) -> str:
    """JSON with sorted keys: equal values are equal texts."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def record_digest(record: Record) -> str:
    """What of a record is compared: everything that is stored of it."""
    said = {
        "kind": record.kind,
        "label": record.label,
        "status": record.status,
        "state": record.state,
        "facts": sorted(record.facts),
        "rows": {str(name): [dict(row) for row in rows] for name, rows in record.rows.items()},
        "names": _named(record),
    }
    return sha256(canonical_json(said).encode()).hexdigest()[:32]


def announcement_digest(said: Announcement) -> str:
    """What of an announcement is compared: its data without the revision."""
    data = said.data.model_dump_json(exclude_none=True, exclude={"revision"})
    return sha256(f"{said.data.TYPE}\n{data}".encode()).hexdigest()[:32]


def _body(said: Announcement, revision: int) -> str:
    data = said.data.model_copy(update={"revision": revision})
    return canonical_json(
        {
            "type": data.TYPE,
            "subject": said.subject,
            "revision": revision,
            "occurred_at": said.occurred_at.isoformat(),
            "correlation": said.correlation,
            "data": orjson.loads(data.json_data()),
        }
    )
