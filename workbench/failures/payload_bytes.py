"""A receipt's bytes, whole or spooled, as a connector is given them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from canonical.errors import GatewayError
from connectors.raw import RawMessage
from routing.accounts import Account
from store.database import Database
from store.intake import bodies
from store.records import ReceiptRow

IN_MEMORY: Final = 8 * 1024 * 1024
"""Larger payloads are spooled into a file."""


@asynccontextmanager
async def content_of(database: Database, receipt: ReceiptRow) -> AsyncIterator[bytes | Path]:
    """The bytes, or a temporary file of them that is gone afterwards.

    Raises GatewayError (`body_retained`, `body_missing`, `digest_mismatch`).
    """
    if receipt.size <= IN_MEMORY:
        yield await database.read(partial(bodies.read_body, receipt_id=receipt.receipt_id))
        return
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as spool:
            number = 0
            while part := await database.read(
                partial(bodies.read_part, receipt_id=receipt.receipt_id, part=number)
            ):
                spool.write(part)
                number += 1
        yield Path(spool.name)


async def beginning_of(database: Database, receipt: ReceiptRow, most: int) -> bytes | None:
    """The first bytes, at most so many and a part's length more; None when none are kept."""
    found = bytearray()
    number = 0
    try:
        while len(found) < most and (
            part := await database.read(
                partial(bodies.read_part, receipt_id=receipt.receipt_id, part=number)
            )
        ):
            found += part
            number += 1
    except GatewayError:
        return bytes(found) or None
    return bytes(found[:most]) if number or not receipt.size else None


def raw_message(receipt: ReceiptRow, account: Account, content: bytes | Path) -> RawMessage:
    """The message as a connector gets it when this receipt is translated today."""
    return RawMessage(
        content,
        account=receipt.account,
        received_at=receipt.received_at,
        headers=receipt.headers,
        filename=receipt.filename,
        options=account.options,
    )
