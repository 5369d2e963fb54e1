"""The book a cluster's money is kept in: what there is, what is owed, what goes where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domains.cash.amounts import ZERO, total
from domains.cash.entries import Receipt
from domains.cash.orders import Order
from domains.cash.payments import Payment
from domains.cash.payouts import Payout
from domains.cash.receivables import (
    APPLIED,
    PROPOSED,
    REVERSED,
    REVIEWED,
    Allocation,
    Receivable,
    allocation_key,
)
from domains.contract import Cluster, Decision, Finding, Parked


@dataclass(slots=True, kw_only=True)
class Source:
    """Money that may be applied: what is left of a payment, or a receipt."""

    key: str
    kind: str
    """`payment` or `receipt`."""
    currency: str
    amount: Decimal
    at: datetime
    facts: frozenset[str]
    allocations: list[Allocation] = field(default_factory=list)
    claims: dict[str, Decimal] = field(default_factory=dict)
    """Decided for receivables of other clusters, which answer whether it fits there."""
    elsewhere: list[Allocation] = field(default_factory=list)
    """What they took of it."""
    refunding: Decimal = ZERO
    """Decided to go back to the customer."""
    kept: Decimal = ZERO
    """Decided to stay with the customer as a credit."""

    @property
    def live(self) -> list[Allocation]:
        return [one for one in self.allocations if one.state == APPLIED]

    @property
    def applied(self) -> Decimal:
        return total(one.amount for one in (*self.live, *self.elsewhere))

    @property
    def released(self) -> Decimal:
        """Set free by credit notes that came later: the customer's credit."""
        return total(one.released for one in (*self.live, *self.elsewhere))

    @property
    def unapplied(self) -> Decimal:
        return self.amount - self.applied

    @property
    def free(self) -> Decimal:
        """What may still be planned."""
        planned = total(one.planned for one in self.live) + total(self.claims.values())
        return self.amount - planned - self.refunding - self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why money goes to a receivable."""

    signals: tuple[str, ...]
    confidence: str = "high"
    decision: Decision | None = None
    facts: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Book:
    """All of a cluster that the rules work on."""

    cluster: Cluster
    now: datetime
    claims: dict[str, Receivable]
    orders: list[Order]
    payments: dict[str, Payment]
    receipts: dict[str, Receipt]
    payouts: dict[str, Payout]
    sources: dict[str, Source]
    blocked: dict[str, Decision] = field(default_factory=dict)
    """Plans people reversed or rejected: they are not made again by themselves."""
    proposals: list[Allocation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    deadlines: list[datetime] = field(default_factory=list)

    def allocate(
        self, source: Source, claim: Receivable, planned: Decimal, why: Evidence
    ) -> Allocation:
        """Apply money; what credit notes have taken off meanwhile is set free for the customer."""
        made = self._allocation(source, claim.key, planned, why)
        made.amount = min(planned, max(ZERO, claim.open))
        if why.decision is None and made.key in self.blocked:
            made.state, made.decision = REVERSED, self.blocked[made.key].id
            made.amount = planned
        source.allocations.append(made)
        claim.allocations.append(made)
        return made

    def note_reversed(
        self, source: Source, claim: Receivable, planned: Decimal, why: Evidence
    ) -> None:
        """Remember an allocation that was, and no longer is."""
        made = self._allocation(source, claim.key, planned, why)
        made.state = REVERSED
        source.allocations.append(made)
        claim.allocations.append(made)

    def propose(self, source: Source, receivable: str, amount: Decimal, why: Evidence) -> None:
        """Put a plan before people, unless they rejected it."""
        made = self._allocation(source, receivable, amount, why)
        made.state = PROPOSED
        if made.key in self.blocked:
            made.state, made.decision = REVIEWED, self.blocked[made.key].id
        if all(one.key != made.key for one in self.proposals):
            self.proposals.append(made)

    def _allocation(
        self, source: Source, receivable: str, planned: Decimal, why: Evidence
    ) -> Allocation:
        return Allocation(
            source=source.key,
            receivable=receivable,
            planned=planned,
            amount=planned,
            confidence=why.confidence,
            signals=why.signals,
            decision=why.decision.id if why.decision else None,
            facts=source.facts | why.facts,
            at=max(source.at, why.decision.at) if why.decision else source.at,
        )

    def is_blocked(self, source: Source, claim: Receivable) -> bool:
        return allocation_key(source.key, claim.key) in self.blocked

    def proposals_of(self, key: str) -> list[Allocation]:
        """Those of a source or a receivable."""
        return [one for one in self.proposals if key in (one.source, one.receivable)]

    def find(self, finding: Finding) -> None:
        self.findings.append(finding)

    def due(self, deadline: datetime) -> bool:
        """Whether a deadline has passed; one ahead is when to look again."""
        if self.now >= deadline:
            return True
        self.deadlines.append(deadline)
        return False


def in_order(sources: Sequence[Source]) -> list[Source]:
    """By time, then by key: the same for the same facts."""
    return sorted(sources, key=lambda one: (one.at, one.key))
