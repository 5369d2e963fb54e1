"""The X12 tokenizer: delimiters, dirty envelopes, bounded memory."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.x12 import (
    MAX_SET_SEGMENTS,
    Event,
    Fault,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    TransactionSet,
    events,
)
from connectors.kit.x12_delimiters import delimiters_of

ISA = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       "
    b"*260302*0915*U*00401*000000001*0*P*>~"
)
GS = b"GS*PO*SENDER*RECEIVER*20260302*0915*1*X*004010~"
SET = b"ST*850*0001~BEG*00*SA*PO-1**20260301~PO1*1*2*EA~SE*4*0001~"
END = b"GE*1*1~IEA*1*000000001~"
WHOLE = ISA + GS + SET + END


def read(content: bytes, encoding: str = "utf-8") -> list[Event]:
    return list(events(io.BytesIO(content), encoding))


def sets(content: bytes, encoding: str = "utf-8") -> list[TransactionSet]:
    return [one for one in read(content, encoding) if isinstance(one, TransactionSet)]


def faults(content: bytes) -> set[tuple[str, bool]]:
    found = set()
    for event in read(content):
        if isinstance(event, Fault):
            found.add((event.code, event.doubtful))
        if isinstance(event, TransactionSet):
            found |= {(fault.code, fault.doubtful) for fault in event.faults}
    return found


def test_a_clean_interchange() -> None:
    interchange, group, whole, group_end, end = read(WHOLE)
    assert isinstance(interchange, Interchange)
    assert (interchange.sender, interchange.receiver) == ("SENDER", "RECEIVER")
    assert interchange.control == "000000001"
    assert not interchange.is_test
    assert isinstance(whole, TransactionSet)
    assert whole.group == group
    assert (whole.kind, whole.control, whole.at) == ("850", "0001", "ISA[1]/GS[1]/ST[1]")
    assert [one.tag for one in whole.segments] == ["BEG", "PO1"]
    assert whole.segments[0].get(3) == "PO-1"
    assert whole.segments[0].get(4) == ""
    assert whole.segments[0].get(99) == ""
    assert not whole.faults
    assert isinstance(group_end, GroupEnd)
    assert (group_end.declared, group_end.found) == ("1", 1)
    assert isinstance(end, InterchangeEnd)


def test_segments_are_counted_by_tag() -> None:
    content = WHOLE.replace(b"PO1*1*2*EA~", b"PO1*1*2*EA~PID*F~PO1*2*1*EA~")
    (whole,) = sets(content)
    assert [one.at for one in whole.segments] == ["BEG[1]", "PO1[1]", "PID[1]", "PO1[2]"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + WHOLE,
        b"\r\n\t " + WHOLE,
        WHOLE.replace(b"~", b"~\r\n"),
        WHOLE.replace(b"~", b"\r\n").replace(b">\r\n", b">\r", 1),
        WHOLE.replace(b"~", b"\n"),
        WHOLE.replace(b"~", b"~\n\t\t"),
        WHOLE.replace(b"*", b"|").replace(b"~", b"'"),
        WHOLE.replace(b"*", b"\x1d").replace(b"~", b"\x1e").replace(b">", b"\x1f"),
        WHOLE.replace(b"*", b"\xa6"),
        WHOLE.replace(b"  ", b"").replace(b" *", b"*"),
        WHOLE.replace(b"  ", "\u00a0\u00a0".encode()),
        WHOLE.replace(b"*P*>~", b"*P*~"),
        ISA[:60] + b"\r\n" + ISA[60:] + GS + SET + END,
        WHOLE + b"\r\n\x1a\0\0",
        WHOLE[:-1],
        b"Some mail header\r\n\r\n" + WHOLE,
    ],
)
def test_what_is_around_does_not_matter(content: bytes) -> None:
    (whole,) = sets(content)
    assert whole.interchange.sender == "SENDER"
    assert [(one.tag, one.elements) for one in whole.segments] == [
        ("BEG", ("00", "SA", "PO-1", "", "20260301")),
        ("PO1", ("1", "2", "EA")),
    ]
    assert not faults(content)


@pytest.mark.parametrize(
    "content",
    [
        WHOLE.replace(b"*P*>~", b"*P*>>~"),
        WHOLE.replace(b"*P*>~", b"*P*>*EXTRA~"),
        WHOLE.replace(b"*P*>~", b"*P*x~"),
        WHOLE.replace(b"*P*>~", b"*P*>"),
        WHOLE.replace(b"*P*>~", "*P*\N{ROCKET}~".encode()),
        WHOLE.replace(b"*0*P*>~", b"~"),
        WHOLE.replace(b"*P*>~", b"*P*>\n").replace(b"04010~", b"04010~\n"),
        ISA[:40],
    ],
)
def test_delimiters_are_not_guessed(content: bytes) -> None:
    assert faults(content) == {("bad_isa", True)}
    assert not sets(content)


def test_the_repetition_separator_comes_with_version_00402() -> None:
    later = ISA.replace(b"*U*00401*", b"*^*00501*")
    found = [delimiters_of(header) for header in (ISA, later)]
    assert [one and one.repetition for one in found] == [b"", b"^"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (WHOLE.replace(b"SE*4*", b"SE*9*"), {("segment_count", False)}),
        (WHOLE.replace(b"SE*4*", b"SE**"), {("segment_count", False)}),
        (WHOLE.replace(b"GE*1*1~", b"GE*1*7~"), {("group_control", False)}),
        (WHOLE.replace(b"GE*1*1~", b"GE*0*1~"), {("group_count", False)}),
        (WHOLE.replace(b"IEA*1*000000001", b"IEA*1*000000002"), {("interchange_control", False)}),
        (WHOLE.replace(b"GE*1*1~", b""), {("group_trailer", False)}),
        (ISA + GS + SET + b"GE*1*1~", {("interchange_trailer", False)}),
        (WHOLE.replace(GS, b"").replace(b"GE*1*1~", b""), {("no_group", False)}),
        (ISA + b"TA1*000000001*260302*0915*A*000~IEA*0*000000001~", set()),
    ],
)
def test_careless_envelopes_are_read(content: bytes, found: set[tuple[str, bool]]) -> None:
    assert faults(content) == found
    assert all(len(one.segments) == 2 for one in sets(content))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (WHOLE.replace(b"SE*4*0001", b"SE*4*0002"), {("set_control", True)}),
        (WHOLE.replace(b"SE*4*0001~", b""), {("truncated_set", True)}),
        (
            WHOLE[:-60],
            {("truncated_set", True), ("group_trailer", False), ("interchange_trailer", False)},
        ),
        (WHOLE.replace(b"GE*1*1~", b"GE*2*1~"), {("group_count", True)}),
        (ISA + GS + SET, {("group_trailer", True), ("interchange_trailer", False)}),
        (ISA, {("interchange_trailer", True)}),
        (WHOLE.replace(b"ST*850*0001~", b""), {("stray_segments", True), ("group_count", True)}),
        (WHOLE + SET, {("outside_envelope", True)}),
    ],
)
def test_doubtful_content_is_told(content: bytes, found: set[tuple[str, bool]]) -> None:
    assert faults(content) == found


def test_a_doubtful_set_has_no_content() -> None:
    (whole,) = sets(WHOLE.replace(b"SE*4*0001", b"SE*4*0002"))
    assert whole.segments == ()


def test_interchanges_follow_one_another_in_any_way() -> None:
    other = WHOLE.replace(b"*", b"|").replace(b"~", b"\n").replace(b"SENDER", b"OTHERS")
    for between in (b"", b"\r\n", b"\n---- next ----\n", b"\x1a"):
        found = sets(WHOLE + between + other + WHOLE)
        assert [one.at for one in found] == [f"ISA[{number}]/GS[1]/ST[1]" for number in range(1, 4)]
        assert [one.interchange.sender for one in found] == ["SENDER", "OTHERS", "SENDER"]


def test_a_cut_interchange_does_not_swallow_the_next() -> None:
    for end in range(len(ISA + GS + b"ST*850*0001~"), len(WHOLE)):
        found = sets(WHOLE[:end] + WHOLE)
        assert [one.tag for one in found[-1].segments] == ["BEG", "PO1"]
        assert len(found) == 2


def test_reading_goes_on_behind_an_unreadable_interchange() -> None:
    content = WHOLE.replace(b"*P*>~", b"*P*x~") + WHOLE
    (whole,) = sets(content)
    assert whole.at == "ISA[2]/GS[1]/ST[1]"
    assert faults(content) == {("bad_isa", True)}


def test_bytes_that_are_no_text() -> None:
    content = WHOLE.replace(b"PO-1", b"PO-\xe9")
    (whole,) = sets(content)
    assert [fault.code for fault in whole.faults] == ["bad_encoding"]
    (whole,) = sets(content, "latin-1")
    assert whole.segments[0].get(3) == "PO-é"


def test_what_resembles_an_isa_inside_a_set_is_content() -> None:
    content = ISA + GS + b"ST*850*1~BEG*VISA~ISA*~ ISA~N1*ISA*LISA~SE*6*1~" + END
    (whole,) = sets(content)
    assert [one.tag for one in whole.segments] == ["BEG", "ISA", "ISA", "N1"]


def test_envelopes_alone_are_read_without_their_contents() -> None:
    content = WHOLE + WHOLE.replace(b"ST*850", b"ST*810")
    told = list(events(io.BytesIO(content), with_contents=False))
    found = [one for one in told if isinstance(one, TransactionSet)]
    assert [(one.kind, one.segments, one.faults) for one in found] == [
        ("850", (), ()),
        ("810", (), ()),
    ]
    whole = [type(one) for one in events(io.BytesIO(content))]
    assert [type(one) for one in told] == whole


def test_a_segment_without_end_ends_the_interchange() -> None:
    content = ISA + GS + b"ST*850*0001~BEG*" + b"x" * 200_000 + WHOLE
    assert [(one.kind, len(one.segments)) for one in sets(content)] == [("850", 0), ("850", 2)]


def test_a_set_may_not_grow_without_bound() -> None:
    count = MAX_SET_SEGMENTS + 1
    content = ISA + GS + b"ST*850*1~" + b"A~" * count + b"SE*%d*1~" % (count + 2) + END
    (whole,) = sets(content)
    assert [fault.code for fault in whole.faults] == ["set_too_large"]


class Endless(io.RawIOBase):
    """A file of many sets that is nowhere in memory."""

    def __init__(self, parts: int) -> None:
        self._parts = iter([ISA + GS, *([SET * 100] * parts), END])

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return next(self._parts, b"") if size else b""


def test_memory_does_not_grow_with_the_file() -> None:
    tracemalloc.start()
    try:
        number = sum(
            isinstance(one, TransactionSet)
            for one in events(Endless(300))  # type: ignore[arg-type]
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert number == 30_000
    assert peak < 4 * 1024 * 1024


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(content: bytes) -> None:
    read(content)
    read(WHOLE[:150] + content + WHOLE)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.sampled_from(b"*~>\n\0IAGST9 \xc3"))))
def test_damaged_interchanges_can_be_read(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    read(bytes(content))


@given(st.lists(st.lists(st.text("ABC019 .-", max_size=5), max_size=4), max_size=6))
def test_elements_come_out_as_they_went_in(segments: list[list[str]]) -> None:
    lines = ["*".join(["XX", *elements]) + "~" for elements in segments]
    body = "".join(["ST*850*0001~", *lines, f"SE*{len(lines) + 2}*0001~"]).encode()
    (whole,) = sets(ISA + GS + body + END)
    assert [[*one.elements] for one in whole.segments] == [
        [element.strip() for element in elements] for elements in segments
    ]
    assert not whole.faults
