"""`gateway statements`: bank statements by account, what is missing and what does not chain."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.table import Table

from store.database import Database
from store.intake import statement_balances
from workbench.showing import console, harmless

OPENING = ("OPBD", "PRCD")
CLOSING = ("CLBD",)


@dataclass(slots=True)
class Statement:
    """One statement of an account, put together from the balances it reported."""

    account: str
    currency: str
    statement_id: str
    sequence: str
    day: str
    opening: Decimal | None = None
    closing: Decimal | None = None


async def print_statements(store: Database, *, as_json: bool) -> bool:
    """Print statements with their findings; whether there are none."""
    reported = await store.read(statement_balances.reported_balances)
    by_account = _by_account([json.loads(data) for data in reported])
    rows = [
        (statement, finding)
        for statements in by_account.values()
        for statement, finding in _findings(statements)
    ]
    if as_json:
        print(json.dumps([_document(one, finding) for one, finding in rows], indent=2))
    else:
        _print(rows)
    return not any(finding for _, finding in rows)


def _by_account(balances: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[Statement]]:
    found: dict[tuple[str, str, str], Statement] = {}
    for balance in balances:
        account, currency = balance["bank_account"]["value"], balance["amount"]["currency"]
        key = (account, currency, balance["statement_id"])
        statement = found.setdefault(
            key,
            Statement(*key, balance.get("sequence", ""), balance["balance_date"]),
        )
        _note(statement, balance)
    grouped: dict[tuple[str, str], list[Statement]] = defaultdict(list)
    for statement in found.values():
        grouped[statement.account, statement.currency].append(statement)
    for statements in grouped.values():
        statements.sort(key=lambda one: (one.day, _number(one.sequence) or 0, one.statement_id))
    return grouped


def _note(statement: Statement, balance: dict[str, Any]) -> None:
    amount = Decimal(balance["amount"]["amount"])
    signed = amount if balance["direction"] == "CREDIT" else -amount
    if balance["balance_type"] in OPENING and statement.opening is None:
        statement.opening = signed
    elif balance["balance_type"] in CLOSING:
        statement.closing = signed
        statement.day = balance["balance_date"]


def _findings(statements: Sequence[Statement]) -> Iterator[tuple[Statement, str]]:
    before: Statement | None = None
    for statement in statements:
        yield statement, _finding(before, statement)
        before = statement


def _finding(before: Statement | None, now: Statement) -> str:
    if before is None:
        return ""
    last, number = _number(before.sequence), _number(now.sequence)
    if last is not None and number is not None and number > last + 1:
        return f"gap: {number - last - 1} missing before number {number}"
    if None not in (before.closing, now.opening) and before.closing != now.opening:
        return f"opens with {now.opening}, the one before closed with {before.closing}"
    return ""


def _number(sequence: str) -> int | None:
    return int(sequence) if sequence.isdecimal() and len(sequence) < 19 else None


def _document(statement: Statement, finding: str) -> dict[str, Any]:
    return {
        "account": statement.account,
        "currency": statement.currency,
        "statement": statement.statement_id,
        "sequence": statement.sequence,
        "date": statement.day,
        "opening": None if statement.opening is None else str(statement.opening),
        "closing": None if statement.closing is None else str(statement.closing),
        "finding": finding,
    }


def _print(rows: Sequence[tuple[Statement, str]]) -> None:
    table = Table("account", "number", "date", "opening", "closing", "finding")
    for one, finding in rows:
        table.add_row(
            harmless(f"{one.account} {one.currency}"),
            harmless(one.sequence or one.statement_id),
            one.day,
            str(one.opening) if one.opening is not None else "–",
            str(one.closing) if one.closing is not None else "–",
            harmless(finding) or "ok",
        )
    console().print(table if rows else "no statements yet")
