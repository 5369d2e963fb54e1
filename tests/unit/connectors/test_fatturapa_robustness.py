"""fatturapa: whatever bytes come, the errors are ours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.fatturapa import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import dry_run

FIXTURES = Path(__file__).parents[3] / "connectors" / "fatturapa" / "fixtures"
BODIES = sorted(p for p in FIXTURES.iterdir() if p.suffix in {".xml", ".p7m", ".zip"})
RECEIVED = datetime(2026, 3, 10, 8, tzinfo=UTC)


def codes(body: bytes) -> list[str]:
    raw = RawMessage(body, account="acme", received_at=RECEIVED)
    return [problem.code for problem in dry_run(CONNECTOR, raw).problems]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    body=st.sampled_from([path.read_bytes() for path in BODIES]),
    at=st.integers(0, 100_000),
    gone=st.integers(0, 60),
    other=st.sampled_from([b"", b"<", b">", b"\0", b"&", b"0", b"-", b"\xff", b"x" * 30]),
)
def test_damage_gives_errors_of_ours(body: bytes, at: int, gone: int, other: bytes) -> None:
    place = at % len(body)
    assert "connector_fault" not in codes(body[:place] + other + body[place + gone :])


@given(st.binary(max_size=200))
def test_any_bytes_give_errors_of_ours(body: bytes) -> None:
    assert "connector_fault" not in codes(body)
