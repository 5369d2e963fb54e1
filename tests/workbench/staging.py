"""A pipeline around one store, with a shop's account and a workbench beside it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select

from canonical.errors import Unavailable
from connectors import registry
from connectors.contract import Connector
from connectors.raw import RawMessage
from routing.accounts import Account, Accounts
from routing.pipeline import Pipeline, PipelineSettings
from routing.router import Router
from store.database import Connection, Database
from store.failures import dead_letters
from store.finding import audit
from store.mending.campaigns import Campaign, load_campaign
from store.mending.failure_groups import FailureGroup, list_groups
from store.records import DeadLetter, OutboxRow
from store.tables import messages, receipts
from workbench.bench import Bench
from workbench.mending.campaign_loop import Campaigns

ADA, GRACE = "ada@example.com", "grace@example.com"


@dataclass
class Clock:
    """The time, and how far it was moved by hand."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def wait(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Streams:
    """The streams' end of the relay, kept in a list."""

    rows: list[OutboxRow] = field(default_factory=list)
    closed: bool = False

    async def publish(self, rows: Sequence[OutboxRow]) -> None:
        if self.closed:
            raise Unavailable("the road is closed", code="streams_unreachable")
        self.rows += rows


def order(number: int = 1001, **changes: Any) -> dict[str, Any]:
    """An order as the shop sends it."""
    currency, total = changes.pop("currency", "EUR"), changes.pop("total", "120.00")
    money = {"amount": total, "currency_code": currency}
    return {
        "id": 6120000000000 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{6120000000000 + number}",
        "name": f"#{number}",
        "currency": currency,
        "created_at": "2026-03-02T08:59:00Z",
        "updated_at": "2026-03-02T09:00:00Z",
        "cancelled_at": None,
        "financial_status": "pending",
        "total_price": total,
        "total_price_set": {"shop_money": money, "presentment_money": money},
        "line_items": [
            {
                "id": 15600000000000 + number,
                "sku": "LAMP-WAL",
                "title": "Walnut desk lamp",
                "quantity": 1,
                "price": total,
            }
        ],
        **changes,
    }


class Stage:
    """Pipeline and workbench around one store."""

    def __init__(self, database: Database, spool: Path) -> None:
        self.database = database
        self.clock = Clock()
        self.streams = Streams()
        self._spool = spool
        self.use(registry.load("shopify"))

    def use(self, connector: Connector) -> None:
        """Translate with this connector from now on, before or after `start`."""
        self.account = Account(connector=connector, name="acme")
        self.accounts = Accounts([self.account])
        self.pipeline = Pipeline(
            self.database,
            self.accounts,
            Router(()),
            self.streams,
            spool_folder=self._spool,
            settings=PipelineSettings(sweep_s=0.05),
        )
        self.bench = Bench(
            database=self.database,
            accounts=self.accounts,
            router=Router(()),
            now=self.clock.now,
            wake=self.pipeline.worker.wake,
        )
        self.campaigns = Campaigns(self.bench, owner="me")

    async def __aenter__(self) -> Stage:
        await self.pipeline.start(alone=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.stop()

    async def renew(self, connector: Connector) -> None:
        """A new release of the connector is installed, and the gateway started again."""
        await self.pipeline.stop()
        self.use(connector)
        await self.pipeline.start(alone=True)

    async def receive(
        self, document: dict[str, Any] | bytes, topic: str = "orders/create", event: str = ""
    ) -> int:
        """Take a payload in and let it go its way; its receipt."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        event = event or hashlib.sha256(body).hexdigest()
        raw = RawMessage(
            body,
            account="acme",
            received_at=datetime.now(UTC),
            headers={"x-shopify-topic": topic, "x-shopify-event-id": event},
        )
        received = await self.pipeline.receiver.accept(
            self.account, raw, transport="http", secret=None
        )
        await self.settle()
        return received.first_receipt_id

    async def settle(self) -> None:
        """Until nothing that was accepted waits to be translated or published."""
        while True:
            await self.pipeline.settle()
            if not await self.database.read(_is_waiting):
                return

    async def fail(self, numbers: Sequence[int], **changes: Any) -> FailureGroup:
        """Orders that cannot be translated: their currency is none; the group they are in."""
        for number in numbers:
            await self.receive(order(number, **{"currency": "ZZZ", **changes}))
        (group, *_) = await self.groups()
        return group

    async def groups(self, **wanted: Any) -> list[FailureGroup]:
        return await self.database.read(lambda connection: list_groups(connection, **wanted))

    async def letters(self, state: str | None = "open") -> list[DeadLetter]:
        return await self.database.read(lambda c: dead_letters.list_dead(c, state=state))

    async def run_campaign(self, campaign_id: int, *, most: int = 200) -> Campaign:
        """Let a campaign run until it is over or stands still."""
        for _ in range(most):
            self.clock.wait(0.5)
            moved = await self.campaigns.work_once()
            await self.settle()
            campaign = await self.campaign(campaign_id)
            if campaign.state != "running" or not (moved or campaign.outstanding):
                return campaign
        raise AssertionError("the campaign does not come to an end")

    async def campaign(self, campaign_id: int) -> Campaign:
        return await self.database.read(lambda c: load_campaign(c, campaign_id))

    async def states(self) -> Counter[str]:
        """Messages by state."""

        def count(connection: Connection) -> Counter[str]:
            return Counter(connection.scalars(select(messages.c.state)))

        return await self.database.read(count)

    async def proves_itself(self) -> bool:
        """The audit balances, the audit log verifies, and nothing was published twice."""
        balanced = all(one.balanced for one in await self.database.read(audit.balance))
        chained = await self.database.read(audit.verify_audit_log) is None
        ids = [row.message_id for row in self.streams.rows]
        return balanced and chained and len(ids) == len(set(ids))


def _is_waiting(connection: Connection) -> bool:
    return any(
        connection.scalar(select(exists().where(table.c.state == "pending")))
        for table in (receipts, messages)
    )


def accepting(currency: str) -> Connector:
    """The shop's connector with a release that reads this currency code as euros."""
    shop = registry.load("shopify")

    def translate(raw: RawMessage, identity: Any) -> Any:
        body = raw.body.replace(currency.encode(), b"EUR")
        mended = RawMessage(
            body, account=raw.account, received_at=raw.received_at, headers=raw.headers
        )
        return shop.translate(mended, identity)

    return replace(shop, translate=translate)
