"""Which documents the answers of networks are about."""

from __future__ import annotations

from dataclasses import dataclass, field

from canonical.billing import EInvoiceStatusChanged
from domains.billing.documents import Document, Documents, latest_until
from domains.billing.names import sendings_of
from domains.billing.network import Told
from domains.billing.orders import told
from domains.contract import Cluster
from domains.names import folded


@dataclass(slots=True)
class Answers:
    """The answers by document, and those that lead to none or to several."""

    of: dict[str, list[Told]] = field(default_factory=dict)
    lost: list[Told] = field(default_factory=list)
    ambiguous: list[Told] = field(default_factory=list)


@dataclass(slots=True)
class _Sending:
    """What all answers about one document id of a network know of it together."""

    sendings: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def answers_of(cluster: Cluster, documents: Documents) -> Answers:
    """Answers are led by the invoice's number, else by what was sent (file, envelope), else by
    what other answers about the same id at the network name."""
    answers = list(told(cluster, EInvoiceStatusChanged))
    known: dict[tuple[str, str], _Sending] = {}
    for _, data in answers:
        sending = known.setdefault((data.network, data.document_id), _Sending())
        sending.sendings |= sendings_of(data.references)
        if data.invoice_number:
            sending.numbers |= {folded(data.invoice_number)}
    found = Answers()
    for fact, data in answers:
        about = _about(data, known[data.network, data.document_id], documents)
        if about is None:
            found.ambiguous.append((fact, data))
        elif not about:
            found.lost.append((fact, data))
        for document in about or ():
            found.of.setdefault(document.key, []).append((fact, data))
    return found


def _about(
    data: EInvoiceStatusChanged, sending: _Sending, documents: Documents
) -> tuple[Document, ...] | None:
    """The documents an answer is about: all of a file where it names none; None if unsure."""
    sent = [one for one in documents.all if one.sendings & sending.sendings]
    if not data.invoice_number and sent:
        return tuple(sent)
    numbers = {folded(data.invoice_number)} if data.invoice_number else sending.numbers
    if not numbers and not sent:
        return ()
    found: list[Document] = []
    for number in sorted(numbers):
        named = [one for one in documents.all if number in one.tokens]
        narrowed = [one for one in named if one in sent] or named
        if len({(one.seller, one.kind, one.data.document_type) for one in narrowed}) > 1:
            return None
        last = latest_until(narrowed, data.occurred_at.date())
        found += [last] if last else []
    return tuple(found)
