"""What a second person decides on, carried out in the transaction of the decision."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from canonical.errors import Malformed, Unsupported
from store.access import proposals
from store.access.proposals import Proposal
from store.database import Connection
from store.failures.group_counts import lock_groups
from store.ids import parse_id
from store.mending import campaigns, edits
from store.mending import reprocessing as runs
from store.mending.contested import Contested
from workbench import four_eyes
from workbench.bench import Bench
from workbench.business import exceptions_deciding
from workbench.mending import editing, reprocessing

CAMPAIGN_KIND = "campaign"


async def approve(bench: Bench, proposal_id: int, *, actor: str, reason: str = "") -> Proposal:
    """Agree to a proposal and carry it out at once.

    Raises NotYours, AlreadyDecided; Contested when what it is about has changed meanwhile: then
    nothing is decided either.
    """
    now = bench.now()

    def decide(connection: Connection) -> Proposal:
        # Before the audit log's own lock: whoever closes failures takes both in this order.
        lock_groups(connection)
        four_eyes.approve(connection, proposal_id, by=actor, reason=reason, now=now)
        return _carry_out(bench, connection, proposal_id, actor)

    done = await bench.database.write(decide)
    bench.wake()
    return done


async def reject(bench: Bench, proposal_id: int, *, actor: str, reason: str) -> Proposal:
    """Say no, and why. Raises Malformed without a reason, NotYours, AlreadyDecided."""
    if not reason.strip():
        raise Malformed("saying no needs a reason", code="reason_required", path="reason")
    now = bench.now()

    def decide(connection: Connection) -> Proposal:
        rejected = four_eyes.reject(connection, proposal_id, by=actor, reason=reason, now=now)
        _let_go(connection, rejected, actor, now)
        return rejected

    return await bench.database.write(decide)


async def withdraw(bench: Bench, proposal_id: int, *, actor: str, reason: str = "") -> Proposal:
    """Take one's own proposal back. Raises NotYours for anybody else, AlreadyDecided."""
    now = bench.now()

    def decide(connection: Connection) -> Proposal:
        taken = four_eyes.withdraw(connection, proposal_id, by=actor, reason=reason, now=now)
        _let_go(connection, taken, actor, now)
        return taken

    return await bench.database.write(decide)


def _let_go(connection: Connection, proposal: Proposal, by: str, now: datetime) -> None:
    """A campaign that is not to be holds its group no longer."""
    if proposal.kind != CAMPAIGN_KIND:
        return
    # Somebody may have cancelled it before.
    with suppress(Contested):
        campaign_id = parse_id(campaigns.CAMPAIGN, proposal.target)
        campaigns.cancel(connection, campaign_id, actor=by, now=now)


async def carry_out(bench: Bench, proposal_id: int) -> Proposal:
    """Carry out what was approved elsewhere. Raises AlreadyDecided when it is not approved."""

    def work(connection: Connection) -> Proposal:
        lock_groups(connection)
        proposal = proposals.load_proposal(connection, proposal_id)
        return _carry_out(bench, connection, proposal_id, proposal.decided_by or "")

    done = await bench.database.write(work)
    bench.wake()
    return done


def _carry_out(bench: Bench, connection: Connection, proposal_id: int, by: str) -> Proposal:
    now = bench.now()
    applied = proposals.mark_applied(connection, proposal_id, now)
    match applied.kind:
        case editing.KIND:
            edit_id = parse_id(edits.EDIT, applied.target)
            edits.apply_edit(connection, edit_id, bench.ids.next(), by=by, now=now)
        case _ if applied.kind == CAMPAIGN_KIND:
            campaign_id = parse_id(campaigns.CAMPAIGN, applied.target)
            campaigns.approve_campaign(connection, campaign_id, by=by, now=now)
        case reprocessing.KIND:
            run_id = parse_id(runs.REPROCESSING, applied.target)
            runs.publish(connection, run_id, actor=by, now=now)
        case exceptions_deciding.KIND:
            exceptions_deciding.carry_out(bench, connection, applied, by)
        case other:
            raise Unsupported(f"nobody carries out {other[:40]!r} here", code="unknown_proposal")
    return applied
