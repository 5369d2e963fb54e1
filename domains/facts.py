"""Facts of given kinds among many, with their data typed, and the order all domains see them in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from canonical.payload import Payload
from domains.contract import Cluster, Fact

P = TypeVar("P", bound=Payload)
P_co = TypeVar("P_co", bound=Payload, covariant=True)


@dataclass(frozen=True, slots=True)
class Told(Generic[P_co]):
    """A fact with its data by type."""

    fact: Fact
    data: P_co

    @property
    def id(self) -> str:
        return self.fact.id

    @property
    def at(self) -> datetime:
        return self.fact.occurred_at


def told(facts: Iterable[Fact], *kinds: type[P]) -> list[Told[P]]:
    """Those of the facts that are of one of these kinds, in their order."""
    return [Told(one, one.data) for one in facts if isinstance(one.data, kinds)]


def ids(facts: Iterable[Told[Payload]]) -> frozenset[str]:
    return frozenset(one.id for one in facts)


def around(cluster: Cluster) -> tuple[Fact, ...]:
    """The facts of a cluster and those nearby, in canonical order."""
    return tuple(sorted((*cluster.facts, *cluster.nearby), key=canonical_order))


def canonical_order(fact: Fact) -> tuple[datetime, str, str, str]:
    """By time, version and key: the same for the same facts, however they came."""
    return (fact.occurred_at, fact.version or "", fact.key, fact.id)
