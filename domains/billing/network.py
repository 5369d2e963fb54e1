"""What networks and authorities say of a document, and which transitions are allowed.

The ladder is SUBMITTED → ACCEPTED → SENT_TO_CUSTOMER → what the buyer says. A step that was
passed already changes nothing; a step that contradicts what was said before is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final

from canonical.billing import EInvoiceStatus as Status
from canonical.billing import EInvoiceStatusChanged
from canonical.chain import ElectronicState
from domains.contract import Fact
from domains.names import folded

Told = tuple[Fact, EInvoiceStatusChanged]

_LADDER: Final = {
    Status.SUBMITTED: 0,
    Status.ACCEPTED: 1,
    Status.SENT_TO_CUSTOMER: 2,
    Status.IN_PROCESS: 3,
    Status.UNDER_QUERY: 4,
    Status.CONDITIONALLY_ACCEPTED: 5,
    Status.APPROVED: 6,
    Status.PAID: 7,
}
_TALK: Final = frozenset({Status.IN_PROCESS, Status.UNDER_QUERY, Status.CONDITIONALLY_ACCEPTED})
"""What a buyer may say in turns until he decides."""
_FINAL: Final = frozenset({Status.APPROVED, Status.PAID})
NEGATIVE: Final = frozenset({Status.REJECTED, Status.REFUSED_BY_BUYER, Status.CANCELLED})
_RANK: Final = {
    **_LADDER,
    Status.UNDELIVERABLE: 1,
    Status.REJECTED: 8,
    Status.REFUSED_BY_BUYER: 9,
    Status.CANCELLED: 10,
}
"""Statuses told with one time (many networks tell only the day) count in this order."""


class Verdict(Enum):
    """What a status does to what was known."""

    APPLIED = auto()
    PASSED = auto()
    REFUSED = auto()


@dataclass(slots=True, kw_only=True)
class Network:
    """Where a document stands by what its networks said."""

    status: Status | None = None
    last: Told | None = None
    """What brought it there."""
    undeliverable: bool = False
    submitted_at: datetime | None = None
    """When it was last handed in, as long as nothing was answered."""
    sent_at: datetime | None = None
    """When the customer first had it."""
    rejection: Told | None = None
    """A rejection, a refusal or a cancellation that nothing has mended at the network."""
    told: list[Told] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)

    @property
    def was_told(self) -> bool:
        return bool(self.told)

    @property
    def accepted_at(self) -> datetime | None:
        """Since when it is accepted, and nothing is told of its delivery."""
        if self.status is not Status.ACCEPTED or self.last is None or self.undeliverable:
            return None
        return self.last[1].occurred_at

    @property
    def is_negative(self) -> bool:
        return self.status in NEGATIVE

    @property
    def is_accepted(self) -> bool:
        return self.status in _LADDER and self.status is not Status.SUBMITTED

    def electronic(self, *, correction_is_due: bool) -> ElectronicState:
        """The state in the words of the chain."""
        if self.status is None:
            return ElectronicState.POSTED
        if self.status is Status.REJECTED and not correction_is_due:
            return ElectronicState.REJECTED
        if self.status in NEGATIVE:
            return ElectronicState.CORRECTION_REQUIRED
        if _LADDER[self.status] >= _LADDER[Status.SENT_TO_CUSTOMER]:
            return ElectronicState.SENT_TO_CUSTOMER
        return ElectronicState(self.status.value)


def network_of(told: Iterable[Told], number: str) -> Network:
    """All statuses of one document, by the time they were given."""
    found = Network()
    ordered = sorted(told, key=lambda one: (one[1].occurred_at, _RANK[one[1].status], one[0].key))
    for one in ordered:
        found.told.append(one)
        verdict = _verdict(found, one[1], folded(number))
        if verdict is Verdict.APPLIED:
            _apply(found, one)
        elif verdict is Verdict.REFUSED:
            found.refused.append(one)
    return found


def _verdict(found: Network, told: EInvoiceStatusChanged, number: str) -> Verdict:
    if found.status is None or found.last is None:
        return Verdict.APPLIED
    if found.status in NEGATIVE:
        return _after_no(found.status, found.last[1], told, number)
    return _after_yes(found.status, told.status)


def _after_yes(current: Status, told: Status) -> Verdict:
    rank = _LADDER[current]
    match told:
        case Status.CANCELLED:
            allowed = True
        case Status.REJECTED:
            allowed = current is Status.SUBMITTED
        case Status.REFUSED_BY_BUYER:
            allowed = current not in _FINAL
        case Status.UNDELIVERABLE:
            allowed = rank < _LADDER[Status.SENT_TO_CUSTOMER]
        case _ if current in _FINAL and told in _TALK - {Status.IN_PROCESS}:
            allowed = False
        case _ if told in _TALK and current in _TALK:
            allowed = True
        case _:
            return Verdict.APPLIED if _LADDER[told] > rank else Verdict.PASSED
    return Verdict.APPLIED if allowed else Verdict.REFUSED


def _after_no(
    current: Status,
    before: EInvoiceStatusChanged,
    told: EInvoiceStatusChanged,
    number: str,
) -> Verdict:
    if told.status is current:
        return Verdict.PASSED
    if told.status in {Status.CANCELLED, Status.REFUSED_BY_BUYER}:
        return Verdict.REFUSED if current is Status.CANCELLED else Verdict.APPLIED
    # A network that names sendings gives a resubmission a new id. One that only names the
    # invoice's number does not: then a later yes is the answer to a resubmission.
    is_same = (before.network, before.document_id) == (told.network, told.document_id)
    tells_sendings = folded(told.document_id) != number
    if told.status is Status.PAID or (is_same and tells_sendings):
        return Verdict.REFUSED
    return Verdict.APPLIED


def _apply(found: Network, one: Told) -> None:
    status = one[1].status
    if status is Status.UNDELIVERABLE:
        found.undeliverable = True
        found.submitted_at = None
        # It was handed in, whoever told so; the network failing does not take that back.
        if found.status is None or found.status in NEGATIVE:
            found.status, found.last = Status.SUBMITTED, one
        return
    found.status, found.last = status, one
    found.submitted_at = one[1].occurred_at if status is Status.SUBMITTED else None
    if status in NEGATIVE:
        found.rejection = one
        found.undeliverable = False
    elif status is not Status.SUBMITTED:
        found.rejection = None
    if status in _LADDER and _LADDER[status] >= _LADDER[Status.SENT_TO_CUSTOMER]:
        found.undeliverable = False
        found.sent_at = found.sent_at or one[1].occurred_at
