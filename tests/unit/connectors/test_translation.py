"""Whatever a connector does, its answers leave as items, outcomes or GatewayErrors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from canonical import (
    GatewayError,
    Identifier,
    Ignored,
    Item,
    Key,
    Malformed,
    Message,
    Problem,
    Rejected,
    TooLarge,
    Unsupported,
    Version,
)
from canonical.order import OrderChanged, OrderPlaced
from connectors import translation
from connectors.contract import Connector, Identity, Manifest
from connectors.fetching import Fetch
from connectors.raw import RawMessage
from connectors.secret import Secret

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
RAW = RawMessage(b"{}", account="acme", received_at=NOW)
PLACED = Identity("order/placed", "d-1")
MANIFEST = Manifest(
    name="test_shop",
    title="Test shop",
    family="marketplace",
    transports=("file",),
    kinds=("order/placed",),
    ignored_kinds=("ping", "order/*"),
    emits=("o2c.order.placed",),
    signature="none",
)
MESSAGE = Message(
    key=Key.of("order", "test_shop", "acme", "1"),
    data=OrderPlaced(order_id="1", channel="test_shop", account="acme"),
    occurred_at=NOW,
    subject="order/1",
    correlation="test_shop/acme/order/1",
    partition="test_shop/acme/order/1",
)


def _fail(error: Exception) -> Any:
    raise error


def _connector(
    answers: Iterable[Any] = (), *, identity: Any = PLACED, matched: Any = None
) -> Connector:
    """A connector that gives these answers; an exception among them is raised in its turn."""

    def translate(_raw: RawMessage, _identity: Identity) -> Iterator[Item]:
        for answer in answers:
            yield _fail(answer) if isinstance(answer, Exception) else answer

    def identify(_raw: RawMessage) -> Identity | None:
        return _fail(identity) if isinstance(identity, Exception) else identity  # type: ignore[no-any-return]

    def verify(_raw: RawMessage, _secrets: Sequence[Secret]) -> Secret:
        return _fail(matched) if isinstance(matched, Exception) else matched  # type: ignore[no-any-return]

    return Connector(manifest=MANIFEST, verify=verify, identify=identify, translate=translate)


def _items(*answers: Any, kind: str = "order/placed") -> list[Item | Fetch]:
    return list(translation.items(_connector(answers), RAW, Identity(kind, "d-1")))


def _validation_error() -> Exception:
    try:
        Identifier(scheme="x" * 90, value="Jane Roe")
    except ValueError as error:
        return error
    raise AssertionError


# identify


def test_identify_passes_an_identity_through() -> None:
    assert translation.identify(_connector(), RAW) == PLACED


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "unidentified"),
        (Identity("", "d-1"), "connector_fault"),
        (Identity("order/placed", ""), "connector_fault"),
        (Identity("order/placed", "a\0b"), "invalid_value"),
        (Identity("order/\ud800", "d-1"), "invalid_value"),
        (("order/placed", "d-1"), "connector_fault"),
        (KeyError("Jane Roe"), "connector_fault"),
        (RecursionError(), "connector_fault"),
        (Malformed("no", code="bad_json"), "bad_json"),
    ],
)
def test_identify_raises_only_our_errors(answer: Any, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        translation.identify(_connector(identity=answer), RAW)
    assert caught.value.code == code
    assert "Jane" not in str(caught.value)


# items


def test_items_come_through_in_order() -> None:
    problem = Problem(code="bad_line", message="no", at="lines[1]")
    assert _items(MESSAGE, problem, Ignored(reason="draft")) == [
        MESSAGE,
        problem,
        Ignored(reason="draft"),
    ]


@pytest.mark.parametrize("kind", ["ping", "order/archived"])
def test_an_ignored_kind_is_not_translated(kind: str) -> None:
    (only,) = _items(RuntimeError(), kind=kind)
    assert isinstance(only, Ignored)


def test_a_declared_kind_wins_over_an_ignored_prefix() -> None:
    assert _items(MESSAGE, kind="order/placed") == [MESSAGE]


def test_an_unknown_kind_is_named_in_brief() -> None:
    with pytest.raises(Unsupported) as caught:
        _items(kind="k" * 500)
    assert caught.value.code == "unknown_kind"
    assert "k" * 60 in str(caught.value)
    assert "k" * 61 not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("Jane Roe"), "connector_fault"),
        (RecursionError("Jane Roe"), "connector_fault"),
        (_validation_error(), "invalid_value"),
        (TooLarge("big"), "too_large"),
    ],
)
@pytest.mark.parametrize("before", [(), (Problem(code="a", message="b"),), (Ignored(reason="c"),)])
def test_an_error_before_any_message_is_raised(
    error: Exception, code: str, before: tuple[Item, ...]
) -> None:
    with pytest.raises(GatewayError) as caught:
        _items(*before, error)
    assert caught.value.code == code
    assert "Jane" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value is error


def test_an_error_behind_a_message_ends_the_payload_with_a_problem() -> None:
    *told, last = _items(MESSAGE, _validation_error())
    assert told == [MESSAGE]
    assert isinstance(last, Problem)
    assert (last.code, last.path, last.at) == ("invalid_value", "scheme", "rest of payload")
    assert "Jane" not in last.message


def test_a_validation_error_names_its_path() -> None:
    try:
        OrderPlaced.model_validate(
            {"order_id": "1", "channel": "c", "account": "a", "lines": [{"line_id": "1"}]}
        )
    except ValueError as error:
        found = error
    with pytest.raises(Malformed) as caught:
        _items(found)
    assert caught.value.path == "lines[0].quantity"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": OrderChanged(order_id="1", channel="c", account="a")},
        {"occurred_at": datetime(2026, 3, 2)},  # noqa: DTZ001 - the fault
        {"subject": ""},
        {"correlation": ""},
        {"partition": ""},
        {"key": Key("")},
        {"entity": Key.of("order", "1")},
        {"version": Version.number(1)},
    ],
)
def test_a_faulty_message_becomes_a_problem(changes: dict[str, Any]) -> None:
    (only,) = _items(replace(MESSAGE, at="orders[3]", **changes))
    assert isinstance(only, Problem)
    assert (only.code, only.at) == ("connector_fault", "orders[3]")


def test_a_foreign_item_becomes_a_problem() -> None:
    (only,) = _items("surprise")
    assert only == Problem(code="connector_fault", message="translate yielded a str")


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "order/1\0"},
        {"key": Key.of("order", "\ud800")},
        {
            "data": MESSAGE.data.model_copy(
                update={"references": (Identifier(scheme="x", value="\0"),)}
            )
        },
    ],
)
def test_text_that_no_database_takes_becomes_a_problem(changes: dict[str, Any]) -> None:
    (only,) = _items(replace(MESSAGE, **changes))
    assert isinstance(only, Problem)
    assert only.code == "invalid_value"


def test_a_problem_is_made_storable() -> None:
    (only,) = _items(Problem(code="bad", message="a\0b", path="\ud800", at="x" * 1000))
    assert only == Problem(code="bad", message="a�b", path="?", at="x" * 500)


# verify


def test_verify_returns_the_secret_that_matched() -> None:
    secret = Secret("one", b"1")
    assert translation.verify(_connector(matched=secret), RAW, [secret]) is secret


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Rejected("no", code="bad_signature"), "bad_signature"),
        (Malformed("no", code="bad_json"), "bad_json"),
        (KeyError("x-signature"), "connector_fault"),
        (None, "connector_fault"),
        (Secret("other", b"2"), "connector_fault"),
    ],
)
def test_verify_refuses_whatever_goes_wrong(answer: Any, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        translation.verify(_connector(matched=answer), RAW, [Secret("one", b"1")])
    assert caught.value.code == code


# dry_run and outcome_document

IGNORED = Ignored(reason="draft")
PROBLEM = Problem(code="bad_line", message="no")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((), "translated"),
        ((MESSAGE,), "translated"),
        ((MESSAGE, PROBLEM), "translated"),
        ((MESSAGE, IGNORED), "translated"),
        ((IGNORED,), "ignored"),
        ((PROBLEM,), "dead"),
        ((PROBLEM, IGNORED), "dead"),
        ((Malformed("no"),), "dead"),
        ((PROBLEM, Malformed("no")), "dead"),
        ((MESSAGE, Malformed("no")), "translated"),
    ],
)
def test_the_outcome_follows_from_the_items(answers: tuple[Any, ...], outcome: str) -> None:
    found = translation.dry_run(_connector(answers), RAW)
    assert found.outcome == outcome
    told = [*found.messages, *found.problems, *found.ignored]
    assert len(told) == len(answers)
    assert (found.kind, found.delivery_key) == ("order/placed", "d-1")


def test_an_unidentified_payload_is_dead() -> None:
    found = translation.dry_run(_connector(identity=None), RAW)
    assert (found.outcome, found.kind) == ("dead", "")
    assert [problem.code for problem in found.problems] == ["unidentified"]


def test_without_secrets_the_signature_is_not_looked_at() -> None:
    connector = _connector([MESSAGE], matched=Rejected("no"))
    assert translation.dry_run(connector, RAW).outcome == "translated"
    assert translation.dry_run(connector, RAW, []).outcome == "refused"


def test_the_document_shows_a_message_as_it_would_be_published() -> None:
    message = replace(
        MESSAGE,
        occurred_at=datetime(2026, 3, 2, 12, 0, 0, 500000, tzinfo=timezone(timedelta(hours=2))),
        entity=Key.of("order", "1"),
        version=Version.number(7),
    )
    document = translation.outcome_document(translation.dry_run(_connector([message]), RAW))
    (shown,) = document["messages"]
    assert shown["time"] == "2026-03-02T10:00:00.500000Z"
    assert shown["entityversion"] == "00000000000000000007"
    assert shown["dataschema"] == "urn:o2c:schema:o2c.order.placed:v1"
    assert shown["data"]["order_id"] == "1"
    assert list(shown) == [
        "id", "key", "type", "subject", "time", "entity", "entityversion", "correlationid",
        "partitionkey", "dataschema", "at", "data",
    ]  # fmt: skip
    json.dumps(document)


# unwrap_capture


def test_a_capture_is_unwrapped_to_the_characters_it_is_written_in() -> None:
    body = '{"total": 10.00, "id": 12345678901234567890, "rate": 1e2, "name": "\\u00e9é"}'
    capture = f'{{ "headers" : {{"X-Topic": "orders/create"}},\n "body" : {body} }}\n'
    found = translation.unwrap_capture(capture.encode(), {"X-Shop": "acme"})
    assert found == (body.encode(), {"x-topic": "orders/create", "x-shop": "acme"})


def test_a_text_body_is_unwrapped_to_its_utf8() -> None:
    capture = json.dumps({"body": "id=tr_1&é", "headers": {}})
    assert translation.unwrap_capture(capture.encode(), {}) == ("id=tr_1&é".encode(), {})


def test_given_headers_win_over_captured_ones() -> None:
    capture = b'{"headers": {"X-Topic": "a"}, "body": {}}'
    assert translation.unwrap_capture(capture, {"x-topic": "b"}) == (b"{}", {"x-topic": "b"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<Document/>",
        b"\xff\xfe",
        b'{"headers": {}}',
        b'{"headers": {}, "body": {}, "note": 1}',
        b'{"headers": {}, "body": 1, "body": 2}',
        b'{"headers": {"a": 1}, "body": {}}',
        b'{"headers": [], "body": {}}',
        b'{"headers": {}, "body": {}} x',
        b'{"headers": {}, "body": }',
        b'{"headers": {}, "body": {}',
        b'{"headers" {}, "body": {}}',
        b'{"headers": {}, "body": ' + b"[" * 100_000,
    ],
)
def test_anything_else_stays_as_it_is(body: bytes) -> None:
    assert translation.unwrap_capture(body, {"A": "1"}) == (body, {"a": "1"})
