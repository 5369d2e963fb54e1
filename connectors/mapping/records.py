"""The records of a payload, one by one, in memory bounded by the largest of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, BinaryIO

from canonical.errors import GatewayError, Malformed, TooLarge
from connectors.kit import xml
from connectors.kit.delimited import Row, Table, open_table, read_rows
from connectors.kit.json_body import read_json
from connectors.mapping.plan import Plan
from connectors.mapping.scopes import GroupScope, JsonScope, RowScope, Scope, XmlScope, reached
from connectors.raw import IN_MEMORY_LIMIT

Opener = Callable[[], BinaryIO]
MAX_GROUP_ROWS = 10_000
"""Rows of a CSV file that may be one record."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record, or why it is none."""

    at: str
    scope: Scope | None = None
    error: GatewayError | None = None
    skipped: str = ""


def records_of(open_stream: Opener, plan: Plan, account: str) -> Iterator[Record]:
    """The records. Raises Malformed or TooLarge when the payload cannot be trusted as a whole."""
    readers = {"csv": _rows, "json": _values, "xml": _elements}
    return readers[plan.settings.form](open_stream, plan, account)


def _rows(open_stream: Opener, plan: Plan, account: str) -> Iterator[Record]:
    # A broken quote or character anywhere makes every row doubtful, so the file is proved first.
    with open_stream() as stream:
        for _ in read_rows(stream, plan.settings.text):
            pass
    with open_stream() as stream:
        table = _table(stream, plan)
        missing = sorted(plan.columns - set(table.header))
        if missing:
            raise Malformed(
                f"the file has no column {missing[0][:80]!r}",
                code="missing_column",
                path=missing[0],
            )
        found = (_row(row, plan, account) for row in table.rows)
        yield from _grouped(found, plan, account) if plan.settings.group else found


def _table(stream: BinaryIO, plan: Plan) -> Table:
    first = plan.settings.skip_until
    if not first:
        return open_table(stream, plan.settings.text)
    return open_table(stream, plan.settings.text, is_header=lambda names: names[0] == first)


def _row(row: Row, plan: Plan, account: str) -> Record:
    at = f"line[{row.number}]"
    if not any(cell.strip() for cell in row.cells):
        return Record(at, skipped="the row is blank")
    # Totals and footers often have fewer cells than the header: they are looked at first.
    loose = RowScope(dict(zip(row.header, row.cells, strict=False)), account)
    if any(condition.holds(loose) for condition in plan.skip):
        return Record(at, skipped="left out by the option skip")
    try:
        return Record(at, RowScope(row.fields(), account))
    except GatewayError as error:
        return Record(at, error=error)


def _grouped(found: Iterator[Record], plan: Plan, account: str) -> Iterator[Record]:
    """Rows that follow each other with the same cells in the grouping columns, as one record.

    A row that cannot be read may belong to the group before it or to the one behind it: neither
    is known to be whole, so both are errors.
    """
    kept = (record for record in found if not record.skipped)
    waiting: Record | None = None
    is_beside_error = False
    for key, run in groupby(kept, lambda record: _group_key(record, plan.settings.group)):
        if waiting is not None:
            yield _incomplete(waiting) if key is None else waiting
        if key is None:
            waiting = None
            yield from run
        else:
            waiting = _group(list(islice(run, MAX_GROUP_ROWS + 1)), account)
            waiting = _incomplete(waiting) if is_beside_error else waiting
        is_beside_error = key is None
    if waiting is not None:
        yield waiting


def _group(rows: list[Record], account: str) -> Record:
    if len(rows) > MAX_GROUP_ROWS:
        error = Malformed(f"a group of over {MAX_GROUP_ROWS} rows", code="record_too_large")
        return Record(rows[0].at, error=error)
    return Record(rows[0].at, GroupScope(tuple(_cells(row) for row in rows), account))


def _incomplete(record: Record) -> Record:
    error = Malformed("a row beside this group cannot be read", code="incomplete_group")
    return Record(record.at, error=record.error or error)


def _group_key(record: Record, names: tuple[str, ...]) -> tuple[str, ...] | None:
    if record.scope is None:
        return None
    return tuple(str(record.scope.value((name,)) or "") for name in names)


def _cells(record: Record) -> Mapping[str, str]:
    return record.scope.cells if isinstance(record.scope, RowScope) else {}


def _values(open_stream: Opener, plan: Plan, account: str) -> Iterator[Record]:
    document = document_of(open_stream)
    outer = JsonScope(document, account)
    path = plan.settings.records
    found = reached(document, path or ())
    where = "/".join(path or ())
    if found is None:
        raise Malformed("there are no records there", code="no_records", path=where)
    if not isinstance(found, list):
        yield _value("", found, 1, outer, plan)
        return
    for number, one in enumerate(found, 1):
        yield _value(f"{where}[{number}]", one, number, outer, plan)


def _value(at: str, found: Any, number: int, outer: JsonScope, plan: Plan) -> Record:
    if not isinstance(found, dict):
        return Record(at, error=Malformed("a record is no object", code="unexpected_type"))
    return _unless_skipped(Record(at, JsonScope(found, outer.account, number, outer)), plan)


def document_of(open_stream: Opener) -> Any:
    """The whole document. Raises TooLarge or Malformed."""
    with open_stream() as stream:
        body = stream.read(IN_MEMORY_LIMIT + 1)
    if len(body) > IN_MEMORY_LIMIT:
        raise TooLarge("the JSON document is too large to hold at once")
    return read_json(body)


def _elements(open_stream: Opener, plan: Plan, account: str) -> Iterator[Record]:
    path = plan.settings.records
    if path is None:
        with open_stream() as stream:
            body = stream.read(xml.MAX_WHOLE_DOCUMENT_BYTES + 1)
        yield _unless_skipped(Record("", XmlScope(xml.read_xml(body), account)), plan)
        return
    root = xml.check(open_stream, records=[path[-1]])
    space = root[: root.rfind("}") + 1]
    container = space + path[-2] if len(path) > 1 else root
    number, is_there = 0, False
    for event, element in xml.elements(open_stream, container, [space + path[-1]]):
        holder = element if element.tag == container else element.getparent()
        if holder is None or _place(holder) != path[:-1]:
            continue
        is_there = True
        if event == "end" and element is not holder:
            number += 1
            at = f"{'/'.join(path)}[{number}]"
            yield _unless_skipped(Record(at, XmlScope(element, account, number)), plan)
    if not is_there:
        raise Malformed("there are no records there", code="no_records", path="/".join(path))


def _place(element: xml.Element) -> tuple[str, ...]:
    """The names of the elements from below the root to this one."""
    names: list[str] = []
    above: xml.Element | None = element
    while above is not None and above.getparent() is not None:
        names.append(xml.local(above))
        above = above.getparent()
    return tuple(reversed(names))


def _unless_skipped(record: Record, plan: Plan) -> Record:
    scope = record.scope
    if scope is not None and any(condition.holds(scope) for condition in plan.skip):
        return Record(record.at, skipped="left out by the option skip")
    return record


def delivery_field(body: bytes, plan: Plan) -> str:
    """The sender's name for a delivery, out of a JSON document; empty where it gives none."""
    path = plan.settings.delivery_key_field
    if path is None:
        return ""
    found = JsonScope(document_of(lambda: io.BytesIO(body)), "").value(path)
    return "" if found is None else str(found)
