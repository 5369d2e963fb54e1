"""Keeping: what a domain finds now, compared with the exceptions that are stored.

What is found and not stored is opened; what is stored, open and no longer found is ended; what
comes back is opened again in the same row. What a person has resolved stays closed as long as
its numbers and the facts it rests on are the same. The same findings twice write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from domains.contract import Finding
from domains.exceptions.stored import Happened, add_history, json_text
from domains.exceptions.tables import exceptions
from store.ids import IdSource
from store.statements import insert_new, select_among, storable, update_all
from store.times import micros

NO_LONGER: Final = "no longer the case"
_COMPARED: Final = ("expected", "received", "balance", "facts")
"""What of an exception a person's resolution rests on."""
_TOLD: Final = ("explanation", "expected", "received", "balance")
"""What of a change the history tells as it was and as it is."""
_CLOSED: Final = ("ended_at", "ended_by", "reason", "words", "branch")
_UNCHANGED: Final = ("domain", "finding_key", "kind", "record_key", "assigned_to")

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What keeping came to."""

    opened: int = 0
    changed: int = 0
    reopened: int = 0
    ended: int = 0


@dataclass(slots=True)
class _Changes:
    """What is to be written."""

    now: int
    new: list[_Row] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    told: list[Happened] = field(default_factory=list)

    def change(
        self, row: _Row, values: Mapping[str, Any], action: str, detail: Mapping[str, Any] | None
    ) -> None:
        """Change a stored row. Without a detail it is nothing that concerns people: its history is
        not told, and nobody's form is out of date."""
        changed = row | dict(values)
        if detail is not None:
            changed |= {"changed_at": self.now, "revision": row["revision"] + 1}
        self.rows.append({name: changed[name] for name in changed if name not in _UNCHANGED})
        if detail is not None:
            self.told.append(Happened(exception_id=row["id"], action=action, detail=detail))


def keep(
    connection: Connection,
    *,
    domain: str,
    scope: Set[str],
    findings: Sequence[Finding],
    labels: Mapping[str, str],
    ids: IdSource,
    now: datetime,
) -> Kept:
    """Make the stored exceptions of these records agree with what is found of them now.

    `scope` names every record (and every fact without one) the findings were derived for: what is
    open there and not among them has ended. `labels` are the records' numbers as people know them.
    """
    found = {storable(one.key): one for one in findings}
    derived = {storable(one) for one in scope}
    records = sorted(derived | {storable(one.record) for one in findings})
    rows = _stored(connection, domain, records)
    changes = _Changes(micros(now))
    for key, finding in found.items():
        said = _said(finding, labels)
        if key in rows:
            _compare(changes, rows[key], said)
        else:
            changes.new.append(_new(domain, key, said, ids, changes.now))
    for key in rows.keys() - found.keys():
        if rows[key]["state"] == "open" and rows[key]["record_key"] in derived:
            _end(changes, rows[key])
    return _write(connection, changes, now)


def _stored(connection: Connection, domain: str, records: Sequence[str]) -> dict[str, _Row]:
    table = exceptions.c
    # Locked, so that what a person does meanwhile is either seen here or told off there.
    statement = (
        select(exceptions).where(table.domain == domain).order_by(table.id).with_for_update()
    )
    found = select_among(connection, statement, table.record_key, records)
    return {one.finding_key: one._asdict() for one in found}


def _said(finding: Finding, labels: Mapping[str, str]) -> _Row:
    """What a finding says, as it is stored; `within` is a span, in microseconds."""
    texts: _Row = {
        "kind": finding.kind,
        "record_key": finding.record,
        "record_label": labels.get(finding.record),
        "explanation": finding.explanation,
        "expected": finding.expected,
        "received": finding.received,
        "balance": finding.balance,
    }
    return {name: None if text is None else storable(text) for name, text in texts.items()} | {
        "derived_owner": finding.owner.value,
        "involved": json_text(list(dict.fromkeys(map(storable, finding.involved)))),
        "facts": json_text(sorted(map(storable, finding.facts))),
        "since": None if finding.since is None else micros(finding.since),
        "within": round(finding.within.total_seconds() * 1_000_000),
    }


def _new(domain: str, key: str, said: _Row, ids: IdSource, now: int) -> _Row:
    told = {name: value for name, value in said.items() if name != "within"}
    closed = dict.fromkeys(_CLOSED)
    return {
        "id": ids.next(),
        "domain": domain,
        "finding_key": key,
        **told,
        **closed,
        "record_label": said["record_label"] or said["record_key"],
        "owner": said["derived_owner"],
        "state": "open",
        "opened_at": now,
        "due_at": now + said["within"],
        "escalated": 0,
        "assigned_to": None,
        "changed_at": now,
        "times_opened": 1,
        "revision": 1,
    }


def _compare(changes: _Changes, row: _Row, said: _Row) -> None:
    if row["state"] == "resolved" and all(row[name] == said[name] for name in _COMPARED):
        return
    if row["state"] != "open":
        _open_again(changes, row, said)
        return
    values = _values(row, said, row["opened_at"])
    values = {name: value for name, value in values.items() if row[name] != value}
    if values:
        changes.change(row, values, "changed", _difference(row, values))


def _open_again(changes: _Changes, row: _Row, said: _Row) -> None:
    now = changes.now
    values = _values(row, said, now) | dict.fromkeys(_CLOSED)
    again = {
        "state": "open",
        "opened_at": now,
        "escalated": 0,
        "times_opened": row["times_opened"] + 1,
    }
    why = "it is the case again" if row["state"] == "ended" else "it is no longer what was resolved"
    changes.change(row, values | again, "reopened", {"why": why} | (_difference(row, values) or {}))


def _values(row: _Row, said: _Row, opened_at: int) -> _Row:
    """What a finding decides on; the owner a person chose stays until the rule names another."""
    moved_by_person = row["owner"] != row["derived_owner"]
    by_rule = said["derived_owner"] != row["derived_owner"] or not moved_by_person
    values = {name: value for name, value in said.items() if name not in ("within", *_UNCHANGED)}
    return values | {
        "record_label": said["record_label"] or row["record_label"],
        "owner": said["derived_owner"] if by_rule else row["owner"],
        "due_at": opened_at + said["within"],
    }


def _difference(row: _Row, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of a change people are told: numbers and words as they were and are, and that facts
    came or went. None: nothing of it concerns them."""
    told: dict[str, Any] = {
        name: [row[name], values[name]]
        for name in (*_TOLD, "owner")
        if name in values and values[name] != row[name]
    }
    if values.get("facts", row["facts"]) != row["facts"]:
        told["facts"] = "others"
    return told or None


def _end(changes: _Changes, row: _Row) -> None:
    values = {"state": "ended", "ended_at": changes.now, "ended_by": "gateway"}
    changes.change(row, values | {"reason": NO_LONGER}, "ended", {"why": NO_LONGER})


def _write(connection: Connection, changes: _Changes, now: datetime) -> Kept:
    opened = insert_new(connection, exceptions, changes.new, exceptions.c.id)
    update_all(connection, exceptions, changes.rows)
    add_history(connection, [*_openings(changes, opened), *changes.told], now)
    actions = [one.action for one in changes.told]
    return Kept(
        opened=len(opened),
        changed=actions.count("changed"),
        reopened=actions.count("reopened"),
        ended=actions.count("ended"),
    )


def _openings(changes: _Changes, opened: Set[int]) -> Iterator[Happened]:
    for row in changes.new:
        if row["id"] in opened:
            numbers = {name: row[name] for name in _TOLD[1:] if row[name] is not None}
            yield Happened(exception_id=row["id"], action="opened", detail=numbers)
