"""ShipBob: shipment and return webhooks, polled orders and returns, and API documents as files.

Source: ShipBob developer documentation (webhooks, status reference, Orders and Returns API).
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Manifest
from connectors.kit.signatures import standard_webhook
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.shipbob.asking import ORDERS, RETURNS, check_options
from connectors.shipbob.recognise import identify
from connectors.shipbob.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Standard Webhooks under the subscription's secret (`whsec_…`), 5 minutes of tolerance.

    Raises Rejected.
    """
    return standard_webhook(raw.headers, raw.body, secrets, received_at=raw.received_at)


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
    polls=(ORDERS, RETURNS),
    check_options=check_options,
)
