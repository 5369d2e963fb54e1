"""What credit notes take back: of which invoice, how much money and which goods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from canonical.billing import InvoiceLine
from domains.billing.documents import CORRECTED_INVOICE, Document, Documents
from domains.billing.goods import NOTHING, by_item, by_order_line
from domains.billing.network import Network


@dataclass(slots=True, kw_only=True)
class Credits:
    """Credits and corrections of the invoices of a cluster."""

    targets: dict[str, tuple[Document, ...]] = field(default_factory=dict)
    """The invoices of each applied credit note, by its key."""
    amounts: dict[str, Decimal] = field(default_factory=dict)
    """What is credited of each invoice, by its key; never more than its gross amount."""
    by: dict[str, list[Document]] = field(default_factory=dict)
    """The credit notes of each invoice."""
    exceeding: list[tuple[Document, Decimal]] = field(default_factory=list)
    """Credit notes that take back more than was left, and by how much."""
    other_currency: list[tuple[Document, Document]] = field(default_factory=list)
    """Credit notes in another currency than their invoice: not applied."""
    corrected_by: dict[str, list[Document]] = field(default_factory=dict)
    """The invoices that take the place of each invoice."""

    def is_freed(self, invoice: Document) -> bool:
        """Whether an invoice bills nothing any more: credited in full, or replaced."""
        if self.corrected_by.get(invoice.key):
            return True
        return bool(self.by.get(invoice.key)) and self.is_credited(invoice)

    def is_credited(self, invoice: Document) -> bool:
        return self.amounts.get(invoice.key, NOTHING) >= abs(invoice.gross)

    def goods(self, invoice: Document, order_line: frozenset[str], item: frozenset[str]) -> Decimal:
        """How much of some goods the credit notes of an invoice list: by the order line where
        both name one, else by the item."""
        found = NOTHING
        for credit in self.by.get(invoice.key, ()):
            for line in credit.data.lines:
                own = by_order_line(line.order_line_id)
                is_same = (
                    bool(own & order_line)
                    if own and order_line
                    else bool(item & by_item(line.sku, line.product))
                )
                if line.quantity is not None and is_same:
                    found += abs(line.quantity.value)
        return found


def tokens_of(line: InvoiceLine) -> frozenset[str]:
    """All a billed line's goods are called."""
    return by_order_line(line.order_line_id) | by_item(line.sku, line.product)


def credits_of(documents: Documents, networks: dict[str, Network]) -> Credits:
    """Credit notes are applied in the order of their time.

    One that a network rejected takes nothing back. One without a preceding invoice is of the only
    invoice of its order, if there is just one.
    """
    found = Credits()
    for credit in documents.credits:
        if networks[credit.key].is_negative:
            continue
        targets = _targets(credit, documents)
        foreign = [one for one in targets if one.data.currency != credit.data.currency]
        found.other_currency += [(credit, one) for one in foreign]
        if targets and not foreign:
            _apply(found, credit, targets)
    for invoice in documents.invoices:
        if not networks[invoice.key].is_negative:
            _correct(found, invoice, documents.preceding(invoice), networks)
    return found


def _targets(credit: Document, documents: Documents) -> tuple[Document, ...]:
    if credit.preceding:
        return documents.preceding(credit)
    about = documents.about_order_of(credit)
    return about if len(about) == 1 else ()


def _apply(found: Credits, credit: Document, targets: tuple[Document, ...]) -> None:
    found.targets[credit.key] = targets
    left = abs(credit.gross)
    for invoice in targets:
        found.by.setdefault(invoice.key, []).append(credit)
        before = found.amounts.get(invoice.key, NOTHING)
        taken = min(left, max(NOTHING, abs(invoice.gross) - before))
        found.amounts[invoice.key] = before + taken
        left -= taken
    if left > 0:
        found.exceeding.append((credit, left))


def _correct(
    found: Credits,
    invoice: Document,
    named: Iterable[Document],
    networks: dict[str, Network],
) -> None:
    """A corrected invoice (384) takes the place of those it names; another one does where the
    network had rejected them."""
    is_corrected = invoice.data.document_type == CORRECTED_INVOICE
    for earlier in named:
        if is_corrected or networks[earlier.key].rejection is not None:
            found.corrected_by.setdefault(earlier.key, []).append(invoice)
