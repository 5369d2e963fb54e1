"""A tracked parcel, and the message about one of its scans.

Source: EasyPost Tracker and CarrierDetail reference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Message, Problem
from canonical.shipment import DeliveryProof, DeliveryStatus, DeliveryStatusChanged
from canonical.values import Address, Identifier
from connectors.easypost.scans import Scan
from connectors.easypost.states import State, reason_of
from connectors.kit.json_body import required_text, text
from connectors.kit.records import Record, first_time, flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What a tracker says beside its scans."""

    account: str
    carrier: str
    number: str
    shipment_id: str | None
    is_return: bool
    signed_by: str | None
    estimated: datetime | None
    references: tuple[Identifier, ...]

    @property
    def chain(self) -> str:
        """Correlation and partition; a tracker names no order."""
        return Key.of("easypost", self.account, "tracking", self.carrier, self.number).text


def parcel_of(account: str, tracker: Record, path: str) -> tuple[Parcel, list[Problem]]:
    """Read a tracker without its scans; an unreadable estimate is a Problem, not the end.

    Raises Malformed when carrier or tracking code are missing.
    """
    problems: list[Problem] = []
    try:
        estimated = first_time(tracker, "est_delivery_date", path=path)
    except Malformed as error:
        estimated = None
        problems.append(Problem(code=error.code, message=str(error), path=error.path, at=path))
    number = required_text(tracker, "tracking_code", path)
    shipment_id = text(tracker, "shipment_id", path)
    named = [
        ("tracking_number", number),
        ("tracker", text(tracker, "id", path)),
        ("shipment", shipment_id),
    ]
    parcel = Parcel(
        account=account,
        carrier=required_text(tracker, "carrier", path),
        number=number,
        shipment_id=shipment_id,
        is_return=flag(tracker, "is_return", path),
        signed_by=text(tracker, "signed_by", path),
        estimated=estimated,
        references=tuple(
            Identifier(scheme=f"easypost:{name}", value=value) for name, value in named if value
        ),
    )
    return parcel, problems


def message(parcel: Parcel, scan: Scan, state: State, *, derived: bool) -> Message:
    """The message about a scan; `derived` says that earlier scans changed its meaning."""
    is_signed = state.status is DeliveryStatus.DELIVERED and parcel.signed_by is not None
    return Message(
        key=_key(parcel, scan, state, derived=derived),
        data=DeliveryStatusChanged(
            tracking_number=parcel.number,
            carrier=parcel.carrier,
            status=state.status,
            occurred_at=scan.moment,
            carrier_code="/".join(part for part in (scan.status, scan.detail, scan.code) if part),
            carrier_text=scan.words,
            reason_class=reason_of(state, scan.detail),
            terminal=state.terminal,
            shipment_id=parcel.shipment_id,
            location=scan.location,
            estimated_delivery=parcel.estimated,
            proof=DeliveryProof(signed_by=parcel.signed_by) if is_signed else None,
            references=parcel.references,
        ),
        occurred_at=scan.moment,
        subject=Key.of("delivery", parcel.number).text,
        correlation=parcel.chain,
        partition=parcel.chain,
        at=scan.at,
    )


def _key(parcel: Parcel, scan: Scan, state: State, *, derived: bool) -> Key:
    place = scan.location or Address()
    key = Key.of(
        "delivery",
        "easypost",
        parcel.account,
        parcel.carrier,
        parcel.number,
        scan.status,
        scan.detail or "",
        scan.code or _named_by(scan.words),
        Version.at(scan.moment).text,
        *(place.city or "", place.region or "", place.postal_code or ""),
        place.country or "/".join(place.lines),
    )
    # A failure that is told late makes another fact of a scan that was told before, not a
    # contradiction to it.
    return key.extended(state.status.value) if derived else key


def _named_by(words: str | None) -> str:
    # A carrier without codes tells its events apart by their text alone. It may name a person,
    # and keys are shown everywhere: so its digest stands for it.
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:16] if words else ""
