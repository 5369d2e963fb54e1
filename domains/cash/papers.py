"""The facts of a cluster, sorted by what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from canonical.payload import Payload
from domains.contract import Cluster, Fact

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Told(Generic[P]):
    """A fact with its data by type."""

    fact: Fact
    data: P

    @property
    def id(self) -> str:
        return self.fact.id

    @property
    def at(self) -> datetime:
        return self.fact.occurred_at


def told(facts: Iterable[Fact], *kinds: type[P]) -> list[Told[P]]:
    """Those of the facts that are of one of these kinds, in their order."""
    return [Told(one, one.data) for one in facts if isinstance(one.data, kinds)]


def around(cluster: Cluster) -> tuple[Fact, ...]:
    """The facts of a cluster and those nearby, in canonical order."""
    both = (*cluster.facts, *cluster.nearby)
    return tuple(sorted(both, key=lambda one: (one.occurred_at, one.version or "", one.key)))
