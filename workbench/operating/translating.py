"""`gateway translate`: what payloads would become, without storing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from canonical.errors import GatewayError, Malformed
from connectors import registry, translation
from connectors.contract import Connector
from connectors.raw import RawMessage
from connectors.translation import Outcome
from workbench.showing import console

CAPTURE_LIMIT = 16 * 1024 * 1024
"""Larger files are no captures of a webhook; they are read as a stream."""


def translate_files(
    connector_name: str,
    files: Sequence[Path],
    headers_file: Path | None,
    account: str,
    *,
    options: Mapping[str, Any],
    as_json: bool,
) -> int:
    """Print what each file would become, as text or as one JSON object a line.

    The exit code: 0 all translated, 3 some ignored, 4 some refused or dead.
    """
    connector = registry.load(connector_name)
    headers = _headers(headers_file)
    out = console()
    outcomes = []
    for path in files:
        outcome = _outcome(connector, path, headers, account, options)
        outcomes.append(outcome.outcome)
        document = {"file": str(path), **translation.outcome_document(outcome)}
        if as_json:
            print(json.dumps(document, ensure_ascii=False))
        else:
            _show(out, document)
    if any(one in ("refused", "dead") for one in outcomes):
        return 4
    return 3 if "ignored" in outcomes else 0


def _outcome(
    connector: Connector,
    path: Path,
    headers: Mapping[str, str],
    account: str,
    options: Mapping[str, Any],
) -> Outcome:
    try:
        raw = _raw(path, headers, account, options)
        return translation.dry_run(connector, raw)
    except (GatewayError, OSError) as error:
        code = error.code if isinstance(error, GatewayError) else "unreadable_file"
        text = str(error) if isinstance(error, GatewayError) else (error.strerror or "unreadable")
        return translation.dead(Malformed(text, code=code))


def _raw(
    path: Path, headers: Mapping[str, str], account: str, options: Mapping[str, Any]
) -> RawMessage:
    content: bytes | Path = path
    if path.stat().st_size <= CAPTURE_LIMIT:
        content, headers = translation.unwrap_capture(path.read_bytes(), headers)
    return RawMessage(
        content,
        account=account,
        received_at=datetime.now(UTC),
        headers=headers,
        filename=path.name,
        options=options,
    )


def _headers(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Malformed(f"{path}: not readable as JSON", code="bad_headers") from error
    if not isinstance(document, dict):
        raise Malformed(f"{path}: expected a JSON object of headers", code="bad_headers")
    return {str(name).lower(): str(value) for name, value in document.items()}


def _show(out: Console, document: Mapping[str, Any]) -> None:
    out.print(f"{document['file']}: {document['outcome']}", markup=False, highlight=False)
    for message in document["messages"]:
        out.print(f"  {message['type']}  {message['subject']}  {message['time']}", markup=False)
        out.print(f"    key {message['key']}", markup=False, highlight=False)
    for problem in document["problems"]:
        where = problem.get("at") or problem.get("path") or "payload"
        out.print(f"  problem [{problem['code']}] at {where}: {problem['message']}", markup=False)
    for left in document["ignored"]:
        out.print(f"  ignored: {left['reason']}", markup=False)
