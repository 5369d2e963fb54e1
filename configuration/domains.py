"""Which of the gateway's own domains run here, and what a company sets for them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Hours = Annotated[float, Field(gt=0, le=24 * 365)]


class DomainName(StrEnum):
    """The domains that come with the gateway."""

    ORDER = "order"
    SHIPMENT = "shipment"
    BILLING = "billing"
    CASH = "cash"


class DomainSettings(BaseModel):
    """Domains run where they are named; deadlines in hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: tuple[DomainName, ...] = ()
    """None by default: they are subscribers like any other, and may be replaced by your own."""
    patience_hours: Hours = 24
    """How long a fact waits for its cause before people are asked."""
    shipment_due_hours: Hours = 48
    """Captured, and no shipment after so long."""
    invoice_due_hours: Hours = 24
    """Shipped and allowed, and no invoice after so long."""
    delivery_due_hours: Hours = 24 * 7
    """Shipped, and neither delivered nor failed after so long."""
    bank_due_hours: Hours = 24 * 5
    """Captured or paid out, and no bank entry after so long."""
    answer_due_hours: Hours = 48
    """An e-invoice was submitted, and the network says nothing for so long."""
    without_invoices: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]+/.+$")], ...] = ()
    """Channels and accounts whose orders get no invoice here, e.g. `amazon/acme`."""
    tolerance: Mapping[Annotated[str, Field(pattern="^[A-Z]{3}$")], Decimal] = {}
    """Currency → the largest difference written off by itself, e.g. `EUR = "0.05"`."""

    @field_validator("run", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [one.strip() for one in value.split(",") if one.strip()]
            if isinstance(value, str)
            else value
        )

    @field_validator("tolerance")
    @classmethod
    def _is_an_amount(cls, tolerance: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if any(not one.is_finite() or one < 0 for one in tolerance.values()):
            raise ValueError("is an amount, 0 or more")
        return tolerance
