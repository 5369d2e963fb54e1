"""Events and objects → canonical messages: which function reads what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Ignored, Item, Problem
from connectors.contract import Identity
from connectors.kit.json_body import as_list, as_object, join, required_text
from connectors.kit.records import child
from connectors.raw import RawMessage
from connectors.stripe import billing, disputes, orders, payments, payouts, refunds
from connectors.stripe.balance import Sums, transaction_lines
from connectors.stripe.identity import (
    BALANCE_TRANSACTIONS,
    MANIFEST,
    PAYOUT_WITH_TRANSACTIONS,
    is_known,
)
from connectors.stripe.reports import Report, flag, moment_in, ref

Read = Callable[[Report], Iterator[Item]]

_PAYOUT_ID = re.compile(r"(?<![A-Za-z0-9])po_[A-Za-z0-9]+", re.ASCII)


def _charge_and_refunds(report: Report) -> Iterator[Item]:
    yield from payments.charge_state(report)
    yield from refunds.refunds_of_charge(report)


_EVENTS: Mapping[str, Read] = MappingProxyType(
    {
        "charge.captured": payments.charge_taken,
        "charge.dispute.closed": disputes.closed,
        "charge.dispute.created": disputes.opened,
        "charge.dispute.funds_reinstated": disputes.ended_or_ignored,
        "charge.dispute.funds_withdrawn": disputes.opened,
        "charge.dispute.updated": disputes.ended_or_ignored,
        "charge.expired": payments.charge_expired,
        "charge.failed": payments.charge_failed,
        "charge.refund.updated": refunds.refund,
        "charge.refunded": refunds.charge_refunded,
        "charge.succeeded": payments.charge_taken,
        "charge.updated": payments.charge_updated,
        "checkout.session.completed": orders.checkout_completed,
        "credit_note.created": billing.credit_note_created,
        "credit_note.voided": billing.credit_note_voided,
        "invoice.finalized": billing.invoice_finalized,
        "invoice.voided": billing.invoice_voided,
        "payment_intent.amount_capturable_updated": payments.intent_capturable,
        "payment_intent.canceled": payments.intent_canceled,
        "payment_intent.payment_failed": payments.intent_failed,
        "payment_intent.succeeded": payments.intent_succeeded,
        "payout.canceled": payouts.payout,
        "payout.failed": payouts.payout,
        "payout.paid": payouts.payout,
        "quote.accepted": orders.quote_accepted,
        "refund.created": refunds.refund,
        "refund.failed": refunds.refund,
        "refund.updated": refunds.refund,
        "transfer.failed": payouts.transfer,
        "transfer.paid": payouts.transfer,
    }
)
_OBJECTS: Mapping[str, Read] = MappingProxyType(
    {
        "charge": _charge_and_refunds,
        "credit_note": billing.credit_note_created,
        "dispute": disputes.dispute_state,
        "invoice": billing.invoice_state,
        "payment_intent": payments.intent_state,
        "payout": payouts.payout,
        "quote": orders.quote_state,
        "refund": refunds.refund,
    }
)


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of an event, of an API object, or of a list of either.

    Raises Malformed or Unsupported for a single one that is beyond use; in a list it is a Problem
    and the rest goes on.
    """
    document = as_object(raw.json())
    if identity.kind == PAYOUT_WITH_TRANSACTIONS:
        yield from _payout_with_transactions(raw, document)
    elif identity.kind == BALANCE_TRANSACTIONS:
        yield from _balance_transactions(raw, document)
    elif document.get("object") == "list":
        yield from _list(raw, document)
    else:
        yield from _one(raw, document, "", "")


def _list(raw: RawMessage, document: Mapping[str, Any]) -> Iterator[Item]:
    expected = None
    for index, row in enumerate(as_list(document.get("data"), "data")):
        path = join("data", index)
        try:
            record = as_object(row, path)
            expected = expected or record.get("object")
            if record.get("object") != expected:
                raise Malformed("a list of several kinds of object", code="mixed_list", path=path)
            yield from _one(raw, record, path, path)
        except GatewayError as error:
            yield Problem(code=error.code, message=str(error), path=error.path, at=path)


def _one(raw: RawMessage, record: Mapping[str, Any], path: str, at: str) -> Iterator[Item]:
    name = required_text(record, "object", path)
    if name == "event":
        yield from _event(raw, record, path, at)
        return
    report = Report(raw=raw, body=record, path=path, at=at)
    if f"file/{name}" in MANIFEST.kinds:
        yield from _read(report, _OBJECTS[name])
    else:
        yield Ignored(reason=f"objects of type {name[:60]} are of no interest", at=at)


def _event(raw: RawMessage, event: Mapping[str, Any], path: str, at: str) -> Iterator[Item]:
    kind = required_text(event, "type", path)
    read = _EVENTS.get(kind)
    if read is None and not is_known(kind):
        raise Unsupported(
            f"kind {kind[:60]!r} is not known", code="unknown_kind", path=join(path, "type")
        )
    if read is None:
        yield Ignored(reason=f"kind {kind[:60]} is of no interest", at=at)
        return
    yield from _read(_told(raw, event, kind, path, at), read)


def _told(raw: RawMessage, event: Mapping[str, Any], kind: str, path: str, at: str) -> Report:
    data = child(event, "data", path)
    where = join(join(path, "data"), "object")
    livemode = event.get("livemode")
    return Report(
        raw=raw,
        body=as_object(data.get("object"), where),
        path=where,
        at=at,
        event_id=ref(event, "id", path),
        event_type=kind,
        told_at=moment_in(event, "created", path),
        previous=child(data, "previous_attributes", join(path, "data")),
        stripe_account=ref(event, "account", path),
        event_livemode=livemode if isinstance(livemode, bool) else None,
    )


def _read(report: Report, read: Read) -> Iterator[Item]:
    wanted = flag(report.raw, "livemode")
    if wanted is not None and report.livemode is not wanted:
        mode = "live" if report.livemode else "test"
        yield Ignored(reason=f"the account does not take {mode} mode", at=report.at)
    else:
        yield from read(report)


def _payout_with_transactions(raw: RawMessage, document: Mapping[str, Any]) -> Iterator[Item]:
    report = Report(raw=raw, body=as_object(document.get("payout"), "payout"), path="payout")
    listed = as_object(document.get("balance_transactions"), "balance_transactions")
    yield from _read(report, lambda told: payouts.payout_with_transactions(told, listed))


def _balance_transactions(raw: RawMessage, document: Mapping[str, Any]) -> Iterator[Item]:
    """Balance transactions without their payout: the file's name must say of which it is."""
    found = set(_PAYOUT_ID.findall(raw.filename or ""))
    if len(found) != 1:
        yield Ignored(reason="no payout is named in the file name: not in a payout yet")
        return
    report = Report(raw=raw, body={})
    listed = document if document.get("object") == "list" else {"data": [document]}
    yield from transaction_lines(report, listed, "", found.pop(), Sums())
