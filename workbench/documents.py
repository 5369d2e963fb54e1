"""Values of the workbench as JSON: ids as people see them, times as RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from store.access.proposals import PROPOSAL
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, show_id
from store.mending.campaigns import CAMPAIGN
from store.mending.edits import EDIT
from store.mending.failure_groups import GROUP
from store.mending.reprocessing import REPROCESSING
from workbench.showing import time_text

_PREFIXES: Final = {
    "dead_letter_id": DEAD_LETTER,
    "receipt_id": RECEIPT,
    "first_receipt_id": RECEIPT,
    "original_receipt_id": RECEIPT,
    "edited_receipt_id": RECEIPT,
    "group_id": GROUP,
    "campaign_id": CAMPAIGN,
    "edit_id": EDIT,
    "proposal_id": PROPOSAL,
    "reprocessing_id": REPROCESSING,
    "row_id": MESSAGE,
    "message_row_id": MESSAGE,
    "first_row_id": MESSAGE,
    "current_row_id": MESSAGE,
    "correction_row_id": MESSAGE,
}
_INSIDE: Final = frozenset(
    {"key_digest", "entity_digest", "last_letter_id", "cursor", "since_id", "until_id", "body"}
)
"""What is of no use outside, or too large."""


def document(value: Any) -> Any:
    """A dataclass, a named tuple or a collection of them as a JSON document."""
    if is_dataclass(value) and not isinstance(value, type):
        return _members({one.name: getattr(value, one.name) for one in fields(value)})
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _members(value._asdict())
    if isinstance(value, Mapping):
        return {str(name): document(one) for name, one in value.items()}
    if isinstance(value, list | tuple | Set):
        return [document(one) for one in value]
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return str(value) if isinstance(value, Decimal) else value


def _members(values: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if name in _INSIDE or name.startswith("_"):
            continue
        prefix = _PREFIXES.get(name)
        is_id = prefix is not None and isinstance(value, int)
        shown[name] = show_id(prefix, value) if is_id and prefix else document(value)
    return shown
