"""Comparing: what today's code makes of a receipt of the past, beside what is known of it.

Memory is bounded by a chunk of a payload: a statement of a million lines is compared like any.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from canonical.errors import GatewayError, Unavailable
from canonical.keys import Key
from routing.normalise import Normaliser
from store.log.known_facts import KnownFact, known_facts
from store.mending.produced import published_keys
from store.mending.reprocessed import NewDifference
from store.records import NewMessage, ReceiptRow, Translation
from workbench.bench import Bench
from workbench.failures.differences import document, message_differences
from workbench.failures.dry_runs import NO_ACCOUNT, reading_of
from workbench.failures.payload_bytes import content_of
from workbench.four_eyes import needs_second_person

MOST_A_RECEIPT: Final = 1000
"""Differences that are kept of one receipt; the counts are exact."""
MOST_FIELDS: Final = 50
GONE_UP_TO: Final = 10_000
"""Messages of a receipt up to which it is looked whether today's code still says them."""


@dataclass(slots=True)
class Compared:
    """What was found of one receipt."""

    counts: Counter[str] = field(default_factory=Counter)
    found: list[NewDifference] = field(default_factory=list)
    keys: set[bytes] = field(default_factory=set)
    """Of what today's code says, as long as they are few."""
    total: int = 0

    def add(self, one: NewDifference) -> None:
        """Count a difference; the first ones are kept."""
        self.counts[one.outcome] += 1
        if len(self.found) < MOST_A_RECEIPT:
            self.found.append(one)


async def compare(bench: Bench, receipt: ReceiptRow) -> Compared:
    """What differs of one receipt. Raises Unavailable: nothing is said of it then."""
    compared = Compared()
    compared.counts["receipts"] = 1
    try:
        async with content_of(bench.database, receipt) as content:
            await _compare_content(bench, receipt, content, compared)
    except Unavailable:
        raise
    except GatewayError as error:
        compared.add(_failing(bench, receipt, error.code, ""))
    if not compared.counts.keys() - {"receipts"}:
        compared.counts["same"] += 1
    return compared


async def _compare_content(
    bench: Bench, receipt: ReceiptRow, content: bytes | Path, compared: Compared
) -> None:
    reading = reading_of(bench, receipt, content)
    if reading is None:
        compared.add(_failing(bench, receipt, NO_ACCOUNT.code, ""))
        return
    normaliser = Normaliser(bench.router, bench.ids)
    final = False
    while not final:
        part = await asyncio.to_thread(normaliser.next_chunk, reading)
        await _compare_part(bench, receipt, part, compared)
        final = part.final
    if receipt.state == "translated" and compared.total <= GONE_UP_TO:
        await _look_for_gone(bench, receipt, compared)


async def _compare_part(
    bench: Bench, receipt: ReceiptRow, part: Translation, compared: Compared
) -> None:
    compared.total += len(part.messages)
    if compared.total <= GONE_UP_TO:
        compared.keys.update(one.key_digest for one in part.messages)
    known = await bench.database.read(
        lambda connection: known_facts(connection, (one.key_digest for one in part.messages))
    )
    for message in part.messages:
        one = _judged(bench, receipt, message, known.get(message.key_digest))
        if one is not None:
            compared.add(one)
    if receipt.state == "dead":
        return  # It failed before: that is no difference.
    for problem in part.failures:
        compared.add(_failing(bench, receipt, problem.code, problem.at))
    if part.failure is not None:
        compared.add(_failing(bench, receipt, part.failure.code, ""))


def _judged(
    bench: Bench, receipt: ReceiptRow, message: NewMessage, known: KnownFact | None
) -> NewDifference | None:
    """What is different about one message; None when nothing is, or it is not this receipt's."""
    if known is None:
        return _difference(bench, receipt, message, "new", None)
    if known.content_digest == message.content_digest:
        return None
    current = known.message
    if current is None or current.receipt_id != receipt.receipt_id:
        return None  # Another report is what counts under this key.
    return _difference(bench, receipt, message, "changed", known)


def _difference(
    bench: Bench,
    receipt: ReceiptRow,
    message: NewMessage,
    outcome: str,
    known: KnownFact | None,
) -> NewDifference:
    before = known.message.data if known is not None and known.message is not None else None
    changed = message_differences(message.type, before, message.data, most=MOST_FIELDS)
    return NewDifference(
        row_id=bench.ids.next(),
        receipt_id=receipt.receipt_id,
        outcome=outcome,
        key=message.key,
        at=message.at,
        message_row_id=known.current_row_id if known is not None else None,
        error_code=None,
        content_digest=message.content_digest,
        differences=[asdict(one) for one in changed],
        second_person=_second_person(message, known),
    )


def _second_person(message: NewMessage, known: KnownFact | None) -> list[str]:
    """Which of the changes another person has to agree to; what is new is never published."""
    if known is None:
        return []
    current = known.message
    before = (
        None
        if current is None or current.data is None
        else {"type": current.type, "data": document(current.data)}
    )
    after = {"type": message.type, "data": document(message.data)}
    return needs_second_person(before, after)[:MOST_FIELDS]


def _failing(bench: Bench, receipt: ReceiptRow, code: str, at: str) -> NewDifference:
    return NewDifference(
        row_id=bench.ids.next(),
        receipt_id=receipt.receipt_id,
        outcome="failing",
        key="",
        at=at,
        message_row_id=None,
        error_code=code,
        content_digest=None,
        differences=(),
    )


async def _look_for_gone(bench: Bench, receipt: ReceiptRow, compared: Compared) -> None:
    published = await bench.database.read(
        lambda connection: published_keys(connection, receipt.receipt_id, GONE_UP_TO)
    )
    for row_id, key, at in published:
        if Key(key).digest not in compared.keys:
            compared.add(
                NewDifference(
                    row_id=bench.ids.next(),
                    receipt_id=receipt.receipt_id,
                    outcome="gone",
                    key=key,
                    at=at,
                    message_row_id=row_id,
                    error_code=None,
                    content_digest=None,
                    differences=(),
                )
            )
