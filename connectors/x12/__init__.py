"""ANSI X12: purchase orders, warehouse and shipping documents, invoices, remittances, status."""

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.x12.acknowledgement import acknowledge
from connectors.x12.recognise import identify
from connectors.x12.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: interchanges are files, and their channel is trusted or not."""
    del raw, secrets
    raise Rejected("X12 interchanges do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
    acknowledge=acknowledge,
)
