"""`gateway connectors list`."""

from __future__ import annotations

import json

from rich.table import Table

from connectors import registry
from workbench.showing import console


def print_connectors(*, as_json: bool) -> None:
    """The connectors with their kinds and transports; as JSON an array of objects."""
    manifests = [one.manifest for _, one in sorted(registry.discover().items())]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "name": one.name,
                        "title": one.title,
                        "family": one.family,
                        "kinds": list(one.kinds),
                        "transports": list(one.transports),
                        "emits": list(one.emits),
                        "signature": one.signature,
                    }
                    for one in manifests
                ],
                indent=2,
            )
        )
        return
    table = Table("name", "family", "transports", "kinds", "signature")
    for one in manifests:
        table.add_row(
            one.name, one.family, ", ".join(one.transports), str(len(one.kinds)), one.signature
        )
    console().print(table)
