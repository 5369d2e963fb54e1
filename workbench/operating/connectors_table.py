"""`gateway connectors table`: docs/connectors.md, written from the manifests and fixtures."""

from __future__ import annotations

from collections.abc import Iterator

from connectors import goldens, registry
from connectors.contract import Manifest
from connectors.goldens import Specimen

HEAD = """# Connectors

Written by `gateway connectors table` from the manifests; a test holds it up to date. *Fixtures*
counts the payloads the conformance suite runs, each with its golden. What each kind becomes, and
why, stands in the connector's README.
"""


def connectors_table() -> str:
    """The page as Markdown."""
    specimens = [goldens.specimen(name) for name in registry.names()]
    return "\n".join([HEAD, *_overview(specimens), "", *_details(specimens)]) + "\n"


def _overview(specimens: list[Specimen]) -> Iterator[str]:
    yield "| connector | family | transports | kinds | messages | fixtures | signature |"
    yield "|---|---|---|---|---|---|---|"
    for one in specimens:
        manifest = one.connector.manifest
        link = f"[`{manifest.name}`](../connectors/{manifest.name}/README.md)"
        yield (
            f"| {link} | {manifest.family} | {', '.join(manifest.transports)} "
            f"| {len(manifest.kinds)} | {len(manifest.emits)} | {len(one.fixtures)} "
            f"| {manifest.signature} |"
        )


def _details(specimens: list[Specimen]) -> Iterator[str]:
    for one in specimens:
        manifest = one.connector.manifest
        yield f"## {manifest.title}"
        yield ""
        yield f"- **Kinds:** {_code(manifest.kinds)}"
        yield f"- **Becomes:** {_code(manifest.emits)}"
        if one.connector.polls:
            yield f"- **Polls:** {_code([poll.name for poll in one.connector.polls])}"
        if manifest.options:
            yield f"- **Options:** {_options(manifest)}"
        yield ""


def _options(manifest: Manifest) -> str:
    return "; ".join(f"`{name}`: {meaning}" for name, meaning in manifest.options.items())


def _code(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
