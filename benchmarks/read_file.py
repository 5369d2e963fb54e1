"""One reader over one file, a process of its own: `python -m benchmarks.read_file READER FILE`.

Says one JSON object: seconds, items of each sort, and the process's peak memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

_NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"


def connector(name: str) -> Callable[[Path], Counter[str]]:
    """Everything a file becomes through a connector, one item at a time."""
    # Loaded only here: what a bare reader takes is measured without it.
    from canonical.message import Message  # noqa: PLC0415
    from connectors import registry, translation  # noqa: PLC0415
    from connectors.raw import RawMessage  # noqa: PLC0415

    def read(file: Path) -> Counter[str]:
        found = registry.load(name)
        raw = RawMessage(
            file, account="bench", received_at=datetime.now(UTC), filename=file.name, options={}
        )
        identity = translation.identify(found, raw)
        return Counter(
            item.data.TYPE if isinstance(item, Message) else type(item).__name__
            for item in translation.items(found, raw, identity)
        )

    return read


def iterparse(file: Path) -> Counter[str]:
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
    return Counter({"entries": count})


def lines(file: Path) -> Counter[str]:
    """Bare lines of text, those that begin an entry counted."""
    with file.open("rb") as handle:
        return Counter({"entries": sum(line.startswith((b":61:", b"PO1*")) for line in handle)})


BARE: dict[str, Callable[[Path], Counter[str]]] = {"lxml": iterparse, "lines": lines}


def main(reader: str, file: Path) -> None:
    """Read, and say what it took."""
    read = BARE[reader] if reader in BARE else connector(reader)
    before = time.perf_counter()
    found = read(file)
    seconds = time.perf_counter() - before
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "found": found}), flush=True)


def peak_mb() -> float:
    """The most memory this program has held; getrusage would also count what started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
