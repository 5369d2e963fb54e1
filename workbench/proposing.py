"""What a second person decides on, carried out in the transaction of the decision."""

from __future__ import annotations

from canonical.errors import Unsupported
from store import campaigns, edits, proposals
from store.database import Connection
from store.group_counts import lock_groups
from store.ids import parse_id
from store.proposals import Proposal
from workbench import editing, four_eyes
from workbench.bench import Bench

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
        case other:
            raise Unsupported(f"nobody carries out {other[:40]!r} here", code="unknown_proposal")
    return applied
