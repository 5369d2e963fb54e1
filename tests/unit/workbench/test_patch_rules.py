"""Rules of patches: what they change, and that they change nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed, Unsupported
from workbench.mending.patch_rules import apply_rule, read_rule
from workbench.mending.patching import byte_changes

DOC = b"""{ "id": 7,  "currency":"ZZZ", "net": 10.00,
  "lines": [ {"sku": "A", "price": "1", "alt": {"sku": "X"}}, {"sku": "B"} ], "e": {} }"""
XML = b'<?xml version="1.0"?><D><!-- c --><S><N><Amt Ccy="ZZZ">1</Amt></N><N><Amt/></N></S><Amt Ccy="ZZZ"/></D>'  # noqa: E501
X12 = (
    b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*1000*U*00401*"
    b"000000001*0*P*>~GS*PO*S*R*20260302*1000*1*X*004010~ST*850*0001~CUR*BY*ZZZ~PO1*1*5~SE*4*0001~"
)


def _json(op: str, path: str, **given: Any) -> dict[str, Any]:
    return {"form": "json", "op": op, "path": path, **given}


def _applied(rule: dict[str, Any], content: bytes = DOC) -> bytes:
    return apply_rule(read_rule(rule), content)


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (_json("set", "currency", value="EUR"), b'"ZZZ"', b'"EUR"'),
        (_json("replace", "currency", value="EUR", old="ZZZ"), b'"ZZZ"', b'"EUR"'),
        (_json("set", "net", number="12.50"), b"10.00", b"12.50"),
        (_json("set", "lines[0].sku", value="C"), b'"sku": "A"', b'"sku": "C"'),
        (_json("set", "lines[].sku", value="C", old="B"), b'"sku": "B"', b'"sku": "C"'),
        (_json("set", "lines[].price", value="0"),
         b'"price": "1", "alt": {"sku": "X"}}, {"sku": "B"}',
         b'"price": "0", "alt": {"sku": "X"}}, {"price": "0", "sku": "B"}'),
        (_json("replace", "lines[].price", value="0"), b'"price": "1"', b'"price": "0"'),
        (_json("remove", "net"), b'"net": 10.00,\n  ', b""),
        (_json("remove", "e"), b', "e": {}', b""),
        (_json("copy", "lines[].sku", **{"from": "alt.sku"}), b'"sku": "A"', b'"sku": "X"'),
        (_json("copy", "lines[1].price", **{"from": "/net"}), b'{"sku": "B"}',
         b'{"price": 10.00, "sku": "B"}'),
        (_json("set", "e.new", value=None), b'"e": {}', b'"e": {"new": null}'),
        (_json("set", "id", value=8, when={"path": "currency", "equals": "ZZZ"}),
         b'"id": 7', b'"id": 8'),
        (_json("set", "lines[].sku", value="C", when={"path": "alt", "exists": False}),
         b'"sku": "B"', b'"sku": "C"'),
        ({"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"}, b"ZZZ", b"EUR"),
        ({"form": "text", "op": "replace", "old": '"', "new": "'", "prefix": "{ \"id\": 7,  \"cu"},
         DOC.split(b"\n")[0], DOC.split(b"\n")[0].replace(b'"', b"'")),
    ],
)  # fmt: skip
def test_json_and_text_change_where_the_rule_says(
    rule: dict[str, Any], old: bytes, new: bytes
) -> None:
    assert DOC.count(old) == 1
    assert _applied(rule) == DOC.replace(old, new)


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ({"path": "S/N/Amt", "value": "a<b"}, b'<Amt Ccy="ZZZ">1</Amt></N><N><Amt/>',
         b'<Amt Ccy="ZZZ">a&lt;b</Amt></N><N><Amt>a&lt;b</Amt>'),
        ({"path": "N[1]/Amt", "attribute": "Ccy", "value": "EUR", "old": "ZZZ"},
         b'Ccy="ZZZ">1', b'Ccy="EUR">1'),
        ({"path": "N[2]/Amt", "attribute": "Ccy", "value": 'E"'}, b"<Amt/></N></S>", b"<Amt Ccy='E\"'/></N></S>"),  # noqa: E501
        ({"path": "S/N/Amt", "value": "2", "old": "1"}, b">1<", b">2<"),
    ],
)  # fmt: skip
def test_xml_changes_where_the_rule_says(rule: dict[str, Any], old: bytes, new: bytes) -> None:
    assert _applied({"form": "xml", "op": "set", **rule}, XML) == XML.replace(old, new)


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ({"tag": "CUR", "element": 2, "value": "EUR", "old": "ZZZ"}, b"CUR*BY*ZZZ", b"CUR*BY*EUR"),
        ({"tag": "PO1", "element": 4, "value": "9"}, b"PO1*1*5~", b"PO1*1*5**9~"),
        ({"tag": "ISA", "element": 6, "value": "ME"}, b"SENDER         ", b"ME             "),
    ],
)
def test_segments_change_where_the_rule_says(rule: dict[str, Any], old: bytes, new: bytes) -> None:
    assert _applied({"form": "segments", "op": "set", **rule}, X12) == X12.replace(old, new)


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        (_json("replace", "missing", value=1), DOC),
        (_json("set", "id", value=1, old=True), DOC),
        (_json("set", "id", value=7), DOC),
        (_json("set", "id.deeper", value=7), DOC),
        (_json("remove", "lines[5].sku"), DOC),
        ({"form": "xml", "op": "set", "path": "Nothing", "value": "x"}, XML),
        ({"form": "xml", "op": "set", "path": "S", "value": "x"}, XML),
        ({"form": "text", "op": "replace", "old": "none", "new": ""}, DOC),
        ({"form": "segments", "op": "set", "tag": "N1", "element": 1, "value": "x"}, X12),
    ],
)
def test_a_rule_without_a_match_changes_nothing(rule: dict[str, Any], content: bytes) -> None:
    with pytest.raises(Unsupported) as raised:
        _applied(rule, content)
    assert raised.value.code == "rule_does_not_fit"


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"form": "code"}, _json("set", "a"), _json("set", "a", value=1.5),
        _json("set", "a", value=1, number="1"), _json("set", "a", number="1e5"),
        _json("set", "a[]", value=1), _json("copy", "a"), _json("set", "a", value=1, extra=2),
        _json("set", "", value=1), _json("set", "a", value=1, when={"path": "b"}),
        {"form": "text", "op": "replace", "old": "", "new": "x"},
        {"form": "segments", "op": "set", "tag": "po1", "element": 1, "value": "x"},
        {"form": "xml", "op": "set", "path": "a", "attribute": "b c", "value": "x"},
    ],
)  # fmt: skip
def test_rules_are_read_strictly(rule: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as raised:
        read_rule(rule)
    assert raised.value.code == "bad_rule"


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        (_json("set", "a", value=1), b"{"),
        (_json("set", "a", value=1), b'{"a": 1, "a": 2}'),
        ({"form": "xml", "op": "set", "path": "a", "value": "x"}, b"<a>"),
        ({"form": "xml", "op": "set", "path": "a", "value": "x"}, b"<!DOCTYPE a><a>1</a>"),
        ({"form": "segments", "op": "set", "tag": "BEG", "element": 1, "value": "a~b"}, X12),
        ({"form": "segments", "op": "set", "tag": "BEG", "element": 1, "value": "x"}, b"{}"),
    ],
)
def test_what_is_not_of_its_form_is_left(rule: dict[str, Any], content: bytes) -> None:
    with pytest.raises(Malformed):
        _applied(rule, content)


def test_a_document_in_another_encoding_keeps_it() -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1")
    rule = {"form": "xml", "op": "set", "path": "a", "value": "e"}
    assert _applied(rule, latin).endswith(b"<a>e</a>")
    with pytest.raises(Unsupported):
        _applied({**rule, "value": "€"}, latin)


@given(st.binary(max_size=80))
def test_no_payload_makes_a_rule_fail_otherwise(content: bytes) -> None:
    for rule in (_json("set", "a[].b", value=1), _json("remove", "a"),
                 {"form": "xml", "op": "set", "path": "a", "value": "x"},
                 {"form": "segments", "op": "set", "tag": "BEG", "element": 1, "value": "x"},
                 {"form": "text", "op": "replace", "old": "a", "new": "b"}):  # fmt: skip
        try:
            _applied(rule, content)
        except GatewayError:
            continue


@given(
    st.dictionaries(st.text(max_size=3), st.integers(-9, 9) | st.text(max_size=3), max_size=4),
    st.text(min_size=1, max_size=3),
)
def test_a_member_that_is_set_is_there_and_nothing_else_changed(
    document: dict[str, Any], value: str
) -> None:
    before = dict(document)
    before.pop("q", None)
    content = json.dumps(before, indent=1).encode()
    changed = _applied(_json("set", "q", value=value), content)
    assert json.loads(changed) == {**before, "q": value}
    assert json.loads(_applied(_json("remove", "q"), changed)) == before


def test_the_stretch_that_changes_is_shown() -> None:
    (change,) = byte_changes(b"a" * 100 + b"ZZZ" + b"b" * 100, b"a" * 100 + b"EUR" + b"b" * 100)
    assert change.path == "byte 100"
    assert (change.old.strip("ab"), change.new.strip("ab")) == ("ZZZ", "EUR")
    assert byte_changes(b"a", b"a") == []
