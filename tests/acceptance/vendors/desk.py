"""One order of a scenario, and all its vendors say about it: each in its own words and door."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from demo import bank, carrier, invoices, payments, warehouse
from demo.bank import BankLine
from demo.carrier import Scan
from demo.payments import Movement
from demo.shop import Ordered, ShopOrder, fulfillment_document, order_document
from tests.acceptance.vendors import doors, remittance
from tests.acceptance.vendors.doors import Dropped, Posted

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
"""When orders were placed: lately, so that no deadline has passed by itself."""
TOWN = ("Utrecht", "3511", "NL")
TRAVELS = (("pre_transit", "label_created"), ("in_transit", "arrived_at_facility"))
ARRIVES = ("delivered", "arrived_at_destination")


class Desk:
    """An order of so many lamps and pens. Its number makes all numbers, and its total, its own."""

    def __init__(
        self,
        send: Callable[[Posted | Dropped], None],
        number: int,
        *,
        lamps: int = 1,
        pens: int = 0,
        began: datetime = BEGAN,
    ) -> None:
        self.number = number
        self._send = send
        self._clock = began
        self._events = count(1)
        price = Decimal("100.00") + Decimal("0.05") * (number % 1000)
        lines = [Ordered("Walnut desk lamp", "LAMP-WAL", price, lamps)]
        if pens:
            lines.append(Ordered("Brass pen", "PEN-BRS", Decimal("32.00"), pens))
        self.order = ShopOrder(number, tuple(lines), TOWN, began)
        self.iban = f"DE8937040044{number:010d}"
        self.seller = f"DK{number:08d}"

    @property
    def total(self) -> Decimal:
        return self.order.subtotal

    @property
    def invoice(self) -> str:
        return self.invoice_number(1)

    def invoice_number(self, ordinal: int) -> str:
        return f"INV-{self.number}-{ordinal}"

    def later(self, minutes: int = 5) -> datetime:
        """The time on this order's clock goes on."""
        self._clock += timedelta(minutes=minutes)
        return self._clock

    # The shop

    def places(self, *, paid: bool = False) -> dict[str, Any]:
        """`orders/create`; what was told."""
        return self.tells_shop("orders/create", order_document(self.order, self.later(), paid=paid))

    def changes(self, **quantities: int) -> dict[str, Any]:
        """`orders/updated` with other quantities of lamps."""
        lamp, *others = self.order.lines
        changed = (lamp._replace(quantity=quantities["lamps"]), *others)
        self.order = ShopOrder(self.number, changed, TOWN, self.order.placed_at)
        return self.tells_shop(
            "orders/updated", order_document(self.order, self.later(), paid=False)
        )

    def cancels(self) -> None:
        told = order_document(self.order, self.later(), paid=False, cancelled=True)
        self.tells_shop("orders/cancelled", told)

    def fulfils(self) -> None:
        """The shop tells of the warehouse's parcel as well."""
        tracking = warehouse.tracking_number(self.order)
        told = fulfillment_document(self.order, self.later(), tracking)
        self.tells_shop("fulfillments/create", told)

    def tells_shop(self, topic: str, document: dict[str, Any]) -> dict[str, Any]:
        self._send(doors.shop(document, topic, f"evt-{self.number}-{next(self._events)}"))
        return document

    # The warehouse

    def ships(self, *quantities: int, ordinal: int = 1) -> dict[str, Any]:
        """`order.shipped`: of everything, unless quantities are named; what was told."""
        told = warehouse.shipped_document(
            self.order, self.later(60), counts=quantities or None, ordinal=ordinal
        )
        return self.tells_warehouse("order.shipped", told)

    def takes_back(self, *quantities: int, ordinal: int = 1) -> None:
        """`order.shipment.cancelled` of what had left."""
        told = warehouse.shipment_document(
            self.order,
            self.later(),
            counts=quantities or None,
            ordinal=ordinal,
            status="Cancelled",
            detail="MerchantRequested",
        )
        self.tells_warehouse("order.shipment.cancelled", told)

    def gets_back(self, *quantities: int) -> None:
        """`return.completed`: goods came back."""
        told = warehouse.return_document(self.order, self.later(), quantities)
        self.tells_warehouse("return.completed", told)

    def tells_warehouse(self, topic: str, document: dict[str, Any]) -> dict[str, Any]:
        message = f"msg_{self.number}_{next(self._events)}"
        stamp = int(datetime.now(UTC).timestamp())
        self._send(doors.warehouse(document, topic, message, stamp))
        return document

    # The carrier

    def travels(self, *ends: tuple[str, str], ordinal: int = 1) -> list[Scan]:
        """A parcel's scans, from the label to these ends; told in one push."""
        scans = [Scan(status, detail, self.later()) for status, detail in (*TRAVELS, *ends)]
        self.is_scanned(scans, ordinal=ordinal)
        return scans

    def arrives(self, ordinal: int = 1) -> None:
        """A parcel travels, and is delivered."""
        self.travels(ARRIVES, ordinal=ordinal)

    def is_scanned(self, scans: Sequence[Scan], ordinal: int = 1) -> None:
        tracking = warehouse.tracking_number(self.order, ordinal)
        event = f"evt_{self.number}_{next(self._events)}"
        self._send(doors.carrier(carrier.tracker_event(tracking, scans, event=event)))

    # Billing and its network

    def bills(self, *quantities: int, ordinal: int = 1) -> str:
        """An invoice of a shipment; its number."""
        number = self.invoice_number(ordinal)
        shipment = str(warehouse.shipment_id(self.order, ordinal))
        self._files(number, invoices.document(self._document(number, quantities, shipment)))
        return number

    def credits(self, *quantities: int, ordinal: int = 1) -> str:
        """A credit note for an invoice; its number."""
        number = f"CN-{self.number}-{ordinal}"
        corrects = self.invoice_number(ordinal)
        self._files(number, invoices.document(self._document(number, quantities, None, corrects)))
        return number

    def network_says(self, code: str, invoice: str, *, business: bool = False) -> None:
        response = f"rsp-{self.number}-{next(self._events)}"
        told = invoices.network_response(
            invoice, code, self.later(), response=response, business=business
        )
        self._files(response, told)

    def _document(
        self,
        number: str,
        quantities: Sequence[int],
        shipment: str | None,
        corrects: str | None = None,
    ) -> invoices.Document:
        return invoices.Document(
            order=self.order,
            number=number,
            issued=self.later().date(),
            counts=quantities or self.order.counts,
            seller=self.seller,
            shipment=shipment,
            corrects=corrects,
        )

    def _files(self, name: str, content: bytes) -> None:
        self._send(Dropped("invoices", f"{name}-{next(self._events)}.xml", content))

    # The payment gateway

    def pays_by_card(self, *, currency: str = "eur") -> dict[str, Any]:
        """`payment_intent.succeeded`; what was told."""
        event = payments.payment_intent_event(self.order, self.later())
        event["data"]["object"]["currency"] = currency
        return self.tells_gateway(event)

    def refunds(self, amount: Decimal) -> None:
        self.tells_gateway(payments.refund_event(self.order, amount, self.later()))

    def disputes(self, status: str = "needs_response") -> None:
        self.tells_gateway(payments.dispute_event(self.order, self.later(), status=status))

    def is_paid_out(self, payout: str, *movements: Movement) -> Decimal:
        """`payout.paid`, and its lines as a file; the net."""
        net, moment = payments.net_of(movements), self.later()
        listed = payments.payout_list(payout, movements, moment)
        self._send(Dropped("payouts", f"{payout}.json", json.dumps(listed).encode()))
        self.tells_gateway(payments.payout_event(payout, net, moment))
        return net

    def charged(self, fee: str) -> Movement:
        return payments.charged(self.order, Decimal(fee), self._clock)

    def refunded(self, amount: Decimal) -> Movement:
        return payments.refunded(self.order, amount, self._clock)

    def tells_gateway(self, event: dict[str, Any]) -> dict[str, Any]:
        self._send(doors.gateway(event))
        return event

    # The bank and its customers

    def line(self, amount: Decimal, text: str, *, ordinal: int = 1) -> BankLine:
        """A line of the statement; `ordinal` tells it apart from the others of this scenario."""
        return BankLine(f"BK{self.number}-{ordinal}", amount, "Example Buyer", text)

    def reversal_of(self, line: BankLine) -> BankLine:
        """The bank takes an entry back."""
        return replace(line, amount=-line.amount, reversal=True)

    def bank_books(self, *lines: BankLine, number: int = 1) -> None:
        """A statement (camt.053) with these lines."""
        content = bank.statement(self._clock.date(), number, lines, iban=self.iban)
        self._statement("statements", f"{number}.xml", content)

    def bank_notifies(self, *lines: BankLine) -> None:
        """A notification (camt.054) of what the statement is going to book."""
        content = bank.notification(self._clock.date(), self.number, lines, iban=self.iban)
        self._statement("statements", "notice.xml", content)

    def other_bank_books(self, *lines: BankLine, number: int = 1) -> None:
        """A statement of a bank that still writes MT940."""
        content = bank.swift_statement(self._clock.date(), number, lines, iban=self.iban)
        self._statement("swift", f"{number}.sta", content)

    def advises(self, *lines: remittance.Advised) -> None:
        """A customer's remittance advice (X12 820)."""
        content = remittance.advice(self.number, self._clock.date(), lines, f"RA-{self.number}")
        self._send(Dropped("remittances", f"{self.number}.edi", content))

    def _statement(self, folder: str, name: str, content: bytes) -> None:
        self._send(Dropped(folder, f"{self.number}-{next(self._events)}-{name}", content))
