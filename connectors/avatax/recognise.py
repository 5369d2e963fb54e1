"""Tells what a file out of AvaTax is, by the fields every such document has.

Source: AvaTax REST v2 models TransactionModel, FetchResult, AddressResolutionModel, ErrorResult.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.contract import Identity
from connectors.kit.json_body import as_list, join
from connectors.raw import RawMessage

_TRANSACTION = frozenset({"code", "companyId", "status", "type", "totalTax", "currencyCode"})
_ERROR = frozenset({"code", "message", "target", "details"})


def identify(raw: RawMessage) -> Identity | None:
    """The kind by shape, the delivery by the digest of its bytes; None for other systems' files.

    Raises Malformed for a file that is not JSON.
    """
    kind = _kind_of(raw.json())
    return None if kind is None else Identity(kind=kind, delivery_key=raw.digest.hex())


def transactions(document: Any) -> Iterator[tuple[str, Any]]:
    """The transactions of a file (one, a bare list, a page of the API) with where each stands."""
    page = _page_of(document)
    if page is None:
        yield "", document
        return
    path = "value" if isinstance(document, dict) else ""
    for index, record in enumerate(as_list(page, path)):
        yield join(path, index), record


def _kind_of(document: Any) -> str | None:
    page = _page_of(document)
    record = document if page is None else next(iter(page), None)
    if not isinstance(record, dict):
        return None
    if record.keys() >= _TRANSACTION:
        return "transaction"
    return _kind_without_fact(record) if page is None else None


def _kind_without_fact(document: dict[str, Any]) -> str | None:
    if isinstance(document.get("createTransactionModel"), dict):
        return "transaction_request"
    error = document.get("error")
    if isinstance(error, dict) and error.keys() >= _ERROR:
        return "error"
    return "address" if document.keys() >= {"address", "validatedAddresses"} else None


def _page_of(document: Any) -> list[Any] | None:
    page = document.get("value") if isinstance(document, dict) else document
    return page if isinstance(page, list) else None
