"""`gateway exceptions …` and `gateway records …`: the actions, printed."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from canonical.errors import Malformed
from domains.engine.record_lists import KeptFact, RecordQuery
from domains.exceptions.handling import Resolution
from domains.exceptions.listing import AGES, Age, OwnerStanding, Wanted
from domains.exceptions.stored import EXCEPTION, StoredException
from routing.accounts import Accounts
from routing.router import Router
from store.access.proposals import PROPOSAL
from store.database import Database
from store.ids import parse_id, show_id
from workbench.bench import Bench
from workbench.business import exceptions as work
from workbench.business.exceptions_deciding import Decided, Wish, decide, read_values, wish_at
from workbench.business.exceptions_records import list_records, show_record
from workbench.documents import document
from workbench.showing import console, harmless, time_text


def bench_over(store: Database) -> Bench:
    """A bench for what is not about payloads."""
    return Bench(database=store, accounts=Accounts([]), router=Router(()))


def age_of(text: str | None) -> Age | None:
    """Raises Malformed (`bad_age`) for a word that is none."""
    for one in AGES:
        if text == one:
            return one
    if text is None:
        return None
    raise Malformed(f"an age is {', '.join(AGES)}", code="bad_age")


async def print_exceptions(store: Database, wanted: Wanted, limit: int, *, as_json: bool) -> None:
    """Print exceptions; as JSON an array of objects."""
    bench = bench_over(store)
    found = await work.list_exceptions(bench, wanted, limit=limit)
    if as_json:
        _print([exception_document(one) for one in found.exceptions])
        return
    now = bench.now()
    table = Table("id", "kind", "about", "balance", "opened", "due", "owner", "assigned to")
    for one in found.exceptions:
        due = "overdue since " if one.is_overdue(now) else ""
        table.add_row(
            show_id(EXCEPTION, one.exception_id),
            harmless(one.kind),
            harmless(f"{one.domain} {one.record_label}"),
            harmless(one.balance or "–"),
            time_text(one.opened_at),
            f"{due}{time_text(one.due_at)}" if one.state == "open" else one.state,
            one.owner,
            harmless(one.assigned_to or "–"),
        )
    console().print(table if found.exceptions else "no exception fits")


async def print_standing(store: Database, *, as_json: bool) -> None:
    """Print what is open by owner and age."""
    counts, _ = await work.owners_standing(bench_over(store))
    if as_json:
        _print([_standing(one) for one in counts])
        return
    table = Table("owner", "current", ">7 d", ">14 d", ">30 d", "overdue", "all")
    for one in counts:
        ages = [str(one.by_age[age]) for age in AGES]
        table.add_row(one.owner, *ages, str(one.overdue), str(one.total))
    console().print(table)


def _standing(one: OwnerStanding) -> dict[str, Any]:
    told: dict[str, Any] = document(one)
    return told | {"total": one.total}


async def print_exception(store: Database, shown: str, *, as_json: bool) -> None:
    """Print one exception with its history. Raises Malformed, Unsupported."""
    view = await work.show_exception(bench_over(store), parse_id(EXCEPTION, shown))
    told = exception_document(view.exception)
    if as_json:
        _print(told | {"history": document(view.history), "facts": document(view.facts)})
        return
    for name, value in told.items():
        print(f"{name:14} {harmless(str(value)) if value not in (None, '', []) else '–'}")
    _show_facts(view.facts)
    print("\nwhat happened:")
    for entry in view.history:
        detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items())
        print(harmless(f"  {time_text(entry.at)} {entry.action} by {entry.by} {detail}"))


def _show_facts(facts: Sequence[KeptFact]) -> None:
    if facts:
        print("\nit rests on:")
    for one in facts:
        line = f"  {time_text(one.occurred_at)} {one.type} {one.key} {one.receipt}"
        print(harmless(line))


def exception_document(one: StoredException) -> dict[str, Any]:
    """An exception as JSON: its id as people see it, times as RFC 3339."""
    told: dict[str, Any] = document(one)
    del told["exception_id"]
    return {"id": show_id(EXCEPTION, one.exception_id), **told}


async def resolve(store: Database, shown: str, resolution: Resolution) -> None:
    """Close an exception. Raises Contested, Malformed."""
    number = parse_id(EXCEPTION, shown)
    done = await work.resolve(bench_over(store), number, resolution, actor=getpass.getuser())
    print(f"{shown}: resolved, {done.reason}; {done.branch}")


async def hand_on(store: Database, shown: str, assigned_to: str | None, owner: str | None) -> None:
    """Give an exception to somebody, or to another team. Raises Contested, Malformed."""
    done = await work.hand_on(
        bench_over(store),
        parse_id(EXCEPTION, shown),
        assigned_to=assigned_to,
        owner=owner,
        actor=getpass.getuser(),
    )
    print(harmless(f"{shown}: with {done.owner}, {done.assigned_to or 'nobody'}’s"))


async def reopen(store: Database, shown: str, words: str) -> None:
    """Open what was resolved. Raises Contested, Malformed."""
    number = parse_id(EXCEPTION, shown)
    await work.reopen(bench_over(store), number, words, actor=getpass.getuser())
    print(f"{shown}: open")


async def note(store: Database, shown: str, text: str) -> None:
    """Write something down. Raises Malformed."""
    number = parse_id(EXCEPTION, shown)
    await work.note(bench_over(store), number, text, actor=getpass.getuser())
    print(f"{shown}: noted")


async def decide_at(
    store: Database, shown: str, action: str, *, subject: str, values: str, reason: str
) -> None:
    """Decide about an exception's record. Raises Malformed, Unsupported."""
    bench = bench_over(store)
    wish = await wish_at(
        bench,
        parse_id(EXCEPTION, shown),
        action,
        subject=subject,
        values=read_values(values),
        reason=reason,
    )
    _tell(shown, await decide(bench, wish, actor=getpass.getuser()))


async def decide_on(store: Database, wish: Wish) -> None:
    """Decide about a record. Raises Malformed, Unsupported."""
    _tell(wish.record, await decide(bench_over(store), wish, actor=getpass.getuser()))


def _tell(about: str, done: Decided) -> None:
    if done.proposal is None:
        print(harmless(f"{about}: decided, {done.decision}"))
        return
    proposal = show_id(PROPOSAL, done.proposal.proposal_id)
    print(harmless(f"{about}: waits for a second person: gateway dead approve {proposal}"))


async def print_records(store: Database, wanted: RecordQuery, limit: int, *, as_json: bool) -> None:
    """Print records of a domain. Raises Unsupported."""
    found = await list_records(bench_over(store), wanted, limit=limit)
    if as_json:
        _print(found.records)
        return
    table = Table("key", "kind", "label", "status", "changed")
    for one in found.records:
        table.add_row(
            harmless(one.key),
            one.kind,
            harmless(one.label),
            harmless(one.status),
            time_text(one.updated_at),
        )
    console().print(table if found.records else "no record fits")


async def print_record(store: Database, domain: str, key: str, *, as_json: bool) -> None:
    """Print one record. Raises Unsupported."""
    view = await show_record(bench_over(store), domain, key)
    if as_json:
        told = document(view) | {"exceptions": [exception_document(one) for one in view.exceptions]}
        _print(told)
        return
    record = view.record
    print(harmless(f"{record.kind} {record.label}: {record.status}"))
    print(json.dumps(document(record.state), indent=2, ensure_ascii=True))
    _show_facts(view.facts)
    for one in view.exceptions:
        shown = show_id(EXCEPTION, one.exception_id)
        print(harmless(f"{one.state} exception {shown}: {one.kind}. {one.explanation}"))
    for made in view.decisions:
        print(harmless(f"{time_text(made.at)} {made.action} by {made.by}: {made.reason}"))


def _print(value: Any) -> None:
    """A value as JSON, harmless for a terminal."""
    print(json.dumps(document(value), indent=2, ensure_ascii=True))
