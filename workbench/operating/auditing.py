"""`gateway audit`: both sides of the promises."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from store.database import Database
from store.finding import audit
from store.finding.audit import BalanceRow
from workbench.showing import console

RECEIPT_STATES = (
    "translated", "redelivered", "ignored", "dead", "discarded", "pending", "dropped",
)  # fmt: skip
MESSAGE_STATES = (
    "published", "duplicate", "stale", "conflict", "dead", "discarded", "pending", "dropped",
)  # fmt: skip


async def print_audit(store: Database, *, as_json: bool) -> bool:
    """Print both equalities per connector and in all; whether they hold."""
    rows = await store.read(audit.balance)
    document = audit_document(rows)
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        out = console()
        out.print(_table("receipts", "accepted", RECEIPT_STATES, document))
        out.print(_table("messages", "translated", MESSAGE_STATES, document))
        balanced = document["balanced"]
        out.print("balanced" if balanced else Text("NOT BALANCED", "bold red"))
    return bool(document["balanced"])


def audit_document(rows: Sequence[BalanceRow]) -> dict[str, Any]:
    """The audit as JSON: `{"balanced", "all", "connectors": {name: …}}`.

    Each part has `receipts` and `messages`: the left side (`accepted`, `translated`), every state
    of the right side, and `missing`, the difference, which must be 0.
    """
    accepted = sum(row.accepted for row in rows)
    translated = sum(row.translated for row in rows)
    receipts = sum((Counter(row.receipts) for row in rows), Counter[str]())
    messages = sum((Counter(row.messages) for row in rows), Counter[str]())
    return {
        "balanced": all(row.balanced for row in rows),
        "all": _part(accepted, receipts, translated, messages),
        "connectors": {
            row.connector: _part(row.accepted, row.receipts, row.translated, row.messages)
            for row in rows
        },
    }


def _part(
    accepted: int, receipts: Mapping[str, int], translated: int, messages: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "receipts": _side("accepted", accepted, RECEIPT_STATES, receipts),
        "messages": _side("translated", translated, MESSAGE_STATES, messages),
    }


def _side(
    name: str, total: int, states: Sequence[str], counts: Mapping[str, int]
) -> dict[str, int]:
    shown = {state: counts.get(state, 0) for state in states}
    return {name: total, **shown, "missing": total - sum(counts.values())}


def _table(side: str, total: str, states: Sequence[str], document: Mapping[str, Any]) -> Table:
    table = Table("connector", total, "=", *states, "missing", title=side, title_justify="left")
    parts = {**document["connectors"], "all": document["all"]}
    for name, part in parts.items():
        counts = part[side]
        missing = counts["missing"]
        table.add_row(
            name,
            str(counts[total]),
            "=" if not missing else "≠",
            *(str(counts[state]) for state in states),
            Text(str(missing), "bold red" if missing else ""),
        )
    return table
