"""Tracing: from anything one may have in hand to everything that happened, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from canonical.errors import GatewayError
from store import bodies, chains, trace
from store.chains import Relation
from store.database import Connection, Database
from store.fetches import list_fetches
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, show_id
from store.records import Attempt, DeadLetter, FetchRow, MessageRow, ReceiptRow, Retry
from store.trace import MOST, Handled, Timeline
from workbench.dead import dead_document
from workbench.searching import hit_of, mentioning
from workbench.showing import harmless, payload_text, time_text

PAYLOADS_SHOWN: Final = 3
PAYLOAD_BYTES: Final = 2048
BUDGET_S: Final = 0.7
MOST_NAMES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened."""

    at: datetime
    what: str
    kind: str
    """good, bad, warn, info or plain."""
    system: str
    """Connector and account, or a subscriber's name."""
    title: str
    facts: Mapping[str, Any]
    """What there is to say of it, ids as people see them."""
    receipt: str | None = None
    message: str | None = None
    letter: str | None = None
    order: int = 0
    """Of what happened at the same moment, what comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A chain from order to cash, as far as it is known."""

    reference: str
    steps: Sequence[Step]
    relations: Sequence[Relation]
    systems: Sequence[str]
    """In the order they came in."""
    whole: bool
    """Whether all of it is here: a chain may have any number of messages."""
    timeline: Timeline


async def find_trace(store: Database, reference: str, *, budget_s: float = BUDGET_S) -> Trace:
    """The chain something belongs to; without steps when nothing is known by it.

    What the chain names (its orders, payments, invoices) is looked for in other messages too, for
    a while: not every sender says it where it is indexed.
    """
    found = await store.read(lambda connection: look_up(connection, reference))
    names = {name for one in found.timeline.messages for name in chains.own_names(one.data)}
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
    fetches = [one for each in found.receipts for one in list_fetches(connection, each.receipt_id)]
    steps = sorted([*_steps(found), *map(_fetch, fetches)], key=lambda one: (one.at, one.order))
    senders = [f"{one.connector}/{one.account}" for one in found.receipts]
    return Trace(
        reference=reference,
        steps=steps,
        relations=chain.relations,
        systems=list(dict.fromkeys(senders)),
        whole=chain.whole and len(found.receipts) < MOST,
        timeline=found,
    )


async def print_trace(store: Database, reference: str, *, as_json: bool) -> bool:
    """Print a reference's timeline; False when nothing is known by it."""
    found = await find_trace(store, reference)
    payloads = await store.read(lambda connection: _payloads(connection, found))
    if as_json:
        print(json.dumps(trace_document(found), indent=2))
    elif not found.steps:
        print(f"nothing is known by {harmless(reference)}")
    else:
        _print_steps(found.steps)
        _print_relations(found)
        _print_payloads(found.timeline, payloads)
    return bool(found.steps)


def _payloads(connection: Connection, found: Trace) -> dict[int, bytes]:
    payloads: dict[int, bytes] = {}
    for receipt in found.timeline.receipts[:PAYLOADS_SHOWN]:
        holder = receipt.first_receipt_id or receipt.receipt_id
        try:
            payloads[receipt.receipt_id] = bodies.read_part(connection, holder, 0) or b""
        except GatewayError as error:
            payloads[receipt.receipt_id] = f"({error})".encode()
    return payloads


def _steps(found: Timeline) -> Iterator[Step]:
    yield from (_receipt(one) for one in found.receipts)
    for message in found.messages:
        yield from _message(message)
    yield from (_attempt(one) for one in found.attempts)
    yield from (_dead_letter(one) for one in found.dead_letters)
    yield from (_handled(one) for one in found.handled)
    yield from (_retry(one) for one in found.retries)


def _receipt(one: ReceiptRow) -> Step:
    first = one.first_receipt_id
    shown = show_id(RECEIPT, one.receipt_id)
    return Step(
        at=one.received_at,
        what="received",
        kind="info" if first is None else "plain",
        system=f"{one.connector}/{one.account}",
        title=one.kind or "unreadable",
        receipt=shown,
        facts={
            "receipt": shown,
            "from": f"{one.connector}/{one.account}",
            "kind": one.kind,
            "by": one.transport,
            "delivery_key": one.delivery_key,
            "state": one.state,
            "first_receipt": None if first is None else show_id(RECEIPT, first),
            "bytes": one.size,
            "sha256": one.digest.hex(),
            "secret": one.secret_name,
            "filename": one.filename,
            "reason": one.reason,
        },
    )


def _fetch(one: FetchRow) -> Step:
    fetched = one.fetched_receipt_id
    return Step(
        at=one.created_at,
        what=f"object wanted, {one.state}",
        kind="bad" if one.state == "dead" else "plain",
        system=f"{one.connector}/{one.account}",
        title=f"{one.kind} {one.object_id}",
        receipt=None if fetched is None else show_id(RECEIPT, fetched),
        order=1,
        facts={
            "kind": one.kind,
            "object": one.object_id,
            "for": show_id(RECEIPT, one.receipt_id),
            "fetched_as": None if fetched is None else show_id(RECEIPT, fetched),
            "attempts": one.attempts,
            "error_code": one.error_code,
        },
    )


VERDICT_KINDS: Final = {"new": "good", "conflict": "warn", "problem": "bad"}


def _message(one: MessageRow) -> Iterator[Step]:
    hit = hit_of(one)
    told = (one.type or one.at, one.subject, f"{hit.amount} {hit.currency}".strip(), hit.party)
    shown, system = show_id(MESSAGE, one.row_id), f"{one.connector}/{one.account}"
    title = " · ".join(part for part in told if part)
    facts = {
        "message": shown,
        "receipt": show_id(RECEIPT, one.receipt_id),
        "type": one.type,
        "id": one.message_id,
        "key": one.key,
        "verdict": one.verdict,
        "state": one.state,
        "at": one.at,
        "occurred_at": time_text(one.occurred_at),
        "correlation": one.correlation,
        "version": one.version,
        "data": None if one.data is None else json.loads(one.data),
    }
    yield Step(
        at=one.created_at,
        what=f"judged {one.verdict}",
        kind=VERDICT_KINDS.get(one.verdict, "plain"),
        system=system,
        title=title,
        facts=facts,
        message=shown,
        receipt=show_id(RECEIPT, one.receipt_id),
        order=2,
    )
    if one.published_at is not None:
        yield Step(
            at=one.published_at,
            what="published",
            kind="good",
            system=system,
            title=f"{one.type} to {', '.join(one.destinations) or 'no stream'}",
            facts={"id": one.message_id, "streams": list(one.destinations)},
            message=shown,
            order=4,
        )


def _attempt(one: Attempt) -> Step:
    receipt = None if one.receipt_id is None else show_id(RECEIPT, one.receipt_id)
    row = None if one.message_row_id is None else show_id(MESSAGE, one.message_row_id)
    facts = asdict(one) | {"at": None, "receipt_id": receipt, "message_row_id": row}
    kinds = {"failed": "bad", "succeeded": "good", "retry_scheduled": "warn"}
    return Step(
        at=one.at,
        what=f"{one.stage} {one.outcome.replace('_', ' ')}",
        kind=kinds.get(one.outcome, "plain"),
        system=one.subscriber or "",
        title=one.error_code or "",
        facts=facts,
        receipt=receipt,
        message=row,
        order=3,
    )


def _dead_letter(one: DeadLetter) -> Step:
    where = " ".join(part for part in (one.record_at, one.field_path) if part)
    return Step(
        at=one.last_failed_at,
        what=f"dead letter, {one.state}",
        kind="bad" if one.state == "open" else "plain",
        system=one.subscriber or f"{one.connector}/{one.account}",
        title=f"{one.error_code} at {where}" if where else one.error_code,
        facts=dead_document(one),
        receipt=None if one.receipt_id is None else show_id(RECEIPT, one.receipt_id),
        letter=show_id(DEAD_LETTER, one.dead_letter_id),
        order=5,
    )


def _handled(one: Handled) -> Step:
    return Step(
        at=one.handled_at,
        what="handled",
        kind="good",
        system=one.subscriber,
        title=f"by {one.subscriber}",
        facts={"subscriber": one.subscriber, "id": one.message_id},
        message=one.message_id,
        order=6,
    )


def _retry(one: Retry) -> Step:
    return Step(
        at=one.due_at,
        what="to be tried again",
        kind="warn",
        system=one.subscriber,
        title=f"{one.error_code}, after {one.attempts} tries",
        facts={
            "subscriber": one.subscriber,
            "id": one.message_id,
            "attempts": one.attempts,
            "error_code": one.error_code,
        },
        message=one.message_id,
        order=7,
    )


def trace_document(found: Trace) -> dict[str, Any]:
    """A trace as JSON."""
    return {
        "reference": found.reference,
        "steps": [
            {"time": time_text(one.at), "what": one.what, **told(one.facts)} for one in found.steps
        ],
        "related": [asdict(one) for one in found.relations],
        "whole": found.whole,
    }


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts there are."""
    return {name: value for name, value in facts.items() if value not in (None, "")}


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
