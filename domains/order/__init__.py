"""The order domain: what was ordered, and where each order stands in each of its dimensions.

An order is FINANCIALLY_COMPLETE when everything on it has shipped or was cancelled, that is
invoiced, and cash says of every invoice that it is CLOSED: invoice, payment and bank credit agree.
Nothing else closes an order. One whose shop sends no invoices stays OPEN however its gateway says
it was paid; the billing domain watches for what has shipped and was not invoiced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from canonical.errors import Malformed
from domains.contract import Domain
from domains.order.deriving import derive
from domains.order.dimensions import CANCEL_REST
from domains.order.names import LISTENS


def _no_values(values: Mapping[str, Any]) -> None:
    """A decision that needs none. Raises Malformed where there are some."""
    if values:
        raise Malformed("this decision takes no values", code="unexpected_value", path="values")


DOMAIN: Final = Domain(
    name="order",
    listens=LISTENS,
    derive=derive,
    actions={CANCEL_REST: _no_values},
)
