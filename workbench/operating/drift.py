"""`gateway drift`: what senders say lately that they did not say before, and codes nobody mapped.

Fields are compared with those in the connector's own fixtures and in older receipts of the same
kind, from the stored bytes: the report costs the pipeline nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from canonical.errors import GatewayError
from connectors import goldens, translation
from connectors.goldens import Specimen
from connectors.shapes import paths_of, unknown_paths
from store.database import Connection, Database
from store.finding import drift as receipts_of
from store.finding.drift import Unmapped
from store.ids import RECEIPT, show_id
from store.intake import bodies
from workbench.showing import console, harmless

LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewField:
    """A field seen lately for the first time."""

    connector: str
    kind: str
    path: str
    count: int
    sampled: int
    first_receipt_id: int


async def print_drift(store: Database, *, days: int, sample: int, as_json: bool) -> bool:
    """Print new fields and unmapped codes of the last days; whether there are none."""
    since = datetime.now(UTC) - timedelta(days=days)
    fields, codes = await store.read(lambda connection: _look(connection, since, sample))
    if as_json:
        print(json.dumps(_document(fields, codes), indent=2))
    else:
        _print(fields, codes, days)
    return not fields and not codes


def _look(
    connection: Connection, since: datetime, sample: int
) -> tuple[list[NewField], list[Unmapped]]:
    fields: list[NewField] = []
    for connector, kind in receipts_of.kinds_received(connection, since):
        fields += _new_fields(connection, connector, kind, since, sample)
    return fields, receipts_of.unmapped_codes(connection, since)


def _new_fields(
    connection: Connection, connector: str, kind: str, since: datetime, sample: int
) -> list[NewField]:
    older = receipts_of.sample(
        connection, connector, kind, before=since, max_bytes=LARGEST, limit=sample
    )
    newer = receipts_of.sample(
        connection, connector, kind, since=since, max_bytes=LARGEST, limit=sample
    )
    known = _fixture_paths(connector, kind).union(
        *(paths_of(body) or frozenset() for body in _read(connection, older))
    )
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for receipt_id, body in zip(newer, _read(connection, newer), strict=True):
        for path in unknown_paths(body, known):
            counts[path] += 1
            first.setdefault(path, receipt_id)
    return [
        NewField(connector, kind, path, count, len(newer), first[path])
        for path, count in counts.most_common()
    ]


def _fixture_paths(connector: str, kind: str) -> frozenset[str]:
    """The fields in the connector's fixtures of this kind, or of all kinds where it has none."""
    try:
        specimen = goldens.specimen(connector)
    except GatewayError:
        return frozenset()
    of_kind = _paths_in(specimen, kind)
    return of_kind or _paths_in(specimen, None)


def _paths_in(specimen: Specimen, kind: str | None) -> frozenset[str]:
    known: set[str] = set()
    for fixture in specimen.fixtures:
        raw = fixture.raw
        try:
            found = translation.identify(specimen.connector, raw).kind
        except GatewayError:
            continue
        if kind is None or found == kind:
            known |= paths_of(raw.body) or frozenset()
    return frozenset(known)


def _read(connection: Connection, receipt_ids: Iterable[int]) -> list[bytes]:
    return [part for one in receipt_ids if (part := _first_part(connection, one)) is not None]


def _first_part(connection: Connection, receipt_id: int) -> bytes | None:
    """The start of a body; None where retention has dropped it."""
    try:
        return bodies.read_part(connection, receipt_id, 0)
    except GatewayError:
        return None


def _document(fields: list[NewField], codes: list[Unmapped]) -> dict[str, Any]:
    return {
        "fields": [
            {
                "connector": one.connector,
                "kind": one.kind,
                "path": one.path,
                "count": one.count,
                "sampled": one.sampled,
                "first_receipt": show_id(RECEIPT, one.first_receipt_id),
            }
            for one in fields
        ],
        "codes": [
            {
                "connector": one.connector,
                "kind": one.kind,
                "code": one.error_code,
                "path": one.field_path,
                "message": one.message,
                "count": one.count,
                "first_receipt": _shown(one.first_receipt_id),
            }
            for one in codes
        ],
    }


def _print(fields: list[NewField], codes: list[Unmapped], days: int) -> None:
    out = console()
    if fields:
        table = Table("connector", "kind", "new field", "in", "first seen in", title="fields")
        for one in fields:
            share = f"{one.count} of {one.sampled}"
            shown = show_id(RECEIPT, one.first_receipt_id)
            table.add_row(one.connector, harmless(one.kind), harmless(one.path), share, shown)
        out.print(table)
    if codes:
        table = Table("connector", "kind", "code", "at", "count", "message", "first", title="codes")
        for code in codes:
            table.add_row(
                code.connector,
                harmless(code.kind),
                code.error_code,
                harmless(code.field_path),
                str(code.count),
                harmless(code.message),
                _shown(code.first_receipt_id) or "–",
            )
        out.print(table)
    if not fields and not codes:
        out.print(f"nothing new in the last {days} days")


def _shown(receipt_id: int | None) -> str | None:
    return None if receipt_id is None else show_id(RECEIPT, receipt_id)
