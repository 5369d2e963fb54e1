"""Which rows of a report say exactly the same, found without keeping them.

Identical rows are different movements: the how-manieth one is part of its key. A first reading
marks each row in a bit field whose size is bounded; only rows whose mark was already there are
remembered, so that memory grows with the repeated rows, not with the report.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

_MIN_BITS = 1 << 16
_MAX_BITS = 1 << 27  # 16 MiB


class Repeats:
    """Counts the rows that occur more than once."""

    def __init__(self, rows: Iterable[Sequence[str]], size_bytes: int) -> None:
        """Read all rows of a report of this size."""
        bits = min(max(_MIN_BITS, 1 << size_bytes.bit_length()), _MAX_BITS)
        seen = bytearray(bits // 8)
        self._again: set[int] = set()
        for cells in rows:
            mark = _mark(cells)
            place, bit = divmod(mark % bits, 8)
            if seen[place] >> bit & 1:
                self._again.add(mark)
            seen[place] |= 1 << bit
        self._counted: Counter[int] = Counter()

    def nth(self, cells: Sequence[str]) -> int:
        """The how-manieth time this row is met, from 1."""
        mark = _mark(cells)
        if mark not in self._again:
            return 1
        self._counted[mark] += 1
        return self._counted[mark]


def _mark(cells: Sequence[str]) -> int:
    together = "\0".join(cells).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(together, digest_size=8).digest(), "big")
