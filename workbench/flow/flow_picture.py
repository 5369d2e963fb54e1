"""The flow as a picture: connectors → verdicts → domains, laid out for a template to draw. Pure.

Heights and widths follow the square roots of the counts: what is rare can still be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

VERDICTS: Final = ("new", "duplicate", "stale", "conflict", "failed")
DOMAINS: Final = ("order", "shipment", "billing", "cash")
_TALLEST: Final = 260.0
_THINNEST: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Something messages pass."""

    key: str
    title: str
    notes: Sequence[str]
    """From the longest to the shortest way to say it."""
    kind: str
    """The class it is drawn in."""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """So many messages from station to station, from left to right."""

    columns: tuple[Sequence[Station], Sequence[Station], Sequence[Station]]
    links: Mapping[tuple[str, str], int]
    """(key, key) → messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much room there is."""

    width: int
    box: int
    """The width of a station."""
    line: int
    """The height of a line of text."""
    gap: int
    letters: int
    """That fit into a box."""


WIDE: Final = Shape(width=1080, box=236, line=18, gap=12, letters=32)
NARROW: Final = Shape(width=376, box=108, line=16, gap=10, letters=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A station where it is drawn."""

    station: Station
    x: float
    y: float
    width: float
    height: float
    title: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ribbon:
    """Messages on their way from one box to another."""

    path: str
    """As SVG has it."""
    width: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything in its place."""

    width: int
    height: int
    line: int
    boxes: Sequence[Box]
    ribbons: Sequence[Ribbon]


@dataclass(slots=True)
class _Ends:
    """How much of a box's edge is taken."""

    left: float = 0.0
    right: float = 0.0


@dataclass(slots=True)
class _Layout:
    shape: Shape
    boxes: dict[str, Box] = field(default_factory=dict)
    taken: dict[str, _Ends] = field(default_factory=dict)


def draw(flow: Flow, shape: Shape = WIDE) -> Picture:
    """The picture of a flow."""
    unit = _unit(flow)
    heights = {
        one.key: _height(flow, one.key, unit, shape) for column in flow.columns for one in column
    }
    tall = max(_column_height(column, heights, shape) for column in flow.columns)
    layout = _Layout(shape)
    for number, column in enumerate(flow.columns):
        _place(layout, number, column, heights, tall)
    ribbons = _ribbons(layout, flow, unit)
    return Picture(
        width=shape.width,
        height=round(tall) + 2,
        line=shape.line,
        boxes=list(layout.boxes.values()),
        ribbons=ribbons,
    )


def _unit(flow: Flow) -> float:
    """How wide a ribbon of one message is."""
    fullest = 0.0
    for column in flow.columns:
        fullest = max(fullest, sum(max(_weights(flow, one.key)) for one in column))
    return _TALLEST / fullest if fullest else 0.0


def _weights(flow: Flow, key: str) -> tuple[float, float]:
    """What comes in on the left, and goes out on the right."""
    coming = sum(sqrt(number) for (_, to), number in flow.links.items() if to == key)
    going = sum(sqrt(number) for (start, _), number in flow.links.items() if start == key)
    return coming, going


def _height(flow: Flow, key: str, unit: float, shape: Shape) -> float:
    return max(shape.line * 2 + 12, max(_weights(flow, key)) * unit + 8)


def _column_height(column: Sequence[Station], heights: Mapping[str, float], shape: Shape) -> float:
    return sum(heights[one.key] for one in column) + shape.gap * max(0, len(column) - 1)


def _place(
    layout: _Layout,
    number: int,
    column: Sequence[Station],
    heights: Mapping[str, float],
    tall: float,
) -> None:
    shape = layout.shape
    x = number * (shape.width - shape.box - 2) / 2 + 1
    y = (tall - _column_height(column, heights, shape)) / 2 + 1
    for one in column:
        layout.boxes[one.key] = Box(
            station=one,
            x=round(x, 1),
            y=round(y, 1),
            width=shape.box,
            height=round(heights[one.key], 1),
            title=_cut(one.title, shape.letters - 2),
            note=_fitting(one.notes, shape.letters),
        )
        layout.taken[one.key] = _Ends()
        y += heights[one.key] + shape.gap


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _fitting(notes: Sequence[str], letters: int) -> str:
    return next((one for one in notes if len(one) <= letters), _cut(notes[-1], letters))


def _ribbons(layout: _Layout, flow: Flow, unit: float) -> list[Ribbon]:
    order = {key: number for number, key in enumerate(layout.boxes)}
    links = sorted(flow.links.items(), key=lambda one: (order[one[0][0]], order[one[0][1]]))
    for (start, to), number in links:
        layout.taken[start].right += sqrt(number) * unit
        layout.taken[to].left += sqrt(number) * unit
    at = {
        key: _Ends(
            left=box.y + (box.height - layout.taken[key].left) / 2,
            right=box.y + (box.height - layout.taken[key].right) / 2,
        )
        for key, box in layout.boxes.items()
    }
    return [
        _ribbon(layout, (start, to), number, sqrt(number) * unit, at)
        for (start, to), number in links
        if number
    ]


def _ribbon(
    layout: _Layout,
    link: tuple[str, str],
    number: int,
    width: float,
    at: dict[str, _Ends],
) -> Ribbon:
    begin, end = layout.boxes[link[0]], layout.boxes[link[1]]
    y1, y2 = at[link[0]].right + width / 2, at[link[1]].left + width / 2
    at[link[0]].right += width
    at[link[1]].left += width
    x1, x2 = begin.x + begin.width, end.x
    middle = (x1 + x2) / 2
    path = f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    kind = end.station.kind if end.station.key in VERDICTS else begin.station.kind
    return Ribbon(
        path=path,
        width=round(max(width, _THINNEST), 1),
        kind=kind,
        title=f"{begin.station.title} → {end.station.title}: {number} in the last hour",
    )
