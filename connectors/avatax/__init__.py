"""Avalara AvaTax: tax transactions as the REST API (v2) answers them, dropped as files.

Source: AvaTax REST v2 reference. AvaTax documents no webhooks for transactions.
"""

from __future__ import annotations

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.avatax.recognise import identify
from connectors.avatax.translate import translate
from connectors.contract import Connector, Manifest
from connectors.raw import RawMessage
from connectors.secret import Secret


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: AvaTax signs nothing, so nothing may come as a webhook."""
    del raw, secrets
    raise Rejected("AvaTax transactions do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
