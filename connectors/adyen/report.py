"""The settlement details report: how it is recognised, and what stands in one row.

Source: Adyen documentation, "Settlement details report" (structure, journal types) and the older
"Settlement detail report structure". Amounts are in major units, debit and credit in two columns;
costs are positive when they are deducted. Gross (GC) is in the payment's currency, net and costs
(NC) in the settlement's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from canonical.currencies import MINOR_UNITS
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.values import Money
from connectors.adyen.zones import zone_of
from connectors.kit.decimals import decimal_of
from connectors.kit.delimited import Form, open_table
from connectors.kit.times import moment_of
from connectors.raw import RawMessage

FORM = Form(encoding="utf-8", delimiter=",", max_columns=200, max_field_chars=4000)

_COLUMNS = frozenset(
    {
        "Merchant Account", "Psp Reference", "Merchant Reference", "Creation Date", "TimeZone",
        "Type", "Modification Reference", "Gross Currency", "Gross Debit (GC)",
        "Gross Credit (GC)", "Net Currency", "Net Debit (NC)", "Net Credit (NC)", "Batch Number",
    }
)  # fmt: skip
_COSTS = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
_MERCHANT = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)
_BATCH = re.compile(r"[0-9]{1,20}", re.ASCII)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,49}", re.ASCII)
_ANY = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
# Narrow enough that sums of any report stay within the 28 digits of the decimal context.
_LIMIT = Decimal(10) ** 12
_MAX_DECIMALS = 6


def is_settlement_report(raw: RawMessage) -> bool:
    """Whether the first row has the report's columns; other columns may stand among them."""
    with raw.open() as stream:
        try:
            return set(open_table(stream, FORM).header) >= _COLUMNS
        except GatewayError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: a movement on the merchant's balance. Amounts are signed, costs positive."""

    name: tuple[str, ...]
    """What tells the row from all others but identical ones."""
    merchant: str
    batch: str
    type: str
    psp_reference: str | None
    modification: str | None
    merchant_reference: str | None
    occurred_at: datetime
    gross: Money
    """In the payment's currency."""
    costs: Money | None
    """What is deducted, in the settlement's currency; None where the row names no costs."""
    net: Money

    @property
    def own_gross(self) -> Decimal:
        """Net and costs together: the gross in the settlement's currency."""
        return self.net.amount + (self.costs.amount if self.costs else 0)

    @property
    def adds_up(self) -> bool:
        """Whether gross − costs = net; between two currencies it cannot be said."""
        if self.gross.currency != self.net.currency:
            return True
        return self.gross.amount == self.own_gross


def identities(raw: RawMessage) -> Iterator[tuple[str, ...]]:
    """What names each row of the report; rows that cannot be read are left out.

    Raises Malformed for a report whose structure is broken anywhere.
    """
    with raw.open() as stream:
        for row in open_table(stream, FORM).rows:
            try:
                fields = row.fields()
                yield _identity(fields, _net(fields))
            except GatewayError:
                continue


def line_of(fields: Mapping[str, str], raw: RawMessage) -> Line:
    """A row as a line. Raises Malformed or Unsupported, naming the column."""
    net, costs = _net(fields), _costs(fields)
    name = _identity(fields, net)
    currency = _text(fields, "Net Currency")
    return Line(
        name=name,
        merchant=name[0],
        batch=name[1],
        type=name[3],
        psp_reference=name[2] or None,
        modification=name[4] or None,
        merchant_reference=_text(fields, "Merchant Reference"),
        occurred_at=_moment(fields, raw),
        net=_money(net, currency, "Net Currency"),
        costs=None if costs is None else _money(costs, currency, "Net Currency"),
        gross=_gross(fields) or _money(net + (costs or 0), currency, "Net Currency"),
    )


def _identity(fields: Mapping[str, str], net: Decimal) -> tuple[str, ...]:
    """Account, batch, payment, type, modification, currency and net amount of a row.

    Nothing of how or when the report was made is in it, so that a report made again, for other
    accounts or in another time zone, tells the same facts. Raises Malformed.
    """
    return (
        _required(fields, "Merchant Account", _MERCHANT),
        _required(fields, "Batch Number", _BATCH),
        _text(fields, "Psp Reference") or "",
        _required(fields, "Type", _TYPE),
        _text(fields, "Modification Reference") or "",
        _text(fields, "Net Currency") or "",
        format(net.normalize(), "f") if net else "0",
    )


def _net(fields: Mapping[str, str]) -> Decimal:
    net = _signed(fields, "Net", "NC")
    if net is None:
        raise Malformed("no net amount", code="missing_field", path="Net Credit (NC)")
    return net


def _gross(fields: Mapping[str, str]) -> Money | None:
    """None for a row of the balance itself (fees, payouts), which has net amounts only."""
    gross = _signed(fields, "Gross", "GC")
    if gross is None:
        return None
    return _money(gross, _text(fields, "Gross Currency"), "Gross Currency")


def _costs(fields: Mapping[str, str]) -> Decimal | None:
    named = [cost for cost in (_amount(fields, name) for name in _COSTS) if cost is not None]
    return sum(named, Decimal(0)) if named else None


def _signed(fields: Mapping[str, str], name: str, unit: str) -> Decimal | None:
    """Credit − debit; None when both are empty."""
    credit_at, debit_at = f"{name} Credit ({unit})", f"{name} Debit ({unit})"
    credit, debit = _amount(fields, credit_at), _amount(fields, debit_at)
    if credit is None and debit is None:
        return None
    if credit and debit:
        raise Malformed("both a debit and a credit", code="debit_and_credit", path=debit_at)
    if (credit or 0) < 0 or (debit or 0) < 0:
        raise Malformed("a negative debit or credit", code="bad_amount", path=credit_at)
    return (credit or Decimal(0)) - (debit or Decimal(0))


def _money(amount: Decimal, currency: str | None, path: str) -> Money:
    if currency is None:
        raise Malformed("an amount has no currency", code="missing_currency", path=path)
    if currency not in MINOR_UNITS:
        raise Unsupported(
            f"currency {currency[:10]!r} is not an ISO 4217 code",
            code="unknown_currency",
            path=path,
        )
    return Money(amount=amount, currency=currency)


def _amount(fields: Mapping[str, str], name: str) -> Decimal | None:
    cell = fields.get(name, "").strip()
    if not cell:
        return None
    value = decimal_of(cell, name)
    if abs(value) >= _LIMIT or len(cell.partition(".")[2]) > _MAX_DECIMALS:
        raise Malformed("an amount is out of range", code="bad_amount", path=name)
    return value


def _moment(fields: Mapping[str, str], raw: RawMessage) -> datetime:
    zone = zone_of(_required(fields, "TimeZone", _ANY), raw)
    local = moment_of(_required(fields, "Creation Date", _ANY), "Creation Date", zone=zone)
    return local.astimezone(UTC)


def _required(fields: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    cell = _text(fields, name)
    if cell is None:
        raise Malformed(f"{name} is empty", code="missing_field", path=name)
    if not form.fullmatch(cell):
        raise Malformed(f"{name} is not readable", code="bad_id", path=name)
    return cell


def _text(fields: Mapping[str, str], name: str) -> str | None:
    cell = fields.get(name, "").strip()
    if cell and not _ANY.fullmatch(cell):
        raise Malformed(f"{name} is not readable", code="bad_id", path=name)
    return cell or None
