"""Tracker events → DeliveryStatusChanged, one for each tracking detail.

Source: EasyPost Event, Tracker and TrackingDetail reference. Every push repeats all details, so
whatever is told about a detail must not change while the list grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from canonical.errors import GatewayError, Malformed
from canonical.message import Ignored, Item, Problem
from connectors.contract import Identity
from connectors.easypost.parcel import Parcel, message, parcel_of
from connectors.easypost.recognise import TRACKERS_FILE, trackers
from connectors.easypost.scans import History, Scan, own_state, scan_of
from connectors.easypost.states import ENDS, STATES, UNKNOWN
from connectors.kit.json_body import as_list, as_object, join, text
from connectors.kit.records import Record, child, each, problem_of
from connectors.raw import RawMessage


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The scans of an event's tracker, or of every tracker of a file.

    A tracker of a file, or a single scan, that cannot be read becomes a Problem. Raises Malformed
    for an event that has no tracker, or whose tracker names no parcel.
    """
    if identity.kind == TRACKERS_FILE:
        for at, tracker in trackers(raw.json()):
            yield from each(at, partial(_filed, raw, tracker, at))
        return
    event = as_object(raw.json())
    if event.get("result") is None:
        raise Malformed("the event has no tracker", code="missing_field", path="result")
    before = child(event, "previous_attributes")
    yield from _tracker(raw, as_object(event["result"], "result"), before, "result")


def _filed(raw: RawMessage, tracker: Any, at: str) -> Iterator[Item]:
    return _tracker(raw, as_object(tracker, at), {}, at)


def _tracker(raw: RawMessage, tracker: Record, before: Record, at: str) -> Iterator[Item]:
    wanted = raw.options.get("mode")
    if wanted and text(tracker, "mode", at) != str(wanted):
        yield Ignored(reason="a tracker of the other mode", at=at)
        return
    parcel, problems = parcel_of(raw.account, tracker, at)
    yield from problems
    scans: list[Scan] = []
    for item in _scans(tracker, at):
        if isinstance(item, Scan):
            scans.append(item)
        else:
            yield item
    history = History.of(scans, is_return=parcel.is_return)
    for scan in scans:
        yield from each(scan.at, partial(_told, parcel, scan, history))
    yield from _own(parcel, tracker, before, scans, at)


def _scans(tracker: Record, at: str) -> Iterator[Scan | Problem | Ignored]:
    path = join(at, "tracking_details")
    for index, detail in enumerate(as_list(tracker.get("tracking_details"), path)):
        place = join(path, index)
        try:
            scan = scan_of(as_object(detail, place), place)
        except GatewayError as error:
            yield problem_of(error, place)
            continue
        if scan.status == UNKNOWN:
            yield Ignored(reason="the state of this scan is unknown to EasyPost", at=place)
        else:
            yield scan


def _told(parcel: Parcel, scan: Scan, history: History) -> Iterator[Item]:
    yield message(parcel, scan, history.state(scan), derived=history.differs(scan))


def _own(
    parcel: Parcel, tracker: Record, before: Record, scans: list[Scan], at: str
) -> Iterator[Item]:
    """The tracker's own state, where it ends the tracking and no scan tells it."""
    status = text(tracker, "status", at)
    if status is None or status == UNKNOWN or (status in STATES and status not in ENDS):
        if not scans:
            yield Ignored(reason="no scan tells yet how far the parcel is", at=at)
    elif any(scan.status == status for scan in scans):
        return
    elif before.get("status") == status:
        yield Ignored(reason="the tracker's own state has not changed", at=at)
    else:
        yield from each(at, partial(_own_message, parcel, tracker, scans, at))


def _own_message(parcel: Parcel, tracker: Record, scans: list[Scan], at: str) -> Iterator[Item]:
    own = own_state(tracker, at)
    return _told(parcel, own, History.of([*scans, own], is_return=parcel.is_return))
