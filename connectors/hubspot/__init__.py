"""HubSpot: webhook events, deals sent by workflows, and CRM objects dropped as files.

Source: HubSpot developer documentation, "Webhooks API" and "Validating requests".
"""

from __future__ import annotations

from connectors.contract import Connector, Manifest
from connectors.hubspot.recognise import identify
from connectors.hubspot.signature import verify
from connectors.hubspot.translate import translate

CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
