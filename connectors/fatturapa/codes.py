"""Code lists: kinds of documents, and reasons why an amount bears no tax."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.errors import Unsupported

IS_NO_INVOICE: Final = frozenset({"TD29"})
"""A buyer's report to the authority that an invoice is missing or wrong."""

_CREDIT_NOTE = "381"
_ORDINARY: Final = {
    "TD01": "380",  # invoice
    "TD02": "386",  # advance on an invoice
    "TD03": "386",  # advance on a fee
    "TD04": _CREDIT_NOTE,
    "TD05": "383",  # debit note
    "TD06": "380",  # fee of a professional
    "TD24": "380",  # deferred, goods with delivery notes
    "TD25": "380",  # deferred, triangular
    "TD26": "380",  # sale of fixed assets, transfers between own activities
    # Made out by the buyer, or to oneself, to settle the tax: UNCL1001 has no code that says so.
    **{code: code for code in ("TD16", "TD17", "TD18", "TD19", "TD20", "TD21", "TD22", "TD23")},
    **{code: code for code in ("TD27", "TD28")},
}
_SIMPLIFIED: Final = {"TD07": "380", "TD08": _CREDIT_NOTE, "TD09": "383"}

_CATEGORIES: Final = {"N1": "O", "N2": "O", "N4": "E", "N6": "AE", "N3.1": "G", "N3.2": "K"}
"""Natura, or its first two characters, to UNCL5305; others have no sure counterpart there."""


@dataclass(frozen=True, slots=True)
class DocumentType:
    """`TipoDocumento` with its counterpart in UNCL1001, where there is one."""

    code: str
    canonical: str

    @property
    def is_credit_note(self) -> bool:
        """Whether the document lowers what is owed."""
        return self.canonical == _CREDIT_NOTE


def document_type(code: str, *, simplified: bool, path: str) -> DocumentType:
    """A `TipoDocumento`. Raises Unsupported (`unknown_document_type`) for one not known."""
    known = _SIMPLIFIED if simplified else _ORDINARY
    if code not in known:
        raise Unsupported(
            f"TipoDocumento {code[:10]!r} is not known", code="unknown_document_type", path=path
        )
    return DocumentType(code, known[code])


def tax_category(rate: Decimal | None, natura: str | None) -> str:
    """UNCL5305 for a rate and `Natura`; a Natura without a sure counterpart stays itself."""
    if natura is None:
        return "Z" if rate is not None and not rate else "S"
    return _CATEGORIES.get(natura) or _CATEGORIES.get(natura[:2]) or natura
