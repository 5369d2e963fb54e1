"""The steps of a timeline: what happened, to which message, at whose hand. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from routing.accounts import ANNOUNCES
from store.finding.trace import Handled, Timeline
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, show_id
from store.records import Attempt, DeadLetter, FetchRow, MessageRow, ReceiptRow, Retry
from workbench.failures.dead import dead_document
from workbench.finding.searching import hit_of
from workbench.showing import time_text

DOMAINS: Final = "domains"
"""What systems are called whose messages are announcements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened."""

    at: datetime
    what: str
    kind: str
    """good, bad, warn, info or plain."""
    system: str
    """Connector and account, or a subscriber's name."""
    title: str
    facts: Mapping[str, Any]
    """What there is to say of it, ids as people see them."""
    receipt: str | None = None
    message: str | None = None
    letter: str | None = None
    order: int = 0
    """Of what happened at the same moment, what comes first."""
    lesser: bool = False
    """It follows from what systems said."""


def system_of(connector: str, account: str) -> str:
    """Who sent something; what domains announce is theirs together."""
    return DOMAINS if connector == ANNOUNCES else f"{connector}/{account}"


def steps_of_timeline(found: Timeline) -> Iterator[Step]:
    """All that happened along a trail, in no order."""
    announced = {one.receipt_id for one in found.receipts if one.connector == ANNOUNCES}
    for receipt in found.receipts:
        yield _quiet(_receipt(receipt), quiet=receipt.receipt_id in announced)
    for message in found.messages:
        for step in _message(message):
            yield _quiet(step, quiet=message.connector == ANNOUNCES)
    yield from (_attempt(one) for one in found.attempts)
    yield from (_dead_letter(one) for one in found.dead_letters)
    yield from (_handled(one) for one in found.handled)
    yield from (_retry(one) for one in found.retries)


def _quiet(step: Step, *, quiet: bool) -> Step:
    """A step, lesser where a domain only says what it makes of what systems said."""
    if not quiet or step.kind == "bad":
        return step
    return replace(step, kind="plain", lesser=True)


def _receipt(one: ReceiptRow) -> Step:
    first = one.first_receipt_id
    shown = show_id(RECEIPT, one.receipt_id)
    return Step(
        at=one.received_at,
        what="received",
        kind="info" if first is None else "plain",
        system=system_of(one.connector, one.account),
        title=one.kind or "unreadable",
        receipt=shown,
        facts={
            "receipt": shown,
            "from": f"{one.connector}/{one.account}",
            "kind": one.kind,
            "by": one.transport,
            "delivery_key": one.delivery_key,
            "state": one.state,
            "first_receipt": None if first is None else show_id(RECEIPT, first),
            "bytes": one.size,
            "sha256": one.digest.hex(),
            "secret": one.secret_name,
            "filename": one.filename,
            "reason": one.reason,
        },
    )


def step_of_fetch(one: FetchRow) -> Step:
    """An object that a message needed and a system was asked for."""
    fetched = one.fetched_receipt_id
    return Step(
        at=one.created_at,
        what=f"object wanted, {one.state}",
        kind="bad" if one.state == "dead" else "plain",
        system=f"{one.connector}/{one.account}",
        title=f"{one.kind} {one.object_id}",
        receipt=None if fetched is None else show_id(RECEIPT, fetched),
        order=1,
        facts={
            "kind": one.kind,
            "object": one.object_id,
            "for": show_id(RECEIPT, one.receipt_id),
            "fetched_as": None if fetched is None else show_id(RECEIPT, fetched),
            "attempts": one.attempts,
            "error_code": one.error_code,
        },
    )


VERDICT_KINDS: Final = {"new": "good", "conflict": "warn", "problem": "bad"}


def _message(one: MessageRow) -> Iterator[Step]:
    hit = hit_of(one)
    told = (one.type or one.at, one.subject, f"{hit.amount} {hit.currency}".strip(), hit.party)
    shown, system = show_id(MESSAGE, one.row_id), system_of(one.connector, one.account)
    title = " · ".join(part for part in told if part)
    facts = {
        "message": shown,
        "receipt": show_id(RECEIPT, one.receipt_id),
        "type": one.type,
        "id": one.message_id,
        "key": one.key,
        "verdict": one.verdict,
        "state": one.state,
        "at": one.at,
        "occurred_at": time_text(one.occurred_at),
        "correlation": one.correlation,
        "version": one.version,
        "data": None if one.data is None else json.loads(one.data),
    }
    yield Step(
        at=one.created_at,
        what=f"judged {one.verdict}",
        kind=VERDICT_KINDS.get(one.verdict, "plain"),
        system=system,
        title=title,
        facts=facts,
        message=shown,
        receipt=show_id(RECEIPT, one.receipt_id),
        order=2,
    )
    if one.published_at is not None:
        yield Step(
            at=one.published_at,
            what="published",
            kind="good",
            system=system,
            title=f"{one.type} to {', '.join(one.destinations) or 'no stream'}",
            facts={"id": one.message_id, "streams": list(one.destinations)},
            message=shown,
            order=4,
            lesser=True,
        )


def _attempt(one: Attempt) -> Step:
    receipt = None if one.receipt_id is None else show_id(RECEIPT, one.receipt_id)
    row = None if one.message_row_id is None else show_id(MESSAGE, one.message_row_id)
    facts = asdict(one) | {"at": None, "receipt_id": receipt, "message_row_id": row}
    kinds = {"failed": "bad", "succeeded": "good", "retry_scheduled": "warn"}
    return Step(
        at=one.at,
        what=f"{one.stage} {one.outcome.replace('_', ' ')}",
        kind=kinds.get(one.outcome, "plain"),
        system=one.subscriber or "",
        title=one.error_code or "",
        facts=facts,
        receipt=receipt,
        message=row,
        order=3,
    )


def _dead_letter(one: DeadLetter) -> Step:
    where = " ".join(part for part in (one.record_at, one.field_path) if part)
    return Step(
        at=one.last_failed_at,
        what=f"dead letter, {one.state}",
        kind="bad" if one.state == "open" else "plain",
        system=one.subscriber or system_of(one.connector, one.account),
        title=f"{one.error_code} at {where}" if where else one.error_code,
        facts=dead_document(one),
        receipt=None if one.receipt_id is None else show_id(RECEIPT, one.receipt_id),
        letter=show_id(DEAD_LETTER, one.dead_letter_id),
        order=5,
    )


def _handled(one: Handled) -> Step:
    return Step(
        at=one.handled_at,
        what="handled",
        kind="good",
        system=one.subscriber,
        title=f"by {one.subscriber}",
        facts={"subscriber": one.subscriber, "id": one.message_id},
        message=one.message_id,
        order=6,
        lesser=True,
    )


def _retry(one: Retry) -> Step:
    return Step(
        at=one.due_at,
        what="to be tried again",
        kind="warn",
        system=one.subscriber,
        title=f"{one.error_code}, after {one.attempts} tries",
        facts={
            "subscriber": one.subscriber,
            "id": one.message_id,
            "attempts": one.attempts,
            "error_code": one.error_code,
        },
        message=one.message_id,
        order=7,
    )
