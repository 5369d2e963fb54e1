"""An account's options compiled into a plan: how a payload is read and what its records become."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from canonical.errors import Unsupported
from connectors.mapping.compiler import Compiler
from connectors.mapping.conditions import Condition, conditions_of
from connectors.mapping.faults import Faults, join
from connectors.mapping.rules import NAMES, Rule, rule_of
from connectors.mapping.settings import Settings, settings_of
from connectors.mapping.signing import SIGNING_OPTIONS, check_signing

READING = (
    "format", "encoding", "delimiter", "quote", "skip_until", "group", "records", "decimal",
    "grouping", "date_format", "time_format", "timezone", "currency", "skip", "codes",
    "delivery_key_header", "delivery_key_field",
)  # fmt: skip
OPTIONS = (*READING, *NAMES, "rules", "otherwise", *SIGNING_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled mapping."""

    settings: Settings
    columns: frozenset[str]
    """Columns a CSV file must have."""
    skip: tuple[Condition, ...]
    rules: tuple[Rule, ...]
    ignores_others: bool
    """Whether a record that no rule is for is of no interest, rather than a problem."""


def check_options(options: Mapping[str, Any]) -> Iterable[str]:
    """What is wrong with a mapping, a line each, beginning with the path of the option."""
    return _compiled(options)[1]


def plan_of(options: Mapping[str, Any]) -> Plan:
    """The plan of an account. Raises Unsupported (`bad_option`) for options with faults."""
    try:
        # One delivery follows another by the same options: they are compiled once.
        return _plan(json.dumps(options, sort_keys=True))
    except (TypeError, ValueError):
        raise Unsupported("the options hold a value that is no text", code="bad_option") from None


@lru_cache(maxsize=64)
def _plan(options: str) -> Plan:
    plan, faults = _compiled(json.loads(options))
    if faults:
        where, _, what = faults[0].partition(": ")
        raise Unsupported(
            f"the account's mapping is not usable: {what}",
            code="bad_option",
            path=f"options.{where}",
        )
    return plan


def _compiled(options: Mapping[str, Any]) -> tuple[Plan, list[str]]:
    faults = Faults()
    faults.refuse_unknown("", options, OPTIONS)
    settings = settings_of(options, faults)
    codes = options.get("codes", {})
    if not isinstance(codes, Mapping):
        faults.add("codes", "must be a table of code tables")
        codes = {}
    compiler = Compiler(settings, faults, options.get("currency"), codes)
    compiler.columns.update(settings.group)
    if options.get("otherwise", "problem") not in ("problem", "ignore"):
        faults.add("otherwise", 'is "problem" or "ignore"')
    check_signing(options, faults)
    plan = Plan(
        settings=settings,
        skip=conditions_of(options.get("skip"), "skip", compiler),
        rules=_rules(options, compiler),
        columns=frozenset(compiler.columns),
        ignores_others=options.get("otherwise") == "ignore",
    )
    return plan, faults.lines


def _rules(options: Mapping[str, Any], compiler: Compiler) -> tuple[Rule, ...]:
    shared = {name: options[name] for name in NAMES if name in options}
    listed = options.get("rules")
    if listed is None:
        return (rule_of(_checked(shared, "", compiler), "", compiler),)
    if not isinstance(listed, list) or not listed:
        compiler.faults.add("rules", "must be a list of rules")
        return ()
    rules = []
    for number, spec in enumerate(listed):
        where = join("rules", number)
        if not isinstance(spec, Mapping):
            compiler.faults.add(where, "must be a table")
            continue
        compiler.faults.refuse_unknown(where, spec, ("when", *NAMES))
        own = _checked(spec, where, compiler)
        fields = {**_checked(shared, "", compiler).get("fields", {}), **own.get("fields", {})}
        rules.append(rule_of({**shared, **own, "fields": fields}, where, compiler))
    return tuple(rules)


def _checked(spec: Mapping[str, Any], where: str, compiler: Compiler) -> Mapping[str, Any]:
    if isinstance(spec.get("fields", {}), Mapping):
        return spec
    compiler.faults.add(join(where, "fields"), "must be a table of fields")
    return {**spec, "fields": {}}
