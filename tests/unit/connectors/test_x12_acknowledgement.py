"""The 997 that answers a delivery, read again with the tokenizer it was read with."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed
from connectors.kit.x12 import Fault, Group, Interchange, TransactionSet, events
from connectors.raw import RawMessage
from connectors.translation import dry_run
from connectors.x12 import CONNECTOR
from connectors.x12.acknowledgement import acknowledge

RECEIVED_AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
FIXTURES = Path(__file__).parents[3] / "connectors" / "x12" / "fixtures"


def answer(content: bytes) -> bytes:
    return acknowledge(RawMessage(content, account="acme", received_at=RECEIVED_AT))


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def read(content: bytes) -> tuple[list[Interchange], list[Group], list[TransactionSet]]:
    found = list(events(io.BytesIO(content)))
    assert not [one for one in found if isinstance(one, Fault)]
    sets = [one for one in found if isinstance(one, TransactionSet)]
    assert not any(one.faults for one in sets)
    return (
        [one for one in found if isinstance(one, Interchange)],
        [one for one in found if isinstance(one, Group)],
        sets,
    )


def said(whole: TransactionSet) -> list[str]:
    return ["*".join((one.tag, *one.elements)) for one in whole.segments]


def test_an_accepted_group() -> None:
    (interchange,), (group,), (whole,) = read(answer(fixture("850__original.edi")))
    assert (interchange.sender, interchange.receiver) == ("OURCOMPANY", "BUYERCO")
    assert interchange.control == "000000001"
    assert group.header.elements[:3] == ("FA", "OURCOMPANY", "BUYERCO")
    assert said(whole) == ["AK1*PO*1", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"]


def test_each_set_gets_its_answer() -> None:
    _, _, (whole,) = read(answer(fixture("850__bad_among_good.edi")))
    assert said(whole) == [
        "AK1*PO*13",
        "AK2*850*0001", "AK5*A",
        "AK2*850*0002", "AK5*R*3",
        "AK2*850*0003", "AK5*R*5",
        "AK2*850*0004", "AK5*R*2",
        "AK2*850*0005", "AK5*R*5",
        "AK2*850*0006", "AK5*R*5",
        "AK2*850*0007", "AK5*R*5",
        "AK2*850*0008", "AK5*E*5",
        "AK9*P*8*8*2",
    ]  # fmt: skip


def test_a_careless_envelope_is_accepted_and_noted() -> None:
    content = fixture("850__dirty_envelope.edi").replace(b"*10**VN", b"***VN")
    _, _, (whole,) = read(answer(content))
    assert said(whole) == ["AK1*PO*7", "AK2*850*0001", "AK5*E*4", "AK9*E*1*1*1*4"]


def test_every_group_is_answered_but_acknowledgements() -> None:
    interchanges, groups, sets = read(answer(fixture("mixed__several_kinds.edi")))
    assert len(interchanges) == 1
    assert [group.header.get(6) for group in groups] == ["1", "3"]
    assert [said(one)[0] for one in sets] == ["AK1*SW*1", "AK1*IB*3"]
    assert said(sets[1])[1:] == ["AK2*846*0001", "AK5*R*1", "AK9*R*1*1*0"]


def test_every_interchange_is_answered_to_its_sender() -> None:
    interchanges, _, _ = read(answer(fixture("850__several_interchanges.edi")))
    assert [(one.receiver, one.control) for one in interchanges] == [
        ("BUYERCO", "000000011"),
        ("OTHERCO", "000000012"),
    ]


def test_acknowledgements_are_not_acknowledged() -> None:
    assert answer(fixture("997__accepted.edi")) == b""


def test_the_same_delivery_has_the_same_answer() -> None:
    content = fixture("850__truncated.edi")
    assert answer(content) == answer(content)


def test_our_own_answer_is_understood_by_our_own_connector() -> None:
    content = answer(fixture("850__original.edi"))
    raw = RawMessage(content, account="acme", received_at=RECEIVED_AT)
    assert dry_run(CONNECTOR, raw).outcome == "ignored"


def test_archives_are_not_acknowledged() -> None:
    with pytest.raises(Malformed):
        answer(fixture("mixed__archive.zip"))


@given(st.data())
def test_whatever_came_the_answer_is_well_formed(data: st.DataObject) -> None:
    content = bytearray(fixture("850__change_and_cancel.edi"))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.sampled_from(b"*~>\n\0AZ09 \xc3"))
    with suppress(GatewayError):
        read(answer(bytes(content)))
