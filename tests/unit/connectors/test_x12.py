"""X12: what each transaction set becomes, and what is left to people."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.errors import GatewayError, Rejected
from canonical.message import Message
from canonical.order import OrderPlaced
from canonical.shipment import ShipmentConfirmed
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run
from connectors.x12 import CONNECTOR

RECEIVED_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
FIXTURES = Path(__file__).parents[3] / "connectors" / "x12" / "fixtures"
GROUPS = {"850": "PO", "855": "PR", "856": "SH", "940": "OW", "945": "SW", "810": "IN"}


def transaction_set(kind: str, *lines: str, number: int = 1) -> str:
    control = f"{number:04d}"
    body = "".join(f"{line}~\n" for line in lines)
    return f"ST*{kind}*{control}~\n{body}SE*{len(lines) + 2}*{control}~\n"


def interchange(*sets: str, control: int = 1, sender: str = "PARTNER", usage: str = "P") -> bytes:
    group = GROUPS.get(sets[0][3:6], "XX") if sets else "XX"
    return (
        f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*{sender:15}*ZZ*{'US':15}"
        f"*260302*0915*U*00401*{control:09d}*0*{usage}*>~\n"
        f"GS*{group}*{sender}*US*20260302*0915*{control}*X*004010~\n"
        f"{''.join(sets)}GE*{len(sets)}*{control}~\nIEA*1*{control:09d}~\n"
    ).encode()


def arriving(content: bytes, account: str = "acme", **options: Any) -> RawMessage:
    return RawMessage(content, account=account, received_at=RECEIVED_AT, options=options)


def outcome(content: bytes, **options: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(content, **options))


def only(content: bytes, **options: Any) -> Any:
    (message,) = messages(content, **options)
    return message.data


def messages(content: bytes, **options: Any) -> tuple[Message, ...]:
    return outcome(content, **options).messages


def codes(found: Outcome) -> list[str]:
    return [one.code for one in found.problems]


def order(*lines: str, number: str = "PO-1", purpose: str = "00", release: str = "") -> str:
    return transaction_set("850", f"BEG*{purpose}*SA*{number}*{release}*20260301", *lines)


LINE = "PO1*1*2*EA***VN*A"


def test_nothing_is_verified() -> None:
    with pytest.raises(Rejected):
        CONNECTOR.verify(arriving(interchange(order(LINE))), [Secret("s", b"s")])


@pytest.mark.parametrize("content", [b"", b"{}", b"<a/>", b"UNA:+.? 'UNB+UNOA:1'", b"XSA*00*"])
def test_other_files_are_not_recognised(content: bytes) -> None:
    assert CONNECTOR.identify(arriving(content)) is None


def test_the_kind_is_that_of_all_sets() -> None:
    one, other = order(LINE), transaction_set("997", "AK1*IN*1", "AK9*A*1*1*1")
    kinds = [
        dry_run(CONNECTOR, arriving(content)).kind
        for content in (
            interchange(one, one),
            interchange(one, other),
            interchange(transaction_set("204", "B2")),
            interchange(transaction_set("x/y", "B2")),
            interchange(),
        )
    ]
    assert kinds == ["850", "mixed", "204", "unknown", "control"]


def test_the_delivery_is_its_bytes() -> None:
    first = CONNECTOR.identify(arriving(interchange(order(LINE))))
    again = CONNECTOR.identify(arriving(interchange(order(LINE))))
    other = CONNECTOR.identify(arriving(interchange(order(LINE), control=2)))
    assert first == again
    assert other
    assert first
    assert first.delivery_key != other.delivery_key


def test_a_document_sent_again_in_a_new_envelope_is_the_same_fact() -> None:
    text = (FIXTURES / "850__original.edi").read_bytes()
    resent = text.replace(b"*000000001*", b"*000000777*").replace(b"*1*X*", b"*777*X*")
    resent = resent.replace(b"*0915*", b"*1730*").replace(b"GE*1*1~", b"GE*1*777~")
    (first,), (again,) = messages(text), messages(resent)
    assert first.key == again.key
    assert first.data.content() == again.data.content()


def test_goods_of_a_release_are_found_by_the_release() -> None:
    text = (FIXTURES / "856__pick_and_pack.edi").read_bytes()
    shipped = [one.data for one in messages(text) if isinstance(one.data, ShipmentConfirmed)]
    released = [one for one in shipped if one.order_id == "BL-500-0003"]
    assert released
    for one in released:
        named = {(found.scheme, found.value) for found in one.references}
        assert {("x12:PO", "BL-500"), ("x12:order", "BL-500-0003")} <= named


def test_senders_and_accounts_keep_their_orders_apart() -> None:
    content = interchange(order(LINE)) + interchange(order(LINE), sender="OTHER")
    first, second = messages(content)
    (third,) = dry_run(CONNECTOR, arriving(interchange(order(LINE)), account="beta")).messages
    assert len({first.key, second.key, third.key}) == 3


@pytest.mark.parametrize(
    ("purpose", "types"),
    [
        ("00", ["OrderPlaced"]),
        ("18", ["OrderPlaced"]),
        ("01", ["OrderCancelled"]),
        ("04", ["OrderChanged"]),
        ("05", ["OrderChanged"]),
        ("22", []),
    ],
)
def test_the_purpose_of_an_order_decides(purpose: str, types: list[str]) -> None:
    found = outcome(interchange(order(LINE, purpose=purpose)))
    assert [type(one.data).__name__ for one in found.messages] == types
    assert bool(found.ignored) == (not types)


def test_a_reissued_order_is_the_order() -> None:
    (first,) = messages(interchange(order(LINE)))
    (again,) = messages(interchange(order(LINE, purpose="18"), control=9))
    assert first.key == again.key


def test_changes_are_told_apart_by_what_they_say() -> None:
    content = interchange(
        order("PO1*1*3*EA***VN*A", purpose="05"),
        order("PO1*1*4*EA***VN*A", purpose="05"),
        order("PO1*1*3*EA***VN*A", purpose="05"),
    )
    first, second, third = (one.key for one in messages(content))
    assert first == third
    assert first != second


def test_versions_follow_the_sender_s_clock() -> None:
    early = interchange(order(LINE))
    late = early.replace(b"*20260302*0915*", b"*20260302*1000*")
    (first,), (second,) = messages(early), messages(late)
    assert first.entity == second.entity
    assert first.version
    assert second.version
    assert first.version < second.version


def test_releases_of_a_blanket_order_are_orders_of_their_own() -> None:
    content = interchange(order(LINE, release="1"), order(LINE, release="2"))
    assert [one.data.order_id for one in messages(content)] == ["PO-1-1", "PO-1-2"]  # type: ignore[attr-defined]


def test_a_currency_is_never_assumed() -> None:
    content = interchange(order("PO1*1*2*EA*4.50**VN*A"))
    assert codes(outcome(content)) == ["missing_currency"]
    agreed = only(content, currency="CAD")
    assert agreed.lines[0].unit_price.currency == "CAD"
    stated = interchange(order("CUR*BY*USD", "PO1*1*2*EA*4.50**VN*A"))
    assert only(stated, currency="CAD").currency == "USD"
    unknown = interchange(order("CUR*BY*QQQ", LINE))
    assert codes(outcome(unknown)) == ["unknown_currency"]


@pytest.mark.parametrize(
    ("price", "basis", "unit", "expected"),
    [
        ("12.5", "HP", "EA", "0.125"),
        ("12.5", "TP", "EA", "0.0125"),
        ("12.5", "PE", "EA", "12.5"),
        ("12.5", "", "CA", "12.5"),
        ("12.5", "PP", "LB", "12.5"),
    ],
)
def test_prices_are_brought_to_one_unit(price: str, basis: str, unit: str, expected: str) -> None:
    content = interchange(order(f"PO1*1*2*{unit}*{price}*{basis}*VN*A"))
    assert only(content, currency="USD").lines[0].unit_price.amount == Decimal(expected)


@pytest.mark.parametrize(("basis", "unit"), [("PD", "EA"), ("PP", "EA"), ("??", "EA")])
def test_a_basis_that_gives_no_unit_price_is_not_guessed(basis: str, unit: str) -> None:
    found = outcome(interchange(order(f"PO1*1*2*{unit}*1*{basis}*VN*A")), currency="USD")
    assert codes(found) == ["unmapped_code"]


def test_parties_and_places() -> None:
    data = only((FIXTURES / "850__original.edi").read_bytes())
    assert data.ship_to.address.postal_code == "62701"
    assert data.ship_to.identifiers[0].scheme == "gln"
    assert data.delivery_address == data.ship_to.address
    assert data.buyer.name == data.bill_to.name == "Example Stores Inc"


def test_without_a_buyer_the_sender_is_it() -> None:
    data = only(interchange(order(LINE)))
    assert data.buyer.identifiers[0].value == "PARTNER"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("PO1*1*2*EA***VN*A", "CTT*1*2"), []),
        (("PO1*1*2*EA***VN*A", "CTT*2"), ["control_total_mismatch"]),
        (("PO1*1*2*EA***VN*A", "CTT*1*3"), ["control_total_mismatch"]),
        (("PO1*1*2*EA*3**VN*A", "CTT*1", "AMT*TT*6"), []),
        (("PO1*1*2*EA*3**VN*A", "CTT*1", "AMT*TT*7"), ["control_total_mismatch"]),
        (("PO1*1*2*EA***VN*A", "PO1*1*1*EA***VN*B"), ["repeated_line"]),
    ],
)
def test_totals_that_differ_are_told_beside_the_order(
    lines: tuple[str, ...], expected: list[str]
) -> None:
    found = outcome(interchange(order(*lines)), currency="USD")
    assert len(found.messages) == 1
    assert codes(found) == expected


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "missing_segment"),
        (("PO1*1**EA***VN*A",), "missing_field"),
        (("PO1*1*2****VN*A",), "missing_unit"),
        (("PO1*1*2,5*EA***VN*A",), "bad_amount"),
        (("PO1*1*2*EA***VN*A", "DTM*002*20260231"), "bad_date"),
        (("PO1*1*2*EA***VN*A", "DTM*002*20260228*0800*QQ"), "unmapped_code"),
        (("N1*ST*" + "x" * 5000, "PO1*1*2*EA***VN*A"), "invalid_value"),
    ],
)
def test_an_order_that_cannot_be_told_whole_is_not_told(lines: tuple[str, ...], code: str) -> None:
    found = outcome(interchange(order(*lines), order(LINE, number="PO-2")))
    assert codes(found) == [code]
    assert [one.subject for one in found.messages] == ["order/PO-2"]
    assert found.problems[0].at == "ISA[1]/GS[1]/ST[1]"


def test_old_dates_have_two_digits_for_the_year() -> None:
    content = interchange(order(LINE)).replace(b"*20260301~", b"*991231~")
    assert only(content).placed_at == datetime(1999, 12, 31, tzinfo=UTC)


def test_days_begin_in_the_account_s_zone() -> None:
    data = only(interchange(order(LINE)), timezone="America/Chicago")
    assert data.placed_at.isoformat() == "2026-03-01T00:00:00-06:00"


@pytest.mark.parametrize("options", [{"timezone": "Moon"}, {"currency": "QQQ"}, {"role": "x"}])
def test_options_that_are_not_understood_stop_everything(options: dict[str, str]) -> None:
    assert codes(outcome(interchange(order(LINE)), **options)) == ["bad_option"]


def test_test_interchanges() -> None:
    content = interchange(order(LINE), usage="T")
    assert only(content).test
    assert outcome(content, test_interchanges="ignore").outcome == "ignored"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("AK", "OrderConfirmed"), ("AC", "OrderConfirmed"), ("RJ", "OrderRejected"),
        ("RO", "OrderRejected"), ("AH", "OrderHeld"),
    ],
)  # fmt: skip
def test_answers_to_an_order(code: str, name: str) -> None:
    data = only(interchange(transaction_set("855", f"BAK*00*{code}*PO-1*20260301")))
    assert type(data).__name__ == name
    assert data.order_id == "PO-1"


def test_an_answer_with_a_changed_line_is_one_with_changes() -> None:
    head, line = "BAK*00*AD*PO-1*20260301", "PO1*1*2*EA***VN*A"
    plain = only(interchange(transaction_set("855", head, line, "ACK*IA*2*EA")))
    changed = only(interchange(transaction_set("855", head, line, "ACK*IQ*1*EA")))
    assert (plain.with_changes, changed.with_changes) == (False, True)
    assert changed.lines[0].quantity.value == 1


def shipment(*items: str, purpose: str = "00") -> bytes:
    hierarchy = ["HL*1**S", "DTM*011*20260303", "HL*2*1*O", "PRF*PO-1*2"]
    for number, item in enumerate(items, start=3):
        hierarchy += [f"HL*{number}*2*I", "LIN**VN*A", item]
    return interchange(transaction_set("856", f"BSN*{purpose}*S-1*20260303*1200", *hierarchy))


def test_one_message_for_each_shipped_item() -> None:
    found = messages(shipment("SN1**2*EA", "SN1**3*CA"))
    data = [one.data for one in found]
    assert all(isinstance(one, ShipmentConfirmed) for one in data)
    assert [one.order_id for one in data] == ["PO-1-2"] * 2  # type: ignore[attr-defined]
    assert [one.line.shipped.value for one in data] == [2, 3]  # type: ignore[attr-defined]
    assert len({one.key for one in found}) == 2


def test_a_bad_item_leaves_the_others_alone() -> None:
    found = outcome(shipment("SN1**2*EA", "SN1**two*EA", "SN1**3*EA"))
    assert len(found.messages) == 2
    assert [(one.code, one.at) for one in found.problems] == [
        ("bad_amount", "ISA[1]/GS[1]/ST[1]/HL[4]")
    ]


def test_a_cancelled_notice_reverses() -> None:
    (message,) = messages(shipment("SN1**2*EA", purpose="01"))
    assert message.data.TYPE == "o2c.shipment.reversed"
    assert message.key.text.endswith("/reversed")


def test_a_replaced_notice_is_left_to_people() -> None:
    assert codes(outcome(shipment("SN1**2*EA", purpose="05"))) == ["unmapped_code"]


def test_packages_are_found_above_and_below_the_item() -> None:
    above, _, _ = messages((FIXTURES / "856__pick_and_pack.edi").read_bytes())
    assert above.data.packages[0].identifiers[0].scheme == "sscc"  # type: ignore[attr-defined]
    below, *_ = messages((FIXTURES / "856__odd.edi").read_bytes())
    assert below.data.tracking_numbers == ("TRACK-1",)  # type: ignore[attr-defined]


@given(
    st.lists(
        st.decimals("0.001", "9999", places=3).map(lambda one: format(one, "f")),
        min_size=1,
        max_size=20,
    )
)
def test_quantities_are_conserved(quantities: list[str]) -> None:
    total = sum(Decimal(one) for one in quantities)
    shipped = messages(shipment(*[f"SN1**{one}*EA" for one in quantities]))
    assert sum(one.data.line.shipped.value for one in shipped) == total  # type: ignore[attr-defined]
    lines = [f"PO1*{n}*{one}*EA***VN*A" for n, one in enumerate(quantities)]
    found = outcome(interchange(order(*lines, f"CTT*{len(lines)}*{total}")))
    (message,) = found.messages
    assert isinstance(message.data, OrderPlaced)
    assert sum(line.quantity.value for line in message.data.lines) == total
    assert not found.problems


def advice(*lines: str) -> bytes:
    return interchange(transaction_set("945", "W06*F*DO-1*20260305*W-1", *lines))


def test_what_the_warehouse_shipped() -> None:
    (message,) = messages(advice("LX*1", "W12*CP*8*5*3*CA**VN*A", "W03*5"))
    line = message.data.line  # type: ignore[attr-defined]
    assert (line.ordered.value, line.shipped.value, line.back_ordered) == (8, 5, None)
    (message,) = messages(advice("LX*1", "W12*BP*8*5*3*CA**VN*A"))
    assert message.data.line.back_ordered.value == 3  # type: ignore[attr-defined]


def test_a_line_that_contradicts_itself_is_not_told() -> None:
    found = outcome(advice("LX*1", "W12*CP*8*5*1*CA", "LX*2", "W12*CC*1*1*0*CA", "W03*6"))
    assert codes(found) == ["line_unbalanced"]
    assert len(found.messages) == 1


def test_an_order_to_the_warehouse_depends_on_who_we_are() -> None:
    content = (FIXTURES / "940__for_others.edi").read_bytes()
    assert outcome(content).outcome == "ignored"
    assert only(content, role="warehouse").order_id == "DO-3001"


def bill(*lines: str, head: str = "DI") -> bytes:
    return interchange(transaction_set("810", f"BIG*20260305*INV-1**PO-1***{head}", *lines))


def test_the_total_has_two_implied_decimals_in_any_currency() -> None:
    for currency in ("USD", "JPY"):
        data = only(bill("IT1*1*2*EA*6.25**VN*A", "TDS*1250"), currency=currency)
        assert data.totals.payable.amount == Decimal("12.50")


@pytest.mark.parametrize(
    ("lines", "is_right"),
    [
        (("TDS*200",), True),
        (("TDS*201",), False),
        (("TDS*216", "TXI*ST*.16"), True),
        (("TDS*266", "TXI*ST*.16", "SAC*C*D240***100", "SAC*A*C310***50"), True),
        (("SAC*C*D240***100", "TDS*300"), True),
        (("TDS*200", "TXI*ST*.16"), True),
    ],
)
def test_totals_of_an_invoice_are_added_up(lines: tuple[str, ...], is_right: bool) -> None:
    found = outcome(bill("IT1*1*2*EA*1**VN*A", *lines), currency="USD")
    assert len(found.messages) == 1
    assert codes(found) == ([] if is_right else ["total_mismatch"])


def test_without_prices_there_is_no_total_to_compare() -> None:
    assert not outcome(bill("IT1*1*2*EA***VN*A", "TDS*9"), currency="USD").problems


def test_a_credit_memo_names_its_invoice() -> None:
    data = only(bill("REF*IV*INV-0", "TDS*100", head="CR"), currency="USD")
    assert data.TYPE == "o2c.credit_note.issued"
    assert data.preceding[0].value == "INV-0"
    assert data.document_type == "381"


def payment(*lines: str, amount: str = "100") -> bytes:
    head = (f"BPR*I*{amount}*C*ACH************20260312", "TRN*1*T-1")
    return interchange(transaction_set("820", *head, *lines))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("RMR*IV*A**60*70*10", "RMR*IV*B**40"), []),
        (("RMR*IV*A**100*120", "ADX*-20*01"), []),
        (("RMR*IV*A**120*120", "ADX*-20*01"), []),
        (("RMR*IV*A**120*120", "ENT*2", "ADX*-20*01"), []),
        (("RMR*IV*A**99",), ["control_total_mismatch"]),
        ((), []),
    ],
)
def test_a_payment_is_the_sum_of_its_parts(lines: tuple[str, ...], expected: list[str]) -> None:
    found = outcome(payment(*lines), currency="USD")
    assert len(found.messages) == 1
    assert codes(found) == expected


def test_what_is_taken_off_is_a_deduction() -> None:
    lines = only(payment("RMR*IV*A**110*130", "ADX*-20*01", "RMR*CM*C**-10"), currency="USD").lines
    assert [(one.paid and one.paid.amount, one.deduction.amount) for one in lines] == [
        (110, 20),
        (None, 10),
    ]


def status(*lines: str) -> bytes:
    return interchange(transaction_set("214", "B10*P-1*S-1*EXPF", "LX*1", *lines))


@pytest.mark.parametrize(
    ("code", "moment"),
    [
        ("ET", "2026-07-01T14:00:00+00:00"), ("ES", "2026-07-01T15:00:00+00:00"),
        ("UT", "2026-07-01T10:00:00+00:00"), ("01", "2026-07-01T09:00:00+00:00"),
        ("24", "2026-07-01T11:00:00+00:00"), ("ND", "2026-07-01T12:30:00+00:00"),
    ],
)  # fmt: skip
def test_time_codes(code: str, moment: str) -> None:
    data = only(status(f"AT7*D1*NS***20260701*1000*{code}"))
    assert data.occurred_at.astimezone(UTC).isoformat() == moment


def test_a_local_time_needs_the_account_s_zone() -> None:
    content = status("AT7*D1*NS***20260701*1000*LT", "AT7*X1*NS***20260701*0900")
    assert codes(outcome(content)) == ["time_without_zone"] * 2
    assert len(messages(content, timezone="America/Denver")) == 2


@pytest.mark.parametrize(
    ("event", "state", "reason"),
    [
        ("XB*NS", "CREATED", None),
        ("AF*NS", "IN_TRANSIT", None),
        ("AH*B1", "FAILED", "CUSTOMER_ISSUE"),
        ("AH*AO", "FAILED", "LOGISTICS_ISSUE"),
        ("AH*BC", "FAILED", "COMPANY_ISSUE"),
        ("AP*NS", "FAILED", None),
        ("A7", "FAILED", "CUSTOMER_ISSUE"),
        ("A3*NS", "RETURNED", None),
        ("PA*NS", "PARTIAL", None),
        ("D1*B1", "DELIVERED", None),
    ],
)
def test_carriers_codes(event: str, state: str, reason: str | None) -> None:
    padded = event if "*" in event else f"{event}*"
    data = only(status(f"AT7*{padded}***20260701*1000*UT"))
    assert (data.status, data.reason_class) == (state, reason)


def test_unknown_codes_are_told_and_appointments_left_out() -> None:
    found = outcome(
        status(
            "AT7*QQ*NS***20260701*1000*UT",
            "AT7***AA*NA*20260701*1000*UT",
            "AT7***Q1*NA*20260701*1000*UT",
        )
    )
    assert codes(found) == ["unmapped_code", "unmapped_code"]
    assert len(found.ignored) == 1


def test_acknowledgements_of_what_was_sent() -> None:
    accepted = transaction_set("997", "AK1*IN*1", "AK2*810*0001", "AK5*A", "AK9*A*1*1*1")
    assert outcome(interchange(accepted)).outcome == "ignored"
    refused = transaction_set(
        "997", "AK1*IN*1", "AK2*810*0001", "AK3*IT1*9**8", "AK5*R*5", "AK9*R*1*1*0"
    )
    (problem,) = outcome(interchange(refused)).problems
    assert (problem.code, problem.path) == ("functional_reject", "IT1[9]")
    odd = transaction_set("997", "AK1*IN*1", "AK2*810*0001", "AK5*Q", "AK9*A*1*1*1")
    assert codes(outcome(interchange(odd))) == ["unmapped_code"]


def test_compressed_files_are_read() -> None:
    plain = interchange(order(LINE))
    assert [one.key for one in messages(gzip.compress(plain))] == [
        one.key for one in messages(plain)
    ]


def test_no_message_or_problem_quotes_people() -> None:
    name = "Jane Q Example"
    content = interchange(order(f"N1*ST*{name}*92*{'9' * 500}", "PO1*1*x*EA***VN*A"))
    found = outcome(content)
    assert all(name not in one.message for one in found.problems)
    for message in messages(interchange(order(f"N1*ST*{name}", LINE))):
        assert name not in json.dumps([one.value for one in message.data.references])


BODIES = [
    path.read_bytes()
    for path in sorted(FIXTURES.glob("*.edi"))
    if not path.name.endswith(".json") and len(path.read_bytes()) < 3000
]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(BODIES), st.data())
def test_damaged_files_give_our_own_errors(body: bytes, data: st.DataObject) -> None:
    content = bytearray(body)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.sampled_from(b"*~>\n\0AZ09.-\xc3"))
    raw = arriving(bytes(content), currency="USD", timezone="UTC", role="warehouse")
    with suppress(GatewayError):
        identity = CONNECTOR.identify(raw)
        if identity and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))


@given(st.binary(max_size=300))
def test_any_bytes_give_our_own_errors(content: bytes) -> None:
    found = dry_run(CONNECTOR, arriving(interchange(order(LINE))[:180] + content))
    assert "connector_fault" not in codes(found)
