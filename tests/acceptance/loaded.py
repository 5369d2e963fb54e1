"""Loads all of the gateway's code: those of tests are forks of a process that imported this."""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress

PACKAGES = (
    "canonical", "commands", "configuration", "connectors", "domains", "embedded", "routing",
    "store", "transports", "workbench",
)  # fmt: skip

for package in PACKAGES:
    folder = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(folder, f"{package}.", onerror=lambda _name: None):
        if ".migrations." not in found.name:
            # What is missing or broken fails where it is used, and is told there.
            with suppress(Exception):
                importlib.import_module(found.name)
