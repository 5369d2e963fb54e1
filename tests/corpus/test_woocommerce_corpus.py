"""WooCommerce's captured deliveries and documented responses; none of them is an order."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canonical.errors import Rejected
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run
from connectors.woocommerce import CONNECTOR

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "woocommerce"
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []
KINDS = {
    "coupon.created": 1,
    "coupon.deleted": 1,
    "coupon.restored": 1,
    "product.created": 1,
    "product.updated": 1,
    "file/order_note": 2,
    "file/refund": 1,
    "file/tax_rate": 2,
    "file/webhook": 3,
}


def outcome(name: str) -> Outcome:
    content = (FOLDER / f"{name}.json").read_bytes()
    headers = {}
    if name.startswith("delivery."):
        capture = json.loads(content)
        headers = capture["headers"]
        content = json.dumps(capture["body"], separators=(",", ":")).encode()
    raw = RawMessage(content, account="acme", received_at=RECEIVED, headers=headers)
    return dry_run(CONNECTOR, raw)


def test_every_file_is_known_and_of_no_interest() -> None:
    found = [outcome(name) for name in NAMES]
    assert Counter(one.kind for one in found) == KINDS
    assert {one.outcome for one in found} == {"ignored"}


def test_captured_deliveries_have_different_delivery_keys() -> None:
    keys = [outcome(name).delivery_key for name in NAMES if name.startswith("delivery.")]
    assert len(set(keys)) == len(keys)


def test_the_signature_vector() -> None:
    vector = json.loads((COMMERCE / "signatures" / "woocommerce_DERIVED.json").read_bytes())
    secret = Secret("vector", vector["secret"].encode())
    headers = {"x-wc-webhook-signature": vector["signature"]}
    body = vector["body"].encode()
    raw = RawMessage(body, account="acme", received_at=RECEIVED, headers=headers)
    assert CONNECTOR.verify(raw, [secret]) == secret
    longer = RawMessage(body + b" ", account="acme", received_at=RECEIVED, headers=headers)
    with pytest.raises(Rejected):
        CONNECTOR.verify(longer, [secret])
