"""Which changes need a second person, and who the second person can be."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from canonical.errors import GatewayError
from canonical.families import FACT_OF
from canonical.values import Identifier
from store.access.proposals import NewProposal
from store.database import Connection
from workbench import four_eyes
from workbench.four_eyes import (
    GUARDED_FIELDS,
    needs_second_person,
    needs_second_person_in_all,
)
from workbench.web.site import Site

ORDER: dict[str, Any] = {
    "type": "o2c.order.placed",
    "idempotencykey": "order/shopify/acme/1001",
    "data": {
        "order_id": "1001",
        "channel": "shopify",
        "account": "acme",
        "currency": "EUR",
        "buyer": {"name": "Example Ltd", "email": "buyer@example.com"},
        "delivery_address": {"lines": ["1 Example Street"], "country": "IE"},
        "lines": [
            {
                "line_id": "1",
                "sku": "MUG-1",
                "product": [{"scheme": "gtin", "value": "4006381333931"}],
                "quantity": {"value": "2", "unit": "EA"},
                "unit_price": {"amount": "12.50", "currency": "EUR"},
            }
        ],
        "totals": {"total": {"amount": "25.00", "currency": "EUR"}},
        "fulfilment_status": "open",
    },
}
ENTRY: dict[str, Any] = {
    "type": "o2c.bank_entry.booked",
    "data": {
        "bank_account": {"scheme": "iban", "value": "IE29AIBK93115212345678"},
        "amount": {"amount": "25.00", "currency": "EUR"},
        "direction": "CREDIT",
        "creditor_reference": "RF18539007547034",
        "transaction_id": "T1",
        "counterparty": {"account": {"scheme": "iban", "value": "DE89370400440532013000"}},
        "position": {"report": "camt.053", "statement_id": "S1"},
    },
}
PLAIN_IDENTIFIERS = {"references", "product", "preceding", "source", "identifiers"}
"""Fields of type Identifier that name goods, documents and parties' numbers."""


def changed(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The message with something else at a path in its data; None takes it out."""
    copied = copy.deepcopy(message)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = copied["data"]
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copied


@pytest.mark.parametrize(
    ("message", "path", "value", "named"),
    [
        (ORDER, "totals.total.amount", "250.00", ["totals.total.amount"]),
        (ORDER, "totals.total.currency", "USD", ["totals.total.currency"]),
        (ORDER, "lines.0.unit_price.amount", "1.25", ["lines[0].unit_price.amount"]),
        (ORDER, "currency", "USD", ["currency"]),
        (ORDER, "currency", None, ["currency"]),
        (ORDER, "buyer.name", "Other Ltd", ["buyer.name"]),
        (ORDER, "bill_to", {"name": "Other Ltd"}, ["bill_to.name"]),
        (ORDER, "delivery_address.country", "FR", ["delivery_address.country"]),
        (ORDER, "lines", [], ["lines[0].unit_price.amount", "lines[0].unit_price.currency"]),
        (ORDER, "never_heard_of", "x", ["never_heard_of"]),
        (ENTRY, "amount.amount", "26.00", ["amount.amount"]),
        (ENTRY, "direction", "DEBIT", ["direction"]),
        (ENTRY, "bank_account.value", "IE64IRCE92050112345678", ["bank_account.value"]),
        (ENTRY, "creditor_reference", "RF00", ["creditor_reference"]),
        (ENTRY, "counterparty.account.value", "DE00", ["counterparty.account.value"]),
        (ORDER, "lines.0.sku", "MUG-2", []),
        (ORDER, "lines.0.quantity.value", "3", []),
        (ORDER, "lines.0.product.0.value", "4006381333932", []),
        (ORDER, "fulfilment_status", "closed", []),
        (ORDER, "account", "other", []),
        (ORDER, "order_id", "1002", []),
        (ENTRY, "position.statement_id", "S2", []),
        (ENTRY, "transaction_id", None, []),
    ],
)
def test_money_bank_details_and_parties_are_guarded(
    message: dict[str, Any], path: str, value: Any, named: list[str]
) -> None:
    after = changed(message, path, value)
    assert needs_second_person(message, after) == named
    assert sorted(needs_second_person(after, message)) == sorted(named)


def test_what_appears_or_goes_is_guarded_whole() -> None:
    appeared = needs_second_person(None, ENTRY)
    assert {"amount.amount", "direction", "bank_account.value"} <= set(appeared)
    assert sorted(needs_second_person(ENTRY, None)) == sorted(appeared)
    assert needs_second_person(None, None) == []


def test_another_type_is_a_change_of_its_own() -> None:
    after = ORDER | {"type": "o2c.order.cancelled"}
    assert needs_second_person(ORDER, after) == ["type"]


def test_an_unknown_type_is_guarded_in_every_field() -> None:
    before = {"type": "o2c.new.thing", "data": {"a": {"b": ["1"]}}}
    after = {"type": "o2c.new.thing", "data": {"a": {"b": ["2"]}}}
    assert needs_second_person(before, after) == ["a.b[0]"]


def test_messages_are_paired_by_their_keys() -> None:
    other = changed(ORDER, "totals.total.amount", "1.00") | {"idempotencykey": "order/2"}
    swapped = needs_second_person_in_all([ORDER, other], [other, ORDER])
    assert swapped == []
    gone = needs_second_person_in_all([ORDER, other], [ORDER])
    assert all(one.startswith("order/2: ") for one in gone)
    assert gone
    twice = changed(ORDER, "totals.total.amount", "9.00")
    told_again = needs_second_person_in_all([ORDER, ORDER], [ORDER, twice])
    assert told_again == ["order/shopify/acme/1001 (2): totals.total.amount"]


@given(st.recursive(st.text(max_size=3) | st.integers() | st.none(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["amount", "currency", "lines", "totals", "total", "buyer", "name", "quantity", "x"]
    ), inner, max_size=4)
), max_leaves=12))  # fmt: skip
def test_any_shape_of_data_is_compared(data: Any) -> None:
    message = {"type": "o2c.order.placed", "data": data}
    assert needs_second_person(message, copy.deepcopy(message)) == []
    needs_second_person(ORDER, message)
    needs_second_person(message, ORDER)


def _identifier_fields(model: type[BaseModel], seen: set[type]) -> set[str]:
    if model in seen or model is Identifier:
        return set()
    seen.add(model)
    found = set()
    for name, field in model.model_fields.items():
        kinds = _models(field.annotation)
        found |= {name} if Identifier in kinds else set()
        for kind in kinds:
            found |= _identifier_fields(kind, seen)
    return found


def _models(hint: Any) -> set[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return {hint}
    return {model for part in get_args(hint) for model in _models(part)}


def test_every_identifier_of_the_model_was_thought_about() -> None:
    found: set[str] = set()
    seen: set[type] = set()
    for model in FACT_OF.values():
        found |= _identifier_fields(model, seen)
    assert found - PLAIN_IDENTIFIERS <= GUARDED_FIELDS


async def test_only_another_person_approves(site: Site) -> None:
    new = NewProposal(
        proposal_id=site.ids.next(), kind="edit", target="dl_1", payload={}, made_by="ada"
    )

    async def answer(by: str) -> str:
        def try_it(connection: Connection) -> str:
            return four_eyes.approve(connection, new.proposal_id, by=by, now=site.clock()).state

        try:
            return await site.database.write(try_it)
        except GatewayError as error:
            return error.code

    await site.database.write(lambda c: four_eyes.propose(c, new, site.clock()))
    codes = [await answer(by) for by in ("ada", "token:robot", " ", "grace", "grace")]
    assert codes == [
        "four_eyes", "person_required", "person_required", "approved", "already_decided",
    ]  # fmt: skip


async def test_a_proposal_is_rejected_with_a_reason_or_withdrawn(site: Site) -> None:
    numbers = [site.ids.next(), site.ids.next()]
    for number in numbers:
        new = NewProposal(proposal_id=number, kind="edit", target="dl", payload={}, made_by="ada")
        await site.database.write(partial(four_eyes.propose, new=new, now=site.clock()))
    rejected = await site.database.write(
        lambda c: four_eyes.reject(c, numbers[0], by="grace", reason="no", now=site.clock())
    )
    assert (rejected.state, rejected.reason, rejected.decided_by) == ("rejected", "no", "grace")
    withdrawn = await site.database.write(
        lambda c: four_eyes.withdraw(c, numbers[1], by="ada", now=site.clock())
    )
    assert withdrawn.state == "withdrawn"
