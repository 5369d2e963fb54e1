"""An account's active secrets, as a connector sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """One active secret of an account; `name` says where it came from and is safe to log."""

    name: str
    value: bytes

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"
