"""What a transaction inside an entry says beyond its amount: references, remittance, charges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.values import Direction, Identifier, Money
from connectors.camt.fields import direction_at, money_at, reference_at, signed
from connectors.camt.node import Node

SCHEME = "iso20022:"
_REFERENCES = frozenset(
    {
        "AcctSvcrRef", "MsgId", "PmtInfId", "InstrId", "EndToEndId", "UETR", "TxId", "MndtId",
        "ChqNb", "ClrSysRef", "AcctOwnrTxId", "AcctSvcrTxId", "MktInfrstrctrTxId", "PrcgId",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remittance:
    """What a payment is said to be for."""

    lines: tuple[str, ...] = ()
    creditor_references: tuple[str, ...] = ()
    documents: tuple[Identifier, ...] = ()

    @classmethod
    def of(cls, transactions: Iterable[Node]) -> Remittance:
        """The remittance information of these transactions, in their order."""
        told = [node for one in transactions for node in one.all("RmtInf")]
        if not told:
            return cls()
        structured = [node for one in told for node in one.all("Strd")]
        lines = [line for one in told for line in _texts(one, "Ustrd")]
        lines += [line for one in structured for line in _texts(one, "AddtlRmtInf")]
        references = [reference_at(one, "CdtrRefInf", "Ref") for one in structured]
        # Versions 01 and 02 also knew `CdtrRefInf/CdtrRef`.
        references += [reference_at(one, "CdtrRefInf", "CdtrRef") for one in structured]
        return cls(
            lines=tuple(lines),
            creditor_references=tuple(filter(None, references)),
            documents=tuple(document for one in structured for document in _documents(one)),
        )


def references_of(transaction: Node) -> list[Identifier]:
    """The references a transaction carries, each under the standard's own name for it."""
    refs = transaction.first("Refs")
    if refs is None:
        return []
    found = [
        Identifier(scheme=SCHEME + name, value=value)
        for name in refs.children
        if name in _REFERENCES and (value := reference_at(refs, name))
    ]
    for one in refs.all("Prtry"):
        kind, value = one.value("Tp") or "", reference_at(one, "Ref")
        if value:
            found.append(Identifier(scheme=f"{SCHEME}Prtry:{kind}"[:80], value=value))
    return found


def unique(references: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """The references without repetitions, in their order."""
    return tuple(dict.fromkeys(references))


def information(entry: Node, transactions: Sequence[Node]) -> tuple[str, ...]:
    """Free text beside the remittance information, which many banks give nothing else than."""
    told = [line for one in transactions for line in _texts(one, "AddtlTxInf")]
    return tuple(told) or tuple(_texts(entry, "AddtlNtryInf"))


def transaction_code(node: Node) -> str | None:
    """`PMNT/RCDT/ESCT` from the domain, else the bank's own code."""
    code = node.first("BkTxCd")
    if code is None:
        return None
    domain = [code.value("Domn", "Cd"), code.value("Domn", "Fmly", "Cd")]
    domain.append(code.value("Domn", "Fmly", "SubFmlyCd"))
    return "/".join(filter(None, domain)) or code.value("Prtry", "Cd")


def return_reason(transaction: Node) -> str | None:
    """Why a payment came back: the reason's code, else the bank's own."""
    told = transaction.first("RtrInf")
    if told is None:
        return None
    return told.value("Rsn", "Cd") or told.value("Rsn", "Prtry") or told.value("AddtlInf")


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


def _texts(node: Node, name: str) -> Iterator[str]:
    for one in node.all(name):
        line = one.text.strip()
        if line and line.upper() != "NOTPROVIDED":
            yield line


def _documents(structured: Node) -> Iterator[Identifier]:
    for one in structured.all("RfrdDocInf"):
        number = reference_at(one, "Nb")
        kind = one.value("Tp", "CdOrPrtry", "Cd") or one.value("Tp", "CdOrPrtry", "Prtry")
        if number:
            yield Identifier(scheme=f"{SCHEME}RfrdDoc:{kind or ''}"[:80], value=number)
