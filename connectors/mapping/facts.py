"""What a mapping need not say: how each kind of fact is named, dated and filled in by default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from canonical.keys import Key
from canonical.payload import Payload
from canonical.values import Identifier
from connectors.mapping.calendar import start_of

NAME = "mapping"
_ONE_ENTITY = ("order.placed", "order.changed", "order.cancelled")
_NAMED_BY: Mapping[str, str] = MappingProxyType(
    {
        "order": "order_id", "quote": "quote_id", "return": "return_id",
        "shipment": "shipment_id", "delivery": "tracking_number", "stock": "order_id",
        "invoice": "invoice_number", "credit_note": "invoice_number",
        "einvoice": "document_id", "tax": "transaction_id", "payment": "payment_id",
        "refund": "refund_id", "dispute": "dispute_id", "payout": "payout_id",
        "bank_balance": "statement_id", "remittance": "advice_id",
    }
)  # fmt: skip
"""The field that names what a fact is about, by the noun in its type."""
_MOMENTS = (
    "occurred_at", "cancelled_at", "responded_at", "accepted_at", "requested_at", "received_at",
    "shipped_at", "reversed_at", "allocated_at", "calculated_at", "settled_at", "advised_at",
    "updated_at", "placed_at", "issue_date", "booking_date", "value_date", "balance_date",
)  # fmt: skip
"""Fields that say when a fact happened, the better ones first."""
_REFERENCES = (
    "order_id", "order_number", "quote_id", "quote_number", "return_id", "response_id",
    "shipment_id", "tracking_number", "invoice_number", "document_id", "transaction_id",
    "document_code", "payment_id", "capture_id", "refund_id", "dispute_id", "payout_id",
    "entry_reference", "end_to_end_id", "creditor_reference", "payment_reference", "advice_id",
    "statement_id",
)  # fmt: skip
"""Fields that somebody may search by."""


def noun_of(fact: type[Payload]) -> str:
    """`order` of `o2c.order.placed`."""
    return fact.TYPE.split(".")[1]


def key_word(fact: type[Payload]) -> str:
    """What a key begins with: the type of the fact, save that an order's states share theirs."""
    word = fact.TYPE.partition(".")[2]
    return "order" if word in _ONE_ENTITY else word


def filled_in(fact: type[Payload], form: str) -> dict[str, Any]:
    """Sources of the fields that say who reports: the connector, the account, the format."""
    known = {
        "channel": f"={NAME}",
        "source_system": f"={NAME}",
        "gateway": f"={NAME}",
        "account": "$account",
        "position": {"report": f"={form}"},
        "report": f"={form}",
    }
    return {name: source for name, source in known.items() if name in fact.model_fields}


def happened_at(data: Payload, zone: tzinfo | None) -> datetime | None:
    """When a fact happened by its own fields; a date counts from its first moment."""
    for name in _moments_of(type(data)):
        told = getattr(data, name)
        if isinstance(told, datetime):
            return told
        if isinstance(told, date):
            return start_of(told, zone)
    return None


@lru_cache(maxsize=64)
def _moments_of(fact: type[Payload]) -> tuple[str, ...]:
    return tuple(name for name in _MOMENTS if name in fact.model_fields)


def referred(values: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    """The fact's own identifiers, to be found by, behind those the mapping gives."""
    found = list(values.get("references", ()))
    given = {one["value"] for one in found}
    for name in _REFERENCES:
        value = values.get(name)
        if isinstance(value, str) and 0 < len(value) <= 400 and value not in given:
            given.add(value)
            found.append({"scheme": f"{NAME}:{name}", "value": value})
    return tuple(found)


def subject_of(data: Payload, identity: tuple[str, ...]) -> str:
    """What a fact is about, e.g. `order/4507`."""
    noun = noun_of(type(data))
    return Key.of(noun.replace("_", "-"), *_name(data, noun, identity)).text


def chain_of(data: Payload, account: str, identity: tuple[str, ...]) -> tuple[str, str]:
    """Correlation and partition: the order's where one is named, a bank account's, else its own."""
    holder = getattr(data, "bank_account", None)
    if isinstance(holder, Identifier):
        bank = Key.of("bank", holder.value)
        return bank.extended(*_name(data, noun_of(type(data)), identity)).text, bank.text
    order_id = getattr(data, "order_id", None)
    noun = noun_of(type(data))
    name = ("order", order_id) if order_id else (noun, *_name(data, noun, identity))
    chain = Key.of(NAME, account, *name).text
    return chain, chain


def _name(data: Payload, noun: str, identity: tuple[str, ...]) -> tuple[str, ...]:
    named = getattr(data, _NAMED_BY.get(noun, ""), None)
    return (named,) if isinstance(named, str) and named else identity
