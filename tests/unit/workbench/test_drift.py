"""The drift report: fields seen lately for the first time, and codes nobody mapped."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.shapes import paths_of, unknown_paths
from store.database import Database, open_database
from store.ids import first_id_at
from store.intake import inbox
from store.records import Delivery, Failure
from workbench.operating.drift import print_drift


def delivery(
    number: int, age: timedelta, document: object, failure: Failure | None = None
) -> Delivery:
    body = json.dumps(document).encode()
    received = datetime.now(UTC) - age
    return Delivery(
        receipt_id=first_id_at(received) + number,
        connector="shopify",
        account="acme",
        kind="orders/create",
        delivery_key=f"d-{number}",
        transport="webhook",
        received_at=received,
        headers={},
        filename=None,
        digest=hashlib.sha256(body).digest(),
        size=len(body),
        body=body,
        secret_name=None,
        traceparent=None,
        failure=failure,
        ignored_reason=None,
        claimed_by="test",
        claimed_until=received,
    )


@pytest.fixture
async def store(tmp_path: Path) -> Database:
    return await open_database(f"sqlite:///{tmp_path / 'drift.db'}")


async def test_a_field_is_new_once(store: Database, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = timedelta(days=30), timedelta(hours=1)
    known = {"id": 1, "line_items": [{"sku": "A", "odd": 1}]}
    changed = {"id": 2, "line_items": [{"sku": "B", "odd": 1, "gift": {"wrap": "red"}}]}
    arrived = [delivery(1, old, known), delivery(2, new, changed), delivery(3, new, changed)]
    await store.write(lambda connection: inbox.accept(connection, arrived))

    nothing = await print_drift(store, days=7, sample=10, as_json=True)

    assert not nothing
    [field] = json.loads(capsys.readouterr().out)["fields"]
    # Only the topmost new field is named, and `odd` was there a month ago.
    assert (field["path"], field["count"], field["sampled"]) == ("line_items[].gift", 2, 2)
    await store.close()


async def test_unmapped_codes_are_counted(
    store: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    why = Failure(stage="translate", code="unmapped_code", path="status", message="'lost'")
    arrived = [delivery(n, timedelta(minutes=1), {"id": n}, why) for n in range(3)]
    await store.write(lambda connection: inbox.accept(connection, arrived))

    await print_drift(store, days=7, sample=10, as_json=True)

    [code] = json.loads(capsys.readouterr().out)["codes"]
    assert (code["code"], code["path"], code["count"]) == ("unmapped_code", "status", 3)
    await store.close()


def test_shapes() -> None:
    assert set(paths_of(b'{"a": {"b": 1}, "c": [{"d": 1}, {"e": 2}]}') or ()) == {
        "a", "a.b", "c", "c[].d", "c[].e",
    }  # fmt: skip
    assert set(paths_of(b'<r xmlns="urn:x" k="1"><a/><a><b/></a></r>') or ()) == {
        "r", "r/@k", "r/a", "r/a/b",
    }  # fmt: skip
    assert paths_of(b"ISA*00*") is None
    assert paths_of(b'{"cut": ') is None
    assert unknown_paths(b'{"a": {"b": {"c": 1}}}', frozenset({"a"})) == ["a.b"]
