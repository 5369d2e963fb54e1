"""Facts of given kinds among many, with their data typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from canonical.payload import Payload
from domains.contract import Fact

T = TypeVar("T", bound=Payload)
T_co = TypeVar("T_co", bound=Payload, covariant=True)


@dataclass(frozen=True, slots=True)
class Told(Generic[T_co]):
    """A fact and its data."""

    fact: Fact
    data: T_co

    @property
    def at(self) -> datetime:
        return self.fact.occurred_at


def told(facts: Iterable[Fact], kind: type[T]) -> list[Told[T]]:
    """The facts of this kind, in the order they are given."""
    return [Told(one, one.data) for one in facts if isinstance(one.data, kind)]


def ids(facts: Iterable[Told[Payload]]) -> frozenset[str]:
    return frozenset(one.fact.id for one in facts)
