"""All of a cluster that billing concludes from: documents, goods, credits, answers, deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from canonical.chain import ReceivableChanged
from domains.billing.answers import Answers, answers_of
from domains.billing.credits import Credits, credits_of
from domains.billing.deadlines import Deadlines
from domains.billing.documents import Document, Documents, documents_of
from domains.billing.matching import Matching, match
from domains.billing.network import Network, network_of
from domains.billing.orders import Orders, told
from domains.billing.returns import Return, note_payments, returns_of, settle_returns
from domains.billing.shipments import Shipment, shipments_of
from domains.billing.standing import Standing, standing_of
from domains.billing.taxes import Tax, taxes_of
from domains.contract import Cluster, Fact, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One cluster, read."""

    cluster: Cluster
    deadlines: Deadlines
    orders: Orders
    documents: Documents
    answers: Answers
    networks: dict[str, Network]
    credits: Credits
    receivables: dict[str, tuple[Fact, ReceivableChanged]]
    standings: dict[str, Standing]
    shipments: tuple[Shipment, ...]
    matching: Matching
    returns: tuple[Return, ...]
    taxes: tuple[Tax, ...]

    @property
    def rules(self) -> Rules:
        return self.cluster.rules

    def is_due(self, moment: datetime, patience: timedelta) -> bool:
        return self.deadlines.passed(moment + patience)

    def tolerance(self, currency: str) -> Decimal:
        return Decimal(self.rules.tolerance.get(currency, "0"))

    def document(self, key: str) -> Document:
        return next(one for one in self.documents.all if one.key == key)

    def shipment(self, key: str) -> Shipment:
        return next(one for one in self.shipments if one.key == key)


def read(cluster: Cluster, now: datetime) -> Books:
    """Read a cluster as of a moment."""
    deadlines = Deadlines(now)
    orders = Orders(cluster)
    documents = Documents(documents_of(cluster, orders))
    answers = answers_of(cluster, documents)
    networks = {
        one.key: network_of(answers.of.get(one.key, ()), one.number) for one in documents.all
    }
    credited = credits_of(documents, networks)
    receivables = _receivables(cluster, documents)
    standings = {
        one.key: standing_of(
            one, networks[one.key], credited, receivables.get(one.key), cluster.rules, deadlines
        )
        for one in documents.all
    }
    shipments = shipments_of(cluster, orders)
    returns = returns_of(cluster, orders)
    settle_returns(returns, documents, credited, networks, shipments)
    note_payments(cluster, orders, returns, documents)
    return Books(
        cluster=cluster,
        deadlines=deadlines,
        orders=orders,
        documents=documents,
        answers=answers,
        networks=networks,
        credits=credited,
        receivables=receivables,
        standings=standings,
        shipments=shipments,
        matching=match(_billing(documents, orders, credited, networks), shipments),
        returns=returns,
        taxes=taxes_of(cluster, documents),
    )


def other_currency(document: Document, orders: Orders) -> str | None:
    """The currency of an order that an invoice bills in another one."""
    currencies = [one.currency for one in orders.named(document.mentioned.orders)]
    return next((one for one in currencies if one and one != document.data.currency), None)


def foreign_amount(document: Document) -> str | None:
    """A currency in the amounts of a document that is not the document's own (BT-5)."""
    totals = document.data.totals
    amounts = [getattr(totals, name) for name in type(totals).model_fields]
    amounts += [one.net for one in document.data.lines] + [one.tax for one in document.data.taxes]
    currencies = [one.currency for one in amounts if one is not None]
    return next((one for one in currencies if one != document.data.currency), None)


def is_refused(document: Document, orders: Orders) -> bool:
    """Whether a rule forbids to bill goods with an invoice."""
    if document.mentioned.ambiguous or foreign_amount(document) is not None:
        return True
    return other_currency(document, orders) is not None


def _billing(
    documents: Documents, orders: Orders, credited: Credits, networks: dict[str, Network]
) -> list[Document]:
    """The invoices that bill goods; those a network rejected come last."""
    found = [
        one
        for one in documents.invoices
        if not is_refused(one, orders) and not credited.is_freed(one)
    ]
    return sorted(found, key=lambda one: networks[one.key].is_negative)


def _receivables(
    cluster: Cluster, documents: Documents
) -> dict[str, tuple[Fact, ReceivableChanged]]:
    """The newest word of cash on each document. It names no year: the latest one is meant."""
    newest: dict[tuple[str, str, str], tuple[Fact, ReceivableChanged]] = {}
    reports = sorted(told(cluster, ReceivableChanged), key=lambda one: (one[1].revision, one[0].id))
    for fact, data in reports:
        newest[data.seller, data.invoice_number, data.document_type] = (fact, data)
    found = {}
    for (seller, number, document_type), report in newest.items():
        same = [
            one
            for one in documents.all
            if (one.seller, one.number, one.data.document_type) == (seller, number, document_type)
        ]
        last = max(same, key=lambda one: (one.issued, one.key), default=None)
        if last is not None:
            found[last.key] = report
    return found
