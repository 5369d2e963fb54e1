"""Published X12 files: what each becomes, counted again by splitting them naively."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.billing import InvoiceIssued
from canonical.cash import RemittanceAdvised
from canonical.order import OrderPlaced
from canonical.shipment import DeliveryStatusChanged, ShipmentConfirmed
from connectors.kit.x12 import TransactionSet, events
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from connectors.x12 import CONNECTOR
from connectors.x12.acknowledgement import acknowledge

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FOLDERS = (CORPUS / "logistics" / "edi" / "x12", CORPUS / "finance" / "edi_x12_edifact")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDERS[0].is_dir(), reason="the corpus is not here"),
]

AGREED = {"currency": "USD", "timezone": "America/Chicago", "role": "warehouse"}
"""What an account would have agreed with its partner."""
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)
ENVELOPE = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       "
    b"*260101*1200*U*00401*000000001*0*P*>~GS*XX*SENDER*RECEIVER*20260101*1200*1*X*004010~"
)

FILES = {
    path.name: path
    for folder in FOLDERS
    if folder.is_dir()
    for path in sorted(folder.rglob("*.edi"))
    if folder == FOLDERS[0] or path.name.startswith("x12.")
}
BARE = [name for name, path in FILES.items() if path.read_bytes().startswith(b"ST*")]

AMBIGUOUS = {"6", "7", "8", "11", "13", "14", "17", "21", "22"}
DEAD = {
    **{f"x12types_940_{number}.edi": "bad_isa" for number in AMBIGUOUS},
    "x12types_940_9.edi": "unidentified",
    "x12.832.edi": "unknown_kind",
    "edinet_204.edi": "unknown_kind",
    "edinet_210.edi": "unknown_kind",
    "edinet_issue88.edi": "unknown_kind",
    "x12types_004010_315.edi": "unknown_kind",
    "x12types_005010_824.edi": "unknown_kind",
    "edinet_810_mandatory.edi": "missing_segment",
    "edinet_issue172.edi": "missing_segment",
    "edinet_issue91.edi": "missing_segment",
    "x12types_856_1.edi": "missing_segment",
    "x12types_940_15.edi": "missing_segment",
    "x12types_940_18.edi": "missing_segment",
    "x12types_940_19.edi": "missing_segment",
    "x12types_856_3.edi": "bad_date",
    "x12types_850_5010_15.edi": "set_control",
    "x12types_997_1.edi": "functional_reject",
    "x12types_997_2.edi": "functional_reject",
    "x12types_997_3.edi": "functional_reject",
}
BESIDE = {
    "x12.810c.edi": ["total_mismatch"],
    "x12types_810_3.edi": ["total_mismatch"],
    "x12types_214_2.edi": ["set_control"],
    "x12types_856_2.edi": ["control_total_mismatch"],
    "x12types_850_5010_7.edi": ["control_total_mismatch", "repeated_line"],
    "x12types_850_5010_9.edi": ["control_total_mismatch"] * 2,
    "x12types_850_5010_13.edi": ["control_total_mismatch"] * 2,
}
"""Problems beside what was told: the published totals and control numbers do not agree."""


def content(name: str) -> bytes:
    """The file; transaction sets that were published without an envelope are put into one."""
    found = FILES[name].read_bytes()
    if name in BARE:
        number = len(re.findall(rb"(?:^|~)\s*ST\*", found))
        found = ENVELOPE + found.rstrip() + b"GE*%d*1~IEA*1*000000001~" % number
    return found


def arriving(body: bytes, **options: Any) -> RawMessage:
    return RawMessage(body, account="acme", received_at=RECEIVED_AT, options=options)


def outcome(name: str) -> Outcome:
    return dry_run(CONNECTOR, arriving(content(name), **AGREED))


def split(name: str) -> Iterator[list[str]]:
    """Segments, by nothing but splitting at the usual characters."""
    text = content(name).decode("utf-8", "replace")
    mark = "~" if "~" in text else "\n"
    for piece in text.split(mark):
        elements = [one.strip() for one in piece.strip("\ufeff \t\r\n").split("*")]
        yield elements + [""] * 20


def column(name: str, tag: str, position: int) -> list[Decimal]:
    return [Decimal(one[position]) for one in split(name) if one[0] == tag and one[position] != ""]


def test_the_whole_corpus_is_known() -> None:
    assert len(FILES) == 67
    assert len(BARE) == 13
    assert set(DEAD) | set(BESIDE) <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(name)
    if name in DEAD:
        assert found.outcome == "dead"
        assert found.problems[0].code == DEAD[name]
    else:
        assert found.outcome == "translated"
        assert [one.code for one in found.problems] == BESIDE.get(name, [])


@pytest.mark.parametrize("name", FILES)
def test_no_file_shows_a_fault_of_the_connector(name: str) -> None:
    for raw in (arriving(FILES[name].read_bytes()), arriving(content(name), **AGREED)):
        assert not any(one.code == "connector_fault" for one in dry_run(CONNECTOR, raw).problems)


def test_outcomes_by_number() -> None:
    agreed = Counter(outcome(name).outcome for name in FILES)
    assert agreed == {"translated": 39, "dead": 28}
    plain = [dry_run(CONNECTOR, arriving(path.read_bytes())) for path in FILES.values()]
    assert Counter(one.outcome for one in plain) == {"translated": 16, "dead": 43, "ignored": 8}
    reasons = Counter(one.problems[0].code for one in plain if one.outcome == "dead")
    assert reasons == {
        "no_envelope": 13,
        "bad_isa": 9,
        "missing_currency": 7,
        "unknown_kind": 6,
        "missing_segment": 4,
        "bad_date": 1,
        "set_control": 1,
        "time_without_zone": 1,
        "unidentified": 1,
    }


@pytest.mark.parametrize("name", sorted(set(FILES) - set(DEAD)))
def test_every_set_and_segment_is_seen(name: str) -> None:
    sets = [one for one in events(io.BytesIO(content(name))) if isinstance(one, TransactionSet)]
    naive = list(split(name))
    assert [one.kind for one in sets] == [one[1] for one in naive if one[0] == "ST"]
    if not any(fault.doubtful for one in sets for fault in one.faults):
        inside = [one for one in naive if one[0] not in {"", "ISA", "GS", "ST", "SE", "GE", "IEA"}]
        assert sum(len(one.segments) for one in sets) == len(inside)


@pytest.mark.parametrize("name", [name for name in FILES if "850" in name and name not in DEAD])
def test_orders_keep_their_quantities_and_prices(name: str) -> None:
    (message,) = outcome(name).messages
    data = message.data
    assert isinstance(data, OrderPlaced)
    assert [one.quantity.value for one in data.lines] == column(name, "PO1", 2)
    prices = [one.unit_price.amount for one in data.lines if one.unit_price]
    assert prices == column(name, "PO1", 4)


@pytest.mark.parametrize("name", [name for name in FILES if "810" in name and name not in DEAD])
def test_invoices_keep_their_totals(name: str) -> None:
    (message,) = outcome(name).messages
    data = message.data
    assert isinstance(data, InvoiceIssued)
    assert [data.totals.payable.amount * 100] == column(name, "TDS", 1)
    assert [one.quantity.value for one in data.lines if one.quantity] == column(name, "IT1", 2)


@pytest.mark.parametrize("name", [name for name in FILES if "820" in name])
def test_remittances_keep_their_amounts(name: str) -> None:
    (message,) = outcome(name).messages
    data = message.data
    assert isinstance(data, RemittanceAdvised)
    assert data.amount
    assert [data.amount.amount] == column(name, "BPR", 2)
    paid = [one.paid.amount for one in data.lines if one.paid]
    taken = [-one.deduction.amount for one in data.lines if one.deduction and not one.paid]
    assert sorted(paid + taken) == sorted(column(name, "RMR", 4))


@pytest.mark.parametrize("name", [name for name in FILES if "856" in name and name not in DEAD])
def test_shipments_keep_their_quantities(name: str) -> None:
    shipped = [
        one.data.line.shipped.value
        for one in outcome(name).messages
        if isinstance(one.data, ShipmentConfirmed) and one.data.line
    ]
    assert shipped == column(name, "SN1", 2)


def test_each_event_of_a_carrier_is_told() -> None:
    for name in ("canadapost_214.edi", "x12types_214_1.edi", "x12.214.edi"):
        told = outcome(name).messages
        assert len(told) == sum(one[0] == "AT7" and one[1] != "" for one in split(name))
        assert len({one.key for one in told}) == len(told)


def test_events_agree_with_the_publisher_s_own_reading() -> None:
    told = [one.data for one in outcome("canadapost_214.edi").messages]
    expected = json.loads((FOLDERS[0] / "canadapost_214.expected.json").read_bytes())
    compared = 0
    for data, record in zip(told, expected, strict=True):
        assert isinstance(data, DeliveryStatusChanged)
        reading = record["TransformedRecord"]
        (event,) = reading["events"]
        moment = datetime.fromisoformat(event["date"])
        if moment.tzinfo is not None:
            compared += 1
            assert data.occurred_at == moment
        assert data.occurred_at.replace(tzinfo=None) == moment.replace(tzinfo=None)
        assert data.tracking_number == reading["tracking_number"]
        assert data.location
        assert data.location.city == event["location"]["city"]
    assert compared > 10


@pytest.mark.parametrize("name", FILES)
def test_every_answer_is_well_formed(name: str) -> None:
    answer = acknowledge(arriving(content(name), **AGREED))
    sets = [one for one in events(io.BytesIO(answer)) if isinstance(one, TransactionSet)]
    assert not any(one.faults for one in sets)
    assert bool(sets) == (name not in DEAD or DEAD[name] not in {"bad_isa", "unidentified"})
