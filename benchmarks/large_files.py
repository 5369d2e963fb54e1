"""Large files of three formats, of any number of entries, invented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

LINES_A_PURCHASE_ORDER = 10


def write(format_: str, file: Path, entries: int) -> None:
    """Write a file of this format (`camt`, `mt940` or `x12`) with so many entries."""
    with file.open("w", encoding="ascii", newline="") as out:
        out.writelines(FORMATS[format_](entries))


def camt(entries: int) -> Iterator[str]:
    """A camt.053 of one statement."""
    closing = f"{entries}0.00"
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>\n'
        "<GrpHdr><MsgId>BENCH-1</MsgId><CreDtTm>2026-03-03T19:30:00+01:00</CreDtTm></GrpHdr>\n"
        "<Stmt><Id>2026-042</Id><ElctrncSeqNb>42</ElctrncSeqNb>"
        "<CreDtTm>2026-03-03T19:30:00+01:00</CreDtTm>"
        "<Acct><Id><IBAN>DE75512108001245126199</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
    )
    yield _balance("OPBD", "0.00", "2026-03-02")
    yield _balance("CLBD", closing, "2026-03-03")
    for number in range(entries):
        yield (
            '<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
            "<BookgDt><Dt>2026-03-03</Dt></BookgDt><ValDt><Dt>2026-03-03</Dt></ValDt>"
            f"<AcctSvcrRef>REF{number:010d}</AcctSvcrRef>"
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly>"
            "</Domn></BkTxCd><NtryDtls><TxDtls>"
            f"<Refs><EndToEndId>E2E-{number:08d}</EndToEndId></Refs>"
            '<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            "<RltdPties><Dbtr><Pty><Nm>Example Buyer</Nm></Pty></Dbtr>"
            "<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct></RltdPties>"
            f"<RmtInf><Ustrd>Invoice {number}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )
    yield "</Stmt></BkToCstmrStmt></Document>\n"


def mt940(entries: int) -> Iterator[str]:
    """An MT940 of one statement."""
    yield ":20:BENCH\r\n:25:10020030/0001234567\r\n:28C:00041/001\r\n:60F:C260302EUR0,00\r\n"
    for number in range(entries):
        yield (
            f":61:2603030303CR10,00NTRFNONREF//{number:014d}\r\n"
            f":86:166?00GUTSCHRIFT?20EREF+E2E-{number:08d}?21SVWZ+Invoice {number}"
            "?30TESTDEFFXXX?31DE89370400440532013000?32Example Buyer\r\n"
        )
    yield f":62F:C260303EUR{entries}0,00\r\n-\r\n"


def x12(entries: int) -> Iterator[str]:
    """An interchange of purchase orders (850), ten lines each."""
    yield (
        "ISA*00*          *00*          *ZZ*BUYERCO        *ZZ*OURCOMPANY     *260302*0915*U*00401"
        "*000000001*0*P*>~\nGS*PO*BUYERCO*OURCOMPANY*20260302*0915*1*X*004010~\n"
    )
    orders = max(1, entries // LINES_A_PURCHASE_ORDER)
    for number in range(1, orders + 1):
        yield from _purchase_order(number)
    yield f"GE*{orders}*1~\nIEA*1*000000001~\n"


def _balance(kind: str, amount: str, day: str) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _purchase_order(number: int) -> Iterator[str]:
    control = f"{number:04d}"
    yield (
        f"ST*850*{control}~\nBEG*00*SA*PO-{number:07d}**20260301~\nCUR*BY*USD~\n"
        "N1*BY*Example Stores Inc*92*0007~\nN1*ST*Example DC 12*UL*0614141000012~\n"
        "N3*12 Sample Road~\nN4*Springfield*IL*62701*US~\n"
    )
    for line in range(1, LINES_A_PURCHASE_ORDER + 1):
        yield f"PO1*{line}*10*EA*4.25*PE*UP*036000291452*VN*BOLT-{line}~\nPID*F****Steel bolt~\n"
    yield f"CTT*{LINES_A_PURCHASE_ORDER}~\nSE*{9 + 2 * LINES_A_PURCHASE_ORDER}*{control}~\n"


FORMATS: dict[str, Callable[[int], Iterator[str]]] = {"camt": camt, "mt940": mt940, "x12": x12}
