"""Control totals: what a set counts of itself. A mismatch is told beside the message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from canonical.message import Problem
from connectors.kit.x12 import Segment
from connectors.x12.reading import Document, path_of


def count_problems(
    document: Document, lines: Iterable[int], quantities: Iterable[Decimal] | None = None
) -> Iterator[Problem]:
    """CTT01 against the possible numbers of lines, CTT02 against the sum of the quantities."""
    segment = document.first("CTT")
    if segment is None:
        return
    counts = tuple(lines)
    if _number(segment, 1) is not None and _number(segment, 1) not in counts:
        yield mismatch(document, segment, 1, " or ".join(str(one) for one in counts))
    if quantities is None:
        return
    total = sum(quantities, Decimal(0))
    if _number(segment, 2) is not None and _number(segment, 2) != total:
        yield mismatch(document, segment, 2, format(total, "f"))


def mismatch(document: Document, segment: Segment, position: int, found: str) -> Problem:
    """The set goes through; somebody should look why its own total differs."""
    return Problem(
        code="control_total_mismatch",
        message=f"the total says {segment.get(position)[:40]!r}, the set adds up to {found[:80]}",
        path=path_of(segment, position),
        at=document.at,
    )


def _number(segment: Segment, position: int) -> Decimal | None:
    try:
        number = Decimal(segment.get(position))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
