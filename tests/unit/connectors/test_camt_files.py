"""camt documents: how tests build them, and what is accepted as a file at all."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.errors import Rejected
from canonical.message import Message
from connectors.camt import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FIXTURES = Path(__file__).parents[3] / "connectors" / "camt" / "fixtures"
BODIES = sorted(p for p in FIXTURES.iterdir() if p.suffix in {".xml", ".gz", ".zip"})
RECEIVED = datetime(2026, 3, 4, 6, 15, tzinfo=UTC)
Fact = BankEntryBooked | BankEntryReversed | BankEntryNotified
IBAN = "DE75512108001245126199"
ACCOUNT = f"<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
PARTS = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def entry(amount: str = "10.00", **parts: str) -> str:
    told = {
        "ref": "<AcctSvcrRef>R1</AcctSvcrRef>",
        "way": "CRDT",
        "status": "<Cd>BOOK</Cd>",
        "booked": "<BookgDt><Dt>2026-03-03</Dt></BookgDt>",
        "value": "<ValDt><Dt>2026-03-03</Dt></ValDt>",
        "reversal": "",
        "details": "",
        "head": "",
        "currency": "EUR",
        **parts,
    }
    return (
        f'<Ntry>{told["head"]}<Amt Ccy="{told["currency"]}">{amount}</Amt>'
        f"<CdtDbtInd>{told['way']}</CdtDbtInd>{told['reversal']}<Sts>{told['status']}</Sts>"
        f"{told['booked']}{told['value']}{told['ref']}"
        f"<NtryDtls>{told['details']}</NtryDtls></Ntry>"
    )


def transaction(amount: str | None, *, refs: str = "", rest: str = "") -> str:
    told = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    return f"<TxDtls><Refs>{refs}</Refs>{told}{rest}</TxDtls>"


def balance(code: str, amount: str, day: str = "2026-03-03", way: str = "CRDT") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def report(*inner: str, kind: str = "053", name: str = "S1", head: str = "") -> str:
    tag = PARTS[kind][1]
    return f"<{tag}><Id>{name}</Id>{head}{ACCOUNT}{''.join(inner)}</{tag}>"


def document(*reports: str, kind: str = "053", version: str = "08", message: str = "M1") -> bytes:
    namespace = f"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"
    body = PARTS[kind][0]
    return (
        f'<Document xmlns="{namespace}"><{body}><GrpHdr><MsgId>{message}</MsgId>'
        f"<CreDtTm>2026-03-03T19:00:00+01:00</CreDtTm></GrpHdr>{''.join(reports)}</{body}></Document>"
    ).encode()


def run(body: bytes, **options: Any) -> Outcome:
    raw = RawMessage(body, account="acme", received_at=RECEIVED, options=options)
    return dry_run(CONNECTOR, raw)


def entries(outcome: Outcome) -> list[Message]:
    return [one for one in outcome.messages if not isinstance(one.data, BankBalanceReported)]


def facts(outcome: Outcome) -> list[Fact]:
    return [one.data for one in outcome.messages if isinstance(one.data, Fact)]


def only(body: bytes, **options: Any) -> Message:
    outcome = run(body, **options)
    assert not outcome.problems
    (message,) = entries(outcome)
    return message


def keys(body: bytes, **options: Any) -> list[str]:
    return [message.key.text for message in entries(run(body, **options))]


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


@pytest.mark.parametrize("version", [f"{n:02d}" for n in range(1, 11)])
@pytest.mark.parametrize("kind", ["052", "053", "054"])
def test_ten_versions_are_known(kind: str, version: str) -> None:
    outcome = run(document(report(entry(), kind=kind), kind=kind, version=version))
    assert (outcome.kind, len(outcome.messages), outcome.problems) == (f"camt.{kind}", 1, ())


def test_the_first_version_had_less_around_its_fields() -> None:
    flat = entry().replace("<NtryDtls></NtryDtls>", transaction("10.00", refs="<TxId>T</TxId>"))
    body = report("<Bal><Tp><Cd>OPBD</Cd></Tp>" + balance("X", "1.00").partition("</Tp>")[2], flat)
    outcome = run(document(body, version="01"))
    assert not outcome.problems
    (opening,) = [m.data for m in outcome.messages if isinstance(m.data, BankBalanceReported)]
    assert opening.balance_type == "OPBD"
    assert facts(outcome)[0].transaction_id == "T"


@pytest.mark.parametrize("version", ["11", "99", "00", "8"])
def test_other_versions_wait(version: str) -> None:
    outcome = run(document(report(entry()), version=version))
    assert (outcome.outcome, codes(outcome)) == ("dead", ["unknown_version"])


def test_a_truncated_file_books_nothing() -> None:
    whole = document(*(report(entry(), name=f"S{n}") for n in range(3)))
    assert len(run(whole).messages) == 3
    for cut in range(len(whole) - 400, len(whole), 7):
        outcome = run(whole[:cut])
        assert (outcome.messages, codes(outcome)) == ((), ["truncated"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (document(), "no_statement"),
        (document(report(entry().replace("<Ntry>", '<Ntry xmlns="urn:x">'))), "foreign_namespace"),
        (document(report(entry()))[:-40] + b"</x>", "bad_xml"),
        (b"", "empty"),
        (b"<!DOCTYPE html><html/>", "html_page"),
        (b"<!DOCTYPE x><x/>", "doctype"),
        (b":20:STARTUMS\n", "unidentified"),
        (b"<other/>", "unidentified"),
        (gzip.compress(document(report(entry())))[:-9], "truncated"),
    ],
)
def test_what_cannot_be_trusted_is_refused_as_a_whole(body: bytes, code: str) -> None:
    outcome = run(body)
    assert (outcome.outcome, codes(outcome)) == ("dead", [code])


def test_extensions_may_hold_anything() -> None:
    extra = "<SplmtryData><Envlp><x xmlns='urn:x'><Ntry/></x></Envlp></SplmtryData>"
    assert len(entries(run(document(report(entry() + extra))))) == 1


def test_files_never_come_as_webhooks() -> None:
    raw = RawMessage(document(), account="acme", received_at=RECEIVED)
    with pytest.raises(Rejected):
        CONNECTOR.verify(raw, ())


def _statement_of(count: int) -> Iterator[bytes]:
    head, _, tail = document(report("@")).partition(b"@")
    yield head
    for number in range(count):
        reference = f"<AcctSvcrRef>R{number}</AcctSvcrRef>"
        yield entry("1.00", ref=reference, details=transaction("1.00")).encode()
    yield tail


def _peak(path: Path, count: int) -> int:
    with path.open("wb") as out:
        out.writelines(_statement_of(count))
    raw = RawMessage(path, account="acme", received_at=RECEIVED)
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    tracemalloc.start()
    try:
        assert sum(1 for _ in CONNECTOR.translate(raw, identity)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small = _peak(tmp_path / "small.xml", 1_000)
    large = _peak(tmp_path / "large.xml", 15_000)
    # Fifteen times the entries: only the few bytes each that the ordinals need.
    assert large - small < 14_000 * 48


ODD_WRITING = """<?xml version="1.0"?><!-- > --><c:Document
 xmlns:c="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
 xmlns:x='urn:example:x'><c:BkToCstmrStmt><c:GrpHdr><c:MsgId>M<!-- < -->1</c:MsgId></c:GrpHdr>
<c:Stmt><c:Id>S</c:Id><c:Acct><c:Id><c:IBAN>DE75512108001245126199</c:IBAN></c:Id></c:Acct>
<c:Ntry><c:Amt x:Ccy="USD" Ccy='EUR'>1<?pi > ?>0.<![CDATA[00]]></c:Amt
><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>BOOK</c:Sts><c:BookgDt><c:Dt>2026-03-03</c:Dt></c:BookgDt>
<c:AcctSvcrRef>a&lt;b&amp;gt;&#x20AC;</c:AcctSvcrRef><c:SplmtryData><x:Amt>7</x:Amt></c:SplmtryData>
<c:AddtlNtryInf/></c:Ntry></c:Stmt></c:BkToCstmrStmt></c:Document>"""


def test_however_it_is_written_it_says_the_same() -> None:
    data = json.loads(only(ODD_WRITING.encode()).data.json_data())
    assert data["amount"] == {"amount": "10.00", "currency": "EUR"}
    assert data["entry_reference"] == "a<b&gt;€"
    assert data["position"]["message"] == "M1"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_no_damage_lets_a_foreign_error_out(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([path.read_bytes() for path in BODIES])))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + 1] = data.draw(st.binary(max_size=3))
    outcome = run(bytes(body))
    assert "connector_fault" not in codes(outcome)
