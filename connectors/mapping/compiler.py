"""Compiles the field table of a mapping against a canonical model, by the types of its fields."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin

from canonical.payload import Payload
from canonical.values import Direction, Money, Quantity, Time
from canonical.values import Value as CanonicalValue
from connectors.mapping import nodes
from connectors.mapping.faults import Faults, closest, join
from connectors.mapping.settings import Settings, format_of, signs_of, zone_of
from connectors.mapping.sources import Pick, Source, source_of

Code = dict[str, str]
Model = type[Payload] | type[CanonicalValue]
_NOTHING = Pick((Source("=", constant=""),))


@dataclass(frozen=True, slots=True)
class Compiler:
    """Turns specifications into nodes; what is wrong with them is added to the faults."""

    settings: Settings
    faults: Faults
    currency: Any = None
    """Where the currency of an amount is that names none."""
    codes: Mapping[str, Any] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    """Columns of a CSV file that are read."""

    def composite(
        self, model: Model, spec: Any, where: str, level: int, *, is_root: bool = False
    ) -> nodes.CompositeNode:
        """A value of a model. `level`: how many lists deep in the record it is."""
        table = self._table(spec, where)
        self.faults.refuse_unknown(where, table, model.model_fields)
        fields: dict[str, nodes.Node] = {}
        for name, info in model.model_fields.items():
            if name in table:
                inner = join(where, name)
                fields[name] = self.node(info.annotation, table[name], inner, level)
                fields.update(self._signed(name, model, table, fields[name], inner))
        required = {name for name, info in model.model_fields.items() if info.is_required()}
        for name in sorted(required - fields.keys()):
            self.faults.add(join(where, name), f"is required by {model.__name__} and not mapped")
        return nodes.CompositeNode(fields, frozenset(required), is_root)

    def node(self, annotation: Any, spec: Any, where: str, level: int) -> nodes.Node:
        """The node for a field of this type."""
        wanted = _bare(annotation)
        if get_origin(wanted) is tuple:
            return self._list(get_args(wanted)[0], spec, where, level)
        if wanted in {Time, datetime}:
            return self.time(spec, where, level)
        if isinstance(wanted, type):
            for kind, compiled in (
                (Money, self._money), (Quantity, self._quantity), (bool, self._truth),
                (int, self._whole), (Decimal, self._number), (date, self._date),
            ):  # fmt: skip
                if issubclass(wanted, kind):
                    return compiled(spec, where, level)
            if issubclass(wanted, StrEnum):
                return self._choice(wanted, spec, where, level)
            if issubclass(wanted, CanonicalValue):
                return self.composite(wanted, spec, where, level)
        return self.text(spec, where, level)

    def text(self, spec: Any, where: str, level: int) -> nodes.Node:
        """Text: a source, the first of several, `{ code, codes }` or `{ join, with }`."""
        if isinstance(spec, Mapping) and "join" in spec:
            self.faults.refuse_unknown(where, spec, ("join", "with"))
            listed = spec["join"] if isinstance(spec["join"], list) else [spec["join"]]
            between = spec.get("with", " ")
            if not isinstance(between, str):
                self.faults.add(join(where, "with"), "must be text")
                between = " "
            return nodes.JoinNode(
                tuple(self.pick(one, join(where, "join"), level) for one in listed), between
            )
        pick, _ = self._head(spec, where, level, ("text", "code"), ())
        return nodes.TextNode(pick)

    def time(self, spec: Any, where: str, level: int) -> nodes.TimeNode:
        """A moment: a source, or `{ time, format, timezone }`, `{ epoch }`, `{ epoch_ms }`."""
        heads = ("time", "epoch", "epoch_ms")
        pick, more = self._head(spec, where, level, heads, ("format", "timezone"))
        unit = next((name for name in heads[1:] if name in more), "time")
        pattern = format_of(more.get("format"), join(where, "format"), self.faults)
        zone = zone_of(more.get("timezone"), join(where, "timezone"), self.faults)
        return nodes.TimeNode(
            pick, pattern or self.settings.time_format, zone or self.settings.zone, unit
        )

    def number(self, spec: Any, where: str, level: int, head: str = "number") -> nodes.NumberNode:
        """A decimal: a source, or `{ number, decimal, grouping, negate }`."""
        allowed = ("decimal", "grouping", "negate", *_MORE.get(head, ()))
        pick, more = self._head(spec, where, level, (head,), allowed)
        signs = signs_of(more, where, self.settings.signs, self.faults)
        return nodes.NumberNode(pick, signs, self._flag(more, "negate", where))

    def pick(self, spec: Any, where: str, level: int) -> Pick:
        """A source or the first of several."""
        listed = spec if isinstance(spec, list) else [spec]
        found = [self.source(one, where, level) for one in listed]
        if not found:
            self.faults.add(where, "names no source")
        return Pick(tuple(one for one in found if one is not None)) if found else _NOTHING

    def source(self, text: Any, where: str, level: int) -> Source | None:
        """A single source."""
        if not isinstance(text, str):
            self.faults.add(where, "must be a source: text like 'a/b', '=constant' or '$account'")
            return None
        try:
            found = source_of(text, self.settings.form, self.settings.ups + level)
        except ValueError as error:
            self.faults.add(where, f"source {text[:80]!r} {error}")
            return None
        if self.settings.form == "csv" and found.is_told:
            self.columns.update(found.path)
        return found

    def _table(self, spec: Any, where: str) -> dict[str, Any]:
        """A table of fields, with `a.b = x` opened into `a = { b = x }`."""
        if not isinstance(spec, Mapping):
            self.faults.add(where, "must be a table of fields")
            return {}
        opened: dict[str, Any] = {}
        for name, value in spec.items():
            first, dot, rest = str(name).partition(".")
            if not dot and first not in opened:
                opened[first] = value
                continue
            inner = {rest: value} if dot else value
            present = opened.setdefault(first, {})
            if isinstance(present, Mapping) and isinstance(inner, Mapping):
                opened[first] = {**present, **inner}
            else:
                self.faults.add(join(where, first), "is given twice")
        return opened

    def _head(
        self, spec: Any, where: str, level: int, heads: Collection[str], more: Collection[str]
    ) -> tuple[Pick, Mapping[str, Any]]:
        """The sources of a value, and the table they stand in; `codes` goes with every head."""
        if not isinstance(spec, Mapping):
            return self.pick(spec, where, level), {}
        self.faults.refuse_unknown(where, spec, (*heads, "codes", *more))
        named = [name for name in heads if name in spec]
        if len(named) != 1:
            self.faults.add(where, f"needs one of: {', '.join(heads)}")
            return _NOTHING, spec
        pick = self.pick(spec[named[0]], join(where, named[0]), level)
        if "codes" in spec:
            pick = Pick(pick.sources, self._code_table(spec["codes"], join(where, "codes")))
        return pick, spec

    def _code_table(self, spec: Any, where: str) -> Code:
        table = spec
        if isinstance(spec, str):
            table = self.codes.get(spec)
            if table is None:
                self.faults.add(where, f"no code table {spec!r}{closest(spec, self.codes)}")
                return {}
        if not isinstance(table, Mapping) or not all(
            isinstance(value, str | bool) for value in table.values()
        ):
            self.faults.add(where, "must be a table: the sender's code = the canonical word")
            return {}
        return {
            str(code): word if isinstance(word, str) else str(word).lower()
            for code, word in table.items()
        }

    def _flag(self, table: Mapping[str, Any], name: str, where: str) -> bool:
        value = table.get(name, False)
        if not isinstance(value, bool):
            self.faults.add(join(where, name), "is true or false")
        return value is True

    def _money(self, spec: Any, where: str, level: int) -> nodes.Node:
        if not (isinstance(spec, Mapping) and {"credit", "debit"} & spec.keys()):
            return self._single_money(spec, where, level, "money")
        if spec.get("sign") != "direction":
            self.faults.add(where, 'credit and debit need sign = "direction"')
        for name in {"credit", "debit"} - spec.keys():
            self.faults.add(join(where, name), "is missing beside the other")
        sides = [
            self._single_money(_without(spec, other), where, level, one)
            for one, other in (("credit", "debit"), ("debit", "credit"))
        ]
        return nodes.SplitMoneyNode(sides[0], sides[1])

    def _single_money(self, spec: Any, where: str, level: int, head: str) -> nodes.MoneyNode:
        number = self.number(spec, where, level, head)
        table = spec if isinstance(spec, Mapping) else {}
        return nodes.MoneyNode(
            number, self._currency(table, where, level), self._flag(table, "minor", where)
        )

    def _currency(self, table: Mapping[str, Any], where: str, level: int) -> Pick:
        inner = join(where, "currency")
        if "currency" in table:
            spec = table["currency"]
            heads = ("code",)
            return self._head(spec, inner, level, heads, ())[0]
        if self.currency is None:
            self.faults.add(inner, "is not said: give it here, or for all as the option currency")
            return _NOTHING
        # The option is written as seen from the record, whatever list the amount stands in.
        pick, _ = self._head(self.currency, "currency", 0, ("code",), ())
        return Pick(tuple(_raised(one, level) for one in pick.sources), pick.codes)

    def _signed(
        self,
        name: str,
        model: Model,
        table: Mapping[str, Any],
        node: nodes.Node,
        where: str,
    ) -> dict[str, nodes.Node]:
        """An amount without its sign, and the field that its sign decides."""
        sign = table[name].get("sign") if isinstance(table[name], Mapping) else None
        if sign is None or not isinstance(node, nodes.MoneyNode | nodes.SplitMoneyNode):
            return {}
        info = model.model_fields.get(sign) if isinstance(sign, str) else None
        if info is None or _bare(info.annotation) is not Direction:
            self.faults.add(join(where, "sign"), f"names no direction of {model.__name__}")
            return {}
        if sign in table:
            self.faults.add(join(where, "sign"), f"decides {sign}, which is mapped, too")
        return {name: nodes.UnsignedNode(node), sign: nodes.SignNode(node)}

    def _quantity(self, spec: Any, where: str, level: int) -> nodes.Node:
        number = self.number(spec, where, level, "quantity")
        unit = spec.get("unit", "=EA") if isinstance(spec, Mapping) else "=EA"
        pick, _ = self._head(unit, join(where, "unit"), level, ("code",), ())
        return nodes.QuantityNode(number, pick)

    def _number(self, spec: Any, where: str, level: int) -> nodes.Node:
        return self.number(spec, where, level)

    def _whole(self, spec: Any, where: str, level: int) -> nodes.Node:
        return nodes.WholeNode(self.number(spec, where, level))

    def _truth(self, spec: Any, where: str, level: int) -> nodes.Node:
        pick, _ = self._head(spec, where, level, ("code",), ())
        self._only(pick, ("true", "false"), where)
        return nodes.TruthNode(pick)

    def _date(self, spec: Any, where: str, level: int) -> nodes.Node:
        pick, more = self._head(spec, where, level, ("date",), ("format",))
        pattern = format_of(more.get("format"), join(where, "format"), self.faults)
        return nodes.DateNode(pick, pattern or self.settings.date_format)

    def _choice(self, wanted: type[StrEnum], spec: Any, where: str, level: int) -> nodes.Node:
        pick, _ = self._head(spec, where, level, ("code",), ())
        words = tuple(str(one) for one in wanted)
        self._only(pick, words, where)
        # What the sender writes itself must be one of the words, too: nothing else passes.
        return nodes.TextNode(Pick(pick.sources, pick.codes or {word: word for word in words}))

    def _only(self, pick: Pick, words: tuple[str, ...], where: str) -> None:
        """A fault for each word that is written in the mapping and is none of these."""
        written = list(pick.codes.values()) if pick.codes is not None else []
        if pick.codes is None:
            written = [one.constant for one in pick.sources if one.constant is not None]
        for word in written:
            if word not in words:
                hint = closest(word, words) or f"; the words are {', '.join(words)}"
                self.faults.add(where, f"{word!r} is none of its words{hint}")

    def _list(self, item: Any, spec: Any, where: str, level: int) -> nodes.Node:
        if isinstance(spec, Mapping) and "each" in spec:
            return self._each(item, spec, where, level)
        listed = spec if isinstance(spec, list) else [spec]
        return nodes.ListNode(
            tuple(self.node(item, one, join(where, n), level) for n, one in enumerate(listed))
        )

    def _each(self, item: Any, spec: Mapping[str, Any], where: str, level: int) -> nodes.Node:
        self.faults.refuse_unknown(where, spec, ("each", "fields", "optional"))
        source = self.list_source(spec["each"], join(where, "each"), level)
        is_model = isinstance(_bare(item), type) and issubclass(_bare(item), CanonicalValue)
        inner = spec.get("fields", {} if is_model else ".")
        return nodes.EachNode(
            source,
            self.node(item, inner, join(where, "fields"), level + 1),
            self._flag(spec, "optional", where),
        )

    def list_source(self, text: Any, where: str, level: int) -> Source:
        """The place of a list: in a CSV file only the rows of a group."""
        found = None
        if self.settings.form != "csv":
            found = self.source(text, where, level)
        elif text == "rows" and self.settings.group and level == 0:
            found = Source("rows", path=("rows",))
        else:
            self.faults.add(where, 'in a CSV file is only "rows", with the option group')
        if found is not None and not found.is_told:
            self.faults.add(where, "must be a place in the record")
        return found or Source("", path=())


_MORE: dict[str, tuple[str, ...]] = {
    "money": ("currency", "minor", "sign"),
    "credit": ("currency", "minor", "sign"),
    "debit": ("currency", "minor", "sign"),
    "quantity": ("unit",),
}


def _without(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != name}


def _raised(source: Source, level: int) -> Source:
    if not source.is_told:
        return source
    return Source(source.text, up=source.up + level, path=source.path)


def _bare(annotation: Any) -> Any:
    """The type without `| None` and without what pydantic is told about it."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return _bare(next(one for one in get_args(annotation) if one is not type(None)))
    return annotation
