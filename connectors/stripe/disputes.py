"""Disputes: an inquiry, a chargeback, the end.

An inquiry (`warning_…`) takes no money and may become a chargeback under the same id. Each stage is
a fact of its own, keyed by dispute and stage, so that charge.dispute.created and
charge.dispute.funds_withdrawn of one chargeback are the same fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical.cash import DisputeClosed, DisputeOpened, DisputeOutcome
from canonical.errors import Malformed, Unsupported
from canonical.message import Ignored, Item, Message
from connectors.kit.json_body import join, required_text, text
from connectors.stripe.amounts import currency_of, money, unsigned
from connectors.stripe.reports import Report, moment_in, references

_STAGE = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "inquiry",
    "prevented": "inquiry",  # Settled with the bank before it became a chargeback.
    "needs_response": "chargeback",
    "under_review": "chargeback",
    "charge_refunded": "chargeback",
    "won": "chargeback",
    "lost": "chargeback",
}
_OUTCOME = {
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
    "warning_closed": DisputeOutcome.CLOSED,
    "prevented": DisputeOutcome.CLOSED,
    "charge_refunded": DisputeOutcome.CLOSED,
}
# A chargeback outranks the end of the inquiry before it.
_RANK = {"inquiry": 1, "warning_closed": 2, "prevented": 2, "chargeback": 3}
_ENDED = 4


def opened(report: Report) -> Iterator[Item]:
    """charge.dispute.created, charge.dispute.funds_withdrawn."""
    withdrawn = report.event_type == "charge.dispute.funds_withdrawn"
    yield _opened(report, "chargeback" if withdrawn else _STAGE[_status(report)])


def ended_or_ignored(report: Report) -> Iterator[Item]:
    """charge.dispute.updated, charge.dispute.funds_reinstated: a fact only if it ends it."""
    if _status(report) in _OUTCOME:
        yield _closed(report)
    else:
        yield Ignored(reason="the dispute goes on; its end is told by itself", at=report.at)


def closed(report: Report) -> Iterator[Item]:
    """charge.dispute.closed. Raises Unsupported for a status that is not an end."""
    yield _closed(report)


def dispute_state(report: Report) -> Iterator[Item]:
    """A dispute as it stands in a file."""
    status = _status(report)
    yield _closed(report) if status in _OUTCOME else _opened(report, _STAGE[status])


def _opened(report: Report, stage: str) -> Message:
    details = report.child("evidence_details")
    fact = DisputeOpened(
        **_shared(report),
        status=_status(report),
        evidence_due=moment_in(details, "due_by", join(report.path, "evidence_details")),
    )
    return _message(report, fact, stage)


def _closed(report: Report) -> Message:
    status = _status(report)
    if status not in _OUTCOME:
        raise Unsupported(
            f"a closed dispute has the status {status!r}",
            code="unknown_status",
            path=join(report.path, "status"),
        )
    fact = DisputeClosed(**_shared(report), outcome=_OUTCOME[status])
    return _message(report, fact, status)


def _message(report: Report, fact: DisputeOpened | DisputeClosed, stage: str) -> Message:
    number = report.id()
    return report.message(
        fact,
        report.key(number, "dispute", stage),
        "payment",
        fact.payment_id,
        entity=report.key(number, "dispute"),
        rank=_RANK.get(stage, _ENDED),
    )


def _shared(report: Report) -> dict[str, Any]:
    charge = report.ref("charge")
    intent = report.ref("payment_intent")
    payment_id = intent or charge
    if payment_id is None:
        raise Malformed(
            "the dispute names no charge", code="missing_field", path=join(report.path, "charge")
        )
    currency = currency_of(report.body, report.path)
    return {
        "gateway": "stripe",
        "account": report.account,
        "payment_id": payment_id,
        "event_id": report.event_id,
        "amount": money(unsigned(report.body, "amount", report.path), currency, report.path),
        "occurred_at": report.occurred_at,
        "dispute_id": report.id(),
        "reason": text(report.body, "reason", report.path),
        "order_id": report.order_id(),
        "references": references(
            ("dispute", report.id()),
            ("charge", charge),
            ("payment_intent", intent),
            ("order", report.order_id()),
        ),
        "test": report.test,
    }


def _status(report: Report) -> str:
    status = required_text(report.body, "status", report.path)
    if status not in _STAGE:
        raise Unsupported(
            f"dispute status {status[:40]!r} is not known",
            code="unknown_status",
            path=join(report.path, "status"),
        )
    return status
