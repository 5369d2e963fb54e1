"""Disputes: every event of one has the dispute's PSP reference; each stage is a fact of its own.

Source: Adyen documentation, "Dispute webhooks"; Webhooks API, schema of the dispute items.
"""

from __future__ import annotations

from collections.abc import Iterator

from canonical.cash import DisputeClosed, DisputeOpened, DisputeOutcome
from canonical.errors import Malformed
from canonical.message import Ignored, Item
from connectors.adyen.notice import Notice

_OUTCOMES = {
    "CHARGEBACK_REVERSED": DisputeOutcome.WON,
    "PREARBITRATION_ISSUER_WITHDRAWN": DisputeOutcome.WITHDRAWN,
    "PREARBITRATION_LOST": DisputeOutcome.LOST,
    "PREARBITRATION_WON": DisputeOutcome.WON,
    "SCHEME_ARBITRATION_LOST": DisputeOutcome.LOST,
    "SCHEME_ARBITRATION_WON": DisputeOutcome.WON,
    "SECOND_CHARGEBACK": DisputeOutcome.LOST,
}
_OUTCOME_OF_STATUS = {
    "Accepted": DisputeOutcome.LOST,
    "Expired": DisputeOutcome.CLOSED,
    "Lost": DisputeOutcome.LOST,
    "Won": DisputeOutcome.WON,
}
_STILL_OPEN = ("Unresponded", "Responded", "Undefended", "Pending")
_STATUS = "additionalData.disputeStatus"


def opened(notice: Notice) -> Iterator[Item]:
    """REQUEST_FOR_INFORMATION, NOTIFICATION_OF_CHARGEBACK, CHARGEBACK, PREARBITRATION_OPEN."""
    _refuse_failure(notice)
    payment_id = notice.original_or_own
    fact = DisputeOpened(
        **notice.shared(payment_id),
        dispute_id=notice.number,
        reason=notice.reason,
        status=notice.event,
        evidence_due=notice.additional_moment("defensePeriodEndsAt"),
    )
    yield notice.message(fact, payment_id)


def closed(notice: Notice) -> Iterator[Item]:
    """Events whose name says how the dispute, or this stage of it, ended."""
    _refuse_failure(notice)
    yield from _closed(notice, _OUTCOMES[notice.event])


def closed_by_status(notice: Notice) -> Iterator[Item]:
    """Events that leave it to `disputeStatus` whether and how the dispute ended."""
    _refuse_failure(notice)
    status = notice.additional("disputeStatus")
    if status is None:
        raise Malformed("how it ended is not said", code="missing_field", path=_STATUS)
    if status in _STILL_OPEN:
        yield Ignored(reason="the dispute goes on; its end is told by itself", at=notice.at)
    elif status in _OUTCOME_OF_STATUS:
        yield from _closed(notice, _OUTCOME_OF_STATUS[status])
    else:
        raise notice.unmapped(_STATUS, status)


def _closed(notice: Notice, outcome: DisputeOutcome) -> Iterator[Item]:
    payment_id = notice.original_or_own
    fact = DisputeClosed(
        **notice.shared(payment_id),
        dispute_id=notice.number,
        outcome=outcome,
        reason=notice.reason,
    )
    yield notice.message(fact, payment_id)


def _refuse_failure(notice: Notice) -> None:
    if not notice.success:
        raise notice.unmapped("success", "false")
