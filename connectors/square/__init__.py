"""Square: webhooks, orders fetched and polled from the Orders API, and API answers as files.

Source: Square developer documentation (webhooks, signature validation, Orders API).
"""

from __future__ import annotations

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.kit.signatures import header, hmac_base64
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.square.asking import ORDERS, check_options, fetch
from connectors.square.recognise import identify
from connectors.square.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Base64 HMAC-SHA256 over the notification URL and the raw body, under the signature key.

    Raises Rejected, also with code `missing_url` when neither the account's option
    `notification_url` nor the transport says which URL was signed.
    """
    signature = header(raw.headers, "x-square-hmacsha256-signature")
    url = raw.options.get("notification_url") or raw.url
    if not url:
        raise Rejected("the notification URL is not known", code="missing_url")
    return hmac_base64(str(url).encode("utf-8", "replace") + raw.body, [signature], secrets)


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
    polls=(ORDERS,),
    fetch=fetch,
    check_options=check_options,
)
