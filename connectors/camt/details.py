"""What a transaction inside an entry says beyond its amount: references, remittance, charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.values import Direction, Money
from connectors.camt.fields import direction_at, money_at, reference_at, signed
from connectors.camt.node import Node, Paths

SCHEME = "iso20022:"
_REFERENCES = {
    name: SCHEME + name
    for name in (
        "AcctSvcrRef", "MsgId", "PmtInfId", "InstrId", "EndToEndId", "UETR", "TxId", "MndtId",
        "ChqNb", "ClrSysRef", "AcctOwnrTxId", "AcctSvcrTxId", "MktInfrstrctrTxId", "PrcgId",
    )
}  # fmt: skip
_DOMAIN: Final = Paths("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
_REASON: Final = Paths("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry", "RtrInf/AddtlInf")
_DOCUMENT_TYPE: Final = Paths("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")

Reference = tuple[str, str]
"""Scheme and value of an identifier."""


@dataclass(frozen=True, slots=True)
class Remittance:
    """What a payment is said to be for."""

    lines: tuple[str, ...] = ()
    creditor_references: tuple[str, ...] = ()
    documents: tuple[Reference, ...] = ()

    @classmethod
    def of(cls, transactions: Iterable[Node]) -> Remittance:
        """The remittance information of these transactions, in their order."""
        told = [node for one in transactions for node in one.all("RmtInf")]
        if not told:
            return _NO_REMITTANCE
        structured = [node for one in told for node in one.all("Strd")]
        lines = _texts(told, "Ustrd")
        if not structured:
            return cls(tuple(lines))
        lines += _texts(structured, "AddtlRmtInf")
        references = [reference_at(one, "CdtrRefInf", "Ref") for one in structured]
        # Versions 01 and 02 also knew `CdtrRefInf/CdtrRef`.
        references += [reference_at(one, "CdtrRefInf", "CdtrRef") for one in structured]
        return cls(
            lines=tuple(lines),
            creditor_references=tuple(filter(None, references)),
            documents=tuple(_documents(structured)),
        )


_NO_REMITTANCE: Final = Remittance()


def references_of(transaction: Node) -> list[Reference]:
    """The references a transaction carries, each under the standard's own name for it."""
    refs = transaction.first("Refs")
    if refs is None:
        return []
    found = [
        (scheme, value)
        for name in refs.names
        if (scheme := _REFERENCES.get(name)) and (value := reference_at(refs, name))
    ]
    for one in refs.all("Prtry"):
        kind, value = one.value("Tp") or "", reference_at(one, "Ref")
        if value:
            found.append((f"{SCHEME}Prtry:{kind}"[:80], value))
    return found


def information(entry: Node, transactions: Sequence[Node]) -> tuple[str, ...]:
    """Free text beside the remittance information, which many banks give nothing else than."""
    return tuple(_texts(transactions, "AddtlTxInf") or _texts((entry,), "AddtlNtryInf"))


def transaction_code(node: Node) -> str | None:
    """`PMNT/RCDT/ESCT` from the domain, else the bank's own code."""
    return "/".join(node.values(_DOMAIN)) or node.value("BkTxCd", "Prtry", "Cd")


def return_reason(transaction: Node) -> str | None:
    """Why a payment came back: the reason's code, else the bank's own."""
    return transaction.one_of(_REASON)


def instructed(transaction: Node, booked: Money) -> Money | None:
    """The amount that was ordered, where it is told and is not simply the booked one."""
    for name in ("InstdAmt", "TxAmt"):
        node = transaction.first("AmtDtls", name, "Amt")
        if node is not None:
            money = money_at(node, f"AmtDtls/{name}/Amt")
            if name == "InstdAmt" or money != booked:
                return money
    return None


def charges(node: Node) -> Money | None:
    """Charges: their total, else the sum of the records when all are in one currency."""
    if node.first("Chrgs") is None:
        return None
    total = node.first("Chrgs", "TtlChrgsAndTaxAmt")
    if total is not None:
        return money_at(total, "Chrgs/TtlChrgsAndTaxAmt")
    records = [one for one in (*node.all("Chrgs", "Rcrd"), *node.all("Chrgs")) if one.first("Amt")]
    amounts = [
        (money_at(one.first("Amt"), "Chrgs/Amt"), direction_at(one, Direction.DEBIT))
        for one in records
    ]
    if len({money.currency for money, _ in amounts}) != 1:
        return None
    total_amount = -sum((signed(money, way) for money, way in amounts), Decimal(0))
    return Money(amount=total_amount, currency=amounts[0][0].currency)


def _texts(nodes: Iterable[Node], name: str) -> list[str]:
    lines = [one.text.strip() for node in nodes for one in node.all(name)]
    return [line for line in lines if line and line.upper() != "NOTPROVIDED"]


def _documents(structured: Iterable[Node]) -> list[Reference]:
    found = [one for node in structured for one in node.all("RfrdDocInf")]
    return [
        (f"{SCHEME}RfrdDoc:{one.one_of(_DOCUMENT_TYPE) or ''}"[:80], number)
        for one in found
        if (number := reference_at(one, "Nb"))
    ]
