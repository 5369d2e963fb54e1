"""X12: files of any size, in memory bounded by their largest set."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

from canonical.message import Message
from connectors.raw import RawMessage
from connectors.x12 import CONNECTOR

ISA = (
    f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*{'PARTNER':15}*ZZ*{'US':15}*260302*0915*U*00401"
    "*000000001*0*P*>~\n"
)


def _orders(path: Path, count: int) -> Path:
    """Purchase orders with one line each."""
    with path.open("w", encoding="ascii") as out:
        out.write(f"{ISA}GS*PO*PARTNER*US*20260302*0915*1*X*004010~\n")
        for number in range(1, count + 1):
            out.write(
                f"ST*850*{number:04d}~\nBEG*00*SA*PO-{number}**20260301~\nCUR*BY*USD~\n"
                f"PO1*1*10*EA*4.25*PE*VN*BOLT~\nCTT*1~\nSE*6*{number:04d}~\n"
            )
        out.write(f"GE*{count}*1~\nIEA*1*000000001~\n")
    return path


def _peak_bytes(path: Path, count: int) -> int:
    raw = RawMessage(path, account="acme", received_at=datetime(2026, 3, 2, 10, tzinfo=UTC))
    tracemalloc.start()
    try:
        identity = CONNECTOR.identify(raw)
        assert identity is not None
        items = CONNECTOR.translate(raw, identity)
        assert sum(isinstance(item, Message) for item in items) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small = _peak_bytes(_orders(tmp_path / "small.edi", 3_000), 3_000)
    large = _peak_bytes(_orders(tmp_path / "large.edi", 9_000), 9_000)
    assert large < small + 100_000
