"""`gateway audit --verify`: is what is stored still what was recorded?"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from rich.text import Text

from store.database import Database
from store.ids import MESSAGE, RECEIPT, show_id
from store.log import message_log
from store.log.body_check import check_bodies
from store.log.message_log import Fault
from workbench.showing import console

SLICE = 200
MOST_SHOWN = 100


async def print_verification(store: Database, *, as_json: bool) -> bool:
    """Verify the message log and every stored payload; whether nothing was changed or taken."""
    document = await verification(store)
    if as_json:
        print(json.dumps(document, indent=2))
        return bool(document["whole"])
    out = console()
    log, bodies = document["message_log"], document["payloads"]
    out.print(f"message log: {log['rows']} messages in {log['blocks']} blocks")
    out.print(f"payloads: {bodies['checked']} checked, {bodies['retained']} retained away")
    for head in log["heads"]:
        out.print(f"  head {head['partition']}/{head['sequence']} {head['hash']}", highlight=False)
    for fault in document["faults"]:
        told = Text.assemble((fault["code"], "bold red"), " ", fault["where"])
        out.print(told, highlight=False)
    out.print("whole" if document["whole"] else Text("NOT WHOLE", "bold red"))
    return bool(document["whole"])


async def verification(store: Database) -> dict[str, Any]:
    """The verification as JSON: `{"whole", "message_log", "payloads", "faults"}`.

    The heads are worth keeping outside the store: whoever rewrites a whole chain changes its head.
    """
    log = await store.read(lambda c: message_log.verify_log(c, most_faults=MOST_SHOWN))
    heads = await store.read(message_log.heads)
    checked, retained, faults = await _bodies(store)
    found = [*log.faults, *faults][:MOST_SHOWN]
    return {
        "whole": not found,
        "message_log": {
            "blocks": log.blocks,
            "rows": log.rows,
            "heads": [
                {"partition": one.partition, "sequence": one.sequence, "hash": one.hash.hex()}
                for one in heads
            ],
        },
        "payloads": {"checked": checked, "retained": retained},
        "faults": [{"code": one.code, "where": _shown(one)} for one in found],
    }


async def _bodies(store: Database) -> tuple[int, int, list[Fault]]:
    """Slice by slice: the store is not held on one snapshot while gigabytes are read."""
    checked = retained = after = 0
    faults: list[Fault] = []
    while True:
        part = await store.read(partial(check_bodies, after=after, limit=SLICE))
        if part.last is None:
            return checked, retained, faults
        checked, retained, after = checked + part.bodies, retained + part.retained, part.last
        faults += part.faults[: MOST_SHOWN - len(faults)]


def _shown(fault: Fault) -> str:
    word, _, number = fault.where.rpartition(" ")
    if fault.where.isdigit():
        return show_id(MESSAGE, int(fault.where))
    if word == "receipt":
        return show_id(RECEIPT, int(number))
    return fault.where
