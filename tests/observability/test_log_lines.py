"""Log lines: known texts, a code each, and exceptions without what they quote."""

from __future__ import annotations

import ast
import json
import re
import sys
import threading
from collections.abc import Iterator
from typing import Final

import pytest
import structlog

from canonical.errors import Malformed
from tests.observability.shown import DOCUMENT, ROOT
from workbench.logs import configure_logs

LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical"}
FOLDERS: Final = (
    "commands",
    "configuration",
    "embedded",
    "routing",
    "store",
    "transports",
    "workbench",
)
_TABLE: Final = DOCUMENT.read_text().partition("| event | level | when |")[2]
EVENTS: Final = set(re.findall(r"^\| (.+?) \| [a-z, ]+ \| .+ \|$", _TABLE, re.MULTILINE))
NEVER: Final = {
    "body",
    "payload",
    "data",
    "headers",
    "secret",
    "token",
    "password",
    "url",
    "envelope",
}
"""Fields that no line has."""


def _calls() -> Iterator[ast.Call]:
    """Every call of a module's `log`."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=attr)) if (
                        attr in LEVELS
                    ):
                        yield node


def _event(call: ast.Call) -> str:
    text = call.args[0]
    assert isinstance(text, ast.Constant), ast.unparse(call)
    return str(text.value)


def test_events_are_constant_and_stand_in_the_document() -> None:
    found = {_event(call) for call in _calls()} | {"a library says"}
    assert found == EVENTS


def test_no_line_has_a_field_for_what_must_not_be_shown() -> None:
    for call in _calls():
        assert not {word.arg for word in call.keywords} & NEVER, ast.unparse(call)


@pytest.mark.usefixtures("logs")
def test_a_line_has_a_code_of_its_error_or_of_its_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = structlog.get_logger("test")
    log.warning("relay stalled", code="streams_unavailable")
    log.warning("streams lost their data; gateway republish refills them")
    assert [line["code"] for line in _lines(capsys)] == [
        "streams_unavailable",
        "streams_lost_their_data",
    ]


@pytest.mark.usefixtures("logs")
def test_an_exception_is_told_by_type_code_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger("test")
    try:
        _fail()
    except Malformed:
        log.exception("a turn broke")
    (line,) = _lines(capsys)
    assert "canonical.errors.Malformed [bad_amount]" in line["exception"]
    assert "caused by builtins.ValueError" in line["exception"]
    assert "tests/observability/test_log_lines.py:" in line["exception"]
    assert "in _fail" in line["exception"]
    assert "Mustermann" not in line["exception"]
    assert "exc_info" not in line


@pytest.mark.usefixtures("logs")
def test_the_last_words_of_a_process_and_of_a_thread_quote_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        _fail()
    except Malformed as error:
        sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()
    ended, of_thread = _lines(capsys)
    assert ended["event"] == "ended by a fault"
    assert of_thread["event"] == "a thread ended by a fault"
    for line in (ended, of_thread):
        assert "Malformed [bad_amount]" in line["exception"]
        assert "Mustermann" not in str(line)


@pytest.mark.usefixtures("logs")
def test_the_level_is_the_environment_s(capsys: pytest.CaptureFixture[str]) -> None:
    for level, shown in (("warning", 1), ("info", 2), ("WARNING", 1), ("loud", 2), ("", 2)):
        configure_logs({"GATEWAY_LOG_LEVEL": level})
        structlog.configure(cache_logger_on_first_use=False)
        structlog.get_logger("test").info("group created")
        structlog.get_logger("test").warning("paused")
        assert len(_lines(capsys)) == shown, level


@pytest.mark.usefixtures("logs")
def test_a_terminal_gets_lines_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    configure_logs({})
    structlog.configure(cache_logger_on_first_use=False)
    try:
        _fail()
    except Malformed:
        structlog.get_logger("test").exception("a turn broke")
    told = capsys.readouterr().err
    assert "a turn broke" in told
    assert "Malformed [bad_amount]" in told
    assert not told.startswith("{")
    assert "Mustermann" not in told


def _fail() -> None:
    name = "Mustermann"
    try:
        int(name)
    except ValueError as error:
        raise Malformed(f"not an amount: {name}", code="bad_amount") from error


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]
