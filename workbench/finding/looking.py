"""One receipt, one message: everything that is known about it, as one value."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from canonical.errors import GatewayError, Unsupported
from store.database import Connection, Database
from store.finding import trace
from store.finding.chains import Reference, references_in
from store.finding.trace import Timeline, Trail
from store.ids import MESSAGE, RECEIPT, parse_id
from store.intake import bodies, inbox
from store.intake.fetches import list_fetches
from store.intake.receipt_list import MOST, again, message_ids
from store.log.facts import rows_of_fact
from store.log.outbox import load_message
from store.mending import edits
from store.mending.edits import Edit
from store.records import FetchRow, MessageRow, ReceiptRow
from workbench.failures.locating import LOOKED_AT, View, view
from workbench.failures.payload_bytes import beginning_of

_SECRETIVE: Final = ("authorization", "cookie", "secret", "token", "api-key", "password")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReceipt:
    """A receipt with what surrounds it."""

    receipt: ReceiptRow
    headers: Mapping[str, str]
    """Those that carry a credential without it."""
    around: Timeline
    """Its messages, tries and dead letters."""
    again: Sequence[ReceiptRow]
    """Its redeliveries."""
    fetches: Sequence[FetchRow]
    edits: Sequence[Edit]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMessage:
    """A message with what surrounds it."""

    message: MessageRow
    receipt: ReceiptRow | None
    reports: Sequence[MessageRow]
    """Other reports of the same fact."""
    references: Sequence[Reference]
    around: Timeline
    """Its tries, dead letters, and who has handled it."""


async def show_receipt(database: Database, shown_id: str) -> ShownReceipt:
    """A receipt. Raises Malformed (`bad_id`), Unsupported (`unknown_receipt`)."""
    receipt_id = parse_id(RECEIPT, shown_id)

    def look(connection: Connection) -> ShownReceipt:
        receipt = inbox.load_receipt(connection, receipt_id)
        if receipt is None:
            raise Unsupported("there is no such receipt", code="unknown_receipt")
        rows = tuple(message_ids(connection, receipt_id))
        trail = Trail(receipt_ids=(receipt_id,), message_row_ids=rows)
        return ShownReceipt(
            receipt=receipt,
            headers={name: _open(name, value) for name, value in receipt.headers.items()},
            around=trace.timeline(connection, trail),
            again=again(connection, receipt_id),
            fetches=list_fetches(connection, receipt_id)[:MOST],
            edits=edits.list_edits(connection, receipt_id=receipt_id),
        )

    return await database.read(look)


def _open(name: str, value: str) -> str:
    return "…" if any(part in name.lower() for part in _SECRETIVE) else value


async def show_message(database: Database, shown_id: str) -> ShownMessage:
    """A message by its own id, or by the CloudEvents id of its fact.

    Raises Malformed (`bad_id`), Unsupported (`unknown_message`).
    """

    def look(connection: Connection) -> ShownMessage:
        row_id = _row_of(connection, shown_id)
        message = None if row_id is None else load_message(connection, row_id)
        if message is None:
            raise Unsupported("there is no such message", code="unknown_message")
        reports = _reports(connection, message)
        trail = Trail(receipt_ids=(), message_row_ids=(message.row_id,))
        return ShownMessage(
            message=message,
            receipt=inbox.load_receipt(connection, message.receipt_id),
            reports=reports,
            references=list(dict.fromkeys(references_in(message.data))),
            around=trace.timeline(connection, trail),
        )

    return await database.read(look)


def _row_of(connection: Connection, shown_id: str) -> int | None:
    if shown_id.startswith(f"{MESSAGE}_"):
        return parse_id(MESSAGE, shown_id)
    return next(iter(rows_of_fact(connection, shown_id, most=1)), None)


def _reports(connection: Connection, message: MessageRow) -> list[MessageRow]:
    if message.message_id is None:
        return []
    ids = [
        one
        for one in rows_of_fact(connection, message.message_id, most=MOST)
        if one != message.row_id
    ]
    found = (load_message(connection, one) for one in ids[:MOST])
    return [one for one in found if one is not None]


async def show_bytes(
    database: Database, receipt: ReceiptRow, *, offset: int = 0, limit: int = 200
) -> View | None:
    """A page of a receipt's payload; None when none is kept."""
    content = await beginning_of(database, receipt, LOOKED_AT)
    if content is None:
        return None
    return await asyncio.to_thread(
        view, content, offset=max(0, offset), limit=limit, size=receipt.size
    )


async def payload_parts(database: Database, receipt: ReceiptRow) -> AsyncIterator[bytes]:
    """The bytes as they came, in parts of at most 1 MiB."""
    number = 0
    while True:
        read = partial(bodies.read_part, receipt_id=receipt.receipt_id, part=number)
        part = await database.read(read)
        if part is None:
            return
        yield part
        number += 1


async def first_part(database: Database, receipt: ReceiptRow) -> None:
    """Raises Unsupported (`unknown_payload`) where the bytes are no longer kept."""
    try:
        found = await database.read(
            partial(bodies.read_part, receipt_id=receipt.receipt_id, part=0)
        )
    except GatewayError as error:
        raise Unsupported(str(error), code="unknown_payload") from error
    if found is None:
        raise Unsupported("the bytes are not kept", code="unknown_payload")
