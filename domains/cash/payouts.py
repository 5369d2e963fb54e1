"""Payouts: the same money on its way from the gateway to the bank, and its arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.keys import Key
from domains.cash.amounts import ZERO, total
from domains.cash.entries import Receipt
from domains.contract import Cluster
from domains.facts import Told, told

_NEVER_PAID: Final = frozenset(("failed", "canceled", "cancelled", "returned", "reversed"))


@dataclass(slots=True, kw_only=True)
class Payout:
    """A payout in one currency, by all that was told of it."""

    key: str
    gateway: str
    account: str
    payout_id: str
    currency: str
    told: list[Told[PayoutSettled]]
    lines: list[Told[PayoutLineReported]] = field(default_factory=list)
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    """States of the receipts that are this payout at the bank, with their keys."""

    @property
    def facts(self) -> frozenset[str]:
        return frozenset([one.id for one in self.told] + [one.id for one in self.lines])

    @property
    def summary(self) -> PayoutSettled:
        """What says most: a report with the sums, else the newest."""
        detailed = [one.data for one in self.told if one.data.gross is not None]
        return detailed[-1] if detailed else self.told[-1].data

    @property
    def net(self) -> Decimal:
        return self.summary.net.amount

    @property
    def failed(self) -> bool:
        return any(one.data.status.casefold() in _NEVER_PAID for one in self.told)

    @property
    def settled_at(self) -> datetime:
        return min(one.at for one in self.told)

    @property
    def expected_at(self) -> datetime:
        """When the bank should have it."""
        days = [one.data.arrival_date for one in self.told if one.data.arrival_date]
        if not days:
            return self.settled_at
        arrival = datetime.combine(max(days), time.min, UTC)
        return max(arrival, self.settled_at)

    @property
    def computed_net(self) -> Decimal | None:
        """gross − fees − refunds ± disputes + other, where they are told."""
        summary = self.summary
        if summary.gross is None:
            return None
        parts = (summary.fees, summary.refunds, summary.disputes, summary.other)
        fees, refunds, disputes, other = (one.amount if one else ZERO for one in parts)
        return summary.gross.amount - fees - refunds + disputes + other

    @property
    def lines_net(self) -> Decimal:
        return total(one.data.net.amount for one in self.lines)

    @property
    def lines_complete(self) -> bool | None:
        """Whether all lines are here; None where nobody told how many there are."""
        count = self.summary.line_count
        return None if count is None else len(self.lines) >= count

    @property
    def at_bank(self) -> Decimal:
        return total(Decimal(str(one["amount"])) for one in self.entries)

    @property
    def cleared(self) -> bool:
        """The bank has exactly the net; of a net of nothing there is nothing to have."""
        if self.failed:
            return False
        return self.at_bank == self.net if self.net else True

    @property
    def bank_entry(self) -> str | None:
        return str(self.entries[0]["key"]) if self.entries else None

    @property
    def status(self) -> str:
        """The word lists show."""
        if self.failed:
            return "FAILED"
        if self.cleared:
            return "CLEARED"
        return "DIFFERS" if self.entries else "SETTLED"


def payouts_in(cluster: Cluster) -> dict[str, Payout]:
    """The payouts of a cluster by key, with their lines."""
    settled: dict[tuple[str, str, str], dict[str, list[Told[PayoutSettled]]]] = defaultdict(dict)
    for one in told(cluster.facts, PayoutSettled):
        name = (one.data.gateway, one.data.account, one.data.payout_id)
        settled[name].setdefault(one.data.net.currency, []).append(one)
    found: dict[str, Payout] = {}
    for name, by_currency in sorted(settled.items()):
        for currency, members in sorted(by_currency.items()):
            key = payout_key(*name, currency=currency if len(by_currency) > 1 else None)
            found[key] = Payout(
                key=key,
                gateway=name[0],
                account=name[1],
                payout_id=name[2],
                currency=currency,
                told=members,
                lines=_lines_of(cluster, name, currency),
            )
    return found


def payout_key(gateway: str, account: str, payout_id: str, *, currency: str | None = None) -> str:
    """The key of a payout; with its currency where one id is paid out in several."""
    key = Key.of("payout", gateway, account, payout_id)
    return (key.extended(currency) if currency else key).text


def keys_of_line(line: PayoutLineReported) -> tuple[str, str]:
    """The keys the payout of a line may have."""
    name = (line.gateway, line.account, line.payout_id)
    return payout_key(*name), payout_key(*name, currency=line.net.currency)


def _lines_of(
    cluster: Cluster, name: tuple[str, str, str], currency: str
) -> list[Told[PayoutLineReported]]:
    found: dict[str, Told[PayoutLineReported]] = {}
    for one in told(cluster.facts, PayoutLineReported):
        line = one.data
        same = (line.gateway, line.account, line.payout_id) == name
        if same and line.net.currency == currency:
            found.setdefault(line.line_id, one)
    return list(found.values())


def add_entries(
    payouts: Iterable[Payout],
    receipts: Sequence[Receipt],
    borrowed: Mapping[str, Mapping[str, Any]],
) -> None:
    """Give each payout the bank entries that say they are it, of this cluster and of others."""
    for payout in payouts:
        own = [
            {"key": one.key, "amount": one.amount, "at": one.at.isoformat()}
            for one in receipts
            if one.payout == payout.key and one.reversed_by is None
        ]
        others = [
            {"key": key, "amount": state["amount"], "at": state["booked_at"]}
            for key, state in sorted(borrowed.items())
            if state.get("payout") == payout.key and state.get("reversed_at") is None
        ]
        payout.entries = [*own, *others]


def matched_at(payout: Payout) -> datetime | None:
    """When the last part of the agreement came: the payout or its bank entry."""
    if not payout.cleared:
        return None
    booked = [datetime.fromisoformat(str(one["at"])) for one in payout.entries]
    return max([payout.settled_at, *booked])
