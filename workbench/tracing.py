"""`gateway trace`: from anything one may have in hand to everything that happened, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from operator import itemgetter
from typing import Any

from canonical.errors import GatewayError
from store import bodies, trace
from store.database import Connection, Database
from store.fetches import list_fetches
from store.ids import MESSAGE, RECEIPT, show_id
from store.records import Attempt, DeadLetter, FetchRow, MessageRow, ReceiptRow, Retry
from store.trace import Handled, Timeline
from workbench.dead import dead_document
from workbench.showing import harmless, payload_text, time_text

PAYLOADS_SHOWN = 3
PAYLOAD_BYTES = 2048

Step = tuple[datetime, str, Mapping[str, Any]]
"""When, what, and what there is to say of it."""


async def print_trace(store: Database, reference: str, *, as_json: bool) -> bool:
    """Print a reference's timeline; False when nothing is known by it."""
    found, fetches, payloads = await store.read(lambda connection: _look(connection, reference))
    steps = sorted([*_steps(found), *map(_fetch, fetches)], key=itemgetter(0))
    if as_json:
        print(json.dumps({"reference": reference, "steps": _documents(steps)}, indent=2))
    elif not steps:
        print(f"nothing is known by {harmless(reference)}")
    else:
        _print_steps(steps)
        _print_payloads(found, payloads)
    return bool(steps)


def _look(
    connection: Connection, reference: str
) -> tuple[Timeline, list[FetchRow], dict[int, bytes]]:
    found = trace.timeline(connection, trace.find(connection, reference))
    wanted = [list_fetches(connection, one.receipt_id) for one in found.receipts]
    payloads: dict[int, bytes] = {}
    for receipt in found.receipts[:PAYLOADS_SHOWN]:
        holder = receipt.first_receipt_id or receipt.receipt_id
        try:
            payloads[receipt.receipt_id] = bodies.read_part(connection, holder, 0) or b""
        except GatewayError as error:
            payloads[receipt.receipt_id] = f"({error})".encode()
    return found, [one for some in wanted for one in some], payloads


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
    return (
        one.received_at,
        "received",
        {
            "receipt": show_id(RECEIPT, one.receipt_id),
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
    return (
        one.created_at,
        f"object wanted, {one.state}",
        {
            "kind": one.kind,
            "object": one.object_id,
            "for": show_id(RECEIPT, one.receipt_id),
            "fetched_as": None if fetched is None else show_id(RECEIPT, fetched),
            "attempts": one.attempts,
            "error_code": one.error_code,
        },
    )


def _message(one: MessageRow) -> Iterator[Step]:
    shown = {
        "message": show_id(MESSAGE, one.row_id),
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
    yield one.created_at, f"judged {one.verdict}", shown
    if one.published_at is not None:
        places = list(one.destinations)
        yield one.published_at, "published", {"id": one.message_id, "streams": places}


def _attempt(one: Attempt) -> Step:
    shown = asdict(one) | {"at": None}
    receipt = one.receipt_id
    shown["receipt_id"] = None if receipt is None else show_id(RECEIPT, receipt)
    row = one.message_row_id
    shown["message_row_id"] = None if row is None else show_id(MESSAGE, row)
    return one.at, f"{one.stage} {one.outcome}", shown


def _dead_letter(one: DeadLetter) -> Step:
    return one.last_failed_at, f"dead letter, {one.state}", dead_document(one)


def _handled(one: Handled) -> Step:
    return one.handled_at, "handled", {"subscriber": one.subscriber, "id": one.message_id}


def _retry(one: Retry) -> Step:
    shown = {"subscriber": one.subscriber, "id": one.message_id, "attempts": one.attempts}
    return one.due_at, "to be tried again", shown | {"error_code": one.error_code}


def _documents(steps: list[Step]) -> list[dict[str, Any]]:
    return [
        {"time": time_text(moment), "what": what, **_told(shown)} for moment, what, shown in steps
    ]


def _told(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in (None, "")}


def _print_steps(steps: list[Step]) -> None:
    for moment, what, shown in steps:
        print(f"{time_text(moment)}  {what}")
        for name, value in _told(shown).items():
            text = json.dumps(value) if isinstance(value, dict | list) else str(value)
            print(f"    {name:14} {harmless(text)}")


def _print_payloads(found: Timeline, payloads: Mapping[int, bytes]) -> None:
    sizes = {one.receipt_id: one.size for one in found.receipts}
    for receipt_id, body in payloads.items():
        print(f"\npayload of {show_id(RECEIPT, receipt_id)}:")
        print(payload_text(body, sizes.get(receipt_id, 0), PAYLOAD_BYTES))
