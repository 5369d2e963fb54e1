"""`gateway receive`: a file by hand."""

from __future__ import annotations

from pathlib import Path

from canonical.errors import Unavailable
from configuration import Configuration
from routing.accounts import Account, Accounts
from store.ids import RECEIPT, show_id
from store.intake import inbox
from transports.files import FileDoor
from transports.running import OpenHub


async def receive_file(
    configuration: Configuration,
    accounts: Accounts,
    open_hub: OpenHub,
    file: Path,
    account: Account,
) -> int:
    """Take the file in, work it off, and say what became of it; 4 when it is dead, else 0.

    Raises Malformed (not a file, no files wanted), TooLarge, Unavailable.
    """
    async with open_hub(configuration, accounts, alone=False) as hub:
        door = FileDoor(
            hub.database,
            hub.pipeline.receiver,
            hub.pipeline.ids,
            max_file_bytes=configuration.limits.max_file_bytes,
        )
        received = await door.take(file, account)
        await hub.pipeline.settle()
        receipt_id = received.accepted.receipt_id
        row = await hub.database.read(lambda connection: inbox.load_receipt(connection, receipt_id))
    if row is None:
        raise Unavailable("the receipt is not there", code="store_unavailable")
    first = received.accepted.first_receipt_id
    again = f" of {show_id(RECEIPT, first)}" if first is not None else ""
    reason = f" ({row.reason})" if row.reason else ""
    print(
        f"{show_id(RECEIPT, receipt_id)}: {row.state}{again}, {row.message_count} messages{reason}"
    )
    return 4 if row.state == "dead" else 0
