"""One reader over one file: `python -m benchmarks.read_file READER FILE MEMORY_MB`.

A process of its own. Says one JSON object: seconds, CPU seconds, what was found (`entries` and
what else there was), and the process's peak memory; or how it failed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

Read = Callable[[Path], Mapping[str, int]]

_NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"


def connector(name: str) -> Read:
    """Everything a file becomes through a connector, one item at a time."""
    # Loaded only here: what a bare reader takes is measured without it.
    from canonical.cash import BankEntryBooked  # noqa: PLC0415
    from canonical.message import Message  # noqa: PLC0415
    from canonical.order import OrderPlaced  # noqa: PLC0415
    from connectors import registry, translation  # noqa: PLC0415
    from connectors.raw import RawMessage  # noqa: PLC0415

    def read(file: Path) -> Mapping[str, int]:
        found = registry.load(name)
        raw = RawMessage(
            file, account="bench", received_at=datetime.now(UTC), filename=file.name, options={}
        )
        identity = translation.identify(found, raw)
        counts = Counter(entries=0)
        for item in translation.items(found, raw, identity):
            match item:
                case Message(data=BankEntryBooked()):
                    counts["entries"] += 1
                case Message(data=OrderPlaced() as order):
                    counts["entries"] += len(order.lines)
                    counts["orders"] += 1
                case Message():
                    counts["other messages"] += 1
                case _:
                    counts["problems"] += 1
        return counts

    return read


def iterparse(file: Path) -> Mapping[str, int]:
    """Bare lxml: every entry looked at and dropped."""
    from lxml import etree  # noqa: PLC0415

    count = 0
    for _, entry in etree.iterparse(file, tag=f"{_NAMESPACE}Ntry"):
        entry.findtext(f"{_NAMESPACE}Amt")
        count += 1
        entry.clear()
        parent = entry.getparent()
        while parent is not None and entry.getprevious() is not None:
            del parent[0]
    return {"entries": count}


def lines(file: Path) -> Mapping[str, int]:
    """Bare lines of text, those that begin an entry counted."""
    with file.open("rb") as handle:
        return {"entries": sum(line.startswith((b":61:", b"PO1*")) for line in handle)}


BARE: dict[str, Read] = {"lxml": iterparse, "lines": lines}


def measure(read: Read, file: Path, memory_mb: int) -> None:
    """Read within this much address space, and say what it took."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    begun, cpu_begun = time.perf_counter(), time.process_time()
    try:
        found = dict(read(file))
    except MemoryError:
        told: dict[str, object] = {"failed": f"more than {memory_mb:,} MB"}
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        told = {"failed": type(error).__name__}
    else:
        told = {
            "seconds": time.perf_counter() - begun,
            "cpu_s": time.process_time() - cpu_begun,
            "peak_mb": peak_mb(),
            "found": found,
        }
    print(json.dumps(told), flush=True)


def peak_mb() -> float:
    """The most memory this program has held; getrusage would also count what started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    name = sys.argv[1]
    measure(BARE.get(name) or connector(name), Path(sys.argv[2]), int(sys.argv[3]))
