"""HubSpot's captured deliveries: a company and a contact sent by workflows, which are no facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canonical.errors import Rejected
from connectors.hubspot import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import dry_run

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "hubspot"
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

KINDS = {
    "delivery.current.COMPANY": "workflow/company",
    "delivery.current.CONTACT": "workflow/contact",
}


def test_the_whole_corpus_is_known() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_captures_are_known_and_of_no_interest(name: str) -> None:
    capture = json.loads((FOLDER / f"{name}.json").read_bytes())
    content = json.dumps(capture["body"]).encode()
    raw = RawMessage(content, account="acme", received_at=RECEIVED, headers=capture["headers"])
    found = dry_run(CONNECTOR, raw)
    assert (found.outcome, found.kind) == ("ignored", KINDS[name])


def vectors() -> list[tuple[str, str]]:
    path = COMMERCE / "signatures" / "hubspot.json"
    listed = json.loads(path.read_bytes())["vectors"] if path.is_file() else []
    return [(vector["version"], vector["signature"]) for vector in listed]


@pytest.mark.parametrize(("version", "signature"), vectors())
def test_signature_vectors(version: str, signature: str) -> None:
    given = json.loads((COMMERCE / "signatures" / "hubspot.json").read_bytes())
    secret = Secret("vector", given["secret"].encode())
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}

    def arriving(body: bytes, option: str) -> RawMessage:
        return RawMessage(
            body,
            account="acme",
            received_at=RECEIVED,
            headers=headers,
            url=given["url"],
            options={"signature_version": option},
        )

    body = given["body"].encode()
    assert CONNECTOR.verify(arriving(body, version), [secret]) == secret
    for raw in (arriving(body + b" ", version), arriving(body, "v3")):
        with pytest.raises(Rejected):
            CONNECTOR.verify(raw, [secret])
