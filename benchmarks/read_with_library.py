"""One library over one file: `python -m benchmarks.read_with_library READER FILE MEMORY_MB`.

Runs in the environment that has the library, and so imports nothing of the product. Each reader
does what the library's documentation shows first, and counts the entries that come out.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.read_file import Read, measure


def mt_940(file: Path) -> dict[str, int]:
    """The whole file as a list of transactions."""
    return {"entries": len(import_module("mt940").parse(str(file)))}


def pycamt(file: Path) -> dict[str, int]:
    """The whole file as a list of dictionaries."""
    parser = import_module("pycamt.parser").Camt053Parser.from_file(str(file))
    return {"entries": len(parser.get_transactions())}


def pyx12(file: Path) -> dict[str, int]:
    """Segments as they come, their counters checked; no order is built of them."""
    with import_module("pyx12.x12file").X12Reader(str(file)) as reader:
        return {"entries": sum(segment.get_seg_id() == "PO1" for segment in reader)}


READERS: dict[str, Read] = {"mt-940": mt_940, "pycamt": pycamt, "pyx12": pyx12}


if __name__ == "__main__":
    measure(READERS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]))
