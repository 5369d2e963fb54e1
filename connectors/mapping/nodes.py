"""The compiled parts of a mapping: each reads one field of a canonical fact out of a record.

`read` gives None where the record says nothing; what is there and cannot be read raises a
GatewayError whose path is the place in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Protocol

from canonical.errors import GatewayError, Malformed
from canonical.values import Direction, Money, Quantity
from connectors.kit.decimals import money_of
from connectors.mapping import calendar
from connectors.mapping.numbers import Signs, exact
from connectors.mapping.scopes import Scope
from connectors.mapping.sources import Pick, Source


class Node(Protocol):
    """Reads one field."""

    @property
    def is_told(self) -> bool:
        """Whether anything of it comes from the sender."""
        ...

    @property
    def shown(self) -> str:
        """How errors name the place it is read from."""
        ...

    def read(self, scope: Scope) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Picked:
    pick: Pick

    @property
    def is_told(self) -> bool:
        return self.pick.is_told

    @property
    def shown(self) -> str:
        return self.pick.shown


@dataclass(frozen=True, slots=True)
class TextNode(_Picked):
    """Text; also the code of an enumeration."""

    def read(self, scope: Scope) -> str | None:
        return self.pick.text(scope)


@dataclass(frozen=True, slots=True)
class JoinNode:
    """Several texts as one."""

    picks: tuple[Pick, ...]
    between: str

    @property
    def is_told(self) -> bool:
        return any(pick.is_told for pick in self.picks)

    @property
    def shown(self) -> str:
        return " + ".join(pick.shown for pick in self.picks if pick.is_told)

    def read(self, scope: Scope) -> str | None:
        told = [pick.text(scope) for pick in self.picks]
        return self.between.join([text for text in told if text]) or None


@dataclass(frozen=True, slots=True)
class TruthNode(_Picked):
    """True or false."""

    def read(self, scope: Scope) -> bool | None:
        found = self.pick.read(scope)
        if found is None or isinstance(found, bool):
            return found
        if found in {"true", "false"}:
            return found == "true"
        raise Malformed("neither true nor false", code="unexpected_type", path=self.shown)


@dataclass(frozen=True, slots=True)
class NumberNode(_Picked):
    """A decimal."""

    signs: Signs
    is_negated: bool = False

    def read(self, scope: Scope) -> Decimal | None:
        found = self.pick.read(scope)
        if found is None:
            return None
        number = exact(found, self.signs, self.shown)
        # copy_negate, because unary minus rounds to the context's 28 digits.
        return number.copy_negate() if self.is_negated and number else number


@dataclass(frozen=True, slots=True)
class WholeNode:
    """A whole number."""

    number: NumberNode

    @property
    def is_told(self) -> bool:
        return self.number.is_told

    @property
    def shown(self) -> str:
        return self.number.shown

    def read(self, scope: Scope) -> int | None:
        found = self.number.read(scope)
        if found is not None and found != found.to_integral_value():
            raise Malformed("not a whole number", code="bad_amount", path=self.shown)
        return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class QuantityNode:
    """A quantity with its unit."""

    number: NumberNode
    unit: Pick

    @property
    def is_told(self) -> bool:
        return self.number.is_told

    @property
    def shown(self) -> str:
        return self.number.shown

    def read(self, scope: Scope) -> Quantity | None:
        found = self.number.read(scope)
        if found is None:
            return None
        unit = self.unit.text(scope)
        if unit is None or len(unit) > 20:
            raise Malformed(
                "the quantity has no usable unit", code="bad_unit", path=self.unit.shown
            )
        return Quantity(value=found, unit=unit)


@dataclass(frozen=True, slots=True)
class DateNode(_Picked):
    """A date."""

    pattern: str | None

    def read(self, scope: Scope) -> date | None:
        found = self.pick.read(scope)
        return None if found is None else calendar.day_of(found, self.pattern, self.shown)


@dataclass(frozen=True, slots=True)
class TimeNode(_Picked):
    """A moment."""

    pattern: str | None
    zone: tzinfo | None
    unit: str = "time"
    """`time`, or `epoch` and `epoch_ms` for counted ones."""

    def read(self, scope: Scope) -> datetime | None:
        found = self.pick.read(scope)
        if found is None:
            return None
        if self.unit != "time":
            return calendar.moment_since_1970(found, self.unit, self.shown)
        return calendar.moment(found, self.pattern, self.zone, self.shown)


class MoneyLike(Node, Protocol):
    """Reads money with its sign."""

    def read(self, scope: Scope) -> Money | None: ...


@dataclass(frozen=True, slots=True)
class MoneyNode:
    """An amount in one place, signed as it stands there."""

    number: NumberNode
    currency: Pick
    is_minor: bool = False

    @property
    def is_told(self) -> bool:
        return self.number.is_told

    @property
    def shown(self) -> str:
        return self.number.shown

    def read(self, scope: Scope) -> Money | None:
        number = self.number.read(scope)
        if number is None:
            return None
        try:
            money = money_of(number, self.currency.text(scope), self.shown)
        except GatewayError as error:
            error.path = self.currency.shown or error.path
            raise
        if not self.is_minor:
            return money
        if number != number.to_integral_value():
            raise Malformed("minor units are not whole", code="bad_amount", path=self.shown)
        return Money.from_minor(int(number), money.currency)


@dataclass(frozen=True, slots=True)
class SplitMoneyNode:
    """An amount in one of two places, of which the place tells the sign; a zero counts as none."""

    credit: MoneyNode
    debit: MoneyNode

    @property
    def is_told(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        return f"{self.credit.shown} | {self.debit.shown}"

    def read(self, scope: Scope) -> Money | None:
        credit, debit = self.credit.read(scope), self.debit.read(scope)
        for money, node in ((credit, self.credit), (debit, self.debit)):
            if money is not None and money.amount < 0:
                raise Malformed("a signed amount", code="negative_amount", path=node.shown)
        if credit is not None and credit.amount and debit is not None and debit.amount:
            raise Malformed("both amounts are given", code="two_amounts", path=self.shown)
        if debit is not None and debit.amount:
            return debit.negated()
        return credit if credit is not None else debit


@dataclass(frozen=True, slots=True)
class UnsignedNode:
    """The amount of money whose sign another field has."""

    money: MoneyLike

    @property
    def is_told(self) -> bool:
        return self.money.is_told

    @property
    def shown(self) -> str:
        return self.money.shown

    def read(self, scope: Scope) -> Money | None:
        found = self.money.read(scope)
        return found.negated() if found is not None and found.amount.is_signed() else found


@dataclass(frozen=True, slots=True)
class SignNode:
    """The direction that the sign of an amount tells; zero is a credit, as in ISO 20022."""

    money: MoneyLike

    @property
    def is_told(self) -> bool:
        return self.money.is_told

    @property
    def shown(self) -> str:
        return self.money.shown

    def read(self, scope: Scope) -> Direction | None:
        found = self.money.read(scope)
        if found is None:
            return None
        return Direction.DEBIT if found.amount < 0 else Direction.CREDIT


@dataclass(frozen=True, slots=True)
class CompositeNode:
    """A value of several fields, absent where the sender says nothing of it."""

    fields: Mapping[str, Node]
    required: frozenset[str]
    is_root: bool = False

    @property
    def is_told(self) -> bool:
        return any(node.is_told for node in self.fields.values())

    @property
    def shown(self) -> str:
        return next((node.shown for node in self.fields.values() if node.is_told), "")

    def read(self, scope: Scope) -> dict[str, Any] | None:
        found = {name: node.read(scope) for name, node in self.fields.items()}
        values = {name: value for name, value in found.items() if value is not None}
        if not (self.is_root or self._says(values)):
            return None
        for name in sorted(self.required - values.keys()):
            raise Malformed(
                f"{name} is required, and nothing is said of it",
                code="missing_field",
                path=self.fields[name].shown or name,
            )
        return values

    def _says(self, values: Mapping[str, Any]) -> bool:
        """Whether the sender says anything of it, or is not asked to."""
        return any(self.fields[name].is_told for name in values) or not self.is_told


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list whose items stand in different places; what is not said is left out."""

    nodes: tuple[Node, ...]

    @property
    def is_told(self) -> bool:
        return any(node.is_told for node in self.nodes)

    @property
    def shown(self) -> str:
        return next((node.shown for node in self.nodes if node.is_told), "")

    def read(self, scope: Scope) -> tuple[Any, ...] | None:
        found = [node.read(scope) for node in self.nodes]
        return tuple(one for one in found if one is not None) or None


@dataclass(frozen=True, slots=True)
class EachNode:
    """A list made of a list in the record, which has to be there unless it is optional."""

    source: Source
    item: Node
    is_optional: bool = False

    @property
    def is_told(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        return self.source.text

    def read(self, scope: Scope) -> tuple[Any, ...] | None:
        listed = self.source.scope(scope).within(self.source.path)
        if listed is None and not self.is_optional:
            raise Malformed("there is no such list", code="missing_field", path=self.shown)
        found = []
        for inner in listed or ():
            try:
                found.append(self.item.read(inner))
            except GatewayError as error:
                error.path = f"{self.shown}[{inner.position}]/{error.path}"
                raise
        return tuple(one for one in found if one is not None) or None
