"""Content-Based Router: message → streams, pure and declarative.

A message starts with its family's stream. Then every row of the table whose condition holds adds
its targets, or replaces what was chosen so far. No target at all means: kept, not published.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from canonical.families import FAMILY_OF
from canonical.message import Message
from configuration import RouteCondition, RouteSettings
from configuration.model import Comparison

FAMILY_STREAM: dict[str, str] = {
    "order": "o2c.order",
    "shipment": "o2c.shipment",
    "billing": "o2c.billing",
    "cash": "o2c.cash",
    "chain": "o2c.chain",
}


@dataclass(frozen=True, slots=True)
class Router:
    """The routing table of a configuration."""

    routes: Sequence[RouteSettings] = ()
    _plans: dict[tuple[str, str, str], _Plan] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was found out so far: one plan a type, connector and account."""

    def destinations(
        self, message: Message, connector: str, account: str, data: str
    ) -> tuple[str, ...]:
        """The streams a message goes to, without repeats; `data` is its JSON."""
        about = (message.data.TYPE, connector, account)
        plan = self._plans.get(about)
        if plan is None:
            plan = self._plans[about] = self._plan(*about)
        return plan.chosen if plan.chosen is not None else _chosen(plan, about[0], data)

    def _plan(self, kind: str, connector: str, account: str) -> _Plan:
        matching = tuple(
            route
            for route in self.routes
            if _envelope_matches(route.when, kind, connector, account)
        )
        plan = _Plan(matching)
        if any(route.when.data for route in matching):
            return plan
        return replace(plan, chosen=_chosen(plan, kind, "null"))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the table says of all messages of one type, connector and account."""

    routes: tuple[RouteSettings, ...]
    """Those whose conditions on the envelope hold."""
    chosen: tuple[str, ...] | None = None
    """The streams, where no route looks into the data."""


def _chosen(plan: _Plan, kind: str, data: str) -> tuple[str, ...]:
    chosen: tuple[str, ...] = (FAMILY_STREAM[FAMILY_OF[kind]],)
    document: Any = None
    for route in plan.routes:
        if route.when.data:
            document = document or json.loads(data, parse_float=Decimal)
            if not _data_matches(route.when.data, document):
                continue
        chosen = route.to if route.mode == "replace" else (*chosen, *route.to)
    return tuple(dict.fromkeys(chosen))


def _envelope_matches(when: RouteCondition, kind: str, connector: str, account: str) -> bool:
    return (
        _one_of(when.type, kind)
        and _one_of(when.connector, connector)
        and _one_of(when.account, account)
    )


def _one_of(patterns: tuple[str, ...] | str, value: str) -> bool:
    listed = (patterns,) if isinstance(patterns, str) else patterns
    return not listed or any(
        value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
        for pattern in listed
    )


def _data_matches(conditions: Mapping[str, Comparison | str | int | bool], document: Any) -> bool:
    return all(_holds(_field(document, path), condition) for path, condition in conditions.items())


def _field(document: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


_ORDERINGS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def _holds(value: Any, condition: Comparison | str | int | bool) -> bool:
    if not isinstance(condition, Comparison):
        return _equal(value, condition)
    checks = [
        condition.eq is None or _equal(value, condition.eq),
        condition.ne is None or not _equal(value, condition.ne),
        condition.in_ is None or any(_equal(value, one) for one in condition.in_),
        condition.exists is None or (value is not None) == condition.exists,
    ]
    orderings = [
        _ordered(value, bound, test)
        for name, test in _ORDERINGS.items()
        if (bound := getattr(condition, name)) is not None
    ]
    return all(checks) and all(orderings)


def _equal(value: Any, expected: str | int | bool) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    return value is not None and str(value) == str(expected)


def _ordered(value: Any, bound: str | int, test: Callable[[Decimal, Decimal], bool]) -> bool:
    # Amounts travel as text; a field that is no number is on neither side of any bound.
    try:
        return test(Decimal(str(value)), Decimal(str(bound)))
    except InvalidOperation:
        return False
