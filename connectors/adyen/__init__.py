"""Adyen: payments, refunds, disputes, settlements. See README.md."""

from __future__ import annotations

from connectors.adyen.identity import MANIFEST, identify
from connectors.adyen.signature import verify
from connectors.adyen.translate import translate
from connectors.contract import Connector

CONNECTOR = Connector(manifest=MANIFEST, verify=verify, identify=identify, translate=translate)
