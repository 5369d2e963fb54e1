"""The delivery state machine: a parcel's events, folded by their times.

Every event is seen with all others, so one that comes late takes its place in the past and
overwrites nothing. Events of one time are taken in the order of progress.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from canonical.shipment import DeliveryStatus, DeliveryStatusChanged, ReasonClass
from domains.contract import Fact

CREATED, IN_TRANSIT = DeliveryStatus.CREATED, DeliveryStatus.IN_TRANSIT
DELIVERED, PARTIAL = DeliveryStatus.DELIVERED, DeliveryStatus.PARTIAL
FAILED, REATTEMPT = DeliveryStatus.FAILED, DeliveryStatus.REATTEMPT
RETURNED = DeliveryStatus.RETURNED

PROGRESS: Final = (CREATED, IN_TRANSIT, FAILED, REATTEMPT, PARTIAL, RETURNED, DELIVERED)
"""The order in which events of one time are taken."""

MOVES: Final[Mapping[DeliveryStatus, frozenset[DeliveryStatus]]] = MappingProxyType(
    {
        # Scans get lost, so that every later state may come at once.
        CREATED: frozenset(PROGRESS) - {CREATED},
        IN_TRANSIT: frozenset({DELIVERED, PARTIAL, FAILED, REATTEMPT, RETURNED}),
        FAILED: frozenset({FAILED, REATTEMPT, DELIVERED, PARTIAL, RETURNED}),
        REATTEMPT: frozenset({DELIVERED, PARTIAL, FAILED, RETURNED}),
        PARTIAL: frozenset({DELIVERED}),
        DELIVERED: frozenset(),
        # A return is called off, or it is the sender who got the parcel: people are asked.
        RETURNED: frozenset({DELIVERED}),
    }
)
"""State → the states a newer event brings it to."""

STAYS: Final[Mapping[DeliveryStatus, frozenset[DeliveryStatus]]] = MappingProxyType(
    {
        CREATED: frozenset({CREATED}),
        IN_TRANSIT: frozenset({CREATED, IN_TRANSIT}),
        # A scan at the depot is not another attempt.
        FAILED: frozenset({CREATED, IN_TRANSIT}),
        REATTEMPT: frozenset({CREATED, IN_TRANSIT, REATTEMPT}),
        # What is told then is told of the rest, which is not delivered anyway.
        PARTIAL: frozenset({CREATED, IN_TRANSIT, PARTIAL, FAILED, REATTEMPT, RETURNED}),
        DELIVERED: frozenset({CREATED, DELIVERED}),
        # Scans and attempts on the way back.
        RETURNED: frozenset({CREATED, IN_TRANSIT, FAILED, REATTEMPT, RETURNED}),
    }
)
"""State → what newer events may tell without harm, and without changing it.

Whatever is neither here nor in `MOVES` is refused.
"""

SKEW: Final = timedelta(minutes=15)
"""So far the clocks of two scanners may be apart."""
SAME_ATTEMPT: Final = timedelta(hours=6)
"""Failures told so soon after each other are of one attempt, unless another was told between."""


class Effect(StrEnum):
    """What became of an event."""

    MOVED = "moved"
    STAYED = "stayed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a carrier, with its fact."""

    fact: Fact
    data: DeliveryStatusChanged

    @property
    def at(self) -> datetime:
        return self.data.occurred_at

    @property
    def is_out_for_delivery(self) -> bool:
        letters = "".join(one for one in self.data.carrier_code.casefold() if one.isalpha())
        return "outfordelivery" in letters

    @property
    def place(self) -> tuple[object, ...]:
        """By time, progress and then by what tells them apart at all."""
        rank = PROGRESS.index(self.data.status)
        return (self.at, rank, self.data.carrier_code, self.fact.key, self.fact.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An event and what became of it."""

    event: Event
    status: DeliveryStatus
    """As it is meant: out for delivery behind a failure is another attempt."""
    effect: Effect
    before: DeliveryStatus | None


@dataclass(slots=True, kw_only=True)
class Course:
    """How far a parcel is, and how it came there."""

    status: DeliveryStatus
    reason_class: ReasonClass | None = None
    code: str
    """The carrier's own code of the event that brought it here."""
    since: datetime
    delivered_at: datetime | None = None
    promised_at: datetime | None = None
    attempts: int = 0
    first_attempt: bool | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def refused(self) -> list[Step]:
        return [one for one in self.steps if one.effect is Effect.REFUSED]

    @property
    def delivered_off_return(self) -> Step | None:
        """The delivery of a parcel that was on its way back."""
        found = (one for one in self.steps if one.effect is Effect.MOVED)
        return next((s for s in found if (s.before, s.status) == (RETURNED, DELIVERED)), None)

    @property
    def on_time(self) -> bool | None:
        """By the first estimate; None until it is delivered, and without an estimate."""
        if self.delivered_at is None or self.promised_at is None:
            return None
        promised = self.promised_at
        # A date is told as its midnight: the day itself is still in time.
        if promised.time() == time.min:
            return self.delivered_at < promised + timedelta(days=1)
        return self.delivered_at <= promised


def course_of(events: Iterable[Event]) -> Course:
    """Fold a parcel's events, one at least."""
    ordered = sorted(events, key=lambda one: one.place)
    first = ordered[0]
    course = Course(status=first.data.status, code=first.data.carrier_code, since=first.at)
    delivered: Event | None = None
    for event in ordered:
        step = _step(course, event, delivered)
        course.steps.append(step)
        if step.effect is Effect.MOVED:
            _move(course, step)
            delivered = event if step.status is DELIVERED else None
    course.promised_at = _first_promise(ordered)
    _count_attempts(course)
    return course


def _step(course: Course, event: Event, delivered: Event | None) -> Step:
    status = event.data.status
    if not course.steps:
        return Step(event=event, status=status, effect=Effect.MOVED, before=None)
    before = course.status
    if before is FAILED and status is IN_TRANSIT and event.is_out_for_delivery:
        status = REATTEMPT
    if status in MOVES[before]:
        effect = Effect.MOVED
    elif status in STAYS[before] or _is_late_scan(event, status, delivered):
        effect = Effect.STAYED
    else:
        effect = Effect.REFUSED
    return Step(event=event, status=status, effect=effect, before=before)


def _is_late_scan(event: Event, status: DeliveryStatus, delivered: Event | None) -> bool:
    """On its way, told a little after the delivery, or by somebody else who hears of it later."""
    if delivered is None or status not in (IN_TRANSIT, REATTEMPT):
        return False
    is_other = event.fact.source != delivered.fact.source
    return is_other or event.at - delivered.at <= SKEW


def _move(course: Course, step: Step) -> None:
    event, reason = step.event, step.event.data.reason_class
    course.status, course.code, course.since = step.status, event.data.carrier_code, event.at
    if step.status is RETURNED:
        # A return without a reason has that of the failure before it.
        course.reason_class = reason or course.reason_class
    elif step.status is FAILED:
        is_repeated = step.before is FAILED
        course.reason_class = reason or (course.reason_class if is_repeated else None)
    else:
        course.reason_class = None
    if step.status is DELIVERED:
        course.delivered_at = event.at


def _first_promise(ordered: Sequence[Event]) -> datetime | None:
    promises = (one.data.estimated_delivery for one in ordered)
    return next((one for one in promises if one is not None), None)


def _count_attempts(course: Course) -> None:
    """Attempts, as the reporter that saw most of them tells; others repeat what they heard."""
    reporters: dict[str, list[Step]] = {}
    for step in course.steps:
        if step.effect is not Effect.REFUSED:
            reporters.setdefault(step.event.fact.source, []).append(step)
    failed = max((_failures(steps) for steps in reporters.values()), default=0)
    is_done = course.status in (DELIVERED, PARTIAL)
    course.attempts = failed + is_done
    if course.attempts:
        course.first_attempt = course.status is DELIVERED and not failed


def _failures(steps: Sequence[Step]) -> int:
    """Failed attempts; what was never sent out (a voided label) is none, and the way back neither.

    Another attempt that is told without its failure has one before it.
    """
    count = 0
    last: datetime | None = None
    for step in steps:
        if step.status is REATTEMPT and step.before is not RETURNED:
            count, last = max(count, 1), None
        elif step.status is FAILED and step.before is not RETURNED and not step.event.data.terminal:
            if last is None or step.event.at - last >= SAME_ATTEMPT:
                count += 1
            last = step.event.at
    return count
