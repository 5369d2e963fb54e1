"""Damaged copies of a payload, the same ones every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

WHOLE_UP_TO = 4096
"""Bodies up to this size are cut at every byte."""
SAMPLES = 300
OTHER_VALUES: tuple[Any, ...] = (
    None, "", " ", "x", "\0", "x" * 5000, -1, 10**25, True, [], {}, [None], {"x": []},
    "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "NaN", "1e400", "１",
)  # fmt: skip


def bodies_cut(body: bytes) -> Iterator[bytes]:
    """Every proper beginning of the body; a sample of them for a large one."""
    ends = range(len(body))
    if len(body) > WHOLE_UP_TO:
        ends_sampled = sorted(_chance(body).sample(ends, SAMPLES))
        yield from (body[:end] for end in ends_sampled)
    else:
        yield from (body[:end] for end in ends)


def bodies_flipped(body: bytes) -> Iterator[bytes]:
    """The body with one to four bytes replaced."""
    chance = _chance(body)
    for _ in range(SAMPLES if body else 0):
        changed = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(body))] = chance.choice(b'0123456789"{}[],:<>/- \0\xc3zA')
        yield bytes(changed)


def bodies_with_other_values(body: bytes) -> Iterator[bytes]:
    """A JSON body with one value at a time replaced by, or left out for, one of another kind."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    places = list(_places(document, ()))
    chance = _chance(body)
    for _ in range(SAMPLES if places else 0):
        copy = json.loads(body)
        *path, last = chance.choice(places)
        inner = copy
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict) and chance.random() < 0.2:
            del inner[last]
        else:
            inner[last] = chance.choice(OTHER_VALUES)
        yield json.dumps(copy).encode()


def flipped_at(body: bytes, place: int) -> bytes:
    """The body with the lowest bit of one byte turned over."""
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    entries: Any = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for step, inner in entries:
        yield (*path, step)
        yield from _places(inner, (*path, step))


def _chance(body: bytes) -> random.Random:
    return random.Random(len(body))  # noqa: S311 - a test's seed, not a secret
