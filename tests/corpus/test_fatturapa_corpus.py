"""Published FatturaPA files: what each becomes, and that every body's total is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from canonical.billing import InvoiceIssued
from connectors.fatturapa import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FINANCE = Path(__file__).parents[3] / "shared" / "corpus" / "finance"
FOLDER = FINANCE / "fatturapa"
HOSTILE = FINANCE / "hostile"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

TOTALS = {
    "eigor/valid/A10-Licenses.xml": ["177.87"],
    "eigor/valid/A4-Subscription.xml": ["1125.00"],
    "eigor/valid/IT01234567890_FPA01.xml": ["6.10"],
    "eigor/valid/con-bollo.xml": ["1302.00"],
    "official/valid/IT01234567890_FPA01.xml": ["6.10"],
    "official/valid/IT01234567890_FPA03.xml": ["30.50", "2440.00"],
    "official/valid/IT01234567890_FPR01.xml": ["6.10"],
    "official/valid/IT01234567890_FPR02.xml": ["32.95"],
    "official/valid/IT01234567890_FPR03.xml": ["32.95", "2440.00"],
}
"""Payable amounts, which are also the sums of `ImportoPagamento` in these files."""
DEAD = {
    # Published without its last line: the root element is never closed.
    "eigor/valid/con-ritenuta-acconto-e-cassa-previdenziale.xml": "truncated",
}
FINDINGS = {
    # Lines of 25.00 with a taxable amount of 27.00.
    "official/valid/IT01234567890_FPR02.xml": ["taxable_mismatch"],
    "official/valid/IT01234567890_FPR03.xml": ["taxable_mismatch"],
}
PLACE = FOLDER / "ZUGFeRD__corpus"
NAMES = sorted(str(path.relative_to(PLACE)) for path in PLACE.rglob("*.xml"))


def outcome(path: Path) -> Outcome:
    received = datetime(2026, 3, 1, tzinfo=UTC)
    return dry_run(
        CONNECTOR, RawMessage(path, account="acme", received_at=received, filename=path.name)
    )


def payable(found: Outcome) -> list[Decimal]:
    amounts = []
    for message in found.messages:
        assert isinstance(message.data, InvoiceIssued)
        amounts.append(message.data.totals.payable.amount)
    return amounts


def test_the_whole_corpus_is_classed() -> None:
    assert len(NAMES) == 10
    assert sorted([*TOTALS, *DEAD]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(PLACE / name)
    if name in DEAD:
        assert (found.outcome, found.problems[0].code) == ("dead", DEAD[name])
        return
    assert found.outcome == "translated"
    assert payable(found) == [Decimal(amount) for amount in TOTALS[name]]
    assert [problem.code for problem in found.problems] == FINDINGS.get(name, [])


def test_the_file_published_in_two_places_is_one_fact() -> None:
    one, other = (
        outcome(PLACE / folder / "valid" / "IT01234567890_FPA01.xml").messages[0]
        for folder in ("eigor", "official")
    )
    assert (one.key, one.data.content()) == (other.key, other.data.content())


def test_half_an_envelope_is_truncated() -> None:
    found = outcome(HOSTILE / "einvoice" / "truncated.p7m")
    assert (found.outcome, found.problems[0].code) == ("dead", "truncated")


def test_double_base64_is_unwrapped() -> None:
    found = outcome(HOSTILE / "einvoice" / "p7m_double_base64.p7m")
    assert (found.outcome, found.problems) == ("translated", ())
    assert payable(found) == [Decimal("30.50"), Decimal("2440.00")]


FOREIGN = sorted(
    path
    for folder in (HOSTILE / "einvoice", HOSTILE / "xml", HOSTILE / "zip", HOSTILE / "json",
                   FINANCE / "crafted_gapfill", FINANCE / "xrechnung", FINANCE / "facturae")
    if folder.is_dir()
    for path in folder.rglob("*")
    if path.is_file() and path.suffix != ".p7m"
)  # fmt: skip


def test_files_of_other_systems_are_never_taken() -> None:
    assert len(FOREIGN) > 80
    for path in FOREIGN:
        found = outcome(path)
        assert (found.outcome, found.messages) == ("dead", ()), path.name
        assert found.problems[0].code != "connector_fault", path.name
