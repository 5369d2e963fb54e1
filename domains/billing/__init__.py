"""Billing: invoices and credit notes, their states at cash and at the network, goods to be billed.

What goes in and comes out is told in this folder's README.
"""

from __future__ import annotations

from typing import Final

from domains.billing.deriving import derive
from domains.billing.names import LISTENS
from domains.contract import Domain

DOMAIN: Final = Domain(name="billing", listens=LISTENS, derive=derive)
