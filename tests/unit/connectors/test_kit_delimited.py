"""Delimited text: what is read, what is refused, and that nothing else escapes."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.kit.archives import members
from connectors.kit.delimited import Form, open_table, read_rows
from connectors.raw import RawMessage


def _records(body: bytes, form: Form | None = None) -> list[dict[str, str]]:
    return [row.fields() for row in open_table(io.BytesIO(body), form).rows]


def _code(body: bytes, form: Form | None = None) -> str:
    with pytest.raises(Malformed) as caught:
        _records(body, form)
    return caught.value.code


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_by_column_name_whatever_the_line_ends(ending: str) -> None:
    body = ending.join(["Date,Desc,Amount", "2026-03-02,a,10.00", "2026-03-03,,"]).encode()
    assert _records(body) == [
        {"Date": "2026-03-02", "Desc": "a", "Amount": "10.00"},
        {"Date": "2026-03-03", "Desc": "", "Amount": ""},
    ]


def test_quotes_delimiter_and_encoding_are_those_of_the_form() -> None:
    body = 'Tag;Zweck;Währung\r\n02.03.2026;"Rechnung ""1001""; Teil\r\n2";EUR\r\n'.encode("cp1252")
    form = Form(encoding="cp1252", delimiter=";")
    assert _records(body, form) == [
        {"Tag": "02.03.2026", "Zweck": 'Rechnung "1001"; Teil\r\n2', "Währung": "EUR"}
    ]


def test_without_a_quote_character_quotes_are_text() -> None:
    form = Form(delimiter="\t", quote=None)
    assert _records(b'a\tb\n"x\t5" pipe\n', form) == [{"a": '"x', "b": '5" pipe'}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert _records("Währung\nEUR\n".encode(encoding), Form(encoding="cp1252")) == [
        {"Währung": "EUR"}
    ]


def test_rows_know_the_line_they_begin_on() -> None:
    table = open_table(io.BytesIO(b'a,b\n\n1,"x\ny"\n2,z\n'))
    assert [(row.number, row.cells) for row in table.rows] == [
        (3, ("1", "x\ny")),
        (5, ("2", "z")),
    ]


def test_a_header_alone_has_no_rows() -> None:
    table = open_table(io.BytesIO(b"Date,Desc,Amount\n"))
    assert table.header == ("Date", "Desc", "Amount")
    assert list(table.rows) == []


def test_the_header_is_found_below_a_preamble() -> None:
    body = b"Some Bank,,\nStatement,,\n\n Date ,Deposit,\n02/03/26,10.00,\nTotal,10.00,\n"
    table = open_table(io.BytesIO(body), is_header=lambda names: "Date" in names)
    assert [row.fields()["Date"] for row in table.rows] == ["02/03/26", "Total"]
    with pytest.raises(Malformed, match="header"):
        open_table(io.BytesIO(body), is_header=lambda names: "Datum" in names)


def test_a_row_of_another_width_is_its_own_fault_only() -> None:
    rows = list(open_table(io.BytesIO(b"a,b\n1\n2,3\n4,5,6\n")).rows)
    assert rows[1].fields() == {"a": "2", "b": "3"}
    for row in (rows[0], rows[2]):
        with pytest.raises(Malformed) as caught:
            row.fields()
        assert caught.value.code == "wrong_cell_count"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'Date,Desc\n2026-03-02,"abc\n2026-03-03,def\n', "bad_quoting"),
        (b'a,b\n"x"y,z\n', "bad_quoting"),
        (b"a,b\nx\0y,z\n", "nul_character"),
        (b"a,b\nx\xff,z\n", "bad_encoding"),
        (b"\xff\xfea\0,\0b", "bad_encoding"),
        (b"", "no_header"),
        (b"\n\n", "no_header"),
        (b"a,b,a\n", "duplicate_column"),
        (b'a\n"' + b"x\n" * 100_000, "field_too_long"),
    ],
)
def test_what_cannot_be_trusted_is_refused(body: bytes, code: str) -> None:
    assert _code(body) == code


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (Form(max_rows=2), "too_many_rows"),
        (Form(max_columns=1), "too_many_columns"),
        (Form(max_field_chars=3), "field_too_long"),
        (Form(max_line_chars=8), "line_too_long"),
    ],
)
def test_limits(form: Form, code: str) -> None:
    assert _code(b"a,b\n1,2345\n1,2\n1,23456789\n", form) == code


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [("", "utf-8"), (";;", "utf-8"), ('"', "utf-8"), (",", "utf-9")]
)
def test_a_form_that_cannot_be_read_by_is_refused(delimiter: str, encoding: str) -> None:
    with pytest.raises(Unsupported):
        Form(delimiter=delimiter, encoding=encoding)


def test_the_stream_stays_the_callers() -> None:
    stream = io.BytesIO(b"a\n1\n")
    assert [row.cells for row in open_table(stream).rows] == [("1",)]
    assert not stream.closed


def test_a_reading_given_up_half_way_leaves_nothing_behind() -> None:
    with io.BytesIO(b"a\n1\n2\n") as stream:
        table = open_table(stream)
        assert next(table.rows).cells == ("1",)
    del table


def test_an_unpacked_member_is_read_as_it_comes() -> None:
    packed = gzip.compress("a,b\n1,ü\n".encode())
    raw = RawMessage(packed, account="acme", received_at=datetime(2026, 3, 2, tzinfo=UTC))
    for member in members(raw):
        with member.open() as stream:
            assert [row.cells for row in open_table(stream).rows] == [("1", "ü")]


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        """Ten million bytes of rows, made as they are read."""

        left = 10_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            view = memoryview(buffer)  # type: ignore[arg-type]
            count = min(len(view) // 4 * 4, self.left)
            view[:count] = b"a,b\n" * (count // 4)
            self.left -= count
            return count

    rows: Iterator[tuple[int, tuple[str, ...]]] = read_rows(
        io.BufferedReader(Endless()),
        Form(),
    )
    assert sum(1 for _ in rows) == 2_500_000


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_an_error_of_ours(body: bytes) -> None:
    for form in (Form(), Form(encoding="cp1252", delimiter=";"), Form(delimiter="\t", quote=None)):
        with suppress(GatewayError):
            _records(body, form)


_CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.lists(_CELL, min_size=2, max_size=2), max_size=6))
def test_what_was_quoted_comes_back_exactly(rows: list[list[str]]) -> None:
    def line(cells: list[str]) -> str:
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n"

    body = (line(["one", "two"]) + "".join(map(line, rows))).encode()
    assert [list(row.cells) for row in open_table(io.BytesIO(body)).rows] == rows


HOSTILE = Path(__file__).parents[4] / "shared" / "corpus" / "finance" / "hostile"


@pytest.mark.corpus
@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the corpus is not here")
def test_hostile_files_are_read_or_refused_as_they_should_be() -> None:
    forms = {"csv/eu_semicolon_cp1252.csv": Form(encoding="cp1252", delimiter=";")}
    told = json.loads((HOSTILE / "EXPECTED.shared.json").read_bytes())
    expected = {name: one["expect"] for name, one in told.items() if name.startswith("csv/")}
    assert expected
    for name, expect in expected.items():
        body = (HOSTILE / name).read_bytes()
        if expect == "reject":
            assert _code(body) in ("bad_quoting", "nul_character")
        else:
            rows = list(open_table(io.BytesIO(body), forms.get(name)).rows)
            assert bool(rows) == (expect != "accept-empty")
