"""Gaps in the numbers of a seller's invoices.

A gap is certain only where a lower number of the series is near: the numbers between it and this
one are missing. So a series may begin anywhere, count in steps, or jump far (a new year, a new
block), and nothing is found; a gap wider than the window is not found either.
"""

from __future__ import annotations

from collections.abc import Iterable

from canonical.billing import CreditNoteIssued, InvoiceIssued
from domains.billing.documents import Document
from domains.billing.names import SERIES_WINDOW, series_of
from domains.contract import Cluster


def missing_before(cluster: Cluster, documents: Iterable[Document]) -> list[tuple[Document, int]]:
    """Documents of the cluster and how many numbers are missing right below each.

    Invoices and credit notes may share a series: any document takes its number.
    """
    taken: dict[str, set[int]] = {}
    for fact in (*cluster.facts, *cluster.nearby):
        if isinstance(fact.data, InvoiceIssued | CreditNoteIssued):
            found = series_of(fact.data)
            if found is not None:
                taken.setdefault(found[0], set()).add(found[1])
    gaps = []
    seen: set[tuple[str, int]] = set()
    for document in documents:
        found = series_of(document.data)
        if found is None or found in seen:
            continue
        seen.add(found)
        series, place = found
        lower = [one for one in taken[series] if place - SERIES_WINDOW <= one < place]
        if lower and max(lower) < place - 1:
            gaps.append((document, place - 1 - max(lower)))
    return gaps
