"""An account's options for HubSpot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from canonical.currencies import MINOR_UNITS
from canonical.errors import Unsupported

QUOTE_SIGNALS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "hs_quote_status": (
        frozenset({"ACCEPTED"}),
        frozenset(
            {
                "DRAFT", "PENDING_APPROVAL", "CHANGES_REQUESTED", "PUBLISHING", "PUBLISHED",
                "EXPIRED", "VOID", "ARCHIVED",
            }
        ),
    ),
    "hs_sign_status": (
        frozenset({"ESIGN_COMPLETED", "MANUALLY_SIGNED"}),
        frozenset({"ESIGN_PENDING"}),
    ),
}  # fmt: skip
"""The properties that tell a quote's acceptance: values that mean it, and those that do not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the manifest, read."""

    won_stages: frozenset[str] = frozenset({"closedwon"})
    quote_signal: str = "hs_quote_status"
    currency: str | None = None
    portal_id: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises Unsupported (`bad_option`) for a value that is not understood."""
        stages = options.get("won_stages", ["closedwon"])
        if not isinstance(stages, list) or not stages or not all(map(_is_text, stages)):
            raise _not_understood("won_stages")
        signal = options.get("quote_signal", "hs_quote_status")
        if not _is_text(signal) or signal not in QUOTE_SIGNALS:
            raise _not_understood("quote_signal")
        currency = options.get("currency")
        if currency is not None and (not _is_text(currency) or currency not in MINOR_UNITS):
            raise _not_understood("currency")
        portal = options.get("portal_id")
        return cls(frozenset(stages), signal, currency, None if portal is None else str(portal))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _not_understood(option: str) -> Unsupported:
    return Unsupported(
        f"the account's option {option} is not understood",
        code="bad_option",
        path=f"options.{option}",
    )
