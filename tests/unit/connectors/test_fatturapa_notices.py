"""fatturapa: what SdI and public buyers report about an invoice."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canonical.billing import EInvoiceStatus, EInvoiceStatusChanged
from connectors.fatturapa import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FIXTURES = Path(__file__).parents[3] / "connectors" / "fatturapa" / "fixtures"
RECEIVED = datetime(2026, 3, 10, 8, tzinfo=UTC)
PUBLIC = b"http://www.fatturapa.gov.it/sdi/messaggi/v1.0"
PRIVATE = b"http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0"


def run(
    body: bytes, *, received_at: datetime = RECEIVED, options: Mapping[str, str] | None = None
) -> Outcome:
    raw = RawMessage(body, account="acme", received_at=received_at, options=options)
    return dry_run(CONNECTOR, raw)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def status(body: bytes) -> EInvoiceStatusChanged:
    outcome = run(body)
    assert not outcome.problems
    (message,) = outcome.messages
    data = message.data
    assert isinstance(data, EInvoiceStatusChanged)
    return data


@pytest.mark.parametrize(
    ("name", "expected", "code"),
    [
        ("rc__public", EInvoiceStatus.SENT_TO_CUSTOMER, "RC"),
        ("rc__private", EInvoiceStatus.SENT_TO_CUSTOMER, "RC"),
        ("ns__public", EInvoiceStatus.REJECTED, "NS"),
        ("ns__private", EInvoiceStatus.REJECTED, "NS"),
        ("mc__public", EInvoiceStatus.UNDELIVERABLE, "MC"),
        ("mc__private", EInvoiceStatus.UNDELIVERABLE, "MC"),
        ("at__attested", EInvoiceStatus.UNDELIVERABLE, "AT"),
        ("ne__accepted", EInvoiceStatus.APPROVED, "EC01"),
        ("ne__refused", EInvoiceStatus.REFUSED_BY_BUYER, "EC02"),
        ("ec__accepted", EInvoiceStatus.APPROVED, "EC01"),
        ("dt__whole_file", EInvoiceStatus.SENT_TO_CUSTOMER, "DT"),
    ],
)
def test_every_notice_has_its_status(name: str, expected: EInvoiceStatus, code: str) -> None:
    told = status(fixture(f"sdi.{name}.xml"))
    assert (told.network, told.status, told.network_status) == ("sdi", expected, code)


def test_a_rejection_says_why() -> None:
    told = status(fixture("sdi.ns__private.xml"))
    assert [reason.code for reason in told.reasons] == ["00404", "00423"]


def test_an_outcome_names_its_invoice_and_its_own_id() -> None:
    told = status(fixture("sdi.ne__refused.xml"))
    assert (told.document_id, told.invoice_number) == ("7788990018", "PA/7")
    assert told.response_id == "509"
    assert told.reasons[0].text == "Ordine non corrispondente"


def test_a_delivery_happened_when_it_was_delivered() -> None:
    told = status(fixture("sdi.rc__public.xml"))
    assert told.occurred_at == datetime(2026, 3, 3, 8, 20, tzinfo=UTC)


def test_another_notice_happened_when_it_was_signed() -> None:
    told = status(fixture("sdi.at__attested.xml"))
    assert told.occurred_at == datetime(2026, 3, 18, 7, tzinfo=UTC)


def test_a_time_without_a_zone_needs_the_accounts() -> None:
    body = fixture("sdi.mc__time_without_zone.xml")
    assert codes(run(body)) == ["time_without_zone"]
    (message,) = run(body, options={"timezone": "Europe/Rome"}).messages
    assert message.occurred_at == datetime(2026, 7, 3, 7, tzinfo=UTC)
    assert codes(run(body, options={"timezone": "Rome"})) == ["bad_option"]


def unsigned(body: bytes) -> bytes:
    start, end = body.index(b"<ds:Signature "), body.index(b"</ds:Signature>")
    return body[:start] + body[end + len(b"</ds:Signature>") :]


def test_a_notice_without_any_time_has_that_of_its_receipt_and_keeps_its_key() -> None:
    body = unsigned(fixture("sdi.dt__whole_file.xml"))
    (first,) = run(body).messages
    (again,) = run(body, received_at=datetime(2026, 4, 1, tzinfo=UTC)).messages
    assert first.occurred_at == RECEIVED
    assert first.key == again.key == run(fixture("sdi.dt__whole_file.xml")).messages[0].key


def test_unknown_outcomes_and_notices_are_not_guessed() -> None:
    assert codes(run(fixture("sdi.ne__unknown_outcome.xml"))) == ["unknown_status"]
    future = fixture("sdi.notificafutura__unknown_kind.xml")
    assert codes(run(future)) == ["unknown_kind"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.xml", fixture("sdi.rc__public.xml"))
        archive.writestr("b.xml", future)
    assert codes(run(packed.getvalue())) == ["unknown_kind"]


def test_the_orders_network_is_another_one() -> None:
    orders = b"http://nso.rgs.mef.gov.it/docs/xsd/ordini/messaggi/v1.0"
    body = fixture("sdi.rc__public.xml").replace(PUBLIC, orders)
    assert codes(run(body)) == ["unidentified"]


def test_another_version_of_the_notices_waits() -> None:
    body = fixture("sdi.rc__private.xml").replace(PRIVATE, PRIVATE.replace(b"v1.0", b"v2.0"))
    assert codes(run(body)) == ["unknown_version"]
