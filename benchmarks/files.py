"""Large files: entries a second, CPU and memory, ours beside bare parsers and beside libraries."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import large_files, libraries
from benchmarks.machine import described
from benchmarks.processes import ROOT
from benchmarks.report import write

LONGEST_S = 1800.0
LIBRARY_LONGEST_S = 120.0
MEMORY_MB = 6 * 1024
"""Of address space, for every reader."""
SMALLER = 10
"""How many times smaller the file is that shows whether memory grows."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to read a format."""

    format: str
    reader: str
    title: str
    is_library: bool = False

    @property
    def longest_s(self) -> float:
        return LIBRARY_LONGEST_S if self.is_library else LONGEST_S


CONTENDERS = (
    Contender("camt", "camt", "camt.053: our connector"),
    Contender("camt", "lxml", "camt.053: bare lxml iterparse"),
    Contender("camt", "pycamt", "camt.053: pycamt", is_library=True),
    Contender("mt940", "mt940", "MT940: our connector"),
    Contender("mt940", "lines", "MT940: bare lines"),
    Contender("mt940", "mt-940", "MT940: mt-940", is_library=True),
    Contender("x12", "x12", "X12 850 (entries are order lines): our connector"),
    Contender("x12", "lines", "X12 850: bare lines"),
    Contender("x12", "pyx12", "X12 850: pyx12, segments only", is_library=True),
)


def compare(console: Console, out: Path, entries: int, *, with_libraries: bool = False) -> None:
    """Print one table, and write it to a file."""
    sizes = (max(1, entries // SMALLER), entries)
    library_python = libraries.python() if with_libraries else None
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "sizes": sizes,
        "files": {one.title: [] for one in CONTENDERS},
    }
    with tempfile.TemporaryDirectory(prefix="o2c-bench-files-") as name:
        for format_ in large_files.FORMATS:
            for figures in _measured(format_, Path(name), sizes, library_python):
                told["files"][figures["title"]].append(figures)
                console.print(_line(figures), style="dim", markup=False)
    console.print(_table(told))
    write(out / "files.json", told)
    console.print("written to benchmarks/out/files.json", markup=False)


def _measured(
    format_: str, folder: Path, sizes: tuple[int, ...], library_python: Path | None
) -> Iterator[dict[str, Any]]:
    """Every contender over the smaller file, then over the large one, each generated once."""
    failed: set[str] = set()
    for size in sizes:
        file = folder / f"bench.{format_}"
        large_files.write(format_, file, size)
        size_mb = file.stat().st_size / 1e6
        for one in (one for one in CONTENDERS if one.format == format_):
            python = library_python if one.is_library else Path(sys.executable)
            figures = {"failed": "not tried"} if one.reader in failed else _read(one, python, file)
            if "failed" in figures:
                failed.add(one.reader)
            yield {"title": one.title, "entries": size, "size_mb": size_mb, **figures}
        file.unlink()


def _read(contender: Contender, python: Path | None, file: Path) -> dict[str, Any]:
    if python is None:
        return {"failed": "not installed (--libraries)"}
    module = "benchmarks.read_with_library" if contender.is_library else "benchmarks.read_file"
    try:
        done = subprocess.run(  # noqa: S603 - our own modules
            [str(python), "-m", module, contender.reader, str(file), str(MEMORY_MB)],
            cwd=ROOT,
            capture_output=True,
            timeout=contender.longest_s,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failed": f"no result in {contender.longest_s:.0f} s"}
    except (subprocess.CalledProcessError, ValueError, IndexError):
        return {"failed": "ended without a result"}
    return found


def _table(told: dict[str, Any]) -> Table:
    table = Table(title="files of {:,} and {:,} entries".format(*told["sizes"]))
    table.add_column("what")
    for size in told["sizes"]:
        for name in (f"{size:,}: entries/s", "CPU s", "peak MB"):
            table.add_column(name, justify="right")
    table.add_column("")
    for title, runs in told["files"].items():
        cells = [cell for run in runs for cell in _cells(run)]
        table.add_row(title, *cells, "; ".join(filter(None, (_remark(run) for run in runs))))
    return table


def _cells(run: dict[str, Any]) -> tuple[str, str, str]:
    if "failed" in run:
        return "", "", ""
    speed = run["entries"] / run["seconds"]
    return f"{speed:,.0f}", f"{run['cpu_s']:.1f}", f"{run['peak_mb']:.0f}"


def _remark(run: dict[str, Any]) -> str:
    """What went wrong, or what was counted where it is not what is in the file."""
    if "failed" in run:
        return f"{run['entries']:,}: {run['failed']}"
    found = run["found"]
    if found["entries"] != run["entries"] or "problems" in found:
        counts = ", ".join(f"{count:,} {name}" for name, count in found.items())
        return f"{run['entries']:,}: reads {counts}"
    return ""


def _line(run: dict[str, Any]) -> str:
    return "  ".join((run["title"], f"{run['entries']:,}", *_cells(run), _remark(run)))
