"""The routing table: the family's stream, and what the rows add or replace."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical import Key, Message, Money
from canonical.cash import PaymentCaptured
from canonical.payload import Payload
from configuration import RouteSettings
from routing.router import Router

MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def captured(amount: str = "120.00", order_id: str | None = None) -> Message:
    data: Payload = PaymentCaptured(
        gateway="stripe",
        account="acme",
        payment_id="pi_1",
        amount=Money(amount=Decimal(amount), currency="EUR"),
        occurred_at=MOMENT,
        order_id=order_id,
    )
    return Message(
        key=Key.of("payment", "stripe", "acme", "pi_1"),
        data=data,
        occurred_at=MOMENT,
        subject="payment/pi_1",
        correlation="stripe/acme/payment/pi_1",
        partition="stripe/acme/payment/pi_1",
    )


def routed(message: Message, *routes: dict[str, Any]) -> tuple[str, ...]:
    table = [RouteSettings.model_validate({"name": "r", **route}) for route in routes]
    return Router(table).destinations(message, "stripe", "acme", message.data.json_data())


def test_without_a_table_a_message_goes_to_its_familys_stream() -> None:
    assert routed(captured()) == ("o2c.cash",)


def test_a_row_adds_targets_and_repeats_are_dropped() -> None:
    assert routed(captured(), {"to": ["finance", "o2c.cash"]}) == ("o2c.cash", "finance")


def test_a_replacing_row_starts_over_and_later_rows_add() -> None:
    rows = ({"to": ["quarantine"], "mode": "replace"}, {"to": ["copy"]})
    assert routed(captured(), *rows) == ("quarantine", "copy")


def test_replacing_by_nothing_keeps_a_message_unpublished() -> None:
    assert routed(captured(), {"to": [], "mode": "replace"}) == ()


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({"type": "o2c.payment.captured"}, True),
        ({"type": "o2c.payment.*"}, True),
        ({"type": ["o2c.order.*", "o2c.payment.*"]}, True),
        ({"type": "o2c.order.*"}, False),
        ({"connector": "stripe", "account": "acme"}, True),
        ({"connector": "adyen"}, False),
        ({"account": ["other"]}, False),
        ({"data": {"amount.currency": "EUR"}}, True),
        ({"data": {"amount.currency": {"in": ["USD", "GBP"]}}}, False),
        ({"data": {"amount.amount": {"gte": "120"}}}, True),
        ({"data": {"amount.amount": {"gt": "120.00"}}}, False),
        ({"data": {"amount.amount": {"gte": 100, "lt": 121}}}, True),
        ({"data": {"amount.currency": {"gte": 1}}}, False),
        ({"data": {"order_id": {"exists": False}}}, True),
        ({"data": {"order_id": {"exists": True}}}, False),
        ({"data": {"payment_id": {"ne": "pi_2"}}}, True),
        ({"data": {"test": False}}, True),
        ({"data": {"no.such.field": "x"}}, False),
    ],
)
def test_conditions(when: dict[str, Any], matches: bool) -> None:
    expected = ("o2c.cash", "extra") if matches else ("o2c.cash",)
    assert routed(captured(), {"when": when, "to": ["extra"]}) == expected


def test_amounts_compare_as_numbers_not_as_text() -> None:
    rule = {"when": {"data": {"amount.amount": {"gt": "99"}}}, "to": ["big"]}
    assert routed(captured("1000.00"), rule) == ("o2c.cash", "big")


def test_one_router_asks_the_data_of_every_message() -> None:
    row = {
        "when": {"type": "o2c.payment.*", "data": {"amount.amount": {"gt": "100"}}},
        "to": ["big"],
    }
    router = Router([RouteSettings.model_validate({"name": "r", **row})])

    def streams(message: Message, account: str = "acme") -> tuple[str, ...]:
        return router.destinations(message, "stripe", account, message.data.json_data())

    found = [streams(captured(amount)) for amount in ("120.00", "80.00", "120.00")]
    assert found == [("o2c.cash", "big"), ("o2c.cash",), ("o2c.cash", "big")]


def test_one_router_tells_accounts_apart() -> None:
    row = {"when": {"account": "acme"}, "to": ["finance"]}
    router = Router([RouteSettings.model_validate({"name": "r", **row})])
    for account, streams in [("acme", ("o2c.cash", "finance")), ("other", ("o2c.cash",))] * 2:
        assert router.destinations(captured(), "stripe", account, "{}") == streams
