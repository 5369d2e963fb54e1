"""Cash: the same money as gateway, payout and bank tell it, and what it pays."""

from __future__ import annotations

from domains.cash.actions import ACTIONS, MONEY_ACTIONS
from domains.cash.deriving import derive
from domains.cash.names import LISTENS
from domains.cash.proposing import borrows
from domains.contract import Domain

DOMAIN = Domain(
    name="cash",
    listens=LISTENS,
    derive=derive,
    borrows=borrows,
    actions=ACTIONS,
    money_actions=MONEY_ACTIONS,
)
