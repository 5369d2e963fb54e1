"""Fingerprints: what makes two failures the same kind of failure. Pure; computed on ingestion."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Final

FIELD: Final = "field"
GROUPINGS: Final = {
    FIELD: ("connector", "stage", "error_code", "field_path"),
    "account": ("connector", "account", "stage", "error_code", "field_path"),
    "code": ("error_code",),
    "kind": ("connector", "kind", "error_code"),
    "text": ("connector", "stage", "text"),
}
"""Each way of grouping, and what is alike in its groups; `field` is what people see first."""

LONGEST_PATH: Final = 300
LONGEST_TEXT: Final = 160

_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_POINTER_INDEX = re.compile(r"(?<=[./])\d+(?=[./]|$)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBERS = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d+(?:[.,:-]\d+)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is known of a failure when it is stored."""

    connector: str
    account: str
    kind: str
    stage: str
    """With a subscriber's name behind it where one failed: `subscribe billing`."""
    error_code: str
    field_path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A group by what its failures have in common; what differs among them is empty."""

    group_id: int
    """63 bits of a hash of all the others."""
    grouping: str
    connector: str = ""
    account: str = ""
    kind: str = ""
    stage: str = ""
    error_code: str = ""
    field_path: str = ""
    text: str = ""


def fingerprints(fault: Fault) -> dict[str, Fingerprint]:
    """The group a failure belongs to in each grouping."""
    known = {
        **asdict(fault),
        "field_path": plain_path(fault.field_path),
        "text": plain_text(fault.message),
    }
    return {
        grouping: _fingerprint(grouping, {name: known[name] for name in names})
        for grouping, names in GROUPINGS.items()
    }


def _fingerprint(grouping: str, parts: dict[str, str]) -> Fingerprint:
    written = json.dumps([grouping, parts], sort_keys=True).encode()
    number = int.from_bytes(hashlib.sha256(written).digest()[:8]) >> 1
    return Fingerprint(group_id=number, grouping=grouping, **parts)


def plain_path(path: str) -> str:
    """A path without places in lists: `lines[3].price` is `lines[].price`, `/a/3/b` `/a/[]/b`."""
    unlisted = _POINTER_INDEX.sub("[]", _BRACKETS.sub("[]", path))
    return unlisted[:LONGEST_PATH]


def plain_text(message: str) -> str:
    """A message without what differs from case to case: quotations, numbers, ids."""
    unquoted = _QUOTED.sub("'…'", message)
    return " ".join(_NUMBERS.sub("#", unquoted).split())[:LONGEST_TEXT]
