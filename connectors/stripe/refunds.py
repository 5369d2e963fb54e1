"""Refunds: one fact when the money is sent back, another if it does not arrive.

A refund goes through `pending` and `succeeded` (or straight to it) and may end as `failed` or
`canceled`, when Stripe puts the money back into the balance. `status` of the canonical fact is
`issued` for the first two, so that it is the same whichever of them is seen first, and the
gateway's word for the last two, which take the refund back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from canonical.cash import RefundIssued
from canonical.errors import Malformed, Unsupported
from canonical.message import Ignored, Item, Message, Problem
from connectors.kit.json_body import as_object, join, text
from connectors.stripe.amounts import currency_of, minor, minor_or_none, money, unsigned
from connectors.stripe.payments import captured_minor, charge_payment_id, released
from connectors.stripe.reports import Report, flag, references, rows

_WORD = {
    None: "issued",  # Refunds of before 2014-06 have no status; they were made at once.
    "pending": "issued",
    "succeeded": "issued",
    "failed": "failed",
    "canceled": "canceled",
}
_RANK = {"issued": 1, "failed": 2, "canceled": 2}


def refund(report: Report) -> Iterator[Item]:
    """refund.created, refund.updated, refund.failed, charge.refund.updated, a refund in a file."""
    status = text(report.body, "status", report.path)
    if status == "requires_action":
        reason = "nothing is sent until the payer acts; refund.updated tells"
        yield Ignored(reason=reason, at=report.at)
        return
    charge, word = report.ref("charge"), _word(report, status)
    if charge and word == "issued" and flag(report.raw, "refund_events") is False:
        yield Ignored(reason="charge.refunded carries it (refund_events)", at=report.at)
        return
    yield _issued(report, report.ref("payment_intent") or charge or report.id(), charge, word)


def charge_refunded(report: Report) -> Iterator[Item]:
    """charge.refunded: the refunds listed in the charge, or what the amounts tell."""
    if report.body.get("captured") is False and not captured_minor(report):
        yield released(report)
        return
    listed = rows(report.body, "refunds", report.path)
    if listed:
        yield from _listed(report, _new_ones(report, listed))
    else:
        yield _unlisted(report)


def refunds_of_charge(report: Report) -> Iterator[Item]:
    """The refunds listed in a charge in a file."""
    if report.body.get("captured") is not False:
        yield from _listed(report, rows(report.body, "refunds", report.path))


def _listed(report: Report, listed: list[Any]) -> Iterator[Item]:
    payment_id = charge_payment_id(report)
    for index, row in enumerate(listed):
        path = join(join(join(report.path, "refunds"), "data"), index)
        inner = replace(
            report, body=as_object(row, path), path=path, event_livemode=report.livemode
        )
        if _may_be_the_release(report, inner):
            yield _release_or_problem(inner)
            continue
        word = _word(inner, text(inner.body, "status", path))
        yield _issued(inner, payment_id, report.id(), word)


def _new_ones(report: Report, listed: list[Any]) -> list[Any]:
    """The newest refunds that make up what this event added; the others had their own event.

    All of them where the event does not say what it added, or where the sums do not meet.
    """
    before = minor_or_none(report.previous, "amount_refunded", "data.previous_attributes")
    if before is None:
        return listed
    missing = minor(report.body, "amount_refunded", report.path) - before
    for count, row in enumerate(listed, start=1):
        path = join(join(join(report.path, "refunds"), "data"), count - 1)
        missing -= minor(as_object(row, path), "amount", path)
        if missing == 0:
            return listed[:count]
    return listed


def _may_be_the_release(charge: Report, inner: Report) -> bool:
    """Whether a refund may be the rest of a hold that was captured in part.

    Stripe has written that rest as a refund, though it was never captured. Charges of before
    `amount_captured` existed do not say how much the rest is.
    """
    held = minor(charge.body, "amount", charge.path)
    captured = minor_or_none(charge.body, "amount_captured", charge.path)
    refunded = minor(inner.body, "amount", inner.path)
    return refunded < held if captured is None else refunded == held - captured > 0


def _release_or_problem(inner: Report) -> Item:
    if inner.previous.get("captured") is False:
        return Ignored(reason="the rest of a hold was let go; it was never captured", at=inner.at)
    return Problem(
        code="release_or_refund",
        message="a refund of exactly the part that was not captured: look it up at Stripe",
        path=inner.path,
        at=inner.at,
    )


def _unlisted(report: Report) -> Item:
    """charge.refunded since API version 2022-11-15, which lists no refunds.

    Since 2024-10-28 refund.created names every refund, if the endpoint subscribes to it. Only the
    account's owner knows; taking both would refund twice, taking neither would lose it.
    """
    named_elsewhere = flag(report.raw, "refund_events")
    if named_elsewhere:
        return Ignored(reason="the refund's own event carries it", at=report.at)
    if named_elsewhere is None:
        return Problem(
            code="refund_not_named",
            message="charge.refunded lists no refund: set the account's option refund_events",
            path=join(report.path, "refunds"),
            at=report.at,
        )
    return _derived(report)


def _derived(report: Report) -> Item:
    """One refund out of the cumulative amounts; its id is the charge's with the sum behind."""
    total = minor(report.body, "amount_refunded", report.path)
    before = minor_or_none(report.previous, "amount_refunded", "data.previous_attributes")
    if before is None or total <= before:
        raise Malformed(
            "what was refunded before is not told",
            code="missing_field",
            path="data.previous_attributes.amount_refunded",
        )
    number = f"{report.id()}#{total}"
    changed = {**report.body, "id": number, "amount": total - before, "reason": None}
    inner = replace(report, body=changed)
    if _may_be_the_release(report, inner):
        return _release_or_problem(inner)
    return _issued(inner, charge_payment_id(report), report.id(), "issued")


def _issued(report: Report, payment_id: str, charge: str | None, word: str) -> Message:
    number = report.id()
    amount = unsigned(report.body, "amount", report.path)
    fact = RefundIssued(
        gateway="stripe",
        account=report.account,
        payment_id=payment_id,
        event_id=report.event_id,
        amount=money(amount, currency_of(report.body, report.path), join(report.path, "amount")),
        occurred_at=report.occurred_at,
        refund_id=number,
        status=word,
        reason=text(report.body, "reason", report.path),
        order_id=report.order_id(),
        references=_references(report, payment_id, charge),
        test=report.test,
    )
    return report.message(
        fact,
        report.key(number, "refund" if word == "issued" else word),
        "payment",
        payment_id,
        entity=report.key(number, "refund"),
        rank=_RANK[word],
    )


def _references(report: Report, payment_id: str, charge: str | None) -> Any:
    intent = payment_id if payment_id not in (charge, report.id()) else None
    return references(
        ("refund", report.id()),
        ("payment_intent", intent),
        ("charge", charge),
        ("balance_transaction", report.ref("balance_transaction")),
        ("order", report.order_id()),
    )


def _word(report: Report, status: str | None) -> str:
    if status not in _WORD:
        raise Unsupported(
            f"refund status {status[:40] if status else ''!r} is not known",
            code="unknown_status",
            path=join(report.path, "status"),
        )
    return _WORD[status]
