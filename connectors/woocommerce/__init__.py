"""WooCommerce: order webhooks, and orders of the REST API dropped as files.

Source: WooCommerce documentation, "Webhooks" (delivery headers, X-WC-Webhook-Signature).
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Manifest
from connectors.kit.signatures import header, hmac_base64
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.woocommerce.recognise import identify
from connectors.woocommerce.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Base64 HMAC-SHA256 of the raw body under the webhook's secret.

    Raises Rejected, also for the ping that WooCommerce sends when a webhook is saved: it carries
    no signature.
    """
    signature = header(raw.headers, "x-wc-webhook-signature")
    return hmac_base64(raw.body, [signature], secrets)


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
