"""The refunds an order lists.

Source: WooCommerce REST API documentation (v3), order properties, `refunds`.
"""

from __future__ import annotations

from collections.abc import Iterator

from canonical.cash import RefundIssued
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from canonical.values import Money
from connectors.kit.json_body import as_list, as_object, join, required_text, text
from connectors.kit.records import Record, one
from connectors.raw import RawMessage
from connectors.woocommerce.reading import (
    identifiers,
    required_id,
    required_money,
    required_utc_time,
)


def order_chain(account: str, order_id: str) -> str:
    """The correlation of everything about an order."""
    return f"woocommerce/{account}/order/{order_id}"


def told_by_shop(raw: RawMessage) -> bool:
    """Whether this connector tells refunds, by the account's option.

    Raises Unsupported with code `bad_option` for a value that is not understood.
    """
    teller = raw.options.get("refunds", "shop")
    if teller not in ("shop", "gateway"):
        raise Unsupported(
            "option refunds must be shop or gateway", code="bad_option", path="options.refunds"
        )
    return bool(teller == "shop")


def refunds(raw: RawMessage, order: Record, at: str, *, by_shop: bool) -> Iterator[Item]:
    """RefundIssued for each; one that cannot be read becomes a Problem, the others go on."""
    for index, record in enumerate(as_list(order.get("refunds"), "refunds")):
        path = join("refunds", index)
        if by_shop:
            yield _told(raw, order, record, path, join(at, path))
        else:
            yield Ignored(reason="refunds are told by the payment gateway", at=join(at, path))


def _told(raw: RawMessage, order: Record, record: object, path: str, at: str) -> Item:
    return one(at, lambda: _refund(raw, order, as_object(record, path), path, at))


def _refund(raw: RawMessage, order: Record, record: Record, path: str, at: str) -> Item:
    order_id = required_id(order, "id")
    refund_id = required_id(record, "id", path)
    amount = _amount(record, required_text(order, "currency").upper(), path)
    if not amount.amount:
        return Ignored(reason="the refund moved no money", at=at)
    # A refund is listed without its time: the order's change that it came with is the closest.
    occurred_at = required_utc_time(order, "date_modified_gmt")
    chain = order_chain(raw.account, order_id)
    return Message(
        key=Key.of("payment", "woocommerce", raw.account, refund_id, "refund"),
        data=RefundIssued.model_validate(
            {
                "gateway": "woocommerce",
                "account": raw.account,
                # The transaction comes later than the order at times: only the order stays.
                "payment_id": order_id,
                "refund_id": refund_id,
                "amount": amount,
                "occurred_at": occurred_at,
                "method": text(order, "payment_method"),
                "order_id": order_id,
                "reason": text(record, "reason", path),
                "references": identifiers(
                    [
                        ("refund", refund_id),
                        ("order", order_id),
                        ("order_number", text(order, "number")),
                        ("transaction", text(order, "transaction_id")),
                    ]
                ),
            }
        ),
        occurred_at=occurred_at,
        subject=f"payment/{order_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _amount(record: Record, currency: str, path: str) -> Money:
    stated = Money.model_validate(required_money(record, "total", currency, path))
    if stated.amount > 0:
        raise Malformed(
            "the total of a refund is not negative", code="bad_amount", path=join(path, "total")
        )
    return stated.negated()
