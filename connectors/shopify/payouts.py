"""Shopify Payments: payouts and the balance transactions they are made of.

Source: Shopify REST Admin API reference, Payouts and Transactions (Shopify Payments).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as clock_time
from decimal import Decimal

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from connectors.kit import plain
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.plain import PlainMoney, amount_of
from connectors.kit.records import Record, flag, optional_object, required_time
from connectors.kit.times import date_of
from connectors.raw import RawMessage
from connectors.shopify.reading import (
    id_in,
    id_of,
    identifiers,
    order_chain,
    required_id,
    required_money,
)

_GROSS = "_gross_amount"
_FEE = "_fee_amount"
_NOT_PAID = ("pending", "scheduled", "in_transit", "action_required", "failed", "canceled")


def payout(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A payout that reached the bank: PayoutSettled.

    Raises Malformed with code `payout_unbalanced` when its summary does not add up to its amount,
    Unsupported with code `unmapped_code` for a status that is not documented.
    """
    if not _is_paid(record, "status"):
        status = required_text(record, "status")
        yield Ignored(reason=f"the payout is {status}: it has not reached the bank", at=at)
        return
    payout_id = id_of(record)
    currency = required_text(record, "currency").upper()
    day = date_of(required_text(record, "date"), "date")
    # Shopify names the day only.
    settled_at = datetime.combine(day, clock_time.min, UTC)
    net = required_money(record, "amount", currency)
    chain = f"shopify/{raw.account}/payout/{payout_id}"
    yield Message(
        key=Key.of("payout", "shopify", raw.account, payout_id),
        data=PayoutSettled.model_validate(
            {
                "gateway": "shopify",
                "account": raw.account,
                "payout_id": payout_id,
                "net": net,
                "status": "paid",
                "settled_at": settled_at,
                "arrival_date": day,
                "references": identifiers([("payout", payout_id)]),
                **_composition(record, net),
            }
        ),
        occurred_at=settled_at,
        subject=f"payout/{payout_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def payout_transaction(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A balance transaction that is part of a paid payout: PayoutLineReported.

    Raises Malformed with code `line_unbalanced` when amount − fee is not net, Unsupported with
    code `unmapped_code` for a payout status that is not documented.
    """
    aside = _reason_to_ignore(record)
    if aside is not None:
        yield Ignored(reason=aside, at=at)
        return
    yield _line_message(raw, record, at)


def _reason_to_ignore(record: Record) -> str | None:
    if flag(record, "test"):
        return "made in test mode"
    if id_in(record, "payout_id") is None or not _is_paid(record, "payout_status"):
        return "not part of a paid payout yet"
    if required_text(record, "type") == "payout":
        return "the payout itself, which is reported on its own"
    return None


def _line_message(raw: RawMessage, record: Record, at: str) -> Message:
    line_id = id_of(record)
    payout_id = required_id(record, "payout_id")
    order_id = id_in(record, "source_order_id")
    payment_id = id_in(record, "source_order_transaction_id")
    source_id = id_in(record, "source_id")
    occurred_at = required_time(record, "processed_at")
    gross, fee, net = _balanced(record)
    payout_chain = f"shopify/{raw.account}/payout/{payout_id}"
    return Message(
        key=Key.of("payout-line", "shopify", raw.account, payout_id, line_id),
        data=PayoutLineReported.model_validate(
            {
                "gateway": "shopify",
                "account": raw.account,
                "payout_id": payout_id,
                "line_id": line_id,
                "kind": required_text(record, "type"),
                "gross": gross,
                "fee": fee,
                "net": net,
                "payment_id": payment_id,
                "source_id": source_id,
                "order_id": order_id,
                "occurred_at": occurred_at,
                "references": identifiers(
                    [
                        ("payout", payout_id),
                        ("balance_transaction", line_id),
                        ("transaction", payment_id),
                        ("order", order_id),
                    ]
                ),
            }
        ),
        occurred_at=occurred_at,
        subject=f"payout/{payout_id}",
        correlation=order_chain(raw.account, order_id) if order_id else payout_chain,
        partition=payout_chain,
        at=at,
    )


def _balanced(record: Record) -> tuple[PlainMoney, PlainMoney, PlainMoney]:
    currency = required_text(record, "currency")
    gross, fee, net = (
        required_money(record, field, currency) for field in ("amount", "fee", "net")
    )
    before, taken, left = map(amount_of, (gross, fee, net))
    if before - taken != left:
        raise Malformed(f"{before} − {taken} is not {left}", code="line_unbalanced", path="net")
    return gross, fee, net


def _composition(record: Record, net: PlainMoney) -> dict[str, PlainMoney]:
    """Gross, fees, refunds and other so that gross − fees − refunds + other = net.

    Shopify counts disputes among the adjustments, so they are in `other`. Empty without a summary.
    """
    summary = optional_object(record, "summary")
    if summary is None:
        return {}
    gross = _amounts(summary, _GROSS)
    fees = sum(_amounts(summary, _FEE).values(), Decimal(0))
    charges = gross.pop("charges", Decimal(0))
    refunds = -gross.pop("refunds", Decimal(0))
    other = sum(gross.values(), Decimal(0))
    paid = amount_of(net)
    if charges - fees - refunds + other != paid:
        raise Malformed(
            f"the summary does not add up to {paid}", code="payout_unbalanced", path="summary"
        )
    parts = {"gross": charges, "fees": fees, "refunds": refunds, "other": other}
    return {name: plain.money(part, net["currency"]) for name, part in parts.items()}


def _amounts(summary: Record, suffix: str) -> dict[str, Decimal]:
    """What each group (charges, refunds, adjustments …) sums up to; groups to come included."""
    return {
        field.removesuffix(suffix): decimal_of(value, join("summary", field))
        for field, value in summary.items()
        if field.endswith(suffix)
    }


def _is_paid(record: Record, field: str) -> bool:
    status = text(record, field)
    if status == "paid":
        return True
    if status in _NOT_PAID:
        return False
    raise Unsupported(
        f"{(status or '')[:40]!r} is not a known status", code="unmapped_code", path=field
    )
