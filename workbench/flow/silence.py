"""Accounts that have been silent for longer than they usually are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from store.finding.traffic import AccountHours

ENOUGH: Final = 8
"""Hours an account must have been heard in before anything is said about it."""
SHARE: Final = 95
"""Percent of the time that passes in gaps no longer than the usual."""
PATIENCE: Final = 1.5
SHORTEST: Final = timedelta(hours=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """An account that ought to have been heard."""

    connector: str
    account: str
    last_at: datetime
    usual: timedelta
    """The longest gap that is usual between hours it is heard in."""


def usual_gap(hours: Sequence[int]) -> timedelta | None:
    """The longest gap that is usual between the hours (since 1970, ascending) something was heard.

    Gaps count by their length: 95 % of the time passes in gaps no longer than this one. So nights
    and weekends are usual where they are, a burst weighs no more than a single message, and one
    long outage in a fortnight is not yet usual. None where there is too little to tell.
    """
    if len(hours) < ENOUGH:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(hours))
    whole, passed = sum(gaps), 0
    for gap in gaps:
        passed += gap
        if passed * 100 >= whole * SHARE:
            return gap * _HOUR
    raise AssertionError("unreachable")


def longest_usual(usual: timedelta) -> timedelta:
    """How long a silence may last before it is told: half as long again, at least an hour."""
    return max(usual * PATIENCE, SHORTEST)


def silent_accounts(heard: Iterable[AccountHours], now: datetime) -> list[Silent]:
    """The accounts that are silent for too long, those silent longest by their habit first."""
    found = []
    for one in heard:
        usual = usual_gap(one.hours)
        if usual is not None and now - one.last_at > longest_usual(usual):
            found.append(
                Silent(
                    connector=one.connector, account=one.account, last_at=one.last_at, usual=usual
                )
            )
    return sorted(found, key=lambda one: (one.last_at - now) / max(one.usual, SHORTEST))
