"""Facts that wait for their cause: an order, a shipment, a confirmation."""

from __future__ import annotations

from collections.abc import Iterable

from domains.contract import Fact, Owner, Parked
from domains.shipment.orders import Meant
from domains.shipment.picture import Picture


def parked(picture: Picture) -> Iterable[Parked]:
    """What waits, and for what. All that wait for one thing wait for the same name."""
    patience = picture.rules.patience
    unplaced = [pair for one in picture.shipments for pair in one.unplaced]
    unplaced += [pair for one in picture.returns for pair in one.unplaced]
    for fact, meant in unplaced:
        if not meant.is_ambiguous:
            yield _for_order(fact, meant, picture)
    for shipment in picture.shipments:
        for one in shipment.refused.without_shipment:
            yield Parked(
                fact=one.fact.id,
                awaits=f"shipment:{shipment.key.partition('/')[2]}",
                kind="reversal_without_shipment",
                owner=Owner.OPERATIONS,
                explanation="Goods are taken back that were never confirmed as shipped. Ask the"
                " warehouse whether they left; until it confirms them, nothing is reversed.",
                patience=patience,
            )
    for parcel in picture.parcels:
        if not parcel.is_placed:
            for event in parcel.events:
                yield Parked(
                    fact=event.fact.id,
                    awaits=parcel.awaited,
                    kind="unknown_shipment",
                    owner=Owner.OPERATIONS,
                    explanation="A carrier tells of a parcel no shipment names. Look for the"
                    " shipment whose confirmation is missing or has another tracking number.",
                    patience=patience,
                )


def _for_order(fact: Fact, meant: Meant, picture: Picture) -> Parked:
    return Parked(
        fact=fact.id,
        awaits=meant.mention.awaited,
        kind="unknown_order",
        owner=Owner.OPERATIONS,
        explanation="Goods moved for an order no channel told of. Look for the order, or for a"
        " wrong order number in the warehouse's message.",
        patience=picture.rules.patience,
    )
