"""How long the store keeps what: nothing is dropped that no field names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Days = Annotated[int, Field(ge=7, le=36_500)]
"""At least a week: streams that lost their data are refilled from the store that far back."""


class RetentionSettings(BaseModel):
    """What `gateway retain` drops, by age in days; absent: kept for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    raw_days: Days | None = None
    """The bytes as they came: so long can a receipt be replayed or reprocessed."""
    message_days: Days | None = None
    """Canonical messages with what they are found by."""
    receipt_days: Days | None = None
    """Receipts with their attempts, closed dead letters and fetches; refusals."""
    dedup_days: Days | None = None
    """What recognises a delivery, a fact, a version or a handled message when it comes again."""

    @field_validator("receipt_days", "dedup_days")
    @classmethod
    def _outlives(cls, days: int | None, info: ValidationInfo) -> int | None:
        """Receipts outlive what belongs to them, keys outlive whatever may be played again."""
        if days is None:
            return None
        for name in ("raw_days", "message_days"):
            if name not in info.data:
                continue  # a fault of its own
            other = info.data[name]
            if other is None:
                raise ValueError(f"needs {name}: without it these are kept for ever")
            if days < other:
                raise ValueError(f"must be at least {name} ({other})")
        return days
