"""Failures whose facts have come through meanwhile, by another delivery: they end by themselves.

A payload that failed is tried with today's connector now and then. Where all it says is known
already, with the same content, a replay would publish nothing: the failure is resolved instead.
"""

from __future__ import annotations

from typing import Final

from canonical.errors import GatewayError, Unavailable
from store.database import Connection
from store.failures.dead_letters import FETCH_STAGE
from store.failures.resends import list_open, resolve_receipt
from store.intake import inbox
from store.records import DeadLetter, ReceiptRow
from workbench.bench import Bench
from workbench.failures.dry_runs import DryRun, dry_run

LARGEST: Final = 1024 * 1024
"""Larger payloads are left to people: trying them costs too much for a guess."""
AT_ONCE: Final = 50


async def resolve_known(bench: Bench, after: int, *, limit: int = AT_ONCE) -> tuple[int, int]:
    """Look at the next open failures behind `after`: (how many were resolved, where to go on).

    Behind the last it begins anew, with 0.
    """
    letters = await bench.database.read(
        lambda connection: list_open(connection, after=after, limit=limit)
    )
    resolved = 0
    seen: set[int] = set()
    for letter in letters:
        if letter.receipt_id is None or letter.receipt_id in seen or not _is_of_payload(letter):
            continue
        seen.add(letter.receipt_id)
        resolved += await _resolve(bench, letter.receipt_id)
    return resolved, letters[-1].dead_letter_id if len(letters) == limit else 0


def _is_of_payload(letter: DeadLetter) -> bool:
    return letter.subscriber is None and letter.stage != FETCH_STAGE


async def _resolve(bench: Bench, receipt_id: int) -> int:
    receipt = await bench.database.read(
        lambda connection: inbox.load_receipt(connection, receipt_id)
    )
    if receipt is None or receipt.state == "pending" or receipt.size > LARGEST:
        return 0
    tried = await _tried(bench, receipt)
    if tried is None or not _says_nothing_new(tried):
        return 0
    now = bench.now()

    def close(connection: Connection) -> int:
        why = "all it says has come through in other deliveries"
        return resolve_receipt(connection, receipt_id, why, now)

    return await bench.database.write(close)


async def _tried(bench: Bench, receipt: ReceiptRow) -> DryRun | None:
    try:
        return await dry_run(bench, receipt)
    except Unavailable:
        raise
    except GatewayError:
        return None


def _says_nothing_new(tried: DryRun) -> bool:
    return (
        tried.succeeds
        and bool(tried.facts)
        and not tried.more
        and not tried.fetches
        and all(fact.expected == "same" for fact in tried.facts)
    )
