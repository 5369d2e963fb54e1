"""Amazon: Selling Partner API orders, notifications, fulfilment, and settlement reports.

Source: Selling Partner API documentation. Amazon signs no notification: see README.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.amazon.polling import ORDERS, check_options, fetch
from connectors.amazon.recognise import identify
from connectors.amazon.translate import translate
from connectors.contract import Connector, Manifest
from connectors.kit.signatures import header, static_token
from connectors.raw import RawMessage
from connectors.secret import Secret


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The relay's static token in X-Amz-Relay-Token: notifications carry no signature of Amazon's.

    Raises Rejected.
    """
    return static_token(header(raw.headers, "x-amz-relay-token"), secrets)


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
    polls=(ORDERS,),
    fetch=fetch,
    check_options=check_options,
)
