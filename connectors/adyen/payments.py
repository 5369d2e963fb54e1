"""Payments and what modifies them: authorised, captured, failed, refunded.

A modification (capture, cancellation, refund) has a PSP reference of its own and names the
payment's in `originalReference`; `payment_id` is always the payment's.
"""

from __future__ import annotations

from collections.abc import Iterator

from canonical.cash import PaymentAuthorised, PaymentCaptured, PaymentFailed, RefundIssued
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from connectors.adyen.notice import Notice

_CANCELED = "canceled"
_RECAPTURED = ("Transaction Recaptured", "Transaction Auto-recaptured")
_RANK = {"issued": 1, "failed": 2, "reversed": 2}


def authorisation(notice: Notice) -> Iterator[Item]:
    """AUTHORISATION: reserved; with automatic capture, taken as well; or refused."""
    automatic = captures_automatically(notice)
    payment_id = notice.number
    if not notice.amount.amount:
        yield Ignored(reason="an amount of zero checks a card; no money is reserved", at=notice.at)
    elif not notice.success:
        yield _refused(notice, payment_id)
    else:
        told = {**notice.shared(payment_id), "order_id": notice.order_id()}
        yield notice.message(PaymentAuthorised(**told), payment_id)
        if automatic:
            yield notice.message(PaymentCaptured(**told), payment_id, "captured")


def capture(notice: Notice) -> Iterator[Item]:
    """CAPTURE: taken, or the try to take it failed.

    Adyen repeats a capture that the scheme refused (CAPTURE_FAILED) by itself and tells it as
    CAPTURE again; the day tells the two apart.
    """
    if not notice.success:
        yield _failed(notice, notice.original, notice.event, notice.reason)
        return
    if captures_automatically(notice):
        raise Unsupported(
            "a CAPTURE, but the account is set to automatic capture, which has told it already",
            code="unexpected_capture",
            path="eventCode",
        )
    payment_id = notice.original
    again = (notice.reason or "").startswith(_RECAPTURED)
    fact = PaymentCaptured(**notice.shared(payment_id), capture_id=notice.number)
    yield notice.message(fact, payment_id, *(("recaptured", _day(notice)) if again else ()))


def capture_failed(notice: Notice) -> Iterator[Item]:
    """CAPTURE_FAILED: the scheme refused a capture that may have been told as taken."""
    _only_true(notice)
    yield _failed(notice, notice.original, notice.event, notice.reason, _day(notice))


def cancellation(notice: Notice) -> Iterator[Item]:
    """CANCELLATION, TECHNICAL_CANCEL."""
    if notice.success:
        yield _failed(notice, notice.original, _CANCELED, notice.reason)
    else:
        yield Ignored(reason="the cancellation failed: the payment stands", at=notice.at)


def cancel_or_refund(notice: Notice) -> Iterator[Item]:
    """CANCEL_OR_REFUND: `modification.action` says which of the two was done."""
    if not notice.success:
        yield Ignored(reason="the reversal failed: the payment stands", at=notice.at)
        return
    action = notice.additional("modification.action")
    if action == "cancel":
        yield _failed(notice, notice.original, _CANCELED, notice.reason)
    elif action == "refund":
        yield _refund(notice, "issued")
    elif action is None:
        raise Malformed(
            "neither cancel nor refund is said",
            code="missing_field",
            path="additionalData.modification.action",
        )
    else:
        raise notice.unmapped("additionalData.modification.action", action)


def refund(notice: Notice) -> Iterator[Item]:
    """REFUND, REFUND_WITH_DATA."""
    if notice.success:
        yield _refund(notice, "issued")
    else:
        yield Ignored(reason="the refund failed: the payment stands", at=notice.at)


def refund_failed(notice: Notice) -> Iterator[Item]:
    """REFUND_FAILED: the scheme refused a refund that may have been told as issued."""
    _only_true(notice)
    yield _refund(notice, "failed")


def refund_reversed(notice: Notice) -> Iterator[Item]:
    """REFUNDED_REVERSED: the money of a refund came back."""
    _only_true(notice)
    yield _refund(notice, "reversed")


def ended(notice: Notice) -> Iterator[Item]:
    """EXPIRE (what was not captured is let go), OFFER_CLOSED (nobody paid)."""
    _only_true(notice)
    yield _failed(notice, notice.original_or_own, notice.event, notice.reason)


def captures_automatically(notice: Notice) -> bool:
    """The account's option `capture`. Raises Unsupported for an unknown value."""
    value = notice.raw.options.get("capture", "manual")
    if value not in ("manual", "automatic"):
        raise Unsupported(
            "option capture must be manual or automatic", code="bad_option", path="capture"
        )
    return bool(value == "automatic")


def _refused(notice: Notice, payment_id: str) -> Message:
    fact = PaymentFailed(
        **notice.shared(payment_id),
        order_id=notice.order_id(),
        failure_code=notice.reason,
        failure_message=notice.additional("refusalReasonRaw"),
    )
    return notice.message(fact, payment_id)


def _failed(
    notice: Notice, payment_id: str, code: str | None, message: str | None, *more: str
) -> Message:
    fact = PaymentFailed(**notice.shared(payment_id), failure_code=code, failure_message=message)
    return notice.message(fact, payment_id, *more)


def _refund(notice: Notice, status: str) -> Message:
    # An unreferenced refund (REFUND_WITH_DATA) may have no payment: then it stands for itself.
    payment_id = notice.original_or_own
    number = notice.number
    fact = RefundIssued(
        **notice.shared(payment_id), refund_id=number, status=status, reason=notice.reason
    )
    entity = Key.of("payment", "adyen", notice.raw.account, number, "refund")
    return notice.message(fact, payment_id, entity=entity, rank=_RANK[status])


def _only_true(notice: Notice) -> None:
    if not notice.success:
        raise notice.unmapped("success", "false")


def _day(notice: Notice) -> str:
    return notice.occurred_at.date().isoformat()
