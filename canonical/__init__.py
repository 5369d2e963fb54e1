"""The Canonical Data Model: what every connector speaks and every subscriber reads."""

from canonical.errors import (
    GatewayError,
    Malformed,
    Rejected,
    TooLarge,
    Unavailable,
    Unsupported,
)
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message, Problem
from canonical.payload import Payload
from canonical.values import Address, Identifier, Money, Party, Quantity

__all__ = [
    "Address",
    "GatewayError",
    "Identifier",
    "Ignored",
    "Item",
    "Key",
    "Malformed",
    "Message",
    "Money",
    "Party",
    "Payload",
    "Problem",
    "Quantity",
    "Rejected",
    "TooLarge",
    "Unavailable",
    "Unsupported",
    "Version",
]
