"""Row ids: 63-bit integers in the order of time, and how people see them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from canonical.errors import Malformed
from store.times import micros

RECEIPT = "rcp"
MESSAGE = "msg"
DEAD_LETTER = "dl"

_START_MS = micros(datetime(2024, 1, 1, tzinfo=UTC)) // 1000
_WORKER_BITS = 10
_SEQUENCE_BITS = 12
_SHIFT = _WORKER_BITS + _SEQUENCE_BITS
_LAST_SEQUENCE = (1 << _SEQUENCE_BITS) - 1
_LIMIT = 1 << 63

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = 13
# Crockford's base 32 reads what people mistake: i and l are 1, o is 0.
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"i": 1, "l": 1, "o": 0}


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class IdSource:
    """Makes ids: 41 bits of milliseconds since 2024, 10 of this process, 12 counted.

    Every id is greater than the one before, also when the clock steps back or more than 4096 are
    asked for in one millisecond: then the ids run ahead of the clock. Threads may share a source.
    """

    def __init__(
        self, clock: Callable[[], int] = _wall_clock_ms, *, worker: int | None = None
    ) -> None:
        """`clock` gives milliseconds since 1970; `worker` (0 … 1023) is drawn when not given."""
        drawn = secrets.randbelow(1 << _WORKER_BITS) if worker is None else worker
        self._worker = (drawn % (1 << _WORKER_BITS)) << _SEQUENCE_BITS
        self._clock = clock
        self._lock = threading.Lock()
        self._ms = -1
        self._sequence = 0

    def next(self) -> int:
        """A new id."""
        now = max(self._clock() - _START_MS, 0)
        with self._lock:
            if now > self._ms:
                self._ms, self._sequence = now, 0
            elif self._sequence < _LAST_SEQUENCE:
                self._sequence += 1
            else:
                self._ms, self._sequence = self._ms + 1, 0
            return self._ms << _SHIFT | self._worker | self._sequence


def first_id_at(moment: datetime) -> int:
    """The lowest id that can have been made at this moment: ids select by time without an index."""
    return max(micros(moment) // 1000 - _START_MS, 0) << _SHIFT


def made_at_s(number: int) -> float:
    """Seconds since 1970 when an id was made, to the millisecond."""
    return ((number >> _SHIFT) + _START_MS) / 1000


def show_id(prefix: str, number: int) -> str:
    """`rcp_` and 13 characters of Crockford's base 32, lower case; sorts as the numbers do."""
    characters = [_ALPHABET[number >> shift & 31] for shift in range((_DIGITS - 1) * 5, -1, -5)]
    return f"{prefix}_{''.join(characters)}"


def parse_id(prefix: str, text: str) -> int:
    """The number behind a shown id. Raises Malformed (`bad_id`) for anything else."""
    found, _, digits = text.strip().lower().partition("_")
    if found != prefix or len(digits) != _DIGITS:
        raise Malformed(f"{text[:40]!r} is not an id of the form {prefix}_…", code="bad_id")
    number = 0
    for character in digits:
        if character not in _VALUES:
            raise Malformed(f"{text[:40]!r} is not an id", code="bad_id")
        number = number << 5 | _VALUES[character]
    if number >= _LIMIT:
        raise Malformed(f"{text[:40]!r} is not an id", code="bad_id")
    return number
