"""Values shared by all families: money, quantity, identifiers, addresses, parties.

All are frozen. Amounts are `Decimal` and travel as JSON strings; a float is refused wherever an
amount or a quantity is expected, because it has already lost what was sent.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import core_schema

from canonical.currencies import MINOR_UNITS, minor_units


def _no_float(value: Any) -> Any:
    if isinstance(value, float | bool):
        raise ValueError("a float or a truth value cannot carry an exact amount")  # noqa: TRY004 - pydantic's protocol
    return value


def _known_currency(value: str) -> str:
    if value not in MINOR_UNITS:
        raise ValueError("not an ISO 4217 code")
    return value


class _PlainDigits:
    """Reads and writes amounts in pydantic's core, in plain digits.

    Digits within the bounds, which most amounts come as, become a Decimal without asking it for
    its digits again. Anything else is read, or refused, as the type says: this makes nothing
    valid that is not.
    """

    _WITHIN_BOUNDS = r"^[+-]?[0-9]{1,18}(\.[0-9]{1,12})?$"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        digits = core_schema.str_schema(pattern=self._WITHIN_BOUNDS, strict=True)
        return core_schema.union_schema(
            [core_schema.no_info_after_validator_function(Decimal, digits), handler(source)],
            mode="left_to_right",
            custom_error_type="inexact_amount",
            custom_error_message=(
                "Input should be an exact decimal of at most 30 digits, 12 of them behind the point"
            ),
            serialization=core_schema.format_ser_schema("f", when_used="always"),
        )


ExactDecimal = Annotated[
    Decimal,
    # The bounds stand next to the type: behind a function they would be checked in Python.
    Field(max_digits=30, decimal_places=12, allow_inf_nan=False),
    BeforeValidator(_no_float),
    _PlainDigits(),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
]
"""A finite decimal of at most 30 digits, 12 of them behind the point; a string in JSON."""

Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
"""An ISO 4217 alphabetic code."""

Time = AwareDatetime
"""A moment with its zone (RFC 3339 in JSON)."""

Text = Annotated[str, Field(max_length=4000)]
"""Free text of the sender; data, never markup."""


class Value(BaseModel):
    """Base of the frozen values; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Money(Value):
    """An amount in major units of one currency."""

    amount: ExactDecimal
    currency: Currency

    @classmethod
    def from_minor(cls, value: int, currency: str) -> Self:
        """Money from an integer of minor units, by the currency's ISO 4217 exponent.

        Raises Unsupported for an unknown currency.
        """
        # From text, because arithmetic on Decimals rounds to the context's 28 digits.
        return cls(amount=Decimal(f"{value}E-{minor_units(currency)}"), currency=currency)

    def negated(self) -> Money:
        # copy_negate, because unary minus rounds to the context's 28 digits.
        amount = self.amount.copy_negate() if self.amount else self.amount
        return Money(amount=amount, currency=self.currency)


class Quantity(Value):
    """How much of what: `unit` is UN/ECE Recommendation 20 or the sender's own code."""

    value: ExactDecimal
    unit: Annotated[str, Field(max_length=20)] = "EA"


class Identifier(Value):
    """An identifier and the scheme that gives it meaning (`gtin`, `iban`, `shopify:order` …)."""

    scheme: Annotated[str, Field(min_length=1, max_length=80)]
    value: Annotated[str, Field(min_length=1, max_length=400)]


class Address(Value):
    """A postal address as it was at the time of the fact (a snapshot, not a reference)."""

    lines: tuple[Text, ...] = ()
    city: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    """ISO 3166-1 alpha-2."""


class Party(Value):
    """A person or organisation as named in the fact (a snapshot, not a reference)."""

    name: Text | None = None
    identifiers: tuple[Identifier, ...] = ()
    email: Text | None = None
    phone: Text | None = None
    address: Address | None = None
    account: Identifier | None = None
    """The party's bank account, where the fact names one."""


class Direction(StrEnum):
    """Which way money moved, seen from the account's owner. Amounts themselves are unsigned."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
