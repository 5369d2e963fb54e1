"""`gateway.toml` and the environment: read, checked, and pointed at line by line."""

from configuration.domains import DomainName, DomainSettings
from configuration.model import (
    AccountSettings,
    Configuration,
    GatewaySettings,
    HttpSettings,
    Limits,
    RouteCondition,
    RouteSettings,
)
from configuration.reading import Finding, parse_configuration, read_configuration
from configuration.roles import ALL_ROLES, Role

__all__ = [
    "ALL_ROLES",
    "AccountSettings",
    "Configuration",
    "DomainName",
    "DomainSettings",
    "Finding",
    "GatewaySettings",
    "HttpSettings",
    "Limits",
    "Role",
    "RouteCondition",
    "RouteSettings",
    "parse_configuration",
    "read_configuration",
]
