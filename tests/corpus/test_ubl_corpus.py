"""UBL in the corpus: published assertions as oracle, and what each published document becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from canonical.billing import CreditNoteIssued, EInvoiceStatusChanged, InvoiceIssued
from canonical.errors import Unsupported
from canonical.values import Money
from connectors.kit.xml import Element
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from connectors.ubl import CONNECTOR
from connectors.ubl.document_types import document_type
from connectors.ubl.formats import Document
from connectors.ubl.rules import broken

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FINANCE = CORPUS / "finance"
UNIT = FINANCE / "en16931" / "ConnectingEurope__eInvoicing-EN16931" / "test"
TEST_SET = "{http://difi.no/xsd/vefa/validator/1.0}"
UBL = b"urn:oasis:names:specification:ubl:schema:xsd:"
NAMES = {
    "cac": f"{UBL.decode()}CommonAggregateComponents-2",
    "cbc": f"{UBL.decode()}CommonBasicComponents-2",
}
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
RULES = {
    *(f"BR-{number:02}" for number in (2, 3, 4, 5, 6, 12, 13, 14, 15, 16, 21, 22, 23, 24)),
    *(f"BR-{number}" for number in (45, 46, 47)),
    *(f"BR-CO-{number}" for number in (10, 11, 12, 13, 14, 15, 16, 17, 26)),
}
DEAD = {
    "nested_invoice_in_extension.xml": "br_06",
    "external_reference_ssrf.xml": "br_06",
    "root_creditnote_typecode_380.xml": "br_cl_01",
    # A template with placeholders, and one whose payable amount is 200.00 too high.
    "invoice_template_pef.xml": "bad_date",
    "invoice_template_pef_correction.xml": "br_co_16",
    "not_validating_full_invoice_based_onTest_EeISI_300_CENfullmodel.ubl.xml": "br_co_10",
}
"""Beside all of MyInvois, whose type codes are not those of EN 16931."""

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not UNIT.is_dir(), reason="the corpus is not here"),
]


def documents() -> list[Path]:
    if not FINANCE.is_dir():
        return []
    return sorted(
        path
        for path in FINANCE.rglob("*")
        if path.suffix.lower() == ".xml"
        and "unit-UBL" not in path.parent.name
        and UBL in path.read_bytes()[:20_000]
    )


PATHS = documents()
OUTSIDE = ("hostile", "ksef", "myinvois", "crafted_gapfill")


def group(path: Path) -> str:
    return path.relative_to(FINANCE).parts[0]


def outcome(path: Path) -> Outcome:
    return dry_run(CONNECTOR, RawMessage(path.read_bytes(), account="acme", received_at=RECEIVED))


def expected_code(path: Path) -> str | None:
    return "br_cl_01" if group(path) == "myinvois" else DEAD.get(path.name)


def test_outcomes_by_number() -> None:
    found = Counter((group(path), outcome(path).kind, outcome(path).outcome) for path in PATHS)
    assert found == {
        ("crafted_gapfill", "message_level_response", "translated"): 1,
        ("en16931", "credit_note", "translated"): 3,
        ("en16931", "invoice", "translated"): 26,
        ("hostile", "credit_note", "dead"): 1,
        ("hostile", "invoice", "dead"): 2,
        ("ksef", "credit_note", "dead"): 1,
        ("ksef", "invoice", "dead"): 1,
        ("myinvois", "invoice", "dead"): 11,
        ("xrechnung", "invoice", "translated"): 19,
        ("zatca", "invoice", "translated"): 4,
        ("zugferd", "invoice", "dead"): 1,
        ("zugferd", "invoice", "translated"): 16,
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{group(path)}-{path.name}")
def test_each_document_becomes_one_message_or_a_named_error(path: Path) -> None:
    found = outcome(path)
    assert "connector_fault" not in {problem.code for problem in found.problems}
    code = expected_code(path)
    if code:
        assert (found.outcome, [one.code for one in found.problems]) == ("dead", [code])
    else:
        assert len(found.messages) == 1
        assert not found.problems


@pytest.mark.parametrize(
    "path",
    [path for path in PATHS if group(path) not in OUTSIDE and not expected_code(path)],
    ids=lambda path: f"{group(path)}-{path.name}",
)
def test_amounts_are_those_of_the_document(path: Path) -> None:
    root = etree.fromstring(path.read_bytes())
    (message,) = outcome(path).messages
    data = message.data
    assert isinstance(data, InvoiceIssued | CreditNoteIssued)
    totals = root.find("cac:LegalMonetaryTotal", NAMES)
    assert totals is not None
    assert data.totals.payable.amount == Decimal(_text(totals, "cbc:PayableAmount"))
    assert _amount(data.totals.tax_inclusive) == Decimal(_text(totals, "cbc:TaxInclusiveAmount"))
    assert _amount(data.totals.lines_net) == Decimal(_text(totals, "cbc:LineExtensionAmount"))
    lines = root.findall("cac:InvoiceLine", NAMES) + root.findall("cac:CreditNoteLine", NAMES)
    nets = [Decimal(_text(line, "cbc:LineExtensionAmount")) for line in lines]
    assert [_amount(line.net) for line in data.lines] == nets
    assert data.invoice_number == _text(root, "cbc:ID")


def _text(element: Element, path: str) -> str:
    found = element.findtext(path, namespaces=NAMES)
    assert found is not None
    return found.strip()


def _amount(money: Money | None) -> Decimal:
    assert money is not None
    return money.amount


def test_the_hostile_invoice_never_shows_its_inner_one() -> None:
    found = outcome(FINANCE / "hostile" / "einvoice" / "nested_invoice_in_extension.xml")
    assert "FAKE" not in repr(found)


def test_a_message_level_status_names_the_sending() -> None:
    (path,) = (path for path in PATHS if path.name == "mls_RE.xml")
    data = outcome(path).messages[0].data
    assert isinstance(data, EInvoiceStatusChanged)
    assert data.document_id == "b1a1c1d1-0000-4000-8000-000000000001"
    assert [(one.code, one.path) for one in data.reasons] == [("BV", "/Invoice/cbc:ID")]


# The published unit tests of the standard's rules ----------------------------------------------


def assertions() -> Iterator[tuple[str, str, bool, Element]]:
    """File and number, rule, whether it must hold, and the fragment it is about."""
    for path in sorted(UNIT.glob("*-unit-UBL/*.xml")):
        for number, test in enumerate(etree.parse(path).getroot().iter(f"{TEST_SET}test")):
            fragment = next(
                one for one in test if isinstance(one.tag, str) and one.tag != f"{TEST_SET}assert"
            )
            for name in ("success", "error"):
                for told in test.findall(f"{TEST_SET}assert/{TEST_SET}{name}"):
                    rule = (told.text or "").strip()
                    yield (
                        f"{path.parent.name}/{path.name}[{number}]",
                        rule,
                        name == "success",
                        fragment,
                    )


def test_the_rules_agree_with_their_published_assertions() -> None:
    judged, disagreeing = Counter[bool](), []
    for where, rule, holds, fragment in assertions():
        if rule in RULES:
            judged[holds] += 1
            if (rule not in {breach.rule for breach in broken(fragment)}) is not holds:
                disagreeing.append((where, rule))
    assert not disagreeing
    assert judged == {True: 82, False: 57}


def test_the_type_codes_agree_with_their_published_assertions() -> None:
    judged = 0
    for where, rule, holds, fragment in assertions():
        if rule == "BR-CL-01":
            judged += 1
            try:
                document_type(Document("invoice", fragment, None))
                is_known = True
            except Unsupported:
                is_known = False
            assert is_known is holds, where
    assert judged == 2


def test_every_fragment_gives_messages_or_named_errors() -> None:
    judged = 0
    for where, _, _, fragment in assertions():
        judged += 1
        body = etree.tostring(fragment)
        found = dry_run(CONNECTOR, RawMessage(body, account="acme", received_at=RECEIVED))
        assert "connector_fault" not in {problem.code for problem in found.problems}, where
    assert judged == 764
