"""The Inbox: deliveries become receipts, once each (EIP: Idempotent Receiver, Claim Check)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, select, update
from sqlalchemy import Row as Found

from store.failures.attempts import record_attempts
from store.failures.dead_letters import ReceiptFailure, open_for_receipts
from store.failures.resends import note_resends
from store.intake.bodies import (
    PART,
    PART_BYTES,
    Part,
    drop_orphan_parts,
    part_values,
    read_body,
    read_part,
    write_part,
)
from store.records import Accepted, Attempt, Delivery, ReceiptRow
from store.statements import (
    among,
    free_at,
    insert_all,
    insert_free,
    insert_values,
    is_state,
    select_among,
    storable,
)
from store.tables import deliveries, intake_ledger, raw_payloads, receipts
from store.times import micros, moment, moment_or_none

__all__ = [
    "PART_BYTES",
    "accept",
    "claim_receipts",
    "drop_orphan_parts",
    "load_receipt",
    "read_body",
    "read_part",
    "receipt_row",
    "release_all_claims",
    "release_claims",
    "renew_claims",
    "write_part",
]


class _Slot(NamedTuple):
    """A place in the inbox: the delivery key of one account."""

    key_digest: bytes
    connector: str
    account: str


_DELIVERY = ("delivery_key_digest", "connector", "account", "receipt_id", "digest")
"""A slot's three and what holds it."""


class _First(NamedTuple):
    """Who holds a slot."""

    receipt_id: int
    digest: bytes
    received_at: datetime


def accept(connection: Connection, arrived: Sequence[Delivery]) -> list[Accepted]:
    """Make a batch of deliveries durable; one answer each, in their order.

    A delivery key seen before with the same bytes gives a receipt in state `redelivered` that
    points to the first one, and its body is not kept again. The same key with other bytes is an
    ordinary receipt: whether its facts are known is judged by their own keys.
    """
    slots = [delivery_slot(one) for one in arrived]
    holders = _holders(connection, arrived, slots)
    answers = [_answer(one, holders[slot]) for one, slot in zip(arrived, slots, strict=True)]
    given = list(zip(arrived, answers, strict=True))
    insert_values(connection, receipts, _RECEIPT, [_receipt_values(*one) for one in given])
    kept = [one for one, answer in given if _is_first(answer)]
    insert_values(connection, raw_payloads, PART, list(_parts(kept)))
    changed = [
        (one.receipt_id, holders[slot].receipt_id)
        for (one, answer), slot in zip(given, slots, strict=True)
        if _is_first(answer) and holders[slot].receipt_id != one.receipt_id
    ]
    if changed:
        note_resends(connection, changed)
    _enter_ledger(connection, arrived)
    _open_dead_letters(connection, [one for one in kept if one.failure is not None])
    _drop_repeated_parts(connection, given)
    return answers


def _parts(kept: Iterable[Delivery]) -> Iterator[Part]:
    for one in kept:
        if one.body is not None:
            yield from part_values(one.receipt_id, one.body)


def delivery_slot(one: Delivery) -> _Slot:
    """The place in the inbox a delivery asks for."""
    return _Slot(delivery_key_digest(one.delivery_key), one.connector, one.account)


def delivery_key_digest(delivery_key: str) -> bytes:
    """What the uniqueness of a delivery key is decided on."""
    return hashlib.sha256(delivery_key.encode("utf-8", "surrogatepass")).digest()[:16]


def _is_first(answer: Accepted) -> bool:
    return answer.first_receipt_id is None


def _holders(
    connection: Connection, arrived: Sequence[Delivery], slots: Sequence[_Slot]
) -> dict[_Slot, _First]:
    """Who holds the slots of this batch, after the free ones are taken by the batch itself."""
    wanted: dict[_Slot, Delivery] = {}
    for slot, one in zip(slots, arrived, strict=True):
        wanted.setdefault(slot, one)
    # In the order of the keys: two batches that share keys wait for one another, never in a ring.
    values = [(*slot, one.receipt_id, one.digest) for slot, one in sorted(wanted.items())]
    ours = {
        slot: _First(one.receipt_id, one.digest, one.received_at) for slot, one in wanted.items()
    }
    if insert_free(connection, deliveries, _DELIVERY, values) == len(values):
        return ours
    known = _known(connection, [slot.key_digest for slot in wanted])
    return {
        slot: one if known[slot].receipt_id == one.receipt_id else known[slot]
        for slot, one in ours.items()
    }


def _known(connection: Connection, key_digests: Sequence[bytes]) -> dict[_Slot, _First]:
    statement = select(deliveries, receipts.c.received_at).join_from(
        deliveries, receipts, receipts.c.id == deliveries.c.receipt_id, isouter=True
    )
    return {
        _Slot(bytes(found.delivery_key_digest), found.connector, found.account): _First(
            found.receipt_id, bytes(found.digest), moment(found.received_at or 0)
        )
        for found in select_among(
            connection, statement, deliveries.c.delivery_key_digest, key_digests
        )
    }


def _answer(one: Delivery, first: _First) -> Accepted:
    if first.receipt_id == one.receipt_id or first.digest != one.digest:
        return Accepted(one.receipt_id, None, one.received_at)
    return Accepted(one.receipt_id, first.receipt_id, first.received_at)


_RECEIPT = (
    "id", "connector", "account", "kind", "delivery_key", "transport", "received_at", "headers",
    "filename", "digest", "size", "secret_name", "traceparent", "state", "first_receipt_id",
    "message_count", "ignored_count", "reason", "claimed_by", "claimed_until",
)  # fmt: skip


def _receipt_values(one: Delivery, answer: Accepted) -> tuple[Any, ...]:
    """A row's values in the order of `_RECEIPT`."""
    state, reason = _state(one, answer)
    until = one.claimed_until if state == "pending" else None
    return (
        one.receipt_id, one.connector, one.account, storable(one.kind), storable(one.delivery_key),
        one.transport, micros(one.received_at), _json(one.headers),
        None if one.filename is None else storable(one.filename),
        one.digest, one.size, one.secret_name, one.traceparent, state, answer.first_receipt_id,
        0, 0, reason,
        one.claimed_by if until else None, micros(until) if until else None,
    )  # fmt: skip


def _state(one: Delivery, answer: Accepted) -> tuple[str, str | None]:
    if not _is_first(answer):
        return "redelivered", None
    if one.failure is not None:
        return "dead", one.failure.code
    if one.ignored_reason is not None:
        return "ignored", one.ignored_reason
    return "pending", None


def _json(headers: Mapping[str, str]) -> str:
    together = "".join(headers.values())
    if together.isascii() and "\0" not in together:
        return orjson.dumps(headers).decode()
    return orjson.dumps({name: storable(value) for name, value in headers.items()}).decode()


def _enter_ledger(connection: Connection, arrived: Sequence[Delivery]) -> None:
    """Count what came in, independently of the receipts: the audit's other side."""
    counts = Counter((one.connector, one.account) for one in arrived)
    latest = max((micros(one.received_at) for one in arrived), default=0)
    insert_all(
        connection,
        intake_ledger,
        [
            {"at": latest, "connector": connector, "account": account, "accepted": accepted}
            for (connector, account), accepted in sorted(counts.items())
        ],
    )


def _open_dead_letters(connection: Connection, dead: Sequence[Delivery]) -> None:
    failures = [
        ReceiptFailure(
            receipt_id=one.receipt_id,
            connector=one.connector,
            account=one.account,
            kind=one.kind,
            failure=one.failure,
            at=one.received_at,
        )
        for one in dead
        if one.failure is not None
    ]
    if not failures:
        return
    open_for_receipts(connection, failures)
    record_attempts(
        connection,
        [
            Attempt(
                at=one.at,
                receipt_id=one.receipt_id,
                stage=one.failure.stage,
                outcome="failed",
                error_code=one.failure.code,
                message=one.failure.message,
            )
            for one in failures
        ],
    )


def _drop_repeated_parts(
    connection: Connection, given: Iterable[tuple[Delivery, Accepted]]
) -> None:
    repeated = [
        one.receipt_id for one, answer in given if one.body is None and not _is_first(answer)
    ]
    if repeated:
        connection.execute(
            delete(raw_payloads).where(among(connection, raw_payloads.c.receipt_id, repeated))
        )


def claim_receipts(
    connection: Connection, owner: str, now: datetime, lease: timedelta, limit: int
) -> list[ReceiptRow]:
    """Take over the oldest pending receipts that nobody holds, for the length of the lease.

    Whoever claims a receipt starts its translation over; chunks recorded before stay.
    """
    free = (
        select(receipts.c.id)
        .where(is_state(receipts.c.state, "pending"))
        .where(free_at(receipts.c.claimed_until, micros(now), lease))
        .order_by(receipts.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = connection.execute(
        update(receipts)
        .where(receipts.c.id.in_(free))
        .values(claimed_by=owner, claimed_until=micros(now + lease), ignored_count=0)
        .returning(receipts)
    )
    return sorted((receipt_row(one) for one in claimed), key=lambda row: row.receipt_id)


def renew_claims(
    connection: Connection, owner: str, receipt_ids: Sequence[int], until: datetime
) -> int:
    """Hold receipts of one's own for longer; returns how many still were one's own."""
    renewed = connection.execute(
        update(receipts)
        .where(among(connection, receipts.c.id, receipt_ids))
        .where(is_state(receipts.c.state, "pending"), receipts.c.claimed_by == owner)
        .values(claimed_until=micros(until))
    )
    return renewed.rowcount


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's receipts: anybody may take them at once."""
    connection.execute(
        update(receipts)
        .where(is_state(receipts.c.state, "pending"), receipts.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )


def release_all_claims(connection: Connection) -> None:
    """Void every lease. Only right where no other process serves this store."""
    connection.execute(
        update(receipts)
        .where(is_state(receipts.c.state, "pending"), receipts.c.claimed_until.is_not(None))
        .values(claimed_by=None, claimed_until=None)
    )


def load_receipt(connection: Connection, receipt_id: int) -> ReceiptRow | None:
    """One receipt, or None."""
    found = connection.execute(select(receipts).where(receipts.c.id == receipt_id)).first()
    return None if found is None else receipt_row(found)


def receipt_row(found: Found[Any]) -> ReceiptRow:
    """A row of the table as a value."""
    return ReceiptRow(
        receipt_id=found.id,
        connector=found.connector,
        account=found.account,
        kind=found.kind,
        delivery_key=found.delivery_key,
        transport=found.transport,
        received_at=moment(found.received_at),
        headers=orjson.loads(found.headers),
        filename=found.filename,
        digest=bytes(found.digest),
        size=found.size,
        secret_name=found.secret_name,
        traceparent=found.traceparent,
        state=found.state,
        first_receipt_id=found.first_receipt_id,
        message_count=found.message_count,
        ignored_count=found.ignored_count,
        reason=found.reason,
        translated_at=moment_or_none(found.translated_at),
        reopened_at=moment_or_none(found.reopened_at),
    )
