"""The lines of a transaction, with their tax by jurisdiction.

Source: AvaTax REST v2 models TransactionLineModel and TransactionLineDetailModel.
"""

from __future__ import annotations

from decimal import Decimal

from canonical.billing import TaxBreakdown, TaxLine
from canonical.values import Money
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, objects


def lines_of(record: Record, currency: str, path: str) -> tuple[TaxLine, ...]:
    """All lines; none where the export was made without them. Raises Malformed for a bad one."""
    return tuple(_line(line, currency, where) for where, line in objects(record, "lines", path))


def _line(line: Record, currency: str, path: str) -> TaxLine:
    return TaxLine(
        line_id=required_text(line, "lineNumber", path),
        sku=text(line, "itemCode", path),
        taxable=_money(line, "taxableAmount", currency, path),
        tax=money_of(line.get("tax"), currency, join(path, "tax")),
        details=tuple(
            _breakdown(detail, currency, where) for where, detail in objects(line, "details", path)
        ),
    )


def _breakdown(detail: Record, currency: str, path: str) -> TaxBreakdown:
    return TaxBreakdown(
        category=required_text(detail, "taxType", path),
        rate=_per_cent(detail, path),
        taxable=_money(detail, "taxableAmount", currency, path),
        tax=money_of(detail.get("tax"), currency, join(path, "tax")),
        exemption_reason=_exemption(detail, path),
        jurisdiction=_jurisdiction(detail, path),
    )


def _per_cent(detail: Record, path: str) -> Decimal | None:
    if detail.get("rate") is None:
        return None
    fraction = decimal_of(detail["rate"], join(path, "rate"))
    # By moving the point in the text: arithmetic would round to the context's 28 digits.
    return Decimal(f"{fraction:f}E2")


def _exemption(detail: Record, path: str) -> str | None:
    if _is_there(detail, "exemptAmount", path):
        return f"exempt, reason {text(detail, 'exemptReasonId', path) or 'not told'}"
    if _is_there(detail, "nonTaxableAmount", path):
        return text(detail, "nonTaxableType", path) or "not taxable"
    return None


def _is_there(detail: Record, field: str, path: str) -> bool:
    value = detail.get(field)
    return value is not None and decimal_of(value, join(path, field)) != 0


def _jurisdiction(detail: Record, path: str) -> str | None:
    parts = (text(detail, field, path) for field in ("country", "region", "jurisType", "jurisName"))
    return "/".join(part for part in parts if part) or None


def _money(record: Record, field: str, currency: str, path: str) -> Money | None:
    value = record.get(field)
    return None if value is None else money_of(value, currency, join(path, field))
