"""Decisions of people about records, in the words of their domain; four eyes where money moves.

A decision is evidence like a message: it is kept, and the record is derived again with it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from canonical.errors import Malformed, Unsupported
from domains.contract import Decision, Domain
from domains.engine import decisions
from domains.engine.record_lists import load_record
from domains.exceptions import handling, listing
from domains.exceptions.handling import Act
from domains.exceptions.stored import EXCEPTION
from store.access.audit_log import append_audit
from store.access.proposals import NewProposal, Proposal
from store.database import Connection
from store.ids import parse_id, show_id
from store.statements import storable
from workbench import four_eyes
from workbench.bench import Bench

KIND: Final = "decision"
"""The kind of proposals that are decisions; their target is an exception, or a record."""
DECISION: Final = "dec"
LONGEST_REASON: Final = 2000
LONGEST_VALUES: Final = 100_000
DEEPEST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An action a domain knows."""

    name: str
    moves_money: bool
    """Whoever asks for it does not approve it."""
    about: str
    """What it does and takes, as the domain says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to decide."""

    domain: str
    record: str
    action: str
    subject: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    exception_id: int | None = None
    """The exception it was decided at, whose history tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of a wish: one of the two is set."""

    decision: str | None
    """Its id, `dec_…`: it is kept, and its record is derived with it."""
    proposal: Proposal | None
    """It waits for a second person."""


def offered_by(bench: Bench, domain: str) -> list[Offered]:
    """The actions of a domain, by name; none of one that is not installed."""
    found = bench.domains().get(domain)
    if found is None:
        return []
    return [
        Offered(name=name, moves_money=name in found.money_actions, about=inspect.getdoc(one) or "")
        for name, one in sorted(found.actions.items())
    ]


async def wish_at(bench: Bench, exception_id: int, action: str, **given: Any) -> Wish:
    """A wish about the record of an exception. Raises Unsupported (`unknown_exception`)."""
    one = await bench.database.read(
        lambda connection: listing.load_exception(connection, exception_id)
    )
    return Wish(
        domain=one.domain,
        record=one.record_key,
        action=action,
        exception_id=exception_id,
        **given,
    )


async def decide(bench: Bench, wish: Wish, *, actor: str) -> Decided:
    """Keep a decision, or put it before a second person where it moves money.

    Raises Unsupported (`unknown_domain`, `unknown_action`, `unknown_record`), Malformed for values
    the domain does not take, or without a reason.
    """
    domain, clean = _checked(bench, wish)
    act = Act(by=actor, now=bench.now())
    if wish.action in domain.money_actions:
        return await bench.database.write(
            lambda connection: _propose(bench, connection, clean, act)
        )

    def keep(connection: Connection) -> Decided:
        kept = _keep(bench, connection, domain, clean, act=act)
        return Decided(decision=kept, proposal=None)

    return await bench.database.write(keep)


def carry_out(bench: Bench, connection: Connection, proposal: Proposal, by: str) -> None:
    """What a second person agreed to, in the transaction of their agreement.

    The decision is of who asked for it; the exception's history and the audit log name both.
    """
    domain, wish = _checked(bench, wish_of(proposal))
    act = Act(by=proposal.made_by, now=bench.now())
    _keep(bench, connection, domain, wish, act=act, agreed=by)


def wish_of(proposal: Proposal) -> Wish:
    """The wish a proposal is about."""
    told = proposal.payload
    shown = told.get("exception")
    return Wish(
        domain=str(told.get("domain", "")),
        record=str(told.get("record", "")),
        action=str(told.get("action", "")),
        subject=str(told.get("subject", "")),
        values=told.get("values") or {},
        reason=str(told.get("reason", "")),
        exception_id=None if shown is None else parse_id(EXCEPTION, shown),
    )


def read_values(text: str) -> dict[str, Any]:
    """The values of an action out of JSON; nothing is an empty object.

    Raises Malformed (`bad_values`): amounts are texts, so that they stay as they are written.
    """
    if len(text) > LONGEST_VALUES:
        raise Malformed("the values are too long", code="bad_values", path="values")
    try:
        values = json.loads(text.strip() or "{}")
    except (ValueError, RecursionError):
        raise Malformed("the values are no JSON", code="bad_values", path="values") from None
    if not isinstance(values, dict):
        raise Malformed("the values are a JSON object", code="bad_values", path="values")
    return values


def target_of(domain: str, record: str) -> str:
    """How proposals name a record that no exception was looked at for."""
    return f"{domain}:{record}"


def _checked(bench: Bench, wish: Wish) -> tuple[Domain, Wish]:
    """The domain, and the wish as both engines store it."""
    domain = bench.domains().get(wish.domain)
    if domain is None:
        raise Unsupported("there is no such domain here", code="unknown_domain")
    check = domain.actions.get(wish.action)
    if check is None:
        raise Unsupported(f"{wish.domain} knows no such action", code="unknown_action")
    if not wish.reason.strip() or len(wish.reason) > LONGEST_REASON:
        raise Malformed(
            "say why, in at most 2000 characters", code="reason_required", path="reason"
        )
    clean = replace(
        wish,
        record=storable(wish.record),
        subject=storable(wish.subject),
        reason=storable(wish.reason),
        values={storable(name): _clean(one) for name, one in wish.values.items()},
    )
    check(clean.values)
    return domain, clean


def _clean(value: Any, depth: int = 0) -> Any:
    """A value as it is kept. Raises Malformed (`bad_values`) for fractions and what is too deep."""
    if isinstance(value, float):
        raise Malformed('amounts are texts: "120.00"', code="bad_values", path="values")
    if depth > DEEPEST:
        raise Malformed("the values are too deep", code="bad_values", path="values")
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(name): _clean(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, depth + 1) for one in value]
    return value


def _propose(bench: Bench, connection: Connection, wish: Wish, act: Act) -> Decided:
    load_record(connection, wish.domain, wish.record)
    told = _told(wish)
    proposal = four_eyes.propose(
        connection,
        NewProposal(
            proposal_id=bench.ids.next(),
            kind=KIND,
            target=told.get("exception") or target_of(wish.domain, wish.record),
            payload=told,
            made_by=act.by,
        ),
        act.now,
    )
    if wish.exception_id is not None:
        detail = {"action": wish.action, "reason": wish.reason}
        handling.told(connection, wish.exception_id, "proposed", detail, act)
    return Decided(decision=None, proposal=proposal)


def _told(wish: Wish) -> dict[str, Any]:
    told: dict[str, Any] = {
        "domain": wish.domain,
        "record": wish.record,
        "action": wish.action,
        "subject": wish.subject,
        "values": dict(wish.values),
        "reason": wish.reason,
    }
    if wish.exception_id is not None:
        told["exception"] = show_id(EXCEPTION, wish.exception_id)
    return told


def _keep(
    bench: Bench,
    connection: Connection,
    domain: Domain,
    wish: Wish,
    *,
    act: Act,
    agreed: str = "",
) -> str:
    decision = _decision(bench, wish, act.by, act.now)
    decisions.decide(connection, domain, decision, bench.ids, act.now)
    detail = {"action": wish.action, "reason": wish.reason, "decision": decision.id}
    if agreed:
        detail["agreed_by"] = agreed
    if wish.exception_id is not None:
        handling.told(connection, wish.exception_id, "decided", detail, act)
    else:
        append_audit(
            connection,
            at=act.now,
            actor=act.by,
            action="record.decided",
            target=target_of(wish.domain, wish.record),
            details=detail,
        )
    return decision.id


def _decision(bench: Bench, wish: Wish, by: str, now: datetime) -> Decision:
    return Decision(
        id=show_id(DECISION, bench.ids.next()),
        at=now,
        by=by,
        action=wish.action,
        record=wish.record,
        subject=wish.subject,
        values=dict(wish.values),
        reason=wish.reason,
    )
