"""Exceptions as people work on them: a list, one with all that surrounds it, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from canonical.errors import Malformed
from configuration import DomainName
from domains.engine import record_lists
from domains.engine.record_lists import KeptFact
from domains.exceptions import handling, listing
from domains.exceptions.handling import Act, Resolution
from domains.exceptions.listing import OwnerStanding, Sort, Wanted
from domains.exceptions.stored import EXCEPTION, HistoryEntry, StoredException
from store.access import proposals
from store.access.proposals import Proposal
from store.database import Connection
from store.ids import parse_id, show_id
from workbench.bench import Bench

DOMAINS: Final = tuple(DomainName)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionPage:
    """A page of exceptions."""

    exceptions: tuple[StoredException, ...]
    next: str | None
    """What to send as `after` for the page behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """Something an exception names: another record, or a reference to look for."""

    text: str
    domain: str | None
    """Whose record it is; None: nobody's, it can be searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionView:
    """One exception with what surrounds it."""

    exception: StoredException
    history: tuple[HistoryEntry, ...]
    has_record: bool
    """Whether it hangs on a record; else on a fact alone."""
    involved: tuple[Involved, ...]
    facts: tuple[KeptFact, ...]
    others: tuple[StoredException, ...]
    """Others of the same record."""
    waiting: tuple[Proposal, ...]
    """What was proposed about it and waits for a second person."""


async def list_exceptions(
    bench: Bench, wanted: Wanted, *, after: str | None = None, limit: int = 50
) -> ExceptionPage:
    """A page of exceptions. Raises Malformed (`bad_mark`)."""
    now, place = bench.now(), _place(after)
    found = await bench.database.read(
        lambda connection: listing.list_exceptions(
            connection, wanted, now, after=place, limit=limit + 1
        )
    )
    shown = tuple(found[:limit])
    more = len(found) > limit
    return ExceptionPage(exceptions=shown, next=_mark(shown[-1], wanted.sort) if more else None)


async def owners_standing(bench: Bench) -> tuple[list[OwnerStanding], list[str]]:
    """What is open by owner and age; and the kinds of what is open."""
    now = bench.now()
    return await bench.database.read(
        lambda connection: (listing.standing(connection, now), listing.kinds_open(connection))
    )


async def show_exception(bench: Bench, exception_id: int) -> ExceptionView:
    """One of them. Raises Unsupported (`unknown_exception`)."""
    return await bench.database.read(lambda connection: _look(connection, exception_id))


def _look(connection: Connection, exception_id: int) -> ExceptionView:
    one = listing.load_exception(connection, exception_id)
    named = record_lists.records_of_key(connection, DOMAINS, [one.record_key, *one.involved])
    where = {key: domain for domain, key in named}
    return ExceptionView(
        exception=one,
        history=tuple(listing.history_of(connection, exception_id)),
        has_record=(one.domain, one.record_key) in named,
        involved=tuple(Involved(text=text, domain=where.get(text)) for text in one.involved),
        facts=tuple(record_lists.facts_named(connection, one.domain, one.facts)),
        others=tuple(
            other
            for other in listing.of_record(connection, one.domain, one.record_key)
            if other.exception_id != exception_id
        ),
        waiting=tuple(
            proposals.list_proposals(connection, target=show_id(EXCEPTION, exception_id))
        ),
    )


async def hand_on(
    bench: Bench,
    exception_id: int,
    *,
    actor: str,
    assigned_to: str | None = None,
    owner: str | None = None,
    revision: int | None = None,
) -> StoredException:
    """Give it to somebody (an empty name: to nobody), to another team, or both.

    Raises Contested, Malformed, Unsupported (`unknown_exception`).
    """
    act = Act(by=actor, now=bench.now(), revision=revision)

    def work(connection: Connection) -> StoredException:
        one, seen = listing.load_exception(connection, exception_id), act
        if owner is not None:
            one = handling.move(connection, exception_id, owner, seen)
            seen = replace(act, revision=one.revision)
        if assigned_to is not None:
            one = handling.assign(connection, exception_id, assigned_to, seen)
        return one

    return await _do(bench, work)


async def resolve(
    bench: Bench,
    exception_id: int,
    resolution: Resolution,
    *,
    actor: str,
    revision: int | None = None,
) -> StoredException:
    """Close it, and say how. Raises Contested, Malformed."""
    act = Act(by=actor, now=bench.now(), revision=revision)
    return await _do(bench, lambda c: handling.resolve(c, exception_id, resolution, act))


async def reopen(
    bench: Bench, exception_id: int, words: str, *, actor: str, revision: int | None = None
) -> StoredException:
    """Open what was resolved. Raises Contested, Malformed."""
    act = Act(by=actor, now=bench.now(), revision=revision)
    return await _do(bench, lambda c: handling.reopen(c, exception_id, words, act))


async def note(bench: Bench, exception_id: int, text: str, *, actor: str) -> StoredException:
    """Write something down about it. Raises Malformed."""
    act = Act(by=actor, now=bench.now())

    def write(connection: Connection) -> StoredException:
        handling.note(connection, exception_id, text, act)
        return listing.load_exception(connection, exception_id)

    return await _do(bench, write)


async def _do(bench: Bench, work: Callable[[Connection], StoredException]) -> StoredException:
    return await bench.database.write(work)


def _mark(one: StoredException, sort: Sort) -> str:
    value, exception_id = listing.page_key(one, sort)
    return f"{value}.{show_id(EXCEPTION, exception_id)}"


def _place(mark: str | None) -> tuple[int, int] | None:
    if mark is None:
        return None
    value, _, shown = mark.partition(".")
    if not value.isascii() or not value.isdecimal() or len(value) > 18:
        raise Malformed("`after` is what a page gave as `next`", code="bad_mark", path="after")
    return int(value), parse_id(EXCEPTION, shown)


def shown(one: StoredException) -> str:
    """The id as people see it."""
    return show_id(EXCEPTION, one.exception_id)
