"""FatturaPA: Italian e-invoices, and what the Sistema di Interscambio reports about them."""

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.fatturapa.formats import identify
from connectors.fatturapa.translate import translate
from connectors.raw import RawMessage
from connectors.secret import Secret


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: these files come over accredited channels, not as webhooks."""
    del raw, secrets
    raise Rejected("FatturaPA files do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
)
