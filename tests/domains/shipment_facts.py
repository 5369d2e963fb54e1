"""Facts of one order, its shipments, parcels and returns, and what the shipment domain says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.chain import InvoiceGateDecided
from canonical.order import OrderPlaced, ReturnLine, ReturnRequested
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReasonClass,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentLine,
    ShipmentReversed,
)
from canonical.values import Identifier, Quantity
from domains.contract import Decision, Fact
from domains.shipment import DOMAIN
from tests.domains.building import DAY, World, derive_all, fact

HOUR = timedelta(hours=1)
SHIPMENT = "shipment/wms/acme/S-1"
PARCEL = "delivery/UPS/1Z001"


def after(hours: float) -> datetime:
    """So many hours behind the beginning."""
    return DAY + timedelta(hours=hours)


def order(order_id: str = "4507", **more: Any) -> Fact:
    """An order of the shop."""
    channel, account = more.pop("channel", "shopify"), more.pop("account", "acme")
    data = OrderPlaced(order_id=order_id, channel=channel, account=account, **more)
    return fact(data, source=f"/{channel}/{account}", version="1")


def line(line_id: str = "1", pieces: str = "5", unit: str = "EA", **more: Any) -> ShipmentLine:
    """A shipped line."""
    for name in ("ordered", "back_ordered"):
        if name in more:
            more[name] = Quantity(value=Decimal(more[name]), unit=unit)
    shipped = Quantity(value=Decimal(pieces), unit=unit)
    return ShipmentLine(line_id=line_id, shipped=shipped, **{"sku": f"SKU-{line_id}", **more})


def shipped(
    of: ShipmentLine | None = None,
    *,
    at: float = 0,
    tracking: Sequence[str] = (),
    system: str = "wms",
    name: str = "",
    **more: Any,
) -> Fact:
    """A confirmation of a line."""
    data = ShipmentConfirmed(
        shipment_id=more.pop("shipment_id", "S-1"),
        source_system=system,
        account="acme",
        order_id=more.pop("order_id", "4507"),
        line=of or line(),
        tracking_numbers=tuple(tracking),
        shipped_at=after(at),
        **more,
    )
    return fact(data, source=f"/{system}/acme", at=after(at), name=name)


def unlined(*, at: float = 0, tracking: Sequence[str] = ()) -> Fact:
    """A confirmation of a shipment whose lines are not told."""
    data = ShipmentConfirmed(
        shipment_id="S-1",
        source_system="wms",
        account="acme",
        order_id="4507",
        tracking_numbers=tuple(tracking),
        shipped_at=after(at),
    )
    return fact(data, source="/wms/acme", at=after(at))


def reversed_(
    of: ShipmentLine | None = None, *, at: float = 1, shipment_id: str = "S-1", system: str = "wms"
) -> Fact:
    """A reversal of a line, or of the whole shipment."""
    data = ShipmentReversed(
        shipment_id=shipment_id,
        source_system=system,
        account="acme",
        order_id="4507",
        line=of,
        reversed_at=after(at),
    )
    return fact(data, source=f"/{system}/acme", at=after(at))


def event(
    status: str,
    at: float = 2,
    *,
    tracking: str = "1Z001",
    carrier: str = "UPS",
    source: str = "/easypost/acme",
    reason: ReasonClass | None = None,
    **more: Any,
) -> Fact:
    """A carrier's event."""
    data = DeliveryStatusChanged(
        tracking_number=tracking,
        carrier=carrier,
        status=DeliveryStatus(status),
        occurred_at=after(at),
        carrier_code=more.pop("code", status.lower()),
        reason_class=reason,
        **more,
    )
    return fact(data, source=source, at=after(at))


def asked_back(
    pieces: str = "1",
    *,
    sku: str = "SKU-1",
    at: float = 100,
    return_id: str = "R-1",
    system: str = "wms",
    **more: Any,
) -> Fact:
    """A return somebody asks for."""
    data = ReturnRequested(
        return_id=return_id,
        order_id=more.pop("order_id", "4507"),
        channel=system,
        account="acme",
        requested_at=after(at),
        lines=(returned_line(pieces, sku),),
        **more,
    )
    return fact(data, source=f"/{system}/acme", at=after(at))


def came_back(
    pieces: str = "1",
    *,
    sku: str = "SKU-1",
    at: float = 120,
    return_id: str = "R-1",
    system: str = "wms",
    **more: Any,
) -> Fact:
    """A return that arrived."""
    data = ReturnReceived(
        return_id=return_id,
        order_id=more.pop("order_id", "4507"),
        source_system=system,
        account="acme",
        received_at=after(at),
        lines=(returned_line(pieces, sku),),
        **more,
    )
    return fact(data, source=f"/{system}/acme", at=after(at))


def returned_line(pieces: str, sku: str) -> ReturnLine:
    """A line of a return."""
    return ReturnLine(line_id="1", sku=sku, quantity=Quantity(value=Decimal(pieces)))


def names(**values: str) -> tuple[Identifier, ...]:
    """References of the test's warehouse."""
    return tuple(Identifier(scheme=f"wms:{name}", value=value) for name, value in values.items())


def world(*facts: Fact, hours: float = 3, decisions: Sequence[Decision] = ()) -> World:
    """What the domain says so many hours behind the beginning."""
    return derive_all(DOMAIN, facts, now=after(hours), decisions=decisions)


def gate(said: World, shipment: str = SHIPMENT) -> InvoiceGateDecided:
    """The announced gate of a shipment."""
    data = said.announcements[InvoiceGateDecided.TYPE, shipment].data
    assert isinstance(data, InvoiceGateDecided)
    return data


def allowed(said: World, shipment: str = SHIPMENT) -> dict[str, str]:
    """Line → how much of it may be invoiced."""
    return {one.line_id: str(one.allowed.value) for one in gate(said, shipment).lines}


def rows(said: World, table: str) -> list[dict[str, Any]]:
    """All rows of one of the domain's tables."""
    return [dict(row) for one in said.records.values() for row in one.rows.get(table, ())]
