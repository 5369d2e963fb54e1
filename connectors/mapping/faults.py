"""What is wrong with an account's options, collected line by line while they are compiled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any


class Faults:
    """Lines of the form `path: what is wrong`; the path is that of the option."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, where: str, message: str) -> None:
        line = f"{where}: {message}"
        if line not in self.lines:
            self.lines.append(line)

    def refuse_unknown(self, where: str, given: Mapping[str, Any], names: Collection[str]) -> None:
        """A fault for each name that is not one of `names`, with the closest one that is."""
        for name in given:
            if name not in names:
                self.add(join(where, name), f"is not known{closest(name, names)}")


def closest(name: str, names: Collection[str]) -> str:
    """`; did you mean …?` where a known name is close, else nothing."""
    found = get_close_matches(str(name), sorted(names), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def join(where: str, name: str | int) -> str:
    """Extend the path of an option: `join("rules", 2)` is `rules[2]`."""
    if isinstance(name, int):
        return f"{where}[{name}]"
    return f"{where}.{name}" if where else name
