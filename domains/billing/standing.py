"""Where a document stands: its own state, and apart from it its state at the network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from canonical.chain import ElectronicState, InvoiceState, ReceivableChanged, ReceivableState
from domains.billing.credits import Credits
from domains.billing.deadlines import Deadlines
from domains.billing.documents import Document
from domains.billing.network import Network
from domains.contract import Fact, Rules

_BY_CASH: Final = {
    ReceivableState.OPEN: None,
    ReceivableState.PARTIALLY_PAID: InvoiceState.PARTIALLY_PAID,
    # Covered is not paid: the cleared bank credit is not there yet.
    ReceivableState.COVERED: InvoiceState.PARTIALLY_PAID,
    ReceivableState.PAID: InvoiceState.PAID,
    ReceivableState.CLOSED: InvoiceState.CLOSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a document."""

    state: InvoiceState
    electronic: ElectronicState
    disputed: bool
    sent_at: datetime | None


def standing_of(  # noqa: PLR0917 - all a state rests on
    document: Document,
    network: Network,
    credited: Credits,
    receivable: tuple[Fact, ReceivableChanged] | None,
    rules: Rules,
    deadlines: Deadlines,
) -> Standing:
    """What cash says of it goes before what the network says.

    A document of which no network says anything within the time an answer may take counts as sent
    to the customer then, by mail or a portal: nothing reports that. So does one that was accepted,
    where nothing is told of its delivery: many authorities only accept, and deliver nothing.
    """
    sent_at = network.sent_at
    quiet_since = network.accepted_at if network.was_told else document.at
    if sent_at is None and quiet_since is not None:
        quiet_until = quiet_since + rules.answer_due
        sent_at = quiet_until if deadlines.passed(quiet_until) else None
    by_cash = _BY_CASH[receivable[1].state] if receivable else None
    by_network = InvoiceState.SENT if sent_at else InvoiceState.CREATED
    return Standing(
        state=by_cash or by_network,
        electronic=network.electronic(
            correction_is_due=_correction_is_due(document, network, credited, rules, deadlines)
        ),
        disputed=receivable is not None and receivable[1].disputed,
        sent_at=sent_at,
    )


def _correction_is_due(
    document: Document, network: Network, credited: Credits, rules: Rules, deadlines: Deadlines
) -> bool:
    """A rejected document may be sent again; once that has not happened for as long as an answer
    may take, it has to be corrected."""
    if network.rejection is None or not network.is_negative or credited.is_freed(document):
        return False
    return deadlines.passed(network.rejection[1].occurred_at + rules.answer_due)
