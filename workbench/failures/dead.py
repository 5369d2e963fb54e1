"""`gateway dead list | show | discard`: failures, one by one."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rich.table import Table

from canonical.errors import GatewayError, Unsupported
from store.database import Connection, Database
from store.failures import dead_letters
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, parse_id, show_id
from store.intake import bodies, inbox
from store.records import DeadLetter
from workbench.failures.locating import view
from workbench.showing import console, harmless, payload_text, time_text

SHOWN_LINES = 60


async def print_dead(
    store: Database,
    *,
    state: str,
    connector: str | None,
    code: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print failures, newest first; as JSON an array of objects."""
    found = await store.read(
        lambda connection: dead_letters.list_dead(
            connection, state=state, connector=connector, error_code=code, limit=limit
        )
    )
    if as_json:
        print(json.dumps([dead_document(one) for one in found], indent=2))
        return
    table = Table("id", "last failed", "connector", "stage", "code", "where", "attempts", "message")
    for one in found:
        where = " ".join(part for part in (one.record_at, one.field_path) if part)
        table.add_row(
            show_id(DEAD_LETTER, one.dead_letter_id),
            time_text(one.last_failed_at),
            f"{one.connector}/{one.account}",
            one.stage if one.subscriber is None else f"{one.stage} {one.subscriber}",
            one.error_code,
            harmless(where),
            str(one.attempts),
            harmless(one.message),
        )
    console().print(table if found else f"no dead letters are {state}")


async def print_dead_letter(store: Database, shown_id: str, *, as_json: bool) -> None:
    """Print one failure with the bytes it is about. Raises Unsupported when there is none."""
    letter, body, size = await store.read(lambda connection: _with_body(connection, shown_id))
    document = dead_document(letter)
    if as_json:
        text = None if body is None else body.decode("utf-8", "replace")
        print(json.dumps({**document, "payload": text}, indent=2))
        return
    for name, value in document.items():
        print(f"{name:16} {harmless(str(value)) if value not in (None, '') else '–'}")
    print("\npayload as it came:")
    print("(not kept)" if body is None else _payload(letter, body, size))


def _payload(letter: DeadLetter, body: bytes, size: int) -> str:
    """A page of the payload around the error, which is marked; else its beginning as it is."""
    shown = view(body, at=letter.record_at, path=letter.field_path, limit=SHOWN_LINES, size=size)
    if shown.mark is None or letter.subscriber is not None:
        return payload_text(body, size)
    lines = [
        f"{'>' if one.marked else ' '} {'  ' * min(one.depth, 20)}{one.text}"
        + (f" … {one.left_out} more bytes" if one.left_out else "")
        for one in shown.lines
    ]
    before = [f"  … from line {shown.offset + 1}"] if shown.offset else []
    return "\n".join([*before, *lines, *(["  …"] if shown.more else [])])


async def discard(store: Database, shown_ids: Sequence[str], reason: str) -> int:
    """Close failures for good; 0 when all were open, else 1. Raises Malformed for a bad id."""
    actor, now = getpass.getuser(), datetime.now(UTC)
    missed = 0
    for shown in shown_ids:
        number = parse_id(DEAD_LETTER, shown)
        give_up = partial(
            dead_letters.discard, dead_letter_id=number, actor=actor, reason=reason, now=now
        )
        done = await store.write(give_up)
        missed += not done
        print(f"{shown}: {'discarded' if done else 'not open, left as it is'}")
    return 1 if missed else 0


def dead_document(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as JSON: ids as people see them, times as RFC 3339."""
    document = asdict(letter)
    for name, value in document.items():
        if isinstance(value, datetime):
            document[name] = time_text(value)
    document["id"] = show_id(DEAD_LETTER, document.pop("dead_letter_id"))
    document["receipt_id"] = _shown(RECEIPT, letter.receipt_id)
    document["message_row_id"] = _shown(MESSAGE, letter.message_row_id)
    return {"id": document.pop("id"), **document}


def load(connection: Connection, shown_id: str) -> DeadLetter:
    """The dead letter of this id. Raises Malformed for a bad id, Unsupported for an unknown one."""
    letter = dead_letters.load_dead(connection, parse_id(DEAD_LETTER, shown_id))
    if letter is None:
        raise Unsupported(f"there is no dead letter {shown_id}", code="unknown_dead_letter")
    return letter


def _with_body(connection: Connection, shown_id: str) -> tuple[DeadLetter, bytes | None, int]:
    """The letter, the first part of its payload, and the size of the whole."""
    letter = load(connection, shown_id)
    receipt = inbox.load_receipt(connection, letter.receipt_id) if letter.receipt_id else None
    if receipt is None:
        return letter, None, 0
    try:
        return letter, bodies.read_part(connection, receipt.receipt_id, 0), receipt.size
    except GatewayError:
        return letter, None, receipt.size


def _shown(prefix: str, number: int | None) -> str | None:
    return None if number is None else show_id(prefix, number)
