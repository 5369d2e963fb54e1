"""A parcel's scans, and what the earlier ones make of the later ones.

Source: EasyPost TrackingDetail and TrackingLocation reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from canonical.errors import Unsupported
from canonical.shipment import DeliveryStatus
from canonical.values import Address
from connectors.easypost.states import (
    DELIVERED,
    OUT_FOR_DELIVERY,
    REATTEMPT,
    RETURN_ARRIVED,
    RETURN_TO_SENDER,
    STATES,
    UNKNOWN,
    State,
)
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.records import Record
from connectors.kit.times import moment_of

_COUNTRY = re.compile("[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One tracking detail, read."""

    at: str
    status: str
    detail: str | None
    code: str | None
    """The carrier's own code; many carriers give none."""
    words: str | None
    moment: datetime
    location: Address | None


def scan_of(detail: Record, path: str) -> Scan:
    """Read a tracking detail.

    Raises Malformed without a status or a time: neither is ever taken from the tracker, whose
    status is of another moment and whose time moves with every push. Raises Unsupported with code
    `unmapped_code` for a status that is not documented.
    """
    status = _known(required_text(detail, "status", path), path)
    return Scan(
        at=path,
        status=status,
        detail=text(detail, "status_detail", path),
        code=text(detail, "carrier_code", path),
        words=text(detail, "message", path) or text(detail, "description", path),
        moment=_moment(detail, "datetime", path),
        location=_location(detail, path),
    )


def own_state(tracker: Record, path: str) -> Scan:
    """The tracker's own state as a scan at the time of its last change.

    Raises Malformed and Unsupported as `scan_of` does.
    """
    return Scan(
        at=path,
        status=_known(required_text(tracker, "status", path), path),
        detail=text(tracker, "status_detail", path),
        code=None,
        words=None,
        moment=_moment(tracker, "updated_at", path),
        location=None,
    )


@dataclass(frozen=True, slots=True)
class History:
    """What a parcel went through, as far as it changes the meaning of a later scan."""

    failed_at: datetime | None
    returned_at: datetime | None
    is_return: bool

    @classmethod
    def of(cls, scans: Iterable[Scan], *, is_return: bool) -> Self:
        """The first failed attempt and the first turn back among the scans."""
        told = list(scans)
        failed = [one.moment for one in told if STATES[one.status].status is DeliveryStatus.FAILED]
        returned = [one.moment for one in told if one.status == RETURN_TO_SENDER]
        return cls(min(failed, default=None), min(returned, default=None), is_return)

    def state(self, scan: Scan) -> State:
        """What the scan says, decided by the times of the scans and never by their places.

        Out for delivery behind a failed attempt is a new attempt. A delivery behind the turn back
        to the sender, or of a parcel that is itself a return, is not one to the customer.
        """
        if scan.status == OUT_FOR_DELIVERY and self._has_failed_before(scan.moment):
            return REATTEMPT
        if scan.status == DELIVERED and self._goes_back(scan.moment):
            return RETURN_ARRIVED
        return STATES[scan.status]

    def differs(self, scan: Scan) -> bool:
        """Whether other scans make of it something else than its status says."""
        return self.state(scan) is not STATES[scan.status]

    def _has_failed_before(self, moment: datetime) -> bool:
        return self.failed_at is not None and self.failed_at < moment

    def _goes_back(self, moment: datetime) -> bool:
        return self.is_return or (self.returned_at is not None and self.returned_at <= moment)


def _known(status: str, path: str) -> str:
    if status != UNKNOWN and status not in STATES:
        raise Unsupported(
            f"{status[:40]!r} is not a known status",
            code="unmapped_code",
            path=join(path, "status"),
        )
    return status


def _moment(record: Record, field: str, path: str) -> datetime:
    # In UTC: EasyPost writes an offset where it knows the place, else UTC.
    return moment_of(required_text(record, field, path), join(path, field)).astimezone(UTC)


def _location(detail: Record, path: str) -> Address | None:
    where = join(path, "tracking_location")
    if detail.get("tracking_location") is None:
        return None
    place = as_object(detail["tracking_location"], where)
    country = text(place, "country", where)
    is_code = country is not None and _COUNTRY.fullmatch(country) is not None
    found = Address(
        lines=(country,) if country and not is_code else (),
        city=text(place, "city", where),
        region=text(place, "state", where),
        postal_code=text(place, "zip", where),
        country=country if is_code else None,
    )
    return None if found == Address() else found
