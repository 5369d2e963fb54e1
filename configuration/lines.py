"""Where in a TOML text a key stands: `tomllib` does not say, and people want the line."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=")

Path = tuple[str | int, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Map each table and key of the usual layout to its line, counted from 1."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = defaultdict(int)
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _table(header.group(1), _parts(header.group(2)), counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key.group(1))), number)
    return found


def line_of(lines: dict[Path, int], path: Sequence[str | int]) -> int:
    """The line of a path, or of its nearest known parent."""
    for length in range(len(path), -1, -1):
        if (line := lines.get(tuple(path[:length]))) is not None:
            return line
    return 1


def _table(bracket: str, parts: Path, counts: dict[Path, int]) -> Path:
    if bracket == "[[":
        index = counts[parts]
        counts[parts] += 1
        return (*parts, index)
    # `[accounts.options]` belongs to the last `[[accounts]]` seen.
    if parts[:1] in counts and len(parts) > 1:
        return (parts[0], counts[parts[:1]] - 1, *parts[1:])
    return parts


def _parts(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
