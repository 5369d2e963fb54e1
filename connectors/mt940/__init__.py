"""MT940 and MT942: customer statements and interim reports of banks (SWIFT Category 9)."""

from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.contract import Connector, Manifest
from connectors.mt940.recognise import identify
from connectors.mt940.translate import translate
from connectors.raw import RawMessage
from connectors.secret import Secret


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Always raises Rejected: banks deliver these files over channels that are trusted, or not."""
    del raw, secrets
    raise Rejected("MT940 files do not arrive as webhooks", code="no_webhook")


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
)
