"""Shopify: whatever the bytes, only our own errors come out, and amounts are never changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors.shopify
from canonical.errors import GatewayError
from canonical.order import OrderPlaced
from connectors.raw import RawMessage
from connectors.shopify import CONNECTOR
from connectors.translation import dry_run

FIXTURES = Path(connectors.shopify.__file__).parent / "fixtures"
NAMES = sorted(
    path.name
    for path in FIXTURES.glob("*.json")
    if not path.name.endswith((".meta.json", ".expected.json"))
)
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TOPICS = [kind for kind in CONNECTOR.manifest.kinds if not kind.startswith("file/")]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.decimals().map(str)
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def endures(body: bytes, headers: dict[str, str]) -> None:
    raw = RawMessage(body, account="acme", received_at=RECEIVED, headers=headers)
    try:
        identity = CONNECTOR.identify(raw)
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))
    except (GatewayError, ValidationError):
        pass  # The second is what the pipeline maps to `invalid_value`.


@given(body=st.binary(max_size=200), topic=st.sampled_from(["", *TOPICS]))
def test_any_bytes(body: bytes, topic: str) -> None:
    endures(body, {"x-shopify-topic": topic})


@given(document=documents, topic=st.sampled_from(["", *TOPICS]))
def test_any_json(document: Any, topic: str) -> None:
    endures(json.dumps(document).encode(), {"x-shopify-topic": topic})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with a key or index in it, depth first."""
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = list(range(len(value)))
    else:
        return []
    return [place for step in steps for place in [(value, step), *places(value[step])]]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(NAMES), value=documents)
def test_a_fixture_with_one_value_replaced(data: st.DataObject, name: str, value: Any) -> None:
    try:
        document = json.loads((FIXTURES / name).read_bytes())
    except ValueError:
        return
    container, step = data.draw(st.sampled_from(places(document)))
    container[step] = value
    meta = json.loads((FIXTURES / f"{name}.meta.json").read_bytes())
    endures(json.dumps(document).encode(), meta.get("headers", {}))


@pytest.mark.parametrize("kind", TOPICS)
def test_an_empty_object_is_dead_or_ignored(kind: str) -> None:
    raw = RawMessage(b"{}", account="acme", received_at=RECEIVED, headers={"x-shopify-topic": kind})
    assert dry_run(CONNECTOR, raw).outcome in ("dead", "ignored")


@given(
    amount=st.decimals(min_value=0, max_value=10**12, places=2),
    quantity=st.integers(min_value=0, max_value=10**9),
    order_id=st.integers(min_value=2**53, max_value=10**19 - 1),
)
def test_amounts_quantities_and_ids_are_conserved(
    amount: Decimal, quantity: int, order_id: int
) -> None:
    body = {
        "id": order_id,
        "currency": "EUR",
        "updated_at": "2026-03-02T10:00:00Z",
        "total_price": str(amount),
        "line_items": [{"id": order_id, "quantity": quantity, "price": str(amount)}],
    }
    raw = RawMessage(
        json.dumps(body).encode(),
        account="acme",
        received_at=RECEIVED,
        headers={"x-shopify-topic": "orders/create"},
    )
    (message,) = dry_run(CONNECTOR, raw).messages
    assert isinstance(message.data, OrderPlaced)
    assert message.data.order_id == str(order_id)
    assert message.data.totals.total is not None
    assert message.data.totals.total.amount == amount
    assert message.data.lines[0].quantity.value == quantity
