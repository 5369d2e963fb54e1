"""Large files: what a connector makes of them a second, and the memory it takes."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import large_files
from benchmarks.machine import described
from benchmarks.processes import Failed, child
from benchmarks.report import write

CONTENDERS = (
    ("camt", "camt", "camt.053, connector"),
    ("camt", "lxml", "camt.053, bare lxml iterparse"),
    ("mt940", "mt940", "MT940, connector"),
    ("mt940", "lines", "MT940, bare lines"),
    ("x12", "x12", "X12 850, connector (entries are order lines)"),
    ("x12", "lines", "X12 850, bare lines"),
)
LONGEST_S = 1800.0


def compare(console: Console, out: Path, entries: int) -> None:
    """Print one table, and write it to a file."""
    table = Table(title=f"files of {entries:,} entries")
    for name in ("what", "MB", "entries/s", "peak MB", "found"):
        table.add_column(name, justify="left" if name in {"what", "found"} else "right")
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "entries": entries,
        "files": {},
    }
    with tempfile.TemporaryDirectory(prefix="o2c-bench-files-") as name:
        folder = Path(name)
        for format_ in large_files.FORMATS:
            file = folder / f"bench.{format_}"
            large_files.write(format_, file, entries)
            for reader, title in [(r, t) for f, r, t in CONTENDERS if f == format_]:
                figures = _read(reader, file, entries)
                told["files"][title] = figures
                table.add_row(title, *_cells(figures))
            file.unlink()
    console.print(table)
    write(out / "files.json", told)
    console.print("written to benchmarks/out/files.json", markup=False)


def _read(reader: str, file: Path, entries: int) -> dict[str, Any]:
    try:
        with child("benchmarks.read_file", reader, str(file), folder=file.parent) as running:
            figures = running.answer(LONGEST_S)
    except Failed as error:
        return {"failed": str(error)}
    return figures | {
        "size_mb": file.stat().st_size / 1e6,
        "entries_per_s": entries / figures["seconds"],
    }


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    if "failed" in figures:
        return "", "", "", figures["failed"]
    found = ", ".join(f"{count:,} {name}" for name, count in figures["found"].items())
    return (
        f"{figures['size_mb']:.0f}",
        f"{figures['entries_per_s']:,.0f}",
        f"{figures['peak_mb']:.0f}",
        found,
    )
