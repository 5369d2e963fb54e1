"""What others are told: the invoice gate of each shipment."""

from __future__ import annotations

from canonical.chain import GateLine, InvoiceGateDecided
from domains.contract import Announcement
from domains.shipment.picture import Picture
from domains.shipment.quantities import quantity
from domains.shipment.recording import identifiers
from domains.shipment.shipments import Shipment


def gate_announcement(shipment: Shipment, picture: Picture) -> Announcement:
    """The gate as it stands; it is told of every shipment, so that it is also taken back."""
    carriage, decided = picture.carriages[shipment.key], picture.gates[shipment.key]
    lines = [
        GateLine(
            line_id=line.line_id,
            order_line_id=line.told.order_line_id,
            sku=line.told.sku,
            shipped=quantity(line.left, line.unit),
            allowed=quantity(allowed, line.unit),
        )
        for line, allowed in zip(shipment.lines, decided.allowed, strict=True)
        if line.line_id is not None and line.told is not None
    ]
    order_id = shipment.order_text
    return Announcement(
        subject=shipment.key,
        data=InvoiceGateDecided(
            revision=1,
            source_system=shipment.system,
            account=shipment.account,
            shipment_id=shipment.shipment_id,
            order_id=order_id,
            gate=decided.gate,
            delivery=carriage.status,
            reason_class=carriage.reason_class,
            reversed=shipment.is_reversed,
            lines=tuple(lines),
            references=identifiers(
                ("shipment", shipment.shipment_id),
                ("order", order_id),
                *(("order", one.order_id) for one in shipment.orders),
                *(("tracking_number", one) for one in shipment.tracking.values()),
            ),
        ),
        correlation=shipment.facts[0].correlation,
        occurred_at=max(
            [one.occurred_at for one in shipment.facts]
            + [event.at for parcel in carriage.told for event in parcel.events]
        ),
    )
