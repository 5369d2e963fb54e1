"""Stripe: payments, refunds, disputes, payouts, invoices. See README.md."""

from __future__ import annotations

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector
from connectors.kit.signatures import header, timestamped_hmac
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.stripe.identity import MANIFEST, identify
from connectors.stripe.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The secret that signed the delivery.

    Source: Stripe documentation, "Verify webhook signatures manually". Raises Rejected.
    """
    tolerance = raw.options.get("tolerance_s", 300)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int) or tolerance < 0:
        raise Rejected("option tolerance_s is not a number of seconds", code="bad_option")
    return timestamped_hmac(
        header(raw.headers, "stripe-signature"),
        raw.body,
        secrets,
        received_at=raw.received_at,
        tolerance_s=tolerance,
    )


CONNECTOR = Connector(manifest=MANIFEST, verify=verify, identify=identify, translate=translate)
