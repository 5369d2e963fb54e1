"""What an X12 stream consists of: envelopes, transaction sets, segments, and their faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from connectors.kit.x12_delimiters import Delimiters


class Segment(NamedTuple):
    """One segment; elements are numbered from 1 as in the standard (`PO104` is `get(4)`)."""

    tag: str
    elements: tuple[str, ...]
    """Without surrounding white space, which X12 uses as padding."""
    number: int
    """The how-manieth of its tag in the transaction set, from 1."""

    def get(self, position: int) -> str:
        """The element at a position from 1; empty where the segment ends before it."""
        elements = self.elements
        return elements[position - 1] if position <= len(elements) else ""

    @property
    def at(self) -> str:
        """Its place in the set, e.g. `PO1[2]`."""
        return f"{self.tag}[{self.number}]"


@dataclass(frozen=True, slots=True)
class Interchange:
    """ISA: who sends to whom. Ids are without padding; `control` is ISA13 as it came."""

    number: int
    elements: tuple[str, ...]
    delimiters: Delimiters

    def get(self, position: int) -> str:
        """ISA element at a position from 1."""
        return self.elements[position - 1] if position <= len(self.elements) else ""

    @property
    def sender(self) -> str:
        return self.get(6)

    @property
    def receiver(self) -> str:
        return self.get(8)

    @property
    def control(self) -> str:
        return self.get(13)

    @property
    def is_test(self) -> bool:
        """Whether ISA15 marks it as test data."""
        return self.get(15) == "T"

    @property
    def at(self) -> str:
        return f"ISA[{self.number}]"


@dataclass(frozen=True, slots=True)
class Group:
    """GS: a functional group, in its interchange."""

    interchange: Interchange
    number: int
    header: Segment

    @property
    def control(self) -> str:
        return self.header.get(6)

    @property
    def at(self) -> str:
        return f"{self.interchange.at}/GS[{self.number}]"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the envelope."""

    code: str
    message: str
    at: str
    doubtful: bool
    """Whether content may be missing or foreign, so that a person should look."""


@dataclass(frozen=True, slots=True)
class TransactionSet:
    """ST to SE, whole; `faults` are those of its own envelope."""

    interchange: Interchange
    group: Group | None
    number: int
    kind: str
    """ST01: `850`, `810` …"""
    control: str
    segments: tuple[Segment, ...]
    """Between ST and SE; empty when the set has a doubtful fault."""
    faults: tuple[Fault, ...]

    @property
    def at(self) -> str:
        return f"{self.group.at if self.group else self.interchange.at}/ST[{self.number}]"


@dataclass(frozen=True, slots=True)
class GroupEnd:
    """A functional group is over; `declared` is GE01, empty where GE is missing."""

    group: Group
    declared: str
    found: int


@dataclass(frozen=True, slots=True)
class InterchangeEnd:
    """An interchange is over, by its IEA or without one."""

    interchange: Interchange


Event = Interchange | Group | TransactionSet | GroupEnd | InterchangeEnd | Fault
