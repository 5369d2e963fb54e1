"""[retention]: what is kept must outlive what could bring it up again."""

from pathlib import Path

import pytest

from configuration import parse_configuration
from configuration.retention import RetentionSettings

BODIES = "raw_days = 90\nmessage_days = 180\n"


def test_nothing_is_dropped_unless_it_is_named() -> None:
    configuration, findings = parse_configuration("", {}, Path())
    assert configuration is not None
    assert configuration.retention == RetentionSettings()
    assert findings == []
    assert set(RetentionSettings().model_dump().values()) == {None}


@pytest.mark.parametrize(
    "text", [BODIES, BODIES + "receipt_days = 180\n", BODIES + "dedup_days = 180\n"]
)
def test_what_outlives_the_others_is_taken(text: str) -> None:
    assert parse_configuration(f"[retention]\n{text}", {}, Path())[1] == []


@pytest.mark.parametrize(
    ("text", "line", "path", "says"),
    [
        (BODIES + "dedup_days = 179\n", 4, "dedup_days", "at least message_days (180)"),
        ("message_days = 9\nraw_days = 90\ndedup_days = 89\n", 4, "dedup_days", "raw_days (90)"),
        (BODIES + "receipt_days = 90\n", 4, "receipt_days", "at least message_days"),
        ("raw_days = 90\ndedup_days = 400\n", 3, "dedup_days", "needs message_days"),
        ("message_days = 90\nreceipt_days = 400\n", 3, "receipt_days", "needs raw_days"),
        ("raw_days = 6\n", 2, "raw_days", "greater than or equal to 7"),
        ("raw_month = 6\n", 2, "raw_month", "unknown setting"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, line: int, path: str, says: str) -> None:
    configuration, findings = parse_configuration(f"[retention]\n{text}", {}, Path())
    assert configuration is None
    assert [(one.line, one.path) for one in findings] == [(line, f"retention.{path}")]
    assert says in findings[0].message
