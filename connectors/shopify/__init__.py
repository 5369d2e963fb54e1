"""Shopify: webhooks of the Admin API, and REST documents dropped as files.

Source: Shopify webhook documentation (HTTPS deliveries, HMAC verification).
"""

from __future__ import annotations

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.kit.signatures import header, hmac_base64
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.shopify.recognise import identify
from connectors.shopify.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Base64 HMAC-SHA256 of the raw body under the app's client secret.

    Raises Rejected, also with code `wrong_shop` when the account's option `shop_domain` names
    another shop than the delivery: one app secret signs for every shop that installed the app.
    """
    signature = header(raw.headers, "x-shopify-hmac-sha256")
    matched = hmac_base64(raw.body, [signature], secrets)
    expected = raw.options.get("shop_domain")
    shop = raw.headers.get("x-shopify-shop-domain", "")
    if expected and shop.lower() != str(expected).lower():
        raise Rejected("the delivery is of another shop", code="wrong_shop")
    return matched


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
