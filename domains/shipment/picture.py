"""All a cluster holds, put together: what records, findings and announcements are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canonical.errors import Malformed
from canonical.order import ReturnRequested
from canonical.shipment import ReturnReceived
from domains.contract import Cluster, Decision, Rules
from domains.shipment.echoes import Echoes, echoes_among
from domains.shipment.gate import Carriage, Decided, decided
from domains.shipment.orders import Orders
from domains.shipment.parcels import Parcel, Scene, numbers_coming_back, parcels_among
from domains.shipment.returns import Return, returns_among
from domains.shipment.settling import SETTLE, pieces_of
from domains.shipment.shipments import Shipment, shipments_among


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The shipments, parcels and returns of a cluster and how they hang together."""

    shipments: tuple[Shipment, ...]
    parcels: tuple[Parcel, ...]
    returns: tuple[Return, ...]
    echoes: Echoes
    carriages: Mapping[str, Carriage]
    """By the shipment's key."""
    gates: Mapping[str, Decided]
    """By the shipment's key."""
    rules: Rules
    now: datetime

    def in_parcel(self, parcel: Parcel) -> tuple[Shipment, ...]:
        """The shipments a parcel carries."""
        return tuple(one for one in self.shipments if one.key in parcel.shipments)


def picture_of(cluster: Cluster, now: datetime) -> Picture:
    """Put a cluster's facts together."""
    orders = Orders.among(cluster.facts)
    shipments = shipments_among(cluster.facts, orders)
    told_back = (
        fact.data
        for fact in cluster.facts
        if isinstance(fact.data, ReturnRequested | ReturnReceived)
    )
    coming_back = numbers_coming_back(told_back)
    scene = Scene(shipments=shipments, orders=orders, coming_back=coming_back)
    parcels = parcels_among(cluster.facts, scene)
    echoes = echoes_among(shipments)
    carriages = {one.key: Carriage.of(one, parcels) for one in shipments}
    settled = _settled(cluster.decisions)
    gates = {
        one.key: decided(
            one,
            carriages[one.key],
            is_echo=one.key in echoes.repeats,
            settled=settled.get(one.key, {}),
        )
        for one in shipments
    }
    return Picture(
        shipments=shipments,
        parcels=parcels,
        returns=returns_among(cluster.facts, orders, shipments),
        echoes=echoes,
        carriages=carriages,
        gates=gates,
        rules=cluster.rules,
        now=now,
    )


def _settled(decisions: Iterable[Decision]) -> dict[str, dict[str, Decimal]]:
    """What people said arrived, by shipment and line; the newest counts."""
    found: dict[str, dict[str, Decimal]] = {}
    for one in decisions:
        if one.action == SETTLE:
            try:
                pieces = pieces_of(one.values)
            except Malformed:
                continue
            found.setdefault(one.record, {}).update(pieces)
    return found
