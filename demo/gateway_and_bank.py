"""What the demo's payment gateway and bank say, in Stripe's and ISO 20022's structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from demo.shop import ShopOrder

IBAN = "DE89370400440532013000"
"""The example IBAN of the registry's documentation."""


def payment_intent_event(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """`payment_intent.succeeded` of an order."""
    amount = _minor(order.subtotal)
    return _event(
        f"evt_demo_pi_{order.number}",
        "payment_intent.succeeded",
        moment,
        {
            "id": f"pi_demo_{order.number}",
            "object": "payment_intent",
            "amount": amount,
            "amount_received": amount,
            "currency": "eur",
            "created": int(order.placed_at.timestamp()),
            "latest_charge": f"ch_demo_{order.number}",
            "livemode": True,
            "metadata": {"order_id": str(order.order_id)},
            "payment_method_types": ["card"],
            "status": "succeeded",
        },
    )


def charge_event(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """`charge.succeeded`: the same capture, told by another object."""
    amount = _minor(order.subtotal)
    return _event(
        f"evt_demo_ch_{order.number}",
        "charge.succeeded",
        moment,
        {
            "id": f"ch_demo_{order.number}",
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "captured": True,
            "paid": True,
            "refunded": False,
            "currency": "eur",
            "created": int(moment.timestamp()),
            "livemode": True,
            "metadata": {"order_id": str(order.order_id)},
            "payment_intent": f"pi_demo_{order.number}",
            "payment_method_details": {"type": "card"},
            "status": "succeeded",
        },
    )


def payout_event(amount: Decimal, moment: datetime) -> dict[str, Any]:
    """`payout.paid` of the morning's money."""
    return _event(
        "evt_demo_payout",
        "payout.paid",
        moment,
        {
            "id": "po_demo_1",
            "object": "payout",
            "amount": _minor(amount),
            "arrival_date": int(moment.timestamp()),
            "automatic": True,
            "balance_transaction": "txn_demo_payout",
            "created": int(moment.timestamp()),
            "currency": "eur",
            "destination": "ba_demo",
            "livemode": True,
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed",
            "statement_descriptor": None,
            "status": "paid",
            "type": "bank_account",
        },
    )


@dataclass(frozen=True, slots=True)
class BankLine:
    """One booked credit of the demo's statement."""

    reference: str
    amount: Decimal
    payer: str
    text: str


def statement(day: date, number: int, opening: Decimal, lines: Sequence[BankLine]) -> bytes:
    """A camt.053.001.08 statement of one day whose balances hold."""
    closing = opening + sum((line.amount for line in lines), Decimal(0))
    entries = "".join(_entry(line, day) for line in lines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>DEMO-{day:%Y%m%d}-{number}</MsgId><CreDtTm>{day}T18:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>DEMO-STMT-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T18:00:00Z</CreDtTm>
<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{_balance("OPBD", opening, day)}{_balance("CLBD", closing, day)}
{entries}</Stmt></BkToCstmrStmt></Document>
""".encode()


def _entry(line: BankLine, day: date) -> str:
    return f"""<Ntry><Amt Ccy="EUR">{line.amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>
<AcctSvcrRef>{line.reference}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{line.text}</EndToEndId></Refs>
<Amt Ccy="EUR">{line.amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RltdPties><Dbtr><Pty><Nm>{line.payer}</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>{line.text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"""


def _balance(kind: str, amount: Decimal, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>'
    )


def _event(event_id: str, kind: str, moment: datetime, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": int(moment.timestamp()),
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": document},
    }


def _minor(amount: Decimal) -> int:
    return int(amount * 100)
