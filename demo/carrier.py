"""What the demo's carrier says, in the structure of EasyPost's tracker events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from demo.warehouse import CARRIER


class Scan(NamedTuple):
    """One scan of a parcel: EasyPost's status and detail, and when."""

    status: str
    detail: str
    moment: datetime


def tracker_event(tracking: str, scans: Sequence[Scan], *, event: str) -> dict[str, Any]:
    """`tracker.updated`: every scan so far, as each push repeats them."""
    last = scans[-1]
    moment = last.moment.isoformat()
    return {
        "id": event,
        "object": "Event",
        "description": "tracker.updated",
        "mode": "production",
        "previous_attributes": {},
        "created_at": moment,
        "updated_at": moment,
        "pending_urls": ["https://hub.example.com/easypost"],
        "completed_urls": [],
        "user_id": "user_1",
        "status": "pending",
        "result": {
            "id": f"trk_{tracking}",
            "object": "Tracker",
            "mode": "production",
            "tracking_code": tracking,
            "status": last.status,
            "status_detail": last.detail,
            "created_at": scans[0].moment.isoformat(),
            "updated_at": moment,
            "signed_by": None,
            "weight": 35.3,
            "est_delivery_date": None,
            "shipment_id": None,
            "carrier": CARRIER,
            "tracking_details": [_detail(scan) for scan in scans],
            "carrier_detail": None,
            "finalized": last.status == "delivered",
            "is_return": False,
            "public_url": f"https://www.example.com/track/{tracking}",
            "fees": [],
        },
    }


def _detail(scan: Scan) -> dict[str, Any]:
    return {
        "object": "TrackingDetail",
        "message": scan.detail.replace("_", " "),
        "description": scan.detail.replace("_", " "),
        "status": scan.status,
        "status_detail": scan.detail,
        "datetime": scan.moment.isoformat(),
        "source": CARRIER,
        "carrier_code": scan.status[:2].upper(),
        "tracking_location": {
            "object": "TrackingLocation",
            "city": "Utrecht",
            "state": None,
            "country": "NL",
            "zip": None,
        },
        "est_delivery_date": None,
    }
