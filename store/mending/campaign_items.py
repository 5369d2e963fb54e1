"""The failures a campaign has released, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, select, tuple_, update
from sqlalchemy import Row as Found

from store.failures.dead_letters import FETCH_STAGE
from store.mending.campaigns import Campaign, change
from store.statements import insert_all
from store.tables import (
    campaign_items,
    dead_letters,
    fetches,
    messages,
    receipts,
    subscriber_retries,
)
from store.times import micros, moment, moment_or_none

SETTLED_AT_ONCE: Final = 500
_GOOD: Final = frozenset({"replayed", "resolved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One failure of a campaign."""

    dead_letter_id: int
    receipt_id: int | None
    """The receipt that is translated again, or the edited copy's."""
    state: str
    """released, succeeded, failed or skipped."""
    released_at: datetime
    settled_at: datetime | None
    error_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A failure that is being released; `skipped` with why it is not replayed."""

    dead_letter_id: int
    receipt_id: int | None
    attempts: int
    skipped: str | None = None


def add_items(
    connection: Connection, campaign: Campaign, releases: Sequence[Release], now: datetime
) -> Campaign:
    """Note what was released, and go on behind it."""
    if not releases:
        return campaign
    at = micros(now)
    rows = [
        {
            "campaign_id": campaign.campaign_id,
            "dead_letter_id": one.dead_letter_id,
            "receipt_id": one.receipt_id,
            "state": "released" if one.skipped is None else "skipped",
            "released_at": at,
            "attempts_before": one.attempts,
            "settled_at": None if one.skipped is None else at,
            "error_code": one.skipped,
        }
        for one in releases
    ]
    insert_all(connection, campaign_items, rows)
    skipped = sum(one.skipped is not None for one in releases)
    return change(
        connection,
        campaign,
        released=campaign.released + len(releases),
        skipped=campaign.skipped + skipped,
        # What is passed over is no part of a stage: the ramp is about what is tried.
        released_in_stage=campaign.released_in_stage + len(releases) - skipped,
        cursor=max(one.dead_letter_id for one in releases),
        released_at=at,
    )


def settle_items(connection: Connection, campaign: Campaign, now: datetime) -> Campaign:
    """Look what came of what is outstanding."""
    found = connection.execute(_outstanding(campaign)).all()
    settled = [(one, _outcome(one, campaign.kind)) for one in found]
    changes: list[dict[str, Any]] = [
        {
            "letter": one.dead_letter_id,
            "became": state,
            "code": one.error_code if state == "failed" else None,
            "at": micros(now),
        }
        for one, state in settled
        if state is not None
    ]
    if not changes:
        return campaign
    for one in changes:
        connection.execute(_settling(campaign, one))
    counts = Counter(one["became"] for one in changes)
    return change(
        connection,
        campaign,
        succeeded=campaign.succeeded + counts["succeeded"],
        failed=campaign.failed + counts["failed"],
        skipped=campaign.skipped + counts["skipped"],
        succeeded_in_stage=campaign.succeeded_in_stage + counts["succeeded"],
        failed_in_stage=campaign.failed_in_stage + counts["failed"],
        # A failure that somebody discarded meanwhile was no try.
        released_in_stage=campaign.released_in_stage - counts["skipped"],
    )


def _settling(campaign: Campaign, one: dict[str, Any]) -> Any:
    table = campaign_items.c
    return (
        update(campaign_items)
        .where(table.campaign_id == campaign.campaign_id, table.dead_letter_id == one["letter"])
        .values(state=one["became"], settled_at=one["at"], error_code=one["code"])
    )


def _outstanding(campaign: Campaign) -> Select[Any]:
    item, letter = campaign_items.c, dead_letters.c
    scheduled = exists().where(
        subscriber_retries.c.subscriber == letter.subscriber,
        subscriber_retries.c.message_id == letter.message_id,
    )
    dead_rows = exists().where(messages.c.receipt_id == item.receipt_id, messages.c.state == "dead")
    return (
        select(
            item.dead_letter_id,
            letter.state.label("letter_state"),
            letter.stage,
            letter.subscriber,
            letter.error_code,
            receipts.c.state.label("receipt_state"),
            fetches.c.state.label("fetch_state"),
            scheduled.label("is_scheduled"),
            dead_rows.label("has_dead_rows"),
        )
        .join_from(campaign_items, dead_letters, letter.id == item.dead_letter_id)
        .join(receipts, receipts.c.id == item.receipt_id, isouter=True)
        .join(fetches, fetches.c.id == letter.id, isouter=True)
        .where(item.campaign_id == campaign.campaign_id, item.state == "released")
        .order_by(item.dead_letter_id)
        .limit(SETTLED_AT_ONCE)
    )


def _outcome(found: Found[Any], kind: str) -> str | None:
    """succeeded, failed or skipped; None while it is under way."""
    if kind == "patch":
        return _outcome_of_copy(found)
    if found.letter_state in _GOOD:
        return "succeeded"
    if found.letter_state == "discarded":
        return "skipped"
    return None if _is_under_way(found) else "failed"


def _outcome_of_copy(found: Found[Any]) -> str | None:
    if found.receipt_state == "pending":
        return None
    if found.receipt_state == "discarded":
        return "skipped"
    return "failed" if found.receipt_state == "dead" or found.has_dead_rows else "succeeded"


def _is_under_way(found: Found[Any]) -> bool:
    if found.subscriber is not None:
        return bool(found.is_scheduled)
    if found.stage == FETCH_STAGE:
        return bool(found.fetch_state == "pending")
    return bool(found.receipt_state == "pending")


def list_items(
    connection: Connection,
    campaign_id: int,
    *,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Item]:
    """What a campaign released, in its order; `after` is the last failure of the page before."""
    table = campaign_items.c
    statement = select(campaign_items).where(
        tuple_(table.campaign_id, table.dead_letter_id) > (campaign_id, after),
        table.campaign_id == campaign_id,
    )
    if state is not None:
        statement = statement.where(table.state == state)
    found = connection.execute(statement.order_by(table.dead_letter_id).limit(limit))
    return [
        Item(
            dead_letter_id=one.dead_letter_id,
            receipt_id=one.receipt_id,
            state=one.state,
            released_at=moment(one.released_at),
            settled_at=moment_or_none(one.settled_at),
            error_code=one.error_code,
        )
        for one in found
    ]
