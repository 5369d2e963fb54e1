"""A rule: which records it is for, and the one kind of fact each of them becomes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from canonical.errors import Malformed
from canonical.families import FACT_OF
from canonical.keys import Key, Version
from canonical.message import Message
from canonical.payload import Payload
from canonical.values import Money
from connectors.mapping import facts, nodes
from connectors.mapping.compiler import Compiler
from connectors.mapping.conditions import Condition, condition_of
from connectors.mapping.faults import closest, join
from connectors.mapping.scopes import Scope
from connectors.mapping.sources import Pick, Source, plain

NAMES = (
    "emits", "each", "fields", "key", "entity", "version", "occurred_at", "subject",
    "correlation", "partition",
)  # fmt: skip
"""What a rule says; the options themselves say it for all rules."""
ORDINAL = "#"
"""The part of a key that is the how-manieth line with the other parts it is."""
Parts = tuple[Pick, ...]


class Ordinals:
    """Counts lines of equal content within one file."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def next(self, content: str) -> int:
        mark = int(content[:16], 16)
        self._seen[mark] += 1
        return self._seen[mark]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled rule."""

    when: Condition
    each: Source | None
    fact: type[Payload]
    root: nodes.CompositeNode
    key: Parts
    is_counted: bool
    """Whether the key has an ordinal, so that content is what names the fact."""
    entity: Parts
    version: nodes.TimeNode | nodes.WholeNode | None
    occurred_at: nodes.TimeNode | None
    names: Mapping[str, Parts]
    """`subject`, `correlation` and `partition`, where the mapping says them."""
    zone: tzinfo | None

    def message(self, scope: Scope, seen: Ordinals, at: str) -> Message:
        """The fact a record tells. Raises Malformed or Unsupported."""
        data = self._data(scope)
        identity = self._identity(scope, seen)
        version = self._version(scope)
        chain, partition = facts.chain_of(data, scope.account, identity)
        word = facts.key_word(self.fact)
        return Message(
            key=Key.of(word, facts.NAME, scope.account, *identity),
            data=data,
            occurred_at=self._moment(scope, data),
            subject=self._named("subject", scope) or facts.subject_of(data, identity),
            correlation=self._named("correlation", scope) or chain,
            partition=self._named("partition", scope)
            or self._named("correlation", scope)
            or partition,
            entity=self._entity(scope, word) if version else None,
            version=version,
            at=at,
        )

    def _data(self, scope: Scope) -> Payload:
        try:
            values = self.root.read(scope) or {}
            data = self.fact.model_validate({**values, "references": facts.referred(values)})
        except ValueError as error:
            raise _invalid(error) from None
        amount = getattr(data, "amount", None)
        if isinstance(amount, Money) and amount.amount < 0:
            shown = self.root.fields["amount"].shown
            raise Malformed("the amount has a sign", code="negative_amount", path=shown)
        return data

    def _identity(self, scope: Scope, seen: Ordinals) -> tuple[str, ...]:
        parts = [_part(pick, scope) for pick in self.key]
        if not self.is_counted:
            return tuple(_all_told(self.key, parts))
        if not any(part for pick, part in zip(self.key, parts, strict=True) if pick.is_told):
            raise Malformed("nothing of the key is said", code="missing_field", path="key")
        content = "".join(f"{len(part)}:{part}" for part in parts)
        digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]
        return (digest, str(seen.next(digest)))

    def _entity(self, scope: Scope, word: str) -> Key:
        parts = [_part(pick, scope) for pick in self.entity]
        return Key.of(word, facts.NAME, scope.account, *_all_told(self.entity, parts))

    def _version(self, scope: Scope) -> Version | None:
        if self.version is None:
            return None
        told = self.version.read(scope)
        if told is None:
            raise Malformed("no version", code="missing_field", path=self.version.shown)
        return Version.at(told) if isinstance(told, datetime) else Version.number(told)

    def _moment(self, scope: Scope, data: Payload) -> datetime:
        if self.occurred_at is None:
            told = facts.happened_at(data, self.zone)
        else:
            told = self.occurred_at.read(scope)
        if told is None:
            shown = self.occurred_at.shown if self.occurred_at else "occurred_at"
            raise Malformed("when it happened is not said", code="missing_field", path=shown)
        return told

    def _named(self, name: str, scope: Scope) -> str:
        picks = self.names.get(name, ())
        parts = [_part(pick, scope) for pick in picks]
        return Key.of(*_all_told(picks, parts)).text if picks else ""


def _invalid(error: ValueError) -> Malformed:
    """What the canonical model refused, and where; never the value, which may be a name."""
    listed = getattr(error, "errors", None)
    if listed is None:
        return Malformed("a value is not of its kind", code="invalid_value")
    first = listed(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    return Malformed(str(first["msg"])[:200], code="invalid_value", path=path)


def rule_of(spec: Mapping[str, Any], where: str, compiler: Compiler) -> Rule:
    """Compile a rule; what is wrong is added to the faults."""
    fact = _fact(spec, where, compiler)
    level = 0 if "each" not in spec else 1
    table = spec.get("fields", {})
    fields = {**facts.filled_in(fact, compiler.settings.form), **table} if fact else {}
    listed = _listed(spec, "key", where, compiler)
    version = _version(spec, where, compiler, level)
    if fact is not None and not listed:
        compiler.faults.add(join(where, "key"), "is missing: what names the fact?")
    if (version is None) != ("entity" not in spec):
        compiler.faults.add(join(where, "version"), "and entity are given together or not at all")
    return Rule(
        when=condition_of(spec["when"], join(where, "when"), compiler)
        if "when" in spec
        else Condition(),
        each=compiler.list_source(spec["each"], join(where, "each"), 0) if level else None,
        fact=fact or Payload,
        root=compiler.composite(fact, fields, join(where, "fields"), level, is_root=True)
        if fact
        else nodes.CompositeNode({}, frozenset(), True),
        key=_parts([one for one in listed if one != ORDINAL], join(where, "key"), compiler, level),
        is_counted=ORDINAL in listed,
        entity=_parts(_listed(spec, "entity", where, compiler), where, compiler, level),
        version=version,
        occurred_at=compiler.time(spec["occurred_at"], join(where, "occurred_at"), level)
        if "occurred_at" in spec
        else None,
        names={
            name: _parts(_listed(spec, name, where, compiler), join(where, name), compiler, level)
            for name in ("subject", "correlation", "partition")
        },
        zone=compiler.settings.zone,
    )


def _fact(spec: Mapping[str, Any], where: str, compiler: Compiler) -> type[Payload] | None:
    told = spec.get("emits")
    if isinstance(told, str) and told in FACT_OF:
        return FACT_OF[told]
    hint = closest(str(told), FACT_OF) if told else ""
    compiler.faults.add(join(where, "emits"), f"must be a canonical message type{hint}")
    return None


def _version(
    spec: Mapping[str, Any], where: str, compiler: Compiler, level: int
) -> nodes.TimeNode | nodes.WholeNode | None:
    told = spec.get("version")
    if told is None:
        return None
    inner = join(where, "version")
    if isinstance(told, Mapping) and "number" in told:
        return nodes.WholeNode(compiler.number(told, inner, level))
    return compiler.time(told, inner, level)


def _listed(spec: Mapping[str, Any], name: str, where: str, compiler: Compiler) -> list[Any]:
    told = spec.get(name, [])
    if isinstance(told, str | Mapping):
        told = [told]
    if not isinstance(told, list) or ("#" in told and name != "key"):
        compiler.faults.add(join(where, name), 'must be a list of sources ("#" only in a key)')
        return []
    return told


def _parts(listed: list[Any], where: str, compiler: Compiler, level: int) -> Parts:
    parts = tuple(
        compiler.pick(one, join(where, number), level) for number, one in enumerate(listed)
    )
    if where.endswith("key") and listed and not any(pick.is_told for pick in parts):
        compiler.faults.add(where, "has no part that the sender says")
    if any(source.special == "$position" for pick in parts for source in pick.sources):
        compiler.faults.add(where, "a position in a list names nothing")
    return parts


def _part(pick: Pick, scope: Scope) -> str:
    found = pick.read(scope)
    return "" if found is None else plain(found)


def _all_told(picks: Parts, parts: list[str]) -> list[str]:
    for pick, part in zip(picks, parts, strict=True):
        if not part:
            raise Malformed("nothing is said of this part", code="missing_field", path=pick.shown)
    return parts
