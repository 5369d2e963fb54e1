"""UBL: amounts are conserved, wrong sums refused, and whatever the bytes, only our own errors."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical.billing import InvoiceIssued
from canonical.errors import GatewayError
from canonical.values import Money
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from connectors.ubl import CONNECTOR

FIXTURES = Path(__file__).parents[3] / "connectors" / "ubl" / "fixtures"
BODIES = sorted(FIXTURES.glob("*.xml"))
RECEIVED = datetime(2026, 3, 4, 6, 15, tzinfo=UTC)
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
TOTALS = ["LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount"]
BILLING = [one for one in BODIES if one.name.startswith(("invoice__", "credit_note__"))]

cents = st.decimals(-(10**9), 10**9, places=2, allow_nan=False)
positive = st.decimals(0, 10**6, places=2, allow_nan=False)
rates = st.sampled_from([Decimal(0), Decimal("5.5"), Decimal(19), Decimal(25)])
fragments = st.sampled_from(
    ["", " ", "x", "-1", "1e5", "9" * 23, "\u0661", "NA", "&amp;", "<a/>", "<!-- -->", "EUR"]
)


def raw(body: bytes) -> RawMessage:
    return RawMessage(body, account="acme", received_at=RECEIVED)


def amount(name: str, value: Decimal) -> str:
    return f'<cbc:{name} currencyID="EUR">{value:f}</cbc:{name}>'


def half_up(value: Decimal) -> Decimal:
    return (value * 100 + Decimal("0.5")).to_integral_value(ROUND_FLOOR) / 100


def figures(
    nets: list[Decimal], allowance: Decimal, charge: Decimal, rate: Decimal, prepaid: Decimal
) -> dict[str, Decimal]:
    """Totals as the standard wants them."""
    lines = sum(nets, Decimal(0))
    net = lines - allowance + charge
    tax = half_up(net * rate / 100)
    return {
        "LineExtensionAmount": lines,
        "AllowanceTotalAmount": allowance,
        "ChargeTotalAmount": charge,
        "TaxExclusiveAmount": net,
        "TaxAmount": tax,
        "TaxInclusiveAmount": net + tax,
        "PrepaidAmount": prepaid,
        "PayableAmount": net + tax - prepaid,
    }


def written(nets: list[Decimal], told: dict[str, Decimal], rate: Decimal) -> bytes:
    category = (
        f"<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>"
    )
    parts = [
        "<cbc:ID>1</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate>",
        "<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>",
        "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>",
        "<cac:AccountingSupplierParty><cac:Party><cac:PartyLegalEntity>",
        "<cbc:RegistrationName>Example</cbc:RegistrationName><cbc:CompanyID>7</cbc:CompanyID>",
        "</cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>",
    ]
    for name, indicator in (("AllowanceTotalAmount", "false"), ("ChargeTotalAmount", "true")):
        parts.append(
            f"<cac:AllowanceCharge><cbc:ChargeIndicator>{indicator}</cbc:ChargeIndicator>"
            f"{amount('Amount', told[name])}</cac:AllowanceCharge>"
        )
    taxable = amount("TaxableAmount", told["TaxExclusiveAmount"])
    tax = amount("TaxAmount", told["TaxAmount"])
    subtotal = f"<cac:TaxSubtotal>{taxable}{tax}{category}</cac:TaxSubtotal>"
    parts.append(f"<cac:TaxTotal>{tax}{subtotal}</cac:TaxTotal><cac:LegalMonetaryTotal>")
    parts += [amount(name, value) for name, value in told.items() if name != "TaxAmount"]
    parts.append("</cac:LegalMonetaryTotal>")
    for index, net in enumerate(nets):
        parts.append(
            f"<cac:InvoiceLine><cbc:ID>{index}</cbc:ID>"
            f'<cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity>'
            f"{amount('LineExtensionAmount', net)}</cac:InvoiceLine>"
        )
    names = " ".join(
        f'xmlns{prefix}="{UBL}{name}-2"'
        for prefix, name in (
            ("", "Invoice"),
            (":cac", "CommonAggregateComponents"),
            (":cbc", "CommonBasicComponents"),
        )
    )
    return f"<Invoice {names}>{''.join(parts)}</Invoice>".encode()


def of(money: Money | None) -> Decimal:
    assert money is not None
    return money.amount


@given(st.lists(cents, min_size=1, max_size=6), positive, positive, rates, positive)
def test_amounts_are_conserved(
    nets: list[Decimal], allowance: Decimal, charge: Decimal, rate: Decimal, prepaid: Decimal
) -> None:
    told = figures(nets, allowance, charge, rate, prepaid)
    outcome = dry_run(CONNECTOR, raw(written(nets, told, rate)))
    assert not outcome.problems
    data = outcome.messages[0].data
    assert isinstance(data, InvoiceIssued)
    totals = data.totals
    assert [of(line.net) for line in data.lines] == nets
    assert sum(of(line.net) for line in data.lines) == of(totals.lines_net)
    assert sum(one.tax.amount for one in data.taxes) == of(totals.tax)
    assert of(totals.lines_net) - of(totals.allowances) + of(totals.charges) == of(
        totals.tax_exclusive
    )
    assert of(totals.tax_exclusive) + of(totals.tax) == of(totals.tax_inclusive)
    assert of(totals.tax_inclusive) - of(totals.prepaid) == totals.payable.amount


@given(
    st.lists(cents, min_size=1, max_size=4),
    rates,
    st.sampled_from(TOTALS),
    cents,
)
def test_no_total_may_be_off_by_a_cent(
    nets: list[Decimal], rate: Decimal, name: str, error: Decimal
) -> None:
    assume(error)
    told = figures(nets, Decimal(0), Decimal(0), rate, Decimal(0))
    told[name] += error
    outcome = dry_run(CONNECTOR, raw(written(nets, told, rate)))
    assert outcome.outcome == "dead"
    assert outcome.problems[0].code.startswith("br_co_1")


def endures(body: bytes) -> None:
    try:
        identity = CONNECTOR.identify(raw(body))
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw(body), identity))
    except (GatewayError, ValidationError):
        pass  # The second is what the pipeline maps to `invalid_value`.


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    endures(body)
    endures(b"<" + body)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(BODIES), fragments)
def test_a_fixture_with_one_text_replaced(data: st.DataObject, path: Path, text: str) -> None:
    body = path.read_text("utf-8")
    starts = [at + 1 for at, one in enumerate(body) if one == ">" and body[at + 1 : at + 2] != ""]
    start = data.draw(st.sampled_from(starts))
    end = body.find("<", start)
    endures((body[:start] + text + (body[end:] if end > 0 else "")).encode())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(BODIES))
def test_a_fixture_with_a_part_left_out_or_doubled(data: st.DataObject, path: Path) -> None:
    lines = path.read_text("utf-8").split("><")
    at = data.draw(st.integers(0, len(lines) - 1))
    times = data.draw(st.sampled_from([0, 2]))
    endures("><".join(lines[:at] + [lines[at]] * times + lines[at + 1 :]).encode())


def found(body: bytes) -> Outcome:
    return dry_run(CONNECTOR, raw(body))


@pytest.mark.parametrize("path", BILLING, ids=lambda path: path.name)
def test_layout_changes_no_fact(path: Path) -> None:
    body = path.read_bytes()
    spaced = body.replace(b"><", b">\n\t<!-- layout --> <")
    first, again = found(body), found(spaced)
    assert [(one.key, one.data) for one in again.messages] == [
        (one.key, one.data) for one in first.messages
    ]
