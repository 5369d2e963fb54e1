"""What tax engines calculated, beside what the invoices say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.billing import TaxCalculated
from canonical.keys import Key
from domains.billing.documents import Document, Documents
from domains.billing.goods import NOTHING
from domains.billing.orders import told
from domains.contract import Cluster, Fact
from domains.names import folded

_VOIDED: Final = frozenset({"cancelled", "canceled", "void", "voided", "docvoided", "docdeleted"})
"""Words of tax engines for a calculation that is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """The newest calculation of one document by one engine."""

    fact: Fact
    data: TaxCalculated
    facts: frozenset[str]
    document: Document | None

    @property
    def key(self) -> str:
        return Key.of("tax", self.data.engine, self.data.document_code).text

    @property
    def is_voided(self) -> bool:
        return folded(self.data.status) in _VOIDED


def taxes_of(cluster: Cluster, documents: Documents) -> tuple[Tax, ...]:
    """One tax a document code and engine."""
    reports: dict[tuple[str, str], list[tuple[Fact, TaxCalculated]]] = {}
    for fact, data in told(cluster, TaxCalculated):
        reports.setdefault((data.engine, data.document_code), []).append((fact, data))
    return tuple(_tax(same, documents) for _, same in sorted(reports.items()))


def _tax(reports: list[tuple[Fact, TaxCalculated]], documents: Documents) -> Tax:
    fact, data = max(reports, key=_newness)
    return Tax(
        fact=fact,
        data=data,
        facts=frozenset(one.id for one, _ in reports),
        document=_document(data, documents),
    )


def _newness(report: tuple[Fact, TaxCalculated]) -> tuple[int, str, str, str]:
    fact, data = report
    calculated = fact.occurred_at.isoformat()
    return (data.document_version or 0, fact.version or "", calculated, fact.key)


def _document(data: TaxCalculated, documents: Documents) -> Document | None:
    """The invoice or credit note of that number; the engine's type says which of the two."""
    found = [one for one in documents.all if folded(data.document_code) in one.tokens]
    if len({one.is_credit for one in found}) > 1:
        is_return = "return" in folded(data.document_type)
        found = [one for one in found if one.is_credit is is_return]
    return found[0] if len(found) == 1 else None


def invoiced_tax(document: Document) -> Decimal | None:
    """The tax an invoice states; None where it states none."""
    if document.data.totals.tax is not None:
        return document.data.totals.tax.amount
    if document.data.taxes:
        return sum((one.tax.amount for one in document.data.taxes), NOTHING)
    return None
