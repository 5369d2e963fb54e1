"""Giving failures up, by name and with a reason from a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from canonical.errors import Malformed
from store.database import Connection
from store.failures import dead_letters
from store.mending.failure_groups import list_letters, load_group
from workbench.bench import Bench

REASONS: Final = {
    "test_data": "a test, not business",
    "duplicate_report": "reported elsewhere, or again",
    "sent_in_error": "sent by mistake",
    "mended_at_source": "put right by its sender",
    "handled_by_hand": "done by hand in the system behind",
    "obsolete": "no longer of use",
    "other": "another reason, told in words",
}
"""Why a failure may be given up; `other` needs words."""
BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """How a discard went."""

    discarded: int
    left: int
    """Not open any more, or being replayed: left as they are."""


def reason_text(code: str, text: str = "") -> str:
    """A reason as it is kept: its code, and the words. Raises Malformed (`bad_reason`)."""
    if code not in REASONS or (code == "other" and not text.strip()):
        raise Malformed(f"a reason is one of {', '.join(REASONS)}; other needs words", code="bad_reason")  # fmt: skip  # noqa: E501
    return f"{code}: {text.strip()}" if text.strip() else code


async def discard_letters(
    bench: Bench, dead_letter_ids: Sequence[int], *, actor: str, reason: str, text: str = ""
) -> Discarded:
    """Give up single failures. Raises Malformed for a reason that is none."""
    told, now = reason_text(reason, text), bench.now()
    done = 0
    for one in dead_letter_ids:
        done += await bench.database.write(
            partial(dead_letters.discard, dead_letter_id=one, actor=actor, reason=told, now=now)
        )
    return Discarded(discarded=done, left=len(dead_letter_ids) - done)


async def discard_group(
    bench: Bench, group_id: int, *, actor: str, reason: str, text: str = ""
) -> Discarded:
    """Give up what is open of a group now; what comes later opens it again.

    Raises Malformed for a reason that is none, Unsupported for no such group.
    """
    told, now, bound = reason_text(reason, text), bench.now(), bench.ids.next()
    done = left = 0
    before: int | None = bound
    while before is not None:
        discarded, seen, before = await bench.database.write(
            partial(
                _discard_page, group_id=group_id, before=before, actor=actor, reason=told, now=now
            )
        )
        done, left = done + discarded, left + seen - discarded
    return Discarded(discarded=done, left=left)


def _discard_page(
    connection: Connection, *, group_id: int, before: int, actor: str, reason: str, now: datetime
) -> tuple[int, int, int | None]:
    """Discard the next page of a group's failures: (discarded, seen, where the next begins)."""
    group = load_group(connection, group_id)
    letters = list_letters(connection, group, before=before, limit=BATCH)
    done = sum(
        dead_letters.discard(connection, one.dead_letter_id, actor, reason, now) for one in letters
    )
    return done, len(letters), letters[-1].dead_letter_id if letters else None
