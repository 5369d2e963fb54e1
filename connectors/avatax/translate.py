"""AvaTax transactions → TaxCalculated, one for each state of a document.

Source: AvaTax REST v2 models TransactionModel, TransactionLineModel, TransactionLineDetailModel;
enums DocumentType and DocumentStatus.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from canonical.billing import TaxCalculated
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier, Party
from connectors.avatax.lines import lines_of
from connectors.avatax.recognise import transactions
from connectors.contract import Identity
from connectors.kit.decimals import money_of
from connectors.kit.json_body import as_object, integer, join, required_text, text
from connectors.kit.records import Record, each
from connectors.kit.times import date_of, moment_of
from connectors.raw import RawMessage

_REPORTED_TYPES = frozenset(
    {"SalesInvoice", "ReturnInvoice", "ReverseChargeInvoice", "CustomsInvoice"}
)
_ESTIMATES = frozenset(
    {
        "SalesOrder", "ReturnOrder", "PurchaseOrder", "InventoryTransferOrder",
        "InventoryTransferOutboundOrder", "ReverseChargeOrder", "CustomsOrder",
    }
)  # fmt: skip
_OWN_COSTS = frozenset(
    {"PurchaseInvoice", "InventoryTransferInvoice", "InventoryTransferOutboundInvoice"}
)
_RECORDED = frozenset({"Saved", "Posted", "Committed", "Cancelled", "Adjusted"})
_WAITING = frozenset({"Queued", "PendingApproval"})


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The state of every transaction of a file; one that cannot be read becomes a Problem."""
    del identity
    for at, record in transactions(raw.json()):
        yield from each(at, partial(_transaction, raw.account, record, at))


def _transaction(account: str, value: Any, at: str) -> Iterator[Item]:
    record = as_object(value, at)
    reason = _without_fact(record, at)
    if reason:
        yield Ignored(reason=reason, at=at)
    else:
        yield _message(account, record, at)


def _without_fact(record: Record, at: str) -> str | None:
    """Why a transaction is of no interest, or None.

    Raises Unsupported with code `unmapped_code` for a type or status that is not documented.
    """
    kind, status = required_text(record, "type", at), required_text(record, "status", at)
    if kind in _ESTIMATES or status == "Temporary":
        return "an estimate that AvaTax does not record"
    if kind in _OWN_COSTS:
        return "tax of a purchase or of a transfer of stock, not of a sale"
    if kind not in _REPORTED_TYPES:
        raise _unmapped(kind, "type", at)
    if status in _WAITING:
        return "the transaction is not recorded yet"
    if status not in _RECORDED:
        raise _unmapped(status, "status", at)
    return None


def _message(account: str, record: Record, at: str) -> Message:
    moment = _modified(record, at)
    data = _fact(record, moment, at)
    assert data.document_version is not None  # noqa: S101 - _fact has just read it
    number = Version.number(data.document_version)
    company = required_text(record, "companyId", at)
    entity = Key.of("tax", "avatax", account, company, data.document_code, data.document_type)
    chain = Key.of("avatax", account, "document", data.document_code).text
    return Message(
        key=entity.extended(
            data.document_version, data.status, Version.at(data.calculated_at).text
        ),
        data=data,
        occurred_at=data.calculated_at,
        subject=Key.of("tax", data.document_code).text,
        correlation=chain,
        partition=chain,
        entity=entity,
        # Committing, voiding and taking back either keep the number: time orders them in it.
        version=Version(f"{number.text}/{Version.at(moment).text}"),
        at=at,
    )


def _fact(record: Record, moment: datetime, at: str) -> TaxCalculated:
    currency = text(record, "currencyCode", at)
    total_tax = money_of(record.get("totalTax"), currency, join(at, "totalTax"))
    total = record.get("totalAmount")
    return TaxCalculated(
        engine="avatax",
        transaction_id=required_text(record, "id", at),
        document_code=required_text(record, "code", at),
        document_type=required_text(record, "type", at),
        document_version=_version(record, at),
        status=required_text(record, "status", at),
        # API versions write one moment with three or with seven digits behind the second.
        calculated_at=moment.replace(microsecond=0),
        tax_date=_tax_date(record, at),
        currency=total_tax.currency,
        total=None if total is None else money_of(total, currency, join(at, "totalAmount")),
        total_tax=total_tax,
        customer=_customer(record, at),
        lines=lines_of(record, total_tax.currency, at),
        references=_references(record, at),
    )


def _modified(record: Record, at: str) -> datetime:
    # Recorded transactions are written without a zone; AvaTax keeps its times in UTC.
    value = required_text(record, "modifiedDate", at)
    return moment_of(value, join(at, "modifiedDate"), zone=UTC).astimezone(UTC)


def _version(record: Record, at: str) -> int:
    version = integer(record, "version", at)
    if version is None:
        raise Malformed("version is missing", code="missing_field", path=join(at, "version"))
    return version


def _tax_date(record: Record, at: str) -> date | None:
    value = text(record, "taxDate", at)
    if value is None:
        return None
    return date_of(value.removesuffix("T00:00:00"), join(at, "taxDate"))


def _customer(record: Record, at: str) -> Party | None:
    code = text(record, "customerCode", at) or text(record, "customerVendorCode", at)
    named = (Identifier(scheme="avatax:customer", value=code),) if code else ()
    found = Party(identifiers=named, email=text(record, "email", at))
    return None if found == Party() else found


def _references(record: Record, at: str) -> tuple[Identifier, ...]:
    named = [
        ("transaction", "id"),
        ("document", "code"),
        ("reference", "referenceCode"),
        ("purchase_order", "purchaseOrderNo"),
    ]
    found = [(scheme, text(record, field, at)) for scheme, field in named]
    return tuple(
        Identifier(scheme=f"avatax:{scheme}", value=value) for scheme, value in found if value
    )


def _unmapped(code: str, field: str, at: str) -> Unsupported:
    return Unsupported(
        f"{code[:40]!r} is not a known {field}", code="unmapped_code", path=join(at, field)
    )
