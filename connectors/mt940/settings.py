"""An account's options for these files."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from canonical.errors import Unsupported

_ASCII = bytes(range(128))
DIALECTS = frozenset({"auto", "subfields", "codewords", "plain"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the manifest, read."""

    cash_from: str = "mt940"
    """The kind whose entries are cash."""
    encoding: str | None = None
    dialect: str = "auto"
    decimal_separator: str = ","

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises Unsupported (`bad_option`) for a value that is not understood."""
        report = str(options.get("cash_from", "940")).removeprefix("mt")
        dialect = str(options.get("dialect", "auto"))
        separator = str(options.get("decimal_separator", ","))
        _require("cash_from", report in {"940", "942"})
        _require("dialect", dialect in DIALECTS)
        _require("decimal_separator", separator in {",", "."})
        return cls(f"mt{report}", _encoding(options.get("encoding")), dialect, separator)


def _encoding(name: object) -> str | None:
    if not name:
        return None
    try:
        found = codecs.lookup(str(name))
        # Fields are found by their ASCII bytes before anything is decoded.
        is_usable = _ASCII.decode(found.name) == _ASCII.decode("ascii")
    except (LookupError, ValueError):
        is_usable = False
    _require("encoding", is_usable)
    return found.name


def _require(option: str, is_understood: bool) -> None:
    if not is_understood:
        raise Unsupported(
            f"the account's option {option} is not understood",
            code="bad_option",
            path=f"options.{option}",
        )
