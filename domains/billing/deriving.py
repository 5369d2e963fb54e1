"""Billing's answer about a cluster."""

from __future__ import annotations

from datetime import datetime

from domains.billing.announcing import announcements_of
from domains.billing.books import read
from domains.billing.candidates import candidates_of
from domains.billing.credit_findings import credit_findings, parked_documents
from domains.billing.document_findings import document_findings
from domains.billing.goods_findings import goods_findings
from domains.billing.network_findings import network_findings, parked_answers
from domains.billing.records import records_of
from domains.contract import Cluster, Derived


def derive(cluster: Cluster, now: datetime) -> Derived:
    """Records, findings, announcements and parked facts of a cluster, as of a moment."""
    books = read(cluster, now)
    candidates = candidates_of(books)
    findings = (
        *document_findings(books),
        *network_findings(books),
        *credit_findings(books),
        *goods_findings(books, candidates),
    )
    return Derived(
        records=tuple(records_of(books, candidates)),
        findings=findings,
        announcements=tuple(announcements_of(books, candidates)),
        parked=(*parked_documents(books), *parked_answers(books)),
        wake_at=books.deadlines.next,
    )
