"""Mapping: JSON, CSV or XML of any sender to canonical messages, by a table in the options."""

from connectors.contract import Connector, Manifest
from connectors.mapping.plan import check_options
from connectors.mapping.signing import verify
from connectors.mapping.translate import identify, translate

CONNECTOR = Connector(
    manifest=Manifest.beside(__file__),
    verify=verify,
    identify=identify,
    translate=translate,
    check_options=check_options,
)
