"""What the document type code (BT-3, UNTDID 1001) says a document is; BR-CL-01."""

from __future__ import annotations

from typing import Final

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.errors import Unsupported
from connectors.ubl.formats import Document
from connectors.ubl.tree import only_value

INVOICES: Final = frozenset(
    {
        "71", "80", "82", "84", "102", "130", "202", "203", "204", "211", "218", "219", "295",
        "325", "326", "331", "380", "382", "383", "384", "385", "386", "387", "388", "389", "390",
        "393", "394", "395", "456", "457", "527", "553", "575", "623", "633", "751", "780", "817",
        "870", "875", "876", "877", "935",
    }
)  # fmt: skip
CREDIT_NOTES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)
PRO_FORMA: Final = "325"
"""An offer in the form of an invoice; it demands no payment and posts nothing."""
_CODE: Final = {"invoice": "cbc:InvoiceTypeCode", "credit_note": "cbc:CreditNoteTypeCode"}


def document_type(document: Document) -> tuple[str, type[InvoiceIssued | CreditNoteIssued]]:
    """The type code as sent, and the fact it stands for.

    The code must be one of the root's own list. Only the Saudi profile puts its credit notes
    (381) into an Invoice. Raises Unsupported, `br_cl_01`.
    """
    code = only_value(document.root, _CODE[document.kind]) or ""
    if document.kind == "credit_note" and code in CREDIT_NOTES:
        return code, CreditNoteIssued
    if document.kind == "invoice" and code in INVOICES:
        return code, InvoiceIssued
    if document.kind == "invoice" and code == "381" and document.is_zatca:
        return code, CreditNoteIssued
    raise Unsupported(
        f"type code {code[:10]!r} does not belong in this kind of document ({document.kind})",
        code="br_cl_01",
        path=_CODE[document.kind].removeprefix("cbc:"),
    )
