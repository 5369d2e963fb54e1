"""Messages about a payout: all facts of one payout are told in its own chain."""

from __future__ import annotations

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.keys import Key
from canonical.message import Message
from connectors.raw import RawMessage


def payout_message(
    system: str, raw: RawMessage, fact: PayoutLineReported | PayoutSettled, key: Key, at: str
) -> Message:
    """A payout, or a line of it, as the report of `system` at `at` tells it."""
    chain = f"{system}/{raw.account}/payout/{fact.payout_id}"
    occurred_at = fact.settled_at if isinstance(fact, PayoutSettled) else fact.occurred_at
    return Message(
        key=key,
        data=fact,
        occurred_at=occurred_at,
        subject=f"payout/{fact.payout_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )
