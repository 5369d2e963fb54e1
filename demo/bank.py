"""What the demo's bank says: statements in ISO 20022 and in SWIFT's MT940."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

IBAN = "DE89370400440532013000"
"""The example IBAN of the registry's documentation."""


@dataclass(frozen=True, slots=True)
class BankLine:
    """One booked line of a statement; money that goes out is negative."""

    reference: str
    """The bank's own, unique in the account."""
    amount: Decimal
    payer: str
    text: str
    end_to_end: str = "NOTPROVIDED"
    reversal: bool = False
    """The reversal of an earlier entry."""


def statement(
    day: date,
    number: int,
    lines: Sequence[BankLine],
    *,
    opening: Decimal = Decimal("1500.00"),
    iban: str = IBAN,
) -> bytes:
    """A camt.053.001.08 statement of one day whose balances hold."""
    closing = opening + sum((line.amount for line in lines), Decimal(0))
    entries = "".join(_entry(line, day) for line in lines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>DEMO-{day:%Y%m%d}-{number}</MsgId><CreDtTm>{day}T18:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>STMT-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T18:00:00Z</CreDtTm>
<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{_balance("OPBD", opening, day)}{_balance("CLBD", closing, day)}
{entries}</Stmt></BkToCstmrStmt></Document>
""".encode()


def swift_statement(
    day: date,
    number: int,
    lines: Sequence[BankLine],
    *,
    opening: Decimal = Decimal("1500.00"),
    iban: str = IBAN,
) -> bytes:
    """The same as an MT940 with German subfields."""
    closing = opening + sum((line.amount for line in lines), Decimal(0))
    entries = "".join(_swift_entry(line, day) for line in lines)
    return (
        f":20:STARTUMS\r\n:25:{iban}\r\n:28C:{number:05d}/001\r\n:60F:{_marked(opening, day)}\r\n"
        f"{entries}:62F:{_marked(closing, day)}\r\n-\r\n"
    ).encode()


def notification(day: date, number: int, lines: Sequence[BankLine], *, iban: str = IBAN) -> bytes:
    """A camt.054: the bank tells the lines before its statement books them."""
    entries = "".join(_entry(line, day) for line in lines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>DEMO-N-{number}</MsgId><CreDtTm>{day}T12:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>NTFCTN-{number}</Id><CreDtTm>{day}T12:00:00Z</CreDtTm>
<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
""".encode()


def _entry(line: BankLine, day: date) -> str:
    amount, mark = _unsigned(line.amount)
    role = "Cdtr" if (mark == "DBIT") is not line.reversal else "Dbtr"
    reversal = "<RvslInd>true</RvslInd>" if line.reversal else ""
    return f"""<Ntry>{amount}<CdtDbtInd>{mark}</CdtDbtInd>{reversal}
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>
<AcctSvcrRef>{line.reference}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{line.end_to_end}</EndToEndId></Refs>
{amount}<CdtDbtInd>{mark}</CdtDbtInd>
<RltdPties><{role}><Pty><Nm>{line.payer}</Nm></Pty></{role}></RltdPties>
<RmtInf><Ustrd>{line.text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"""


def _unsigned(amount: Decimal) -> tuple[str, str]:
    mark = "DBIT" if amount < 0 else "CRDT"
    return f'<Amt Ccy="EUR">{abs(amount)}</Amt>', mark


def _balance(kind: str, amount: Decimal, day: date) -> str:
    written, mark = _unsigned(amount)
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f"{written}<CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _swift_entry(line: BankLine, day: date) -> str:
    digits = f"{abs(line.amount)}".replace(".", ",")
    mark = "D" if line.amount < 0 else "C"
    return (
        f":61:{day:%y%m%d}{day:%m%d}{mark}R{digits}NTRFNONREF//{line.reference}\r\n"
        f":86:166?00GUTSCHRIFT?20SVWZ+{line.text[:20]}?21{line.text[20:47]}?32{line.payer[:27]}\r\n"
    )


def _marked(balance: Decimal, day: date) -> str:
    digits = f"{abs(balance)}".replace(".", ",")
    return f"{'D' if balance < 0 else 'C'}{day:%y%m%d}EUR{digits}"
