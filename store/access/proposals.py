"""What one person proposes and another decides. The states only move forward.

open ─┬─ approved ── applied
      ├─ rejected
      └─ withdrawn
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy import Row as Found

from canonical.errors import GatewayError, Unsupported
from store.access.audit_log import append_audit
from store.ids import show_id
from store.statements import insert_all, storable
from store.tables import proposals
from store.times import micros, moment, moment_or_none

PROPOSAL = "prp"
STATES = ("open", "approved", "rejected", "withdrawn", "applied")


class NotYours(GatewayError):
    """The one who proposed may not decide, or another may not withdraw."""

    default_code = "four_eyes"


class AlreadyDecided(GatewayError):
    """Somebody else was quicker."""

    default_code = "already_decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that waits for a second person, or did."""

    proposal_id: int
    kind: str
    target: str
    payload: Mapping[str, Any]
    made_by: str
    made_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    applied_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProposal:
    """A change to be proposed."""

    proposal_id: int
    kind: str
    target: str
    payload: Mapping[str, Any]
    made_by: str


def add_proposal(connection: Connection, new: NewProposal, now: datetime) -> Proposal:
    """Put a proposal before the others."""
    row = {
        "id": new.proposal_id,
        "kind": new.kind,
        "target": new.target,
        "payload": json.dumps(new.payload, sort_keys=True, ensure_ascii=True),
        "made_by": new.made_by,
        "made_at": micros(now),
        "state": "open",
    }
    insert_all(connection, proposals, [row])
    _note(connection, now, new.made_by, "make", load_proposal(connection, new.proposal_id))
    return load_proposal(connection, new.proposal_id)


def load_proposal(connection: Connection, proposal_id: int) -> Proposal:
    """One proposal. Raises Unsupported (`unknown_proposal`)."""
    found = connection.execute(select(proposals).where(proposals.c.id == proposal_id)).first()
    if found is None:
        raise Unsupported("there is no such proposal", code="unknown_proposal")
    return _proposal(found)


def list_proposals(
    connection: Connection,
    *,
    state: str | None = "open",
    target: str | None = None,
    made_by: str | None = None,
    not_by: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Proposal]:
    """Proposals, newest first; `before` is the last id of the page before this one.

    `not_by` leaves out one person's own: open, those are what they may decide on.
    """
    chosen = select(proposals).order_by(proposals.c.id.desc()).limit(limit)
    if state is not None:
        chosen = chosen.where(proposals.c.state == state)
    if target is not None:
        chosen = chosen.where(proposals.c.target == target)
    if made_by is not None:
        chosen = chosen.where(proposals.c.made_by == made_by)
    if not_by is not None:
        chosen = chosen.where(proposals.c.made_by != not_by)
    if before is not None:
        chosen = chosen.where(proposals.c.id < before)
    return [_proposal(found) for found in connection.execute(chosen)]


def count_waiting(connection: Connection, *, not_by: str) -> int:
    """Open proposals that somebody else than this person made."""
    table = proposals.c
    waiting = select(func.count()).where(table.state == "open", table.made_by != not_by)
    return connection.scalar(waiting) or 0


def decide(
    connection: Connection,
    proposal_id: int,
    state: str,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> Proposal:
    """Approve, reject or withdraw what is open; `state` is the state it gets.

    Raises NotYours when a proposer approves or rejects, or when somebody else withdraws;
    AlreadyDecided when it is not open any more; Unsupported (`unknown_proposal`).
    """
    proposal = load_proposal(connection, proposal_id)
    if (state == "withdrawn") != (by == proposal.made_by):
        raise NotYours("what one person proposes, another decides", code="four_eyes")
    changed = connection.execute(
        update(proposals)
        .where(
            proposals.c.id == proposal_id,
            proposals.c.state == "open",
            # Once more where it counts: with the row in hand.
            proposals.c.made_by == by if state == "withdrawn" else proposals.c.made_by != by,
        )
        .values(state=state, decided_by=by, decided_at=micros(now), reason=storable(reason) or None)
    )
    if not changed.rowcount:
        raise AlreadyDecided(f"the proposal is {proposal.state} already", code="already_decided")
    decided = load_proposal(connection, proposal_id)
    _note(connection, now, by, _DECISIONS[state], decided)
    return decided


_DECISIONS = {"approved": "approve", "rejected": "reject", "withdrawn": "withdraw"}


def mark_applied(connection: Connection, proposal_id: int, now: datetime) -> Proposal:
    """Take up what was approved, in the transaction that carries it out: it happens once.

    Raises AlreadyDecided (`not_approved`) unless it is approved and not applied yet.
    """
    changed = connection.execute(
        update(proposals)
        .where(proposals.c.id == proposal_id, proposals.c.state == "approved")
        .values(state="applied", applied_at=micros(now))
    )
    proposal = load_proposal(connection, proposal_id)
    if not changed.rowcount:
        raise AlreadyDecided(f"the proposal is {proposal.state}", code="not_approved")
    _note(connection, now, proposal.decided_by or "", "apply", proposal)
    return proposal


def _note(connection: Connection, now: datetime, by: str, verb: str, proposal: Proposal) -> None:
    append_audit(
        connection,
        at=now,
        actor=by,
        action=f"proposal.{verb}",
        target=show_id(PROPOSAL, proposal.proposal_id),
        details={
            "kind": proposal.kind,
            "on": proposal.target,
            "made_by": proposal.made_by,
            "reason": proposal.reason,
        },
    )


def _proposal(found: Found[Any]) -> Proposal:
    return Proposal(
        proposal_id=found.id,
        kind=found.kind,
        target=found.target,
        payload=json.loads(found.payload),
        made_by=found.made_by,
        made_at=moment(found.made_at),
        state=found.state,
        decided_by=found.decided_by,
        decided_at=moment_or_none(found.decided_at),
        reason=found.reason,
        applied_at=moment_or_none(found.applied_at),
    )
