"""What a mapping makes of a body, for the tests of the mapping connector."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from canonical.message import Message
from connectors.mapping import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

RECEIVED = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)


def told(body: str | bytes | dict[str, Any], options: dict[str, Any], **more: Any) -> Outcome:
    content = json.dumps(body) if isinstance(body, dict) else body
    raw = RawMessage(
        content.encode() if isinstance(content, str) else content,
        account="acme",
        received_at=RECEIVED,
        options={**options, **more},
    )
    return dry_run(CONNECTOR, raw)


def only(outcome: Outcome) -> Message:
    assert outcome.problems == ()
    assert len(outcome.messages) == 1
    return outcome.messages[0]


def data(outcome: Outcome) -> dict[str, Any]:
    found = json.loads(only(outcome).data.json_data())
    assert isinstance(found, dict)
    return found


def problem(outcome: Outcome) -> tuple[str, str]:
    assert outcome.messages == ()
    assert len(outcome.problems) == 1
    return outcome.problems[0].code, outcome.problems[0].path
