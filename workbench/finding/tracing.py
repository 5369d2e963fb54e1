"""Tracing: from anything one may have in hand to everything that happened, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from canonical.errors import GatewayError
from domains.engine.records_of import rows_of_keys
from store.database import Connection, Database
from store.finding import chains, trace
from store.finding.chains import Relation
from store.finding.trace import MOST, Timeline, Trail
from store.ids import RECEIPT, show_id
from store.intake import bodies
from store.intake.fetches import list_fetches
from store.records import MessageRow
from workbench.finding.chain_of_records import Start, walk
from workbench.finding.chain_stages import joins_many
from workbench.finding.chain_steps import ChainStep, chain_document, chain_lines, steps_of
from workbench.finding.searching import mentioning
from workbench.finding.trace_steps import Step, step_of_fetch, steps_of_timeline, system_of
from workbench.showing import harmless, payload_text, time_text

PAYLOADS_SHOWN: Final = 3
PAYLOAD_BYTES: Final = 2048
BUDGET_S: Final = 0.7
MOST_NAMES: Final = 20
MOST_ADDED: Final = 500
"""Messages that only the records of the domains lead to."""
_LONG: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A chain from order to cash, as far as it is known."""

    reference: str
    chain: Sequence[ChainStep]
    """The same as steps of business, where domains have records of it."""
    steps: Sequence[Step]
    relations: Sequence[Relation]
    systems: Sequence[str]
    """In the order they came in."""
    whole: bool
    """Whether all of it is here: a chain may have any number of messages."""
    timeline: Timeline
    referred: frozenset[int]
    """Rows of messages that were found by what they refer to."""


async def find_trace(store: Database, reference: str, *, budget_s: float = BUDGET_S) -> Trace:
    """The chain something belongs to; without steps when nothing is known by it.

    What the chain names (its orders, payments, invoices) is looked for in other messages too, for
    a while: not every sender says it where it is indexed.
    """
    found = await store.read(lambda connection: look_up(connection, reference))
    referred = [one for one in found.timeline.messages if one.row_id in found.referred]
    names = {name for one in referred for name in chains.own_names(one.data)}
    names -= {one.value for one in found.relations}
    if not names:
        return found
    mentioned = await mentioning(
        store, sorted(names)[:MOST_NAMES], limit=chains.FEW, budget_s=budget_s
    )
    if {one.row_id for one in found.timeline.messages}.issuperset(mentioned):
        return found
    return await store.read(lambda connection: look_up(connection, reference, mentioned))


def look_up(connection: Connection, reference: str, beside: Sequence[int] = ()) -> Trace:
    """The same, on a snapshot one has; `beside` are message rows that belong to it as well."""
    named = trace.find(connection, reference)
    rows = tuple(sorted({*named.message_row_ids, *beside}))
    chain = chains.follow(connection, replace(named, message_row_ids=rows))
    found = trace.timeline(connection, chain.trail)
    links = walk(connection, _start(reference, set(named.message_row_ids), found))
    business = steps_of(connection, links)
    trail = _with_records(connection, chain.trail, business)
    if trail != chain.trail:
        found = trace.timeline(connection, trail)
    fetches = [one for each in found.receipts for one in list_fetches(connection, each.receipt_id)]
    steps = sorted(
        [*steps_of_timeline(found), *map(step_of_fetch, fetches)],
        key=lambda one: (one.at, one.order),
    )
    senders = [system_of(one.connector, one.account) for one in found.receipts]
    return Trace(
        reference=reference,
        chain=business,
        steps=steps,
        relations=chain.relations,
        systems=list(dict.fromkeys(senders)),
        whole=chain.whole and links.whole and len(found.receipts) < MOST,
        timeline=found,
        referred=frozenset(chain.trail.message_row_ids),
    )


def _start(reference: str, named: set[int], found: Timeline) -> Start:
    known = [one for one in found.messages if one.message_id is not None]
    return Start(
        reference=reference.strip(),
        named=frozenset(one.message_id or "" for one in known if one.row_id in named),
        handles={one.message_id or "": _handles(one) for one in known},
    )


def _handles(message: MessageRow) -> set[str]:
    """What a message shares with others of its order and no others."""
    data = json.loads(message.data) if message.data else {}
    payment = data.get("payment_id")
    handles = {payment} if isinstance(payment, str) and len(payment) >= _LONG else set()
    return handles if joins_many(message.type) else handles | {message.correlation}


def _with_records(connection: Connection, trail: Trail, steps: Sequence[ChainStep]) -> Trail:
    """A trail with the messages that records rest on."""
    keys = {fact.row.key for one in steps for fact in one.facts}
    rows = rows_of_keys(connection, sorted(keys)[:MOST_ADDED]) if keys else {}
    return Trail(
        receipt_ids=tuple(sorted({*trail.receipt_ids, *rows.values()})),
        message_row_ids=tuple(sorted({*trail.message_row_ids, *rows})),
    )


async def print_trace(store: Database, reference: str, *, as_json: bool) -> bool:
    """Print a reference's timeline; False when nothing is known by it."""
    found = await find_trace(store, reference)
    payloads = await store.read(lambda connection: _payloads(connection, found))
    if as_json:
        print(json.dumps(trace_document(found), indent=2))
    elif not found.steps and not found.chain:
        print(f"nothing is known by {harmless(reference)}")
    else:
        _print_chain(found)
        _print_steps(found.steps)
        _print_relations(found)
        _print_payloads(found.timeline, payloads)
    return bool(found.steps or found.chain)


def _payloads(connection: Connection, found: Trace) -> dict[int, bytes]:
    payloads: dict[int, bytes] = {}
    for receipt in found.timeline.receipts[:PAYLOADS_SHOWN]:
        holder = receipt.first_receipt_id or receipt.receipt_id
        try:
            payloads[receipt.receipt_id] = bodies.read_part(connection, holder, 0) or b""
        except GatewayError as error:
            payloads[receipt.receipt_id] = f"({error})".encode()
    return payloads


def trace_document(found: Trace) -> dict[str, Any]:
    """A trace as JSON."""
    return {
        "reference": found.reference,
        "chain": chain_document(found.chain),
        "steps": [
            {"time": time_text(one.at), "what": one.what, **told(one.facts)} for one in found.steps
        ],
        "related": [asdict(one) for one in found.relations],
        "whole": found.whole,
    }


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts there are."""
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _print_chain(found: Trace) -> None:
    if found.chain:
        print("the chain")
        for line in chain_lines(found.chain):
            print(line)
        print()


def _print_steps(steps: Sequence[Step]) -> None:
    for one in steps:
        print(f"{time_text(one.at)}  {one.what}")
        for name, value in told(one.facts).items():
            text = json.dumps(value) if isinstance(value, dict | list) else str(value)
            print(f"    {name:14} {harmless(text)}")


def _print_relations(found: Trace) -> None:
    if found.relations:
        print("\nrelated, by what many share:")
    for one in found.relations:
        print(f"    {harmless(one.scheme):24} {harmless(one.value)}  ({one.messages} messages)")
    if not found.whole:
        print("\nthere is more than is shown")


def _print_payloads(found: Timeline, payloads: Mapping[int, bytes]) -> None:
    sizes = {one.receipt_id: one.size for one in found.receipts}
    for receipt_id, body in payloads.items():
        print(f"\npayload of {show_id(RECEIPT, receipt_id)}:")
        print(payload_text(body, sizes.get(receipt_id, 0), PAYLOAD_BYTES))
