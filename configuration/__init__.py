"""`gateway.toml` and the environment: read, checked, and pointed at line by line."""

from configuration.model import (
    AccountSettings,
    Configuration,
    HttpSettings,
    Limits,
    RouteCondition,
    RouteSettings,
)
from configuration.reading import Finding, parse_configuration, read_configuration

__all__ = [
    "AccountSettings",
    "Configuration",
    "Finding",
    "HttpSettings",
    "Limits",
    "RouteCondition",
    "RouteSettings",
    "parse_configuration",
    "read_configuration",
]
