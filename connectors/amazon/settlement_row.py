"""One row of the settlement report: its amount and times in the forms that marketplaces write.

Source: Selling Partner API documentation, "Settlement reports attributes" (flat file V2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from canonical.errors import Malformed
from canonical.values import Money
from connectors.kit.decimals import money_of
from connectors.kit.times import moment_of

_ID = re.compile(r"[0-9A-Za-z-]{1,40}", re.ASCII)
# Two decimals at most: three digits behind a mark could as well be a group of thousands.
_AMOUNT = re.compile(
    r"([+-]?)(?:([0-9]{1,12})|([0-9]{1,3}(?:\.[0-9]{3})+)(?=,)|([0-9]{1,3}(?:,[0-9]{3})+)(?=\.))"
    r"(?:[.,]([0-9]{1,2}))?",
    re.ASCII,
)
_TIME = re.compile(
    r"(?:([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})|([0-9]{2})\.([0-9]{2})\.([0-9]{4}))"
    r"(?:[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?: ?(UTC|GMT|Z)|([+-][0-9]{2}:?[0-9]{2})))?",
    re.ASCII,
)
_NAMING = (
    "transaction-type",
    "order-id",
    "adjustment-id",
    "shipment-id",
    "amount-type",
    "amount-description",
    "order-item-code",
    "merchant-adjustment-item-id",
    "sku",
)
_FEES = frozenset(("ItemFees", "ShipmentFees", "OrderFees"))
_DISPUTES = frozenset(("Chargeback", "Chargeback Refund", "A-to-z Guarantee Refund"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The first data row of a settlement."""

    settlement_id: str
    net: Money
    deposited_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Any other row: one amount, signed."""

    settlement_id: str
    name: tuple[str, ...]
    """What tells the row from all others but identical ones."""
    amount: Decimal
    currency: str | None
    """Stated on the first row only, as a rule."""
    occurred_at: datetime
    fields: Mapping[str, str]

    @property
    def kind(self) -> str:
        """Amazon's own words: transaction type, amount type, amount description."""
        names = ("transaction-type", "amount-type", "amount-description")
        return "/".join(word for word in (cell(self.fields, name) for name in names) if word)

    @property
    def part(self) -> str:
        """Which sum of a payout this amount belongs to."""
        transaction = cell(self.fields, "transaction-type")
        if cell(self.fields, "amount-type") in _FEES or transaction == "ServiceFee":
            return "fees"
        if transaction in _DISPUTES:
            return "disputes"
        if transaction == "Refund":
            return "refunds"
        return "gross" if transaction == "Order" else "other"


def is_total(fields: Mapping[str, str]) -> bool:
    """Whether a row carries the settlement's total, and no amount of its own."""
    return bool(cell(fields, "total-amount")) and not cell(fields, "amount")


def total_of(fields: Mapping[str, str]) -> Total:
    """The row with the total. Raises Malformed or Unsupported, naming the column."""
    amount = amount_of(_required(fields, "total-amount"), "total-amount")
    return Total(
        settlement_id=_settlement_id(fields),
        net=money_of(amount, cell(fields, "currency"), "currency"),
        deposited_at=time_of(_required(fields, "deposit-date"), "deposit-date"),
    )


def line_of(fields: Mapping[str, str]) -> Line:
    """A row with an amount. Raises Malformed, naming the column."""
    settlement_id = _settlement_id(fields)
    amount = amount_of(_required(fields, "amount"), "amount")
    occurred_at = _posted_at(fields)
    _required(fields, "transaction-type")
    return Line(
        settlement_id=settlement_id,
        name=(
            settlement_id,
            *(cell(fields, name) or "" for name in _NAMING),
            occurred_at.isoformat(),
            format(amount, "f"),
        ),
        amount=amount,
        currency=cell(fields, "currency"),
        occurred_at=occurred_at,
        fields=fields,
    )


def amount_of(shown: str, column: str) -> Decimal:
    """An amount with a decimal point or comma, thousands grouped or not, exactly.

    `95,00`, `1.234,56` and `1,234.56` have one meaning each; `1.234` has two, and is refused.
    Raises Malformed.
    """
    match = _AMOUNT.fullmatch(shown)
    if match is None:
        raise Malformed(f"{shown[:40]!r} is not an amount", code="bad_amount", path=column)
    sign, *whole, fraction = match.groups()
    digits = re.sub("[.,]", "", next(part for part in whole if part))
    return Decimal(f"{sign}{digits}.{(fraction or '').ljust(2, '0')}") + 0


def time_of(shown: str, column: str) -> datetime:
    """A time in one of Amazon's forms, in UTC; a date alone is its midnight in UTC.

    Raises Malformed: also for `03/02/2026`, which is one day here and another one there, and for
    a zone that is neither UTC nor an offset.
    """
    match = _TIME.fullmatch(shown)
    if match is None:
        raise Malformed(f"{shown[:40]!r} is not a time", code="bad_time", path=column)
    year, month, day, day_first, month_second, year_last, clock, _, offset = match.groups()
    date = f"{year or year_last}-{month or month_second}-{day or day_first}"
    zone = f"{offset[:3]}:{offset[-2:]}" if offset else "+00:00"
    return moment_of(f"{date}T{clock or '00:00:00'}{zone}", column).astimezone(UTC)


def cell(fields: Mapping[str, str], name: str) -> str | None:
    """A cell's text; None when it is empty or the column is missing. Raises Malformed."""
    shown = fields.get(name, "").strip()
    if len(shown) > 300 or not shown.isprintable():
        raise Malformed(f"{name} is not readable", code="bad_text", path=name)
    return shown or None


def _posted_at(fields: Mapping[str, str]) -> datetime:
    column = "posted-date-time" if cell(fields, "posted-date-time") else "posted-date"
    return time_of(_required(fields, column), column)


def _settlement_id(fields: Mapping[str, str]) -> str:
    shown = _required(fields, "settlement-id")
    if not _ID.fullmatch(shown):
        raise Malformed(f"{shown[:40]!r} is not an id", code="bad_id", path="settlement-id")
    return shown


def _required(fields: Mapping[str, str], name: str) -> str:
    shown = cell(fields, name)
    if shown is None:
        raise Malformed(f"{name} is empty", code="missing_field", path=name)
    return shown
