"""Stripe: nothing but our own errors comes out, whatever goes in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical.cash import PaymentCaptured
from canonical.errors import GatewayError
from canonical.message import Item, Message
from connectors.fetching import Fetch
from connectors.goldens import Fixture, specimen
from connectors.raw import RawMessage
from connectors.stripe import CONNECTOR

FIXTURES = specimen("stripe").fixtures
NOW = datetime(2026, 3, 2, tzinfo=UTC)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(max_size=20)
    | st.sampled_from(["usd", "ugx", "10.00", "succeeded", "ch_1", "9" * 300])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)


def answer(raw: RawMessage) -> list[Item | Fetch]:
    """All items; a GatewayError, or pydantic's as the net behind it, ends them."""
    try:
        identity = CONNECTOR.identify(raw)
        return list(CONNECTOR.translate(raw, identity)) if identity else []
    except (GatewayError, ValidationError):
        return []


def places(document: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(document, dict):
        for name, value in document.items():
            found += places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            found += places(value, (*path, index))
    return found


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    answer(RawMessage(body, account="acme", received_at=NOW))


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_fixtures_with_any_value_anywhere(data: st.DataObject) -> None:
    fixture: Fixture = data.draw(st.sampled_from(FIXTURES))
    document = json.loads(fixture.path.read_bytes())
    *parents, last = data.draw(st.sampled_from(places(document)))
    record = document
    for parent in parents:
        record = record[parent]
    record[last] = data.draw(values)
    answer(
        RawMessage(
            json.dumps(document).encode(),
            account="acme",
            received_at=NOW,
            options=fixture.meta.options,
            filename=fixture.meta.filename,
        )
    )


@given(amount=st.integers(1, 10**12), currency=st.sampled_from(["usd", "jpy", "kwd", "isk"]))
def test_a_captured_amount_comes_out_as_it_went_in(amount: int, currency: str) -> None:
    places_of = {"usd": 2, "jpy": 0, "kwd": 3, "isk": 2}
    body = {
        "id": "ch_1",
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "captured": True,
        "created": 1,
        "currency": currency,
        "status": "succeeded",
    }
    (item,) = answer(RawMessage(json.dumps(body).encode(), account="acme", received_at=NOW))
    assert isinstance(item, Message)
    assert isinstance(item.data, PaymentCaptured)
    found = item.data.amount.amount
    assert found == Decimal(amount).scaleb(-places_of[currency])
    assert found.as_tuple().exponent == -places_of[currency]
