"""camt.052, camt.053 and camt.054: what a bank reports, notifies and books (ISO 20022)."""

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.camt.formats import identify
from connectors.camt.translate import translate
from connectors.contract import Connector, Manifest
from connectors.raw import RawMessage
from connectors.secret import Secret


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: banks deliver these files over channels that are trusted, or not."""
    del raw, secrets
    raise Rejected("camt files do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
)
