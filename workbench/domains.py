"""The domains at work in a gateway's process, and how what they announce comes in."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from configuration import DomainSettings
from connectors.raw import RawMessage
from domains.contract import Rules
from domains.engine.announcing import HandIn
from domains.exceptions.ageing import Ageing
from domains.exceptions.metrics import ExceptionMetrics
from domains.installed import INSTALLED
from domains.metrics import DomainMetrics
from domains.service import DomainService, Surroundings
from routing.accounts import ANNOUNCES
from transports.running import OpenedHub


def domain_loops(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """The services of the domains that are configured to run, and the ageing of exceptions."""
    settings = hub.configuration.domains
    if not settings.run:
        return []
    registry = hub.pipeline.metrics.registry
    counted, exceptional = DomainMetrics(), ExceptionMetrics()
    counted.show_in(registry)
    exceptional.show_in(registry)
    around = Surroundings(
        database=hub.database,
        redis_url=hub.publisher.url,
        hand_in=_front_door(hub),
        owner=hub.pipeline.owner,
        rules=rules_of(settings),
        metrics=counted,
        lease_s=hub.configuration.limits.lease_seconds,
    )
    services = [DomainService(INSTALLED[name], around).run() for name in settings.run]
    return [*services, Ageing(database=hub.database, metrics=exceptional).run()]


def rules_of(settings: DomainSettings) -> Rules:
    """What a company has set, as the domains are given it."""
    return Rules(
        patience=timedelta(hours=settings.patience_hours),
        shipment_due=timedelta(hours=settings.shipment_due_hours),
        invoice_due=timedelta(hours=settings.invoice_due_hours),
        delivery_due=timedelta(hours=settings.delivery_due_hours),
        bank_due=timedelta(hours=settings.bank_due_hours),
        answer_due=timedelta(hours=settings.answer_due_hours),
        without_invoices=frozenset(settings.without_invoices),
        tolerance={currency: f"{one:f}" for currency, one in settings.tolerance.items()},
    )


def _front_door(hub: OpenedHub) -> HandIn:
    receiver, accounts = hub.pipeline.receiver, hub.accounts

    async def hand_in(domain: str, body: bytes) -> None:
        raw = RawMessage(
            body,
            account=domain,
            received_at=datetime.now(UTC),
            headers={"content-type": "application/json"},
        )
        account = accounts.get(ANNOUNCES, domain)
        await receiver.accept(account, raw, transport="domain", secret=None)

    return hand_in
