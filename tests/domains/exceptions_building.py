"""Findings and a store for tests of exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domains.contract import Finding, Owner
from domains.exceptions.handling import Act
from domains.exceptions.keeping import Kept, keep
from domains.exceptions.listing import Wanted, history_of, list_exceptions
from domains.exceptions.stored import StoredException
from store.database import Database
from store.ids import IdSource

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SHORT = Finding(
    kind="short_payment",
    record="receipt/bank/1",
    owner=Owner.FINANCE,
    explanation="The payment is less than the invoice, and no deduction explains it.",
    involved=("invoice/acme/R-1", "R-1"),
    facts=frozenset({"fact-1"}),
    expected="120.00 EUR",
    received="100.00 EUR",
    balance="20.00 EUR",
    since=NOW - timedelta(hours=3),
)


class Book:
    """The exceptions of a store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ids = IdSource()
        self.now = NOW

    async def keep(
        self,
        *findings: Finding,
        scope: Sequence[str] | None = None,
        domain: str = "cash",
        **labels: str,
    ) -> Kept:
        """Keep these findings of records that have been derived."""
        records = frozenset([one.record for one in findings] if scope is None else scope)
        return await self.database.write(
            lambda connection: keep(
                connection,
                domain=domain,
                scope=records,
                findings=findings,
                labels=labels or {SHORT.record: "B-1"},
                ids=self.ids,
                now=self.now,
            )
        )

    async def all(self, **wanted: Any) -> list[StoredException]:
        """The exceptions that are asked for, due first."""
        asked = Wanted(**({"state": None} | wanted))
        return await self.database.read(
            lambda connection: list_exceptions(connection, asked, self.now, limit=1000)
        )

    async def only(self) -> StoredException:
        """The one there is."""
        (found,) = await self.all()
        return found

    async def actions(self) -> list[str]:
        """What happened to the one there is."""
        one = await self.only()
        entries = await self.database.read(
            lambda connection: history_of(connection, one.exception_id)
        )
        return [entry.action for entry in entries]

    def act(self, by: str = "ada", revision: int | None = None) -> Act:
        """Somebody does something now."""
        return Act(by=by, now=self.now, revision=revision)

    def advance(self, **step: float) -> None:
        """Let time pass."""
        self.now += timedelta(**step)


def other(number: int, **changes: Any) -> Finding:
    """A finding of a record of its own."""
    return replace(SHORT, **({"record": f"receipt/bank/{number}"} | changes))


@pytest.fixture
async def book(database: Database) -> Book:
    """A store without exceptions, on either engine."""
    return Book(database)
