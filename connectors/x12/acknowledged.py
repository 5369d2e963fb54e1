"""997 that comes in: what a partner's system says of the interchanges it got from us.

Source: ASC X12 997 Functional Acknowledgment, version 004010; elements 715, 717, 718.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from canonical.message import Ignored, Item, Problem
from connectors.kit.x12 import Segment
from connectors.x12.reading import Document, loops, of_tag, path_of, required_element, unmapped

_ACCEPTED = {"A": "accepted", "E": "accepted, with errors noted"}
_REFUSED = frozenset({"R", "P", "M", "W", "X"})
_SUMMARY = frozenset({"AK9"})


def functional_acknowledgement(document: Document) -> Iterator[Item]:
    """Ignored when all was accepted; a Problem (`functional_reject`) for each refused set.

    A group that is refused without naming a set is one Problem. Raises Unsupported for unknown
    acknowledgement codes, Malformed without AK1 or AK9.
    """
    group = document.required("AK1")
    result = document.required("AK9")
    code = required_element(result, 1)
    if code not in _ACCEPTED and code not in _REFUSED:
        raise unmapped(result, 1)
    _, found, _ = loops(document.segments, "AK2", _SUMMARY)
    refused = [loop for loop in found if _is_refused(loop)]
    for loop in refused:
        yield _set_problem(document, group, loop)
    if code not in _ACCEPTED and not refused:
        yield Problem(
            code="functional_reject",
            message=f"the partner refused group {_named(group)} with {code}{_errors(result, 5)}",
            path=path_of(result, 1),
            at=document.at,
        )
    elif not refused:
        yield Ignored(
            reason=f"functional acknowledgement of group {_named(group)}: {_ACCEPTED[code]}",
            at=document.at,
        )


def _is_refused(loop: Sequence[Segment]) -> bool:
    for result in of_tag(loop, "AK5"):
        code = required_element(result, 1)
        if code not in _ACCEPTED and code not in _REFUSED:
            raise unmapped(result, 1)
        return code in _REFUSED
    return False


def _set_problem(document: Document, group: Segment, loop: Sequence[Segment]) -> Problem:
    """Which set was refused, and where in it: `REF[3]` is the REF that is its third segment."""
    head, result = loop[0], next(of_tag(loop, "AK5"))
    places = "/".join(f"{one.get(1)}[{one.get(2)}]" for one in of_tag(loop, "AK3"))
    return Problem(
        code="functional_reject",
        message=(
            f"the partner refused {_named(head)} of group {_named(group)}"
            f" with {result.get(1)}{_errors(result, 2)}"
        ),
        path=places[:200],
        at=f"{document.at}/{head.at}",
    )


def _named(segment: Segment) -> str:
    return f"{segment.get(1)[:10]} {segment.get(2)[:20]}"


def _errors(segment: Segment, start: int) -> str:
    codes = [code for code in segment.elements[start - 1 : start + 4] if code]
    return f" (errors {', '.join(codes)[:40]})" if codes else ""
