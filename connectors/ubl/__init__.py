"""UBL 2.1 e-invoices by EN 16931 (Peppol BIS Billing, XRechnung …) and Peppol's answers to them."""

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.ubl.formats import identify
from connectors.ubl.translate import translate


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: the network's transport proves the sender, not the document."""
    del raw, secrets
    raise Rejected("UBL documents do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
)
