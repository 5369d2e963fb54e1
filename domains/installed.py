"""The four domains that come with the gateway, and their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Table

from domains import billing, cash, order, shipment
from domains.billing.tables import TABLES as BILLING_TABLES
from domains.cash.tables import TABLES as CASH_TABLES
from domains.contract import Domain
from domains.order.tables import TABLES as ORDER_TABLES
from domains.shipment.tables import TABLES as SHIPMENT_TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A domain with the tables its records have rows in."""

    domain: Domain
    tables: Mapping[str, Table]


def _with(domain: Domain, tables: tuple[Table, ...]) -> Installed:
    return Installed(domain=domain, tables=MappingProxyType({one.name: one for one in tables}))


INSTALLED: Final[Mapping[str, Installed]] = MappingProxyType(
    {
        "order": _with(order.DOMAIN, ORDER_TABLES),
        "shipment": _with(shipment.DOMAIN, SHIPMENT_TABLES),
        "billing": _with(billing.DOMAIN, BILLING_TABLES),
        "cash": _with(cash.DOMAIN, CASH_TABLES),
    }
)
