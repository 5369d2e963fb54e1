"""Charges and PaymentIntents: authorised, captured, failed.

Stripe tells one payment by both objects, in any order and often twice. Facts are therefore keyed by
what both know: the charge id (a PaymentIntent names it in `latest_charge`), or for an end without
a charge the payment id. `payment_id` is the PaymentIntent's id, the charge's where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical.cash import PaymentAuthorised, PaymentCaptured, PaymentFailed
from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier, Money
from connectors.kit.json_body import join, text
from connectors.stripe.amounts import (
    currency_of,
    minor_or_none,
    money,
    money_in,
    unsigned,
)
from connectors.stripe.reports import (
    Report,
    expanded,
    free_text,
    party,
    ref,
    references,
    rows,
)


def charge_taken(report: Report) -> Iterator[Item]:
    """charge.succeeded, charge.captured: what is captured so far, or else what is reserved."""
    captured = captured_minor(report)
    if captured:
        yield _captured(report, charge_payment_id(report), report.id(), captured)
    elif report.body["captured"]:
        # "Captured" with nothing taken is how Stripe tells that a hold was let go.
        yield released(report)
    else:
        total = unsigned(report.body, "amount", report.path)
        yield _authorised(report, charge_payment_id(report), report.id(), total)


def charge_updated(report: Report) -> Iterator[Item]:
    """charge.updated: one of several captures; every other change is of no interest."""
    if "amount_captured" in report.previous:
        yield from charge_taken(report)
    else:
        yield Ignored(reason="no money moved: other fields of the charge changed", at=report.at)


def charge_failed(report: Report) -> Iterator[Item]:
    """charge.failed."""
    number = report.id()
    yield report.message(
        PaymentFailed(
            **_charge_context(report),
            amount=_money(report, unsigned(report.body, "amount", report.path)),
            failure_code=text(report.body, "failure_code", report.path),
            failure_message=free_text(report.body, "failure_message", report.path),
        ),
        report.key(number, "failed"),
        "payment",
        charge_payment_id(report),
    )


def charge_expired(report: Report) -> Iterator[Item]:
    """charge.expired: a hold ran out; what was captured of it before stays captured."""
    if captured_minor(report):
        yield from charge_taken(report)
    else:
        yield released(report)


def charge_state(report: Report) -> Iterator[Item]:
    """A charge as it stands in a file."""
    status = text(report.body, "status", report.path)
    if status == "failed":
        yield from charge_failed(report)
    elif status == "succeeded" and _is_released(report):
        yield released(report)
    elif status == "succeeded":
        yield from charge_taken(report)
    else:
        yield Ignored(reason="the charge is neither taken nor failed yet", at=report.at)


def released(report: Report) -> Message:
    """A hold that ended without a capture."""
    payment_id = charge_payment_id(report)
    fact = PaymentFailed(
        **_charge_context(report),
        amount=_money(report, unsigned(report.body, "amount", report.path)),
        failure_code="canceled",
    )
    return report.message(fact, report.key(payment_id, "canceled"), "payment", payment_id)


def captured_minor(report: Report) -> int:
    """How much of a charge is captured so far; with 0, `captured` says why.

    Raises Malformed for a charge of before `amount_captured` existed that was refunded: whether
    the refund was the part that was never captured cannot be told.
    """
    captured = report.body.get("captured")
    if not isinstance(captured, bool):
        where = join(report.path, "captured")
        raise Malformed("captured is missing", code="missing_field", path=where)
    if report.body.get("amount_captured") is not None:
        return unsigned(report.body, "amount_captured", report.path)
    if not captured:
        return 0
    if minor_or_none(report.body, "amount_refunded", report.path):
        raise Malformed(
            "amount_captured is missing on a refunded charge",
            code="missing_field",
            path=join(report.path, "amount_captured"),
        )
    return unsigned(report.body, "amount", report.path)


def charge_payment_id(report: Report) -> str:
    """The id all facts of a charge's payment share. Raises Malformed."""
    return report.ref("payment_intent") or report.id()


def intent_succeeded(report: Report) -> Iterator[Item]:
    """payment_intent.succeeded."""
    received = unsigned(report.body, "amount_received", report.path)
    if received:
        yield _captured(report, report.id(), _intent_charge(report), received)
    else:
        yield Ignored(reason="the payment ended with nothing received", at=report.at)


def intent_capturable(report: Report) -> Iterator[Item]:
    """payment_intent.amount_capturable_updated: a new or larger hold, or one of several captures.

    The amount on hold as a whole is what can be captured plus what has been.
    """
    capturable = unsigned(report.body, "amount_capturable", report.path)
    received = unsigned(report.body, "amount_received", report.path)
    if capturable:
        total = capturable + received
        yield _authorised(report, report.id(), _intent_charge(report), total)
    if received:
        yield _captured(report, report.id(), _intent_charge(report), received)
    if not capturable and not received:
        yield Ignored(reason="nothing is on hold; payment_intent.canceled tells", at=report.at)


def intent_failed(report: Report) -> Iterator[Item]:
    """payment_intent.payment_failed: one failed try; the payment may be tried again."""
    error = report.child("last_payment_error")
    path = join(report.path, "last_payment_error")
    charge = _failed_charge(report, error)
    yield report.message(
        PaymentFailed(
            **_intent_context(report, charge),
            amount=_money(report, unsigned(report.body, "amount", report.path)),
            failure_code=text(error, "code", path),
            failure_message=free_text(error, "message", path),
        ),
        report.key(charge or report.event_id or report.id(), "failed"),
        "payment",
        report.id(),
    )


def intent_canceled(report: Report) -> Iterator[Item]:
    """payment_intent.canceled."""
    fact = PaymentFailed(
        **_intent_context(report, _intent_charge(report)),
        amount=_money(report, unsigned(report.body, "amount", report.path)),
        failure_code="canceled",
    )
    key = report.key(report.id(), "canceled")
    yield report.message(fact, key, "payment", report.id())


def intent_state(report: Report) -> Iterator[Item]:
    """A PaymentIntent as it stands in a file."""
    match text(report.body, "status", report.path):
        case "succeeded":
            yield from intent_succeeded(report)
        case "requires_capture":
            yield from intent_capturable(report)
        case "canceled":
            yield from intent_canceled(report)
        case _:
            yield Ignored(reason="the payment is still under way", at=report.at)


def _authorised(report: Report, payment_id: str, charge: str | None, total: int) -> Message:
    """What is reserved as a whole: a raised hold takes the place of the first."""
    fact = PaymentAuthorised(
        **_context(report, charge),
        amount=_money(report, total),
    )
    number = charge or payment_id
    return report.message(
        fact,
        report.key(number, "authorised", total),
        "payment",
        payment_id,
        entity=report.key(number, "authorised"),
        rank=total,
    )


def _captured(report: Report, payment_id: str, charge: str | None, total: int) -> Message:
    """What is captured so far on one charge: a later, larger one takes the place of this one."""
    number = charge or payment_id
    fact = PaymentCaptured(
        **_context(report, charge),
        amount=_money(report, total),
        capture_id=number,
        **_settlement(report),
    )
    return report.message(
        fact,
        report.key(number, "captured", total),
        "payment",
        payment_id,
        entity=report.key(number, "captured"),
        rank=total,
    )


def _context(report: Report, charge: str | None) -> dict[str, Any]:
    if report.body.get("object") == "payment_intent":
        return _intent_context(report, charge)
    return _charge_context(report)


def _charge_context(report: Report) -> dict[str, Any]:
    details = report.child("payment_method_details")
    payment_id = charge_payment_id(report)
    named = (
        ("payment_intent", report.ref("payment_intent")),
        ("charge", report.id()),
        ("balance_transaction", report.ref("balance_transaction")),
        ("invoice", report.ref("invoice")),
        ("order", report.order_id()),
        ("account", report.stripe_account),
    )
    payer = party(
        report.child("billing_details"),
        join(report.path, "billing_details"),
        customer=report.ref("customer"),
    )
    return {
        **_shared(report, payment_id, references(*named)),
        "method": text(details, "type", join(report.path, "payment_method_details")),
        "payer": payer,
    }


def _intent_context(report: Report, charge: str | None) -> dict[str, Any]:
    named = (
        ("payment_intent", report.id()),
        ("charge", charge),
        ("invoice", report.ref("invoice")),
        ("order", report.order_id()),
        ("account", report.stripe_account),
    )
    return {
        **_shared(report, report.id(), references(*named)),
        "payer": party({}, customer=report.ref("customer")),
    }


def _shared(report: Report, payment_id: str, identifiers: tuple[Identifier, ...]) -> dict[str, Any]:
    return {
        "gateway": "stripe",
        "account": report.account,
        "payment_id": payment_id,
        "event_id": report.event_id,
        "occurred_at": report.occurred_at,
        "order_id": report.order_id(),
        "references": identifiers,
        "test": report.test,
    }


def _settlement(report: Report) -> dict[str, Money]:
    """Fee and net in the settlement currency, where the balance transaction is expanded."""
    settled = expanded(report.body, "balance_transaction")
    if settled.get("object") != "balance_transaction":
        return {}
    path = join(report.path, "balance_transaction")
    currency = currency_of(settled, path)
    return {
        "fee": money_in(settled, "fee", currency, path),
        "net": money_in(settled, "net", currency, path),
    }


def _intent_charge(report: Report) -> str | None:
    """The charge of a PaymentIntent: `latest_charge`, or in API versions before 2022-11-15 the
    one in `charges` that succeeded, else the newest."""
    named = report.ref("latest_charge")
    if named is not None:
        return named
    path = join(report.path, "charges")
    listed = [row for row in rows(report.body, "charges", report.path) if isinstance(row, dict)]
    taken = [row for row in listed if row.get("status") == "succeeded"]
    chosen = (taken or listed)[:1]
    return ref(chosen[0], "id", path) if chosen else None


def _failed_charge(report: Report, error: Mapping[str, Any]) -> str | None:
    """The charge that failed, if the try came as far as a charge.

    Stripe names it in the error of a card. An error of a card without one (authentication) never
    became a charge, and `latest_charge` is that of an earlier try; for other methods it is this.
    """
    named = ref(error, "charge", join(report.path, "last_payment_error"))
    method = expanded(error, "payment_method").get("type")
    if named or error.get("type") == "card_error" or method == "card":
        return named
    return _intent_charge(report)


def _is_released(report: Report) -> bool:
    return report.body.get("captured") is False and report.body.get("refunded") is True


def _currency(report: Report) -> str:
    return currency_of(report.body, report.path)


def _money(report: Report, total: int) -> Money:
    return money(total, _currency(report), report.path)
