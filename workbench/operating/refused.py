"""`gateway refused`: who was turned away at the door, and why."""

from __future__ import annotations

import json

from rich.table import Table

from store.database import Database
from store.intake import refusals
from workbench.showing import console, harmless, time_text


async def print_refused(store: Database, *, limit: int, as_json: bool) -> None:
    """Print refusals, newest first; as JSON an array of objects."""
    found = await store.read(lambda connection: refusals.recent_refusals(connection, limit))
    if as_json:
        documents = [
            {
                "at": time_text(one.at),
                "connector": one.connector,
                "account": one.account,
                "code": one.code,
                "body_sha256": one.body_digest.hex(),
                "bytes": one.size,
                "remote": one.remote,
            }
            for one in found
        ]
        print(json.dumps(documents, indent=2))
        return
    table = Table("at", "account", "code", "bytes", "sha256 of the body", "from")
    for one in found:
        table.add_row(
            time_text(one.at),
            f"{one.connector}/{one.account}",
            one.code,
            str(one.size),
            one.body_digest.hex()[:16],
            harmless(one.remote),
        )
    console().print(table if found else "nothing was refused")
