"""Payouts and the entries they are made of.

Source: Square API reference, Payout and PayoutEntry; webhook events `payout.*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as clock_time

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.records import Record, child, required_time
from connectors.kit.times import date_of
from connectors.raw import RawMessage
from connectors.square.reading import identifiers, required_money, unmapped

_RANK = {"PAID": 1, "FAILED": 2}


def payout(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A payout that ended: `paid`, or `failed`, with which none of it is at the bank.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status")
    if status == "SENT":
        yield Ignored(reason="the payout is on its way: payout.paid or payout.failed tells", at=at)
    elif status in _RANK:
        yield _settled(raw, record, status, at)
    else:
        raise unmapped(status, "status")


def payout_entry(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """An entry of a payout: PayoutLineReported.

    Raises Malformed with code `line_unbalanced` when gross − fee is not net.
    """
    payout_id = required_text(record, "payout_id")
    line_id = required_text(record, "id")
    kind = required_text(record, "type")
    gross, fee, net = (
        required_money(record, f"{name}_amount_money") for name in ("gross", "fee", "net")
    )
    if gross.amount - fee.amount != net.amount:
        raise Malformed(
            f"{gross.amount} − {fee.amount} is not {net.amount}",
            code="line_unbalanced",
            path="net_amount_money",
        )
    payment_id, refund_id = _sources(record, kind)
    chain = _chain(raw.account, payout_id)
    occurred_at = required_time(record, "effective_at")
    yield Message(
        key=Key.of("payout-line", "square", raw.account, payout_id, line_id),
        data=PayoutLineReported(
            gateway="square",
            account=raw.account,
            payout_id=payout_id,
            line_id=line_id,
            kind=kind.lower(),
            gross=gross,
            fee=fee,
            net=net,
            payment_id=payment_id,
            source_id=refund_id or payment_id,
            occurred_at=occurred_at,
            references=identifiers(
                [
                    ("payout", payout_id),
                    ("payout_entry", line_id),
                    ("payment", payment_id),
                    ("refund", refund_id),
                ]
            ),
        ),
        occurred_at=occurred_at,
        subject=f"payout/{payout_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _sources(record: Record, kind: str) -> tuple[str | None, str | None]:
    field = f"type_{kind.lower()}_details"
    if record.get(field) is None:
        return None, None
    details = as_object(record[field], field)
    return text(details, "payment_id", field), text(details, "refund_id", field)


def _settled(raw: RawMessage, record: Record, status: str, at: str) -> Message:
    payout_id = required_text(record, "id")
    arrival = _arrival(record)
    settled_at = (
        datetime.combine(arrival, clock_time.min, UTC)
        if arrival
        else required_time(record, "updated_at", "created_at")
    )
    word = status.lower()
    entity = Key.of("payout", "square", raw.account, payout_id)
    chain = _chain(raw.account, payout_id)
    return Message(
        key=entity.extended(word),
        data=PayoutSettled(
            gateway="square",
            account=raw.account,
            payout_id=payout_id,
            net=required_money(record, "amount_money"),
            status=word,
            settled_at=settled_at,
            arrival_date=arrival,
            destination=_destination(record),
            references=identifiers(
                [("payout", payout_id), ("location", text(record, "location_id"))]
            ),
        ),
        occurred_at=settled_at,
        subject=f"payout/{payout_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=Version.number(_RANK[status]),
        at=at,
    )


def _arrival(record: Record) -> date | None:
    day = text(record, "arrival_date")
    return date_of(day, "arrival_date") if day else None


def _destination(record: Record) -> Identifier | None:
    destination = child(record, "destination")
    number = text(destination, "id", "destination")
    if number is None:
        return None
    kind = required_text(destination, "type", "destination").lower()
    if len(kind) > 40:
        raise unmapped(kind, join("destination", "type"))
    return Identifier(scheme=f"square:{kind}", value=number)


def _chain(account: str, payout_id: str) -> str:
    return f"square/{account}/payout/{payout_id}"
