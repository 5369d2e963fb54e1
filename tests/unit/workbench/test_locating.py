"""Payloads as people read them: the place of an error found, every line harmless and bounded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.failures.forms.lines import LONGEST_LINE
from workbench.failures.locating import LOOKED_AT, form_of, locate, view

FIXTURES = Path(__file__).resolve().parents[3] / "connectors"

JSON = (
    b'{\n "id": 7, "lines": [{"price": "1.00"},\n {"price": "x", "a.b": {"c": null}}],\n "e": {}}'
)
XML = (
    b'<?xml version="1.0"?><D xmlns="urn:x"><H/><Stmt><Ntry><Amt Ccy="EUR">1</Amt></Ntry>'
    b"<Ntry><Sts>BOOK</Sts></Ntry></Stmt><Stmt><Ntry><Amt>2</Amt></Ntry></Stmt></D>"
)
X12 = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1000*U*00401*"
    b"000000001*0*P*>~GS*PO*S*R*20260302*1000*1*X*004010~ST*850*0001~BEG*00*SA*4501**20260302~"
    b"PO1*1*5*EA*9.10~PO1*2*x*EA*9.10~SE*5*0001~ST*850*0002~BEG*00*SA*4502**2026~SE*3*0002~"
    b"GE*2*1~IEA*1*000000001~"
)
EDIFACT = b"UNA:+.? 'UNB+UNOC:3+S+R+260302:1000+1'UNH+1+ORDERS:D:96A:UN'BGM+220+4501?'x+9'UNT+3+1'"
MT940 = b":20:A\r\n:25:1/2\r\n:28C:1/1\r\n:60F:C260301EUR1,00\r\n:61:2603010301C1,00NTRF\r\n:86:one\r\ntwo\r\n:61:bad\r\n:86:x\r\n:62F:C260301EUR2,00\r\n"  # noqa: E501
CSV = b'Account 12\nday;name;amount\n2026-03-01;"Shop; Berlin";1,00\n2026-03-02;Acme;x\n'


@pytest.mark.parametrize(
    ("content", "at", "path", "found"),
    [
        (JSON, "", "id", b"7"),
        (JSON, "", "lines[1].price", b'"x"'),
        (JSON, "lines[1]", "price", b'"x"'),
        (JSON, "lines[1]", "lines[1].price", b'"x"'),
        (JSON, "", "/lines/1/price", b'"x"'),
        (JSON, "", "lines[1].a.b.c", b"null"),
        (JSON, "lines[0]", "", b'{"price": "1.00"}'),
        (b'[{"n": 1}, {"n": 2}]', "[1]", "[1].n", b"2"),
        (b'{"data": {"object": {"n": 3}}}', "", "object.n", b"3"),
        (XML, "Stmt[1]/Ntry[2]", "Sts", b"<Sts>BOOK</Sts>"),
        (XML, "Stmt[2]/Ntry[1]", "Amt", b"<Amt>2</Amt>"),
        (XML, "D/Stmt[1]", "Ntry/Amt", b'<Amt Ccy="EUR">1</Amt>'),
        (X12, "ISA[1]/GS[1]/ST[1]", "PO1[2]/PO102", b"x"),
        (X12, "ISA[1]/GS[1]/ST[1]/PO1[2]", "PO1[2]/PO102", b"x"),
        (X12, "ISA[1]/GS[1]/ST[2]", "BEG[1]/BEG05", b"2026"),
        (X12, "ISA[1]/GS[1]/ST[2]", "", b"ST*850*0002"),
        (EDIFACT, "UNH[1]", "BGM[1]/BGM02", b"4501?'x"),
        (MT940, "message[1]/:61:[2]", ":61:", b":61:bad"),
        (MT940, "message[1]/:61:[1]", ":86:", b":86:one\r\ntwo"),
        (MT940, "message[1]", ":62F:", b":62F:C260301EUR2,00"),
        (CSV, "row[4]", "amount", b"x"),
        (CSV, "line[3]", "name", b"Shop; Berlin"),
    ],
)
def test_a_path_leads_to_its_bytes(content: bytes, at: str, path: str, found: bytes) -> None:
    span = locate(content, at, path)
    assert span is not None
    assert span.exact
    assert content[span.start : span.end] == found


@pytest.mark.parametrize(
    ("content", "at", "path", "around"),
    [
        (JSON, "lines[0]", "quantity", b'{"price"'),
        (XML, "Stmt[1]/Ntry[2]", "Amt", b"<Ntry><Sts>"),
        (X12, "ISA[1]/GS[1]/ST[2]", "CUR/CUR02", b"ST*850*0002"),
        (MT940, "message[1]/:61:[2]", ":90D:", b":61:bad"),
        (CSV, "row[4]", "currency", b"2026-03-02"),
    ],
)
def test_what_is_missing_is_missing_there(
    content: bytes, at: str, path: str, around: bytes
) -> None:
    span = locate(content, at, path)
    assert span is not None
    assert not span.exact
    assert content[span.start :].startswith(around)


@pytest.mark.parametrize("content", [JSON, XML, X12, MT940, CSV, b"plain\ntext", b""])
def test_what_leads_nowhere_is_not_marked(content: bytes) -> None:
    shown = view(content, at="nothing[3]", path="like.this")
    assert not any(one.marked for one in shown.lines)
    assert locate(content, "", "") is None


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (JSON, "json"), (XML, "xml"), (X12, "x12"), (EDIFACT, "edifact"), (MT940, "swift"),
        (CSV, "delimited"), (b"a note", "text"), (b"PK\x03\x04\0\0\0\x08", "binary"),
        (b"[section]\nkey = 1", "text"), (b"\xef\xbb\xbf{}", "json"),
    ],
)  # fmt: skip
def test_forms_are_told_apart(content: bytes, form: str) -> None:
    assert form_of(content) == form


def test_json_has_a_line_a_member() -> None:
    shown = view(JSON, path="lines[1].price")
    told = [f"{'  ' * one.depth}{one.text}" for one in shown.lines]
    assert told == [
        "{", '  "id": 7,', '  "lines": [', "    {", '      "price": "1.00"', "    },", "    {",
        '      "price": "x",', '      "a.b": {', '        "c": null', "      }", "    }", "  ],",
        '  "e": {', "  }", "}",
    ]  # fmt: skip
    assert [one.number for one in shown.lines if one.marked] == [7]


def test_an_element_has_a_line() -> None:
    told = [f"{'  ' * one.depth}{one.text}" for one in view(XML).lines]
    assert told[:5] == [
        '<D xmlns="urn:x">', "  <H/>", "  <Stmt>", "    <Ntry>", '      <Amt Ccy="EUR">1</Amt>',
    ]  # fmt: skip
    assert told[-1] == "</D>"


def test_segments_rows_and_bytes_have_names() -> None:
    marked = next(one for one in view(X12, path="PO1[2]/PO102").lines if one.marked)
    assert [(one.name, one.text) for one in marked.fields if one.marked] == [("PO102", "x")]
    row = view(CSV, at="row[4]", path="amount").lines[3]
    assert [(one.name, one.marked) for one in row.fields] == [
        ("day", False), ("name", False), ("amount", True),
    ]  # fmt: skip
    assert view(b"PK\x03\x04\0\0\0\x08").lines[0].text.endswith("PK......")


def test_pages_are_parts_of_the_whole() -> None:
    content = json.dumps([{"n": number} for number in range(500)]).encode()
    whole = [view(content, offset=start, limit=100) for start in range(0, 1502, 100)]
    assert [one.more for one in whole] == [True] * 15 + [False]
    lines = [line for page in whole for line in page.lines]
    assert [line.number for line in lines] == list(range(1502))
    around = view(content, at="[300]", path="n", limit=10)
    assert [line.marked for line in around.lines].index(True) == 5
    assert around.offset == next(line.number for line in lines if '"n": 300' in line.text) - 5


HOSTILE = [
    b'{"a": "<script>alert(1)</script>\x1b[31m\xe2\x80\xae"}',
    b"\x1b]0;title\x07 text \xff\xfe",
    b'{"a": "' + b"x" * 100_000 + b'"}',
    b"[" * 100_000,
    b"<a>" * 100_000,
    b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    b'{"a": "unclosed',
    b'"',
    b"ISA",
    b"ISA" + b"*" * 5000,
    b"UNA",
    b"UNB+",
    b":20:\r:61:",
    b';"a;b\n' * 20,
    "{\"a\": \"ü\"}".encode("utf-16"),
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE)
def test_no_payload_harms_who_looks_at_it(content: bytes) -> None:
    shown = view(content, at="a[3]", path="b.c", limit=50)
    assert len(shown.lines) <= 50
    for one in shown.lines:
        assert len(one.text) <= 2 * LONGEST_LINE
        assert not any(ord(each) < 32 and each not in "\t\n" for each in one.text)
        assert "\u202e" not in one.text


def test_a_megabyte_of_members_is_cut() -> None:
    content = b"[" + b"1," * (LOOKED_AT // 2) + b"1]"
    shown = view(content, limit=10, size=len(content) + 5)
    assert shown.more
    assert shown.not_looked_at == len(content) + 5 - LOOKED_AT


@given(st.binary(max_size=300), st.text(max_size=30), st.text(max_size=30))
def test_any_bytes_have_a_view(content: bytes, at: str, path: str) -> None:
    view(content, at=at, path=path)


@given(st.sampled_from([JSON, XML, X12, EDIFACT, MT940, CSV]), st.data())
def test_damaged_payloads_have_a_view(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content)))
    insert = data.draw(st.binary(max_size=5))
    damaged = content[:place] + insert + content[place + data.draw(st.integers(0, 5)) :]
    for one in view(damaged, at="lines[1]", path="price", limit=1000).lines:
        assert 0 <= one.start <= one.end <= len(damaged)


def test_most_of_the_fixtures_problems_are_found_in_them() -> None:
    found = missed = 0
    for golden in FIXTURES.glob("*/fixtures/*.expected.json"):
        body = golden.with_name(golden.name.removesuffix(".expected.json")).read_bytes()
        for problem in json.loads(golden.read_text())["problems"]:
            if problem["at"] or problem["path"]:
                span = locate(body, problem["at"], problem["path"])
                found += span is not None
                missed += span is None
    assert found > 200
    assert missed * 8 < found
