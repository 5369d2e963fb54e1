"""The shipment domain's function: facts of a cluster → records, findings, announcements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Context, localcontext
from typing import Final

from domains.contract import Cluster, Derived, Record
from domains.shipment.announcing import gate_announcement
from domains.shipment.deadlines import deliveries_due
from domains.shipment.delivering import delivery_record
from domains.shipment.findings import excesses_due, findings
from domains.shipment.picture import Picture, picture_of
from domains.shipment.recording import return_record, shipment_record
from domains.shipment.waiting import parked

_EXACT: Final = 80
"""Digits: sums of quantities are never rounded."""


def derive(cluster: Cluster, now: datetime) -> Derived:
    """What this domain says of a cluster at a time."""
    with localcontext(Context(prec=_EXACT)):
        picture = picture_of(cluster, now)
        return Derived(
            records=tuple(_records(picture)),
            findings=findings(picture),
            announcements=tuple(gate_announcement(one, picture) for one in picture.shipments),
            parked=tuple(parked(picture)),
            wake_at=min((one for one in _deadlines(picture) if one > now), default=None),
        )


def _records(picture: Picture) -> Iterator[Record]:
    yield from (shipment_record(one, picture) for one in picture.shipments)
    yield from (delivery_record(one, picture) for one in picture.parcels)
    yield from (return_record(one) for one in picture.returns)


def _deadlines(picture: Picture) -> Iterator[datetime]:
    yield from (due for _, due in deliveries_due(picture))
    yield from excesses_due(picture)
