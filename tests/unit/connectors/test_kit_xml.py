"""XML: nothing unsafe is accepted, nothing broken is read, memory stays bounded."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed, TooLarge
from connectors.kit import xml
from connectors.kit.xml import check, child, child_text, children, elements, read_xml, root_of

GOOD = b'<?xml version="1.0"?><r xmlns="urn:r"><l><i>1</i><i>2</i></l><l><i>3</i></l></r>'


def opener(body: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(body)


def code_of(body: bytes, **options: object) -> str:
    with pytest.raises(Malformed) as caught:
        check(opener(body), **options)  # type: ignore[arg-type]
    with pytest.raises(Malformed) as whole:
        read_xml(body)
    if not options:
        assert whole.value.code == caught.value.code
        # However little is looked at, what is wrong is found, and named the same.
        assert code_of(body, one_namespace=True) == caught.value.code
    return caught.value.code


def test_a_sound_document_gives_its_root() -> None:
    assert check(opener(GOOD)) == root_of(opener(GOOD)) == "{urn:r}r"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b'<?xml version="1.0" ', "truncated"),
        (b"<r><a>text", "truncated"),
        (b"<r><a", "truncated"),
        (b"<r/>EOF 1", "bad_xml"),
        (b"<r/><r/>", "bad_xml"),
        (b"<r/>\n<?xml version='1.0'?><r/>", "bad_xml"),
        (b"\n<?xml version='1.0'?><r/>", "bad_xml"),
        (b"<r></s>", "bad_xml"),
        (b"<r>\x00</r>", "bad_xml"),
        (b"<r>\x0b</r>", "bad_xml"),
        (b"<r>&#xD800;</r>", "bad_xml"),
        (b"<r>&other;</r>", "bad_xml"),
        (b"<r>M\xfcller</r>", "bad_xml"),
        (b"<?xml version='1.0' encoding='x-foo'?><r/>", "bad_xml"),
        (b"just words", "bad_xml"),
        (b"<!DOCTYPE r><r/>", "doctype"),
        (b"<!DOCTYPE r [<!ENTITY x 'y'>]><r>&x;</r>", "doctype"),
        (b"<!DOCTYPE r SYSTEM 'http://127.0.0.1:9/x'><r/>", "doctype"),
        (b"<!DOCTYPE html><html><body>503</body></html>", "html_page"),
        (b"<HTML><body>503</body></HTML>", "html_page"),
        (b"<r " + b" ".join(b"a%d='1'" % n for n in range(201)) + b"/>", "too_many_attributes"),
    ],
)
def test_what_is_refused_says_why(body: bytes, code: str) -> None:
    assert code_of(body) == code


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf<r/>",
        "<r>€</r>".encode("utf-16"),
        b"<?xml version='1.0' encoding='windows-1252'?><r>\x80</r>",
        b"<?xml-stylesheet href='http://127.0.0.1:9/x.xsl'?><r/><!-- behind -->",
    ],
)
def test_what_is_sound_is_accepted(body: bytes) -> None:
    assert check(opener(body)) == "r"
    assert read_xml(body).tag == "r"


@given(st.integers(1, len(GOOD) - 1))
def test_every_truncation_is_told_from_damage(cut: int) -> None:
    assert code_of(GOOD[:cut]) == "truncated"


def test_the_root_is_known_before_the_rest_is_judged() -> None:
    assert root_of(opener(b"<r xmlns='urn:x'><a></b>")) == "{urn:x}r"


def test_a_prolog_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(Malformed):
        root_of(opener(b"<?xml version='1.0'?>" + b" " * 2_000_000 + b"<r/>"))


def test_a_foreign_namespace_is_refused_save_in_open_content() -> None:
    inside = b"<r xmlns='urn:r'><open><x xmlns='urn:x'/></open><a/></r>"
    behind = b"<r xmlns='urn:r'><open/><x xmlns='urn:x'/></r>"
    assert check(opener(inside), one_namespace=True, open_content={"open"}) == "{urn:r}r"
    assert check(opener(behind)) == "{urn:r}r"
    for body, names in ((inside, frozenset[str]()), (behind, frozenset({"open"}))):
        with pytest.raises(Malformed) as caught:
            check(opener(body), one_namespace=True, open_content=names)
        assert caught.value.code == "foreign_namespace"


@pytest.mark.parametrize(
    "body",
    [
        b"<r xmlns='urn:r'><i xmlns=''/></r>",
        b"<r xmlns='urn:r'><i xmlns='urn:x'/></r>",
        b"<r xmlns='urn:r' xmlns:x='urn:x'>" + b"<i/>" * 20_000 + b"<x:i/></r>",
        b"<x:r xmlns:x='urn:r'><i/></x:r>",
        "<r xmlns='urn:r'><i xmlns='urn:x'/></r>".encode("utf-16"),
    ],
)
def test_another_namespace_is_found_wherever_it_is_declared(body: bytes) -> None:
    assert check(opener(body))
    with pytest.raises(Malformed) as caught:
        check(opener(body), one_namespace=True)
    assert caught.value.code == "foreign_namespace"


@pytest.mark.parametrize(
    "body",
    [
        b"<r xmlns='urn:r'>" + b"<i a='>'>1</i>" * 20_000 + b"</r>",
        b"<x:r xmlns:x='urn:r'><x:i/><!-- <y:i/> --></x:r>",
        b"\xef\xbb\xbf <r xmlns='urn:r'/>",
        b"<r xmlns='urn:r'><i><![CDATA[<x:y>]]></i>" + b"a" * 5_000 + b"</r>",
        "<r xmlns='urn:r'>€</r>".encode("utf-16"),
    ],
)
def test_one_namespace_may_be_written_in_many_ways(body: bytes) -> None:
    assert check(opener(body), one_namespace=True) == "{urn:r}r"


def test_a_record_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_BYTES_BETWEEN_RECORDS", 200_000)
    items = b"<i>1</i>" * 100_000
    assert check(opener(b"<r>" + items + b"</r>"), records={"i"}) == "r"
    with pytest.raises(Malformed) as caught:
        check(opener(b"<r>" + items + b"</r>"), records={"other"})
    assert caught.value.code == "record_too_large"


def test_elements_come_in_order_with_their_containers() -> None:
    seen = [
        (event, xml.local(element), xml.text(element) if xml.local(element) == "i" else "")
        for event, element in elements(opener(GOOD), "{urn:r}l", ["{urn:r}i"])
    ]
    assert seen == [
        ("start", "l", ""),
        ("end", "i", "1"),
        ("end", "i", "2"),
        ("end", "l", ""),
        ("start", "l", ""),
        ("end", "i", "3"),
        ("end", "l", ""),
    ]


def test_only_children_of_a_container_are_records() -> None:
    body = b"<r><i>0</i><l><x><i>no</i></x><i><i>inner</i>1</i></l></r>"
    ends = [e for event, e in elements(opener(body), "l", ["i"]) if event == "end"]
    assert [element.tag for element in ends] == ["i", "l"]


def test_elements_refuses_a_doctype_and_damage_by_itself() -> None:
    for body in (b"<!DOCTYPE r><r><l><i/></l></r>", b"<r><l><i></l></r>"):
        with pytest.raises(Malformed):
            list(elements(opener(body), "l", ["i"]))


def test_what_was_read_is_let_go() -> None:
    body = b"<r><l>" + b"<h/><i><a>x</a></i>" * 30_000 + b"</l></r>"
    most = 0
    for event, element in elements(opener(body), "l", ["i"]):
        if event == "end" and element.tag == "i":
            before = sum(1 for _ in element.itersiblings(preceding=True))
            most = max(most, before)
    assert most <= 2


def test_text_is_joined_across_instructions_and_comments() -> None:
    root = read_xml(b"<r><a>1<?x y?>0<!-- z -->.00</a><b>1<c/>0</b></r>")
    assert child_text(root, "a") == "10.00"
    with pytest.raises(Malformed) as caught:
        child_text(root, "b")
    assert caught.value.code == "mixed_content"


def test_paths_follow_children_in_one_namespace_only() -> None:
    root = read_xml(
        b"<r xmlns='urn:r'><a><b> 1 </b><b/></a><x:a xmlns:x='urn:x'><x:b>2</x:b></x:a></r>"
    )
    assert child_text(root, "a/b") == "1"
    assert child_text(root, "a/b", "urn:x") == "2"
    assert child_text(root, "{urn:x}a/{urn:x}b") == "2"
    assert len(children(root, "a/b")) == 2
    assert child(root, "b") is None
    assert child_text(root, "a/c") is None
    assert (xml.local(root), xml.namespace(root)) == ("r", "urn:r")


def test_a_document_too_large_to_hold_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_xml(b"<r/>", max_bytes=3)


@given(st.binary(max_size=300))
def test_no_bytes_let_a_foreign_error_out(body: bytes) -> None:
    for prefix in (b"", b"<r>", b"<?xml version='1.0'?><r xmlns='urn:r'>"):
        with suppress(Malformed):
            read_xml(prefix + body)
