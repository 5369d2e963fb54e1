"""One order's way from quote to bank entry in a store: messages, and what domains made of them.

Nothing is derived here: the records stand as the domains would have written them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from canonical.keys import Key, message_id
from domains.engine.tables import evidence, record_facts, record_names, records
from store.database import Database
from store.ids import RECEIPT, show_id
from store.intake import inbox
from store.log import normalised
from store.records import NewMessage
from store.statements import insert_all
from store.times import micros
from tests.workbench_web.traffic import delivery, message, translated

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ORDER = "shopify/acme/order/700507"
ENTRY = "receipt/DE02120300000000202051/BANKREF-9"
PAYOUT = "payout/stripe/acme/po_88001"


class Story:
    """What has happened, by names of its own."""

    def __init__(self, *, paid_out_with: int = 0) -> None:
        self.messages: dict[str, NewMessage] = {}
        self.receipts: dict[str, str] = {}
        self.paid_out_with = paid_out_with
        """So many payments of others are in the payout."""
        self._clock = START

    async def happen(self, database: Database, *, domains: bool = True) -> Story:
        """Put it all into a store; without `domains`, as if none ran."""

        def tell(connection: Connection) -> None:
            self._shop(connection, domains)
            self._money(connection, domains)

        await database.write(tell)
        if domains:
            await database.write(self._records)
        return self

    def id(self, name: str) -> str:
        """The id of a message."""
        return self.messages[name].message_id

    def _shop(self, c: Connection, known: bool) -> None:
        order = {"order_id": "700507", "order_number": "#1001"}
        self._fact(c, "quote", "o2c.quote.accepted", {"quote_id": "Q-7700"}, "/crm/acme", known)
        self._fact(c, "order", "o2c.order.placed", order, "/shopify/acme", known, ORDER)
        shipment = {"shipment_id": "SHP-1001", "order_id": "700507"}
        self._fact(c, "shipped", "o2c.shipment.confirmed", shipment, "/acme_3pl/eu", known)
        scan = {"tracking_number": "TRK12345678", "status": "DELIVERED"}
        self._fact(c, "scan", "o2c.delivery.status_changed", scan, "/easypost/acme", known)
        bill = {"invoice_number": "INV-2026-77", "order_id": "700507"}
        self._fact(c, "invoice", "o2c.invoice.issued", bill, "/ubl/acme", known)

    def _money(self, c: Connection, known: bool) -> None:
        paid = {"payment_id": "pi_77001", "order_id": "700507"}
        self._fact(c, "paid", "o2c.payment.captured", paid, "/stripe/acme", known)
        line = {"payout_id": "po_88001", "payment_id": "pi_77001"}
        self._fact(c, "line", "o2c.payout.line_reported", line, "/stripe/acme", known)
        for number in range(self.paid_out_with):
            other = {"payment_id": f"pi_other_{number:03}", "order_id": f"800{number:03}"}
            self._fact(c, f"paid {number}", "o2c.payment.captured", other, "/stripe/acme", known)
            line = {"payout_id": "po_88001", "payment_id": other["payment_id"]}
            self._fact(c, f"line {number}", "o2c.payout.line_reported", line, "/stripe/acme", known)
        payout = {"payout_id": "po_88001", "status": "paid"}
        self._fact(c, "payout", "o2c.payout.settled", payout, "/stripe/acme", known)
        booked = {"entry_reference": "BANKREF-9"}
        self._fact(c, "booked", "o2c.bank_entry.booked", booked, "/camt/house", known)
        told = {"invoice_number": "INV-2026-77", "state": "PAID", "revision": 1}
        key = Key.of(
            "chain", "cash", "o2c.receivable.changed", "receivable/acme/INV-2026-77/380", 1
        )
        self._fact(
            c, "told", "o2c.receivable.changed", told, "/chain/cash", known, ORDER, key=key
        )  # fmt: skip

    def _fact(  # noqa: PLR0917 - what a message is made of
        self,
        connection: Connection,
        name: str,
        kind: str,
        data: Mapping[str, Any],
        source: str,
        known: bool,
        correlation: str = "",
        *,
        key: Key | None = None,
    ) -> None:
        self._clock += timedelta(minutes=10)
        connector, _, account = source.removeprefix("/").partition("/")
        key = key or Key.of("fact", connector, account, name)
        references = [
            {"scheme": f"{connector}:{field}", "value": value}
            for field, value in data.items()
            if field not in ("status", "state", "revision", "order_id" if name != "order" else "")
        ]
        one = message(
            name,
            {"references": references, **data},
            type=kind,
            source=source,
            subject=f"{kind.split('.')[1]}/{name}",
            occurred_at=self._clock,
            correlation=correlation or f"{connector}/{account}/{name}",
            message_id=message_id(key.digest),
            key=key.text,
            key_digest=key.digest,
        )
        raw = delivery(
            f"wh-{name}", connector=connector, account=account, kind=kind, body=b'{"raw": true}'
        )
        inbox.accept(connection, [raw])
        normalised.record(
            connection, [translated(raw, one)], raw.received_at, owner="me", claimed_until=None
        )
        self.messages[name] = one
        self.receipts[name] = show_id(RECEIPT, raw.receipt_id)
        if known:
            self._file(connection, one, self.receipts[name])

    def _file(self, connection: Connection, one: NewMessage, receipt: str) -> None:
        row = {
            "message_id": one.message_id,
            "type": one.type,
            "source": one.source,
            "idempotency_key": one.key,
            "occurred_at": micros(one.occurred_at),
            "arrived_at": micros(one.occurred_at),
            "version": None,
            "receipt": receipt,
            "correlation": one.correlation,
            "corrects": None,
            "corrected_by": None,
            "data": one.data,
        }
        domains = ("order", "cash")
        insert_all(connection, evidence, [{"domain": domain, **row} for domain in domains])

    def _records(self, c: Connection) -> None:
        order = ("quote", "order", "shipped", "invoice", "paid", "told")
        put(
            c, self, "order", "order", "order/shopify/acme/700507", "#1001", "FINANCIALLY_COMPLETE",
            order, names={"order_number": "#1001", "order": "700507"},
        )  # fmt: skip
        shipment = "shipment/acme_3pl/eu/SHP-1001"
        put(c, self, "shipment", "shipment", shipment, "SHP-1001", "SHIPPED", ("shipped",))
        put(
            c, self, "shipment", "delivery", "delivery/dhl/TRK12345678", "TRK12345678", "DELIVERED",
            ("scan",), {"shipments": [shipment]}, {"tracking_number": "TRK12345678"},
        )  # fmt: skip
        put(
            c, self, "billing", "candidate", "candidate/SHP-1001", "SHP-1001", "INVOICED",
            ("shipped", "invoice"),
        )  # fmt: skip
        put(
            c, self, "billing", "invoice", "invoice/acme/INV-2026-77/380", "INV-2026-77", "PAID",
            ("invoice", "told"), names={"invoice": "INV-2026-77"},
        )  # fmt: skip
        put(
            c, self, "cash", "receivable", "receivable/acme/INV-2026-77/380", "INV-2026-77",
            "CLOSED", ("invoice", "paid", "booked"),
            {"proofs": [{"payment": "payment/stripe/acme/pi_77001", "bank_entry": ENTRY}]},
            {"invoice": "INV-2026-77"},
        )  # fmt: skip
        self._cash(c)

    def _cash(self, c: Connection) -> None:
        own = "payment/stripe/acme/pi_77001"
        put(
            c, self, "cash", "payment", own, "pi_77001", "MATCHED", ("paid", "line"),
            {"payout": PAYOUT}, {"payment": "pi_77001"},
        )  # fmt: skip
        keys = [own, *(self._other(c, number) for number in range(self.paid_out_with))]
        lines = [name for name in self.messages if name.startswith("line")]
        put(
            c, self, "cash", "payout", PAYOUT, "po_88001", "SETTLED", ("payout", *lines),
            {"payments": keys, "bank": {"entry": ENTRY}}, {"payout": "po_88001"},
        )  # fmt: skip
        put(
            c, self, "cash", "receipt", ENTRY, "BANKREF-9", "APPLIED", ("booked",),
            {"for": PAYOUT}, {"entry": "BANKREF-9"},
        )  # fmt: skip

    def _other(self, c: Connection, number: int) -> str:
        """What belongs to another order of the payout; the key of its payment."""
        label, payment = f"800{number:03}", f"pi_other_{number:03}"
        paid = f"paid {number}"
        put(c, self, "order", "order", f"order/shopify/acme/{label}", label, "PLACED", (paid,))
        key = f"receivable/acme/{label}/380"
        put(c, self, "cash", "receivable", key, label, "CLOSED", (paid, "booked"))
        key = f"payment/stripe/acme/{payment}"
        put(
            c, self, "cash", "payment", key, payment, "MATCHED", (paid, f"line {number}"),
            {"payout": PAYOUT}, {"payment": payment},
        )  # fmt: skip
        return key


def put(  # noqa: PLR0917 - what a record is made of
    connection: Connection,
    story: Story,
    domain: str,
    kind: str,
    key: str,
    label: str,
    status: str,
    facts: Iterable[str],
    state: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Store a record that rests on these facts of the story."""
    row = {
        "domain": domain,
        "key": key,
        "kind": kind,
        "label": label,
        "status": status,
        "state": orjson.dumps(state or {}).decode(),
        "digest": "",
        "created_at": micros(START),
        "updated_at": micros(START),
    }
    insert_all(connection, records, [row])
    about = {"domain": domain, "record_key": key}
    insert_all(
        connection, record_facts, [{**about, "message_id": story.id(fact)} for fact in facts]
    )
    named = [{**about, "scheme": scheme, "value": value} for scheme, value in (names or {}).items()]
    insert_all(connection, record_names, named)
