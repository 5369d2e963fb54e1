"""A simulated month of a company: thousands of facts about orders, with all that goes wrong.

The same seed gives the same month. Facts come in the order they happened; `deliveries` brings them
late, twice and in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from canonical.billing import EInvoiceStatus
from canonical.keys import Version
from canonical.payload import Payload
from canonical.shipment import DeliveryStatus, ReasonClass
from domains.contract import Fact
from tests.domains import month_facts as says
from tests.domains.building import DAY, fact

DAYS = 28
PRICES = (Decimal("89.00"), Decimal("14.50"), Decimal("32.00"))
SKUS = ("LAMP", "NOTE", "PEN")
"""Few, so that many invoices are of one amount."""
FEE = Decimal("0.35")
SHORT = Decimal("5.00")
WAYS_TO_PAY = (
    ("card", 40),
    ("exact", 22),
    ("lump", 10),
    ("short", 6),
    ("over", 5),
    ("unreferenced", 4),
    ("bounced", 3),
    ("never", 10),
)


class Line(NamedTuple):
    """A line of an order."""

    sku: str
    price: Decimal
    quantity: int


@dataclass
class Sale:
    """One order's life so far."""

    number: int
    lines: list[Line]
    at: datetime
    way: str
    shipments: list[tuple[str, list[int]]] = field(default_factory=list)
    """Its id and how many of each line are in it."""
    invoices: list[tuple[str, Decimal]] = field(default_factory=list)
    is_plain: bool = True
    """Nothing of it came back, and nothing is disputed."""

    @property
    def order_id(self) -> str:
        return str(6_120_000_000_000 + self.number)

    def worth(self, counts: Sequence[int]) -> Decimal:
        pairs = zip(self.lines, counts, strict=True)
        return sum((line.price * count for line, count in pairs), Decimal(0))

    @property
    def total(self) -> Decimal:
        return self.worth([line.quantity for line in self.lines])

    def later(self, **much: float) -> datetime:
        self.at += timedelta(**much)
        return self.at


@dataclass
class Month:
    """Invents a month of so many orders."""

    orders: int
    seed: int = 1
    facts: list[Fact] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    banked: Decimal = Decimal(0)
    """All that the bank credited, also what it took back later."""
    _movements: dict[int, list[tuple[str, str, Decimal, Decimal]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _lumps: list[tuple[str, Decimal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - an invented month, no secrets
        for number in range(1, self.orders + 1):
            self.sales.append(sale := self._sale(number))
            self._live(sale)
        self._pay_lump(DAY + timedelta(days=DAYS))
        for day in sorted(self._movements):
            self._pay_out(day)
        self.facts.sort(key=lambda one: (one.occurred_at, one.key))

    def open_amounts(self) -> dict[str, Decimal]:
        """What has to be open of each invoice at the end, where nothing came back of its order."""
        whole = {"never", "unreferenced", "bounced"}
        kept_back = {"short": SHORT}
        return {
            number: amount if sale.way in whole else kept_back.get(sale.way, Decimal(0))
            for sale in self.sales
            if sale.is_plain
            for number, amount in sale.invoices
        }

    def deliveries(self, seed: int, parts: int) -> list[list[Fact]]:
        """All facts in so many parts: late, some of them twice, in another order each seed."""
        chance = Random(seed)  # noqa: S311 - an order of delivery, no secret
        again = chance.sample(self.facts, len(self.facts) // 5)
        if seed % 2:
            told = [*self.facts, *again]
            chance.shuffle(told)
        else:
            delayed = [
                (one.occurred_at + timedelta(hours=chance.expovariate(1 / 12)), index, one)
                for index, one in enumerate([*self.facts, *again])
            ]
            told = [one for _, _, one in sorted(delayed, key=lambda late: late[:2])]
        size = -(-len(told) // parts)
        return [told[start : start + size] for start in range(0, len(told), size)]

    def _sale(self, number: int) -> Sale:
        lines = [
            Line(sku, price, self.chance.choice((1, 1, 1, 1, 2, 3)))
            for sku, price in self.chance.sample(
                list(zip(SKUS, PRICES, strict=True)), self.chance.choice((1, 1, 1, 2))
            )
        ]
        at = DAY + timedelta(seconds=round(DAYS * 86_400 * number / (self.orders + 1)))
        names, weights = zip(*WAYS_TO_PAY, strict=True)
        return Sale(number, lines, at, self.chance.choices(names, weights)[0])

    def _one_in(self, many: int) -> bool:
        return self.chance.randrange(many) == 0

    def _live(self, sale: Sale) -> None:
        self._place(sale)
        if self._one_in(20):
            self._order(sale, "cancelled")
            return
        if sale.way == "card":
            self._capture(sale)
        self._ship(sale)
        cancelled_late = self._one_in(40)
        if cancelled_late:
            self._order(sale, "cancelled")
        self._deliver(sale)
        self._bill(sale)
        self._pay(sale)
        if self._one_in(15):
            sale.is_plain = False
            self._give_back(sale)
        elif sale.way == "card" and self._one_in(6):
            sale.is_plain = False
            self._dispute(sale)

    def _tell(
        self, payload: Payload, source: str, at: datetime, *, version: str | None = None
    ) -> None:
        self.facts.append(fact(payload, source=source, at=at, version=version))

    def _place(self, sale: Sale) -> None:
        self._order(sale, "placed")
        if self._one_in(8):
            sale.later(minutes=20)
            sale.lines = [one._replace(quantity=one.quantity + 1) for one in sale.lines]
            self._order(sale, "changed")

    def _order(self, sale: Sale, what: str) -> None:
        at = sale.later(minutes=1)
        told = says.order(what, sale, at)
        self._tell(told, "/shopify/acme", at, version=Version.at(at).text)

    def _ship(self, sale: Sale) -> None:
        whole = [line.quantity for line in sale.lines]
        first = [max(1, count - 1) for count in whole]
        parts = [whole]
        if self._one_in(5) and first != whole:
            parts = [first, [all_ - some for all_, some in zip(whole, first, strict=True)]]
        for ordinal, counts in enumerate(parts, 1):
            if ordinal == len(parts) > 1 and self._one_in(4):
                return  # the rest stays on back order
            shipment = f"{90_000_000_000 + sale.number * 10 + ordinal}"
            at = sale.later(hours=4)
            self._confirm(sale, shipment, counts, at, taken_back=False)
            if self._one_in(30):
                self._confirm(sale, shipment, counts, sale.later(hours=2), taken_back=True)
                continue
            sale.shipments.append((shipment, counts))

    def _confirm(
        self, sale: Sale, shipment: str, counts: list[int], at: datetime, *, taken_back: bool
    ) -> None:
        for index, count in enumerate(counts):
            if count:
                told = says.shipment(sale, shipment, index, count, at, taken_back=taken_back)
                self._tell(told, "/shipbob/acme", at)

    def _deliver(self, sale: Sale) -> None:
        for shipment, _ in sale.shipments:
            self._scan(sale, shipment, DeliveryStatus.IN_TRANSIT)
            if self._one_in(10):
                reason = self.chance.choice([*ReasonClass, None])
                self._scan(sale, shipment, DeliveryStatus.FAILED, reason)
                if self._one_in(4):
                    continue  # and nobody tries again
                self._scan(sale, shipment, DeliveryStatus.REATTEMPT)
            self._scan(sale, shipment, DeliveryStatus.DELIVERED)

    def _scan(
        self, sale: Sale, shipment: str, status: DeliveryStatus, reason: ReasonClass | None = None
    ) -> None:
        at = sale.later(hours=6)
        self._tell(says.scan(shipment, status, reason, at), "/easypost/acme", at)

    def _bill(self, sale: Sale) -> None:
        for ordinal, (shipment, counts) in enumerate(sale.shipments, 1):
            number = f"INV-{sale.number:05d}-{ordinal}"
            at = sale.later(hours=1)
            self._tell(says.invoice(sale, number, shipment, counts, at), "/ubl/acme", at)
            sale.invoices.append((number, sale.worth(counts)))
            for status in self._answers():
                later = sale.later(minutes=30)
                self._tell(says.answer(number, status, later), "/ubl/acme", later)

    def _answers(self) -> Sequence[EInvoiceStatus]:
        if self._one_in(15):
            return (EInvoiceStatus.REJECTED,)
        return (EInvoiceStatus.SUBMITTED, EInvoiceStatus.ACCEPTED)

    def _pay(self, sale: Sale) -> None:
        if sale.way in {"card", "never"}:
            return
        for number, amount in sale.invoices:
            if sale.way == "lump":
                self._lumps.append((number, amount))
                if len(self._lumps) == 4:
                    self._pay_lump(sale.later(days=3))
                continue
            self._transfer(sale, number, amount, sale.later(days=2))

    def _transfer(self, sale: Sale, number: str, amount: Decimal, at: datetime) -> None:
        text = "with many thanks" if sale.way == "unreferenced" else f"Invoice {number}"
        change = {"short": -SHORT, "over": Decimal("5.00")}.get(sale.way, Decimal(0))
        if sale.way == "short" and self._one_in(2):
            self._tell(says.advice(number, amount, amount + change, at), "/x12/acme", at)
        self._book(f"B{number}", amount + change, text, at)
        if sale.way == "bounced":
            self._book(f"B{number}", -amount, text, at + timedelta(days=1))

    def _pay_lump(self, at: datetime) -> None:
        if self._lumps:
            text = " ".join(number for number, _ in self._lumps)
            amount = sum((one for _, one in self._lumps), Decimal(0))
            self._book(f"L{self._lumps[0][0]}", amount, f"Invoices {text}", at)
            self._lumps.clear()

    def _book(self, reference: str, amount: Decimal, text: str, at: datetime) -> None:
        self.banked += max(amount, Decimal(0))
        self._tell(says.booked(reference, amount, text, at), "/camt/house-bank", at)

    def _capture(self, sale: Sale) -> None:
        at = sale.later(minutes=2)
        self._tell(says.captured(sale, at), "/stripe/acme", at)
        self._move(at, "charge", f"ch_{sale.number:08d}", sale.total)

    def _move(self, at: datetime, kind: str, source: str, amount: Decimal) -> None:
        fee = FEE if kind == "charge" else Decimal(0)
        self._movements[(at - DAY).days].append((kind, source, amount, fee))

    def _pay_out(self, day: int) -> None:
        at = DAY + timedelta(days=day + 2)
        payout = f"po_{self.seed:04d}_{day:04d}"
        net = sum((amount - fee for _, _, amount, fee in self._movements[day]), Decimal(0))
        for index, (kind, source, amount, fee) in enumerate(self._movements[day]):
            told: Any = says.payout_line(payout, index, kind, source, amount, fee, at)
            self._tell(told, "/stripe/acme", at)
        self._tell(says.payout(payout, net, at), "/stripe/acme", at)
        self._book(f"P{payout}", net, payout.upper(), at + timedelta(days=1))

    def _give_back(self, sale: Sale) -> None:
        """One piece of the first line comes back, and is credited; a card is refunded."""
        if not sale.invoices or not sale.shipments[0][1][0]:
            return
        number, _ = sale.invoices[0]
        at = sale.later(days=1)
        counts = [1] + [0] * (len(sale.lines) - 1)
        self._tell(says.came_back(sale, at), "/shipbob/acme", at)
        note = says.credit_note(sale, f"CN-{number}", number, counts, sale.later(hours=3))
        self._tell(note, "/ubl/acme", sale.at)
        if sale.way == "card":
            at = sale.later(hours=1)
            amount = sale.worth(counts)
            self._tell(says.refunded(sale, amount, at), "/stripe/acme", at)
            self._move(at, "refund", f"re_{sale.number:08d}", -amount)

    def _dispute(self, sale: Sale) -> None:
        at = sale.later(days=2)
        self._tell(says.disputed(sale, at), "/stripe/acme", at)
        self._move(at, "adjustment", f"du_{sale.number:08d}", -sale.total)
        if self._one_in(3):
            return
        won, at = self._one_in(2), sale.later(days=3)
        self._tell(says.dispute_closed(sale, at, won=won), "/stripe/acme", at)
        if won:
            self._move(at, "adjustment", f"du_{sale.number:08d}", sale.total)
