"""A customer's remittance advice, in X12's structure: what is paid, and what is kept back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Advised(NamedTuple):
    """What a customer says one invoice gets."""

    invoice: str
    due: Decimal
    paid: Decimal


def advice(number: int, day: date, lines: Sequence[Advised], reference: str) -> bytes:
    """An 820 whose sums hold."""
    total = sum((line.paid for line in lines), Decimal(0))
    told = "".join(_line(line) for line in lines)
    body = (
        f"ST*820*0001~BPR*C*{total}*C*ACH************{day:%Y%m%d}~TRN*1*{reference}~CUR*PR*EUR~"
        f"N1*PR*Example Stores~N1*PE*Nordic Desk~ENT*1~{told}"
    )
    return (
        "ISA*00*          *00*          *ZZ*BUYERCO        *ZZ*NORDICDESK     *"
        f"{day:%y%m%d}*0915*U*00401*{number:09d}*0*P*>~"
        f"GS*RA*BUYERCO*NORDICDESK*{day:%Y%m%d}*0915*{number}*X*004010~{body}"
        f"SE*{body.count('~') + 1}*0001~GE*1*{number}~IEA*1*{number:09d}~"
    ).encode()


def _line(line: Advised) -> str:
    kept = line.due - line.paid
    if not kept:
        return f"RMR*IV*{line.invoice}**{line.paid}*{line.due}~"
    return f"RMR*IV*{line.invoice}**{line.paid}*{line.due}*{kept}~"
