"""A workbench over a store with records, facts and exceptions of a domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from canonical.errors import Malformed
from canonical.values import Identifier
from domains.contract import Derived, Domain, Finding, Owner, Record
from domains.engine.comparing import Keeper
from domains.engine.tables import evidence
from domains.exceptions.keeping import keep
from domains.exceptions.listing import Wanted, list_exceptions
from domains.exceptions.stored import EXCEPTION
from routing.accounts import Accounts
from routing.router import Router
from store.database import Connection, Database
from store.ids import IdSource, show_id
from store.statements import insert_all
from store.times import micros
from tests.workbench_web.browsing import HOST, Browser, somebody
from workbench.access.roles import Role
from workbench.bench import Bench
from workbench.web.app import build_app
from workbench.web.protection import protected
from workbench.web.site import Site

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KEY = "receipt/bank/1"
NASTY = "<b>\x1b[31m\u202egnp"


def check_amount(values: Mapping[str, Any]) -> None:
    """Bear a difference: `amount`, as text."""
    if not isinstance(values.get("amount"), str):
        raise Malformed("amount is missing", code="bad_amount", path="amount")


def check_nothing(_values: Mapping[str, Any]) -> None:
    """Look at it again tomorrow."""


CASH = Domain(
    name="cash",
    listens={},
    derive=lambda _cluster, _now: Derived(),
    actions={"write_off": check_amount, "remind": check_nothing},
    money_actions=frozenset({"write_off"}),
)
RECEIPT = Record(
    kind="receipt",
    key=KEY,
    label="B-1001",
    status="PARTIALLY_APPLIED",
    state={
        "amount": "100.00 EUR",
        "payer": {"reference": NASTY, "account": None},
        "allocations": [
            {"invoice": "R-1001", "amount": "60.00"},
            {"invoice": "R-1002", "amount": "40.00", "note": ["part", "of it"]},
        ],
        "reversed": False,
    },
    facts=frozenset({"fact-1"}),
    names=(Identifier(scheme="iso20022:EndToEndId", value="E2E-7"),),
)
SHORT = Finding(
    kind="short_payment",
    record=KEY,
    owner=Owner.FINANCE,
    explanation="The payment is less than the invoice, and no deduction explains it.",
    involved=("invoice/acme/R-1001", "R-1002"),
    facts=frozenset({"fact-1"}),
    expected="120.00 EUR",
    received="100.00 EUR",
    balance="20.00 EUR",
    since=NOW - timedelta(hours=3),
)


@dataclass
class Office:
    """A store with exceptions, and people who look at them."""

    site: Site
    app: FastAPI
    clock: list[datetime]
    open_browser: Callable[[], Browser]

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def advance(self, **step: float) -> None:
        """Let time pass."""
        self.clock[0] += timedelta(**step)

    async def person(self, name: str, role: Role = Role.OPERATOR) -> Browser:
        """Somebody who is signed in."""
        browser = self.open_browser()
        await browser.enter_as(await somebody(self.site, name, role))
        return browser

    async def derive(self, *findings: Finding, records: tuple[Record, ...] = (RECEIPT,)) -> None:
        """Keep records and findings, as settling does."""
        scope = {one.key for one in records} | {one.record for one in findings}

        def work(connection: Connection) -> None:
            keeper = Keeper(domain="cash", tables={}, ids=self.site.ids)
            keeper.keep_records(connection, {}, records, self.now)
            keep(
                connection,
                domain="cash",
                scope=scope,
                findings=findings,
                labels={one.key: one.label for one in records},
                ids=self.site.ids,
                now=self.now,
            )

        await self.site.database.write(work)

    async def ids(self, **wanted: Any) -> list[str]:
        """The ids of exceptions as people see them, due first."""
        asked = Wanted(**wanted)
        found = await self.site.database.read(lambda c: list_exceptions(c, asked, self.now))
        return [show_id(EXCEPTION, one.exception_id) for one in found]


def put_fact(connection: Connection) -> None:
    """A fact the receipt rests on."""
    row = {
        "domain": "cash", "message_id": "fact-1", "type": "o2c.bank_entry.booked",
        "source": "/camt/acme", "idempotency_key": "bank/acme/1", "occurred_at": micros(NOW),
        "arrived_at": micros(NOW), "version": None, "receipt": "rcp_0cvn2qe9g0g00",
        "correlation": "bank/acme/1", "corrects": None, "corrected_by": None, "data": "{}",
    }  # fmt: skip
    insert_all(connection, evidence, [row])


def many(number: int) -> list[Finding]:
    """Findings of records of their own."""
    return [replace(SHORT, record=f"receipt/bank/{one}") for one in range(100, 100 + number)]


@asynccontextmanager
async def opened_office(database: Database) -> AsyncIterator[Office]:
    """An office over a store; one receipt is there, with a fact."""
    clock = [NOW]
    site = Site(database=database, version="1.2.3", ids=IdSource(), clock=lambda: clock[0])
    app = build_app(site)
    app.state.bench = Bench(
        database=database,
        accounts=Accounts([]),
        router=Router(()),
        ids=site.ids,
        now=site.clock,
        domains=lambda: {"cash": CASH},
    )
    clients: list[AsyncClient] = []

    def open_browser() -> Browser:
        transport = ASGITransport(protected(app), client=("203.0.113.7", 5000))
        clients.append(AsyncClient(transport=transport, base_url=HOST))
        return Browser(clients[-1], site)

    await database.write(put_fact)
    yield Office(site, app, clock, open_browser)
    for one in clients:
        await one.aclose()
