"""EasyPost's published payloads: what each becomes, and that its own test vector verifies."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from canonical.errors import Rejected
from canonical.shipment import DeliveryStatusChanged
from connectors.easypost import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

LOGISTICS = Path(__file__).parents[3] / "shared" / "corpus" / "logistics"
FOLDERS = (LOGISTICS / "aggregators" / "easypost", LOGISTICS / "carriers" / "easypost")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDERS[0].is_dir(), reason="the corpus is not here"),
]

SCANS = {
    "doc_trackers_create": 2,
    "doc_trackers_list": 2,
    "doc_trackers_retrieve": 2,
    "event_tracker_updated_fedex": 7,
    "karrio_easypost_tracking_response": 2,
}
DEAD = {"doc_events_retrieve": "missing_field"}
"""An event read from the API: it has no `result`, which a webhook always has."""

FILES = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.json"))}


def outcome(name: str) -> Outcome:
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    raw = RawMessage(FILES[name].read_bytes(), account="acme", received_at=received_at)
    return dry_run(CONNECTOR, raw)


def test_outcomes_by_number() -> None:
    counted = Counter(outcome(name).outcome for name in FILES)
    assert counted == {"translated": 5, "ignored": 8, "dead": 1}


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(name)
    assert len(found.messages) == SCANS.get(name, 0)
    assert {one.code for one in found.problems} == ({DEAD[name]} if name in DEAD else set())


@pytest.mark.parametrize("name", sorted(SCANS))
def test_every_scan_keeps_its_code_time_and_place(name: str) -> None:
    document: Any = json.loads(FILES[name].read_bytes())
    listed = document.get("trackers", [document.get("result", document)])
    details = [detail for tracker in listed for detail in tracker["tracking_details"]]
    for message, detail in zip(outcome(name).messages, details, strict=True):
        data = message.data
        assert isinstance(data, DeliveryStatusChanged)
        assert data.carrier_code.startswith(f"{detail['status']}/{detail['status_detail']}")
        assert data.occurred_at == datetime.fromisoformat(detail["datetime"])
        assert data.carrier_text == detail["message"]
        city = data.location.city if data.location else None
        assert city == detail["tracking_location"]["city"]


def test_keys_of_one_tracker_are_all_different() -> None:
    keys = [message.key.text for message in outcome("event_tracker_updated_fedex").messages]
    assert len(set(keys)) == len(keys)


def test_the_published_signature_verifies() -> None:
    header, secret = (
        (FOLDERS[0] / "event_tracker_updated_fedex.signature.txt").read_text("utf-8").splitlines()
    )
    name, _, value = header.partition(": ")
    configured = Secret("published", secret.rpartition(": ")[2].encode())
    body = FILES["event_tracker_updated_fedex"].read_bytes()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    headers = {name.lower(): value}
    raw = RawMessage(body, account="acme", received_at=received_at, headers=headers)
    assert CONNECTOR.verify(raw, [configured]) is configured
    tampered = RawMessage(body + b" ", account="acme", received_at=received_at, headers=headers)
    with pytest.raises(Rejected):
        CONNECTOR.verify(tampered, [configured])
