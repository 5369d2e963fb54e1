"""`gateway streams`: how long the streams are, and how far everybody who reads them is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from configuration import Configuration
from routing.stream_states import EntryId, GroupState, StreamState, look_at
from routing.streams import stream_name
from routing.trimming import known_streams
from workbench.operating.tailing import OpenPublisher
from workbench.showing import console, harmless, time_text


async def print_streams(
    configuration: Configuration,
    open_publisher: OpenPublisher,
    names: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Print the named streams, or all that the configuration publishes to.

    As JSON an array of objects; a stream without entries and groups has a length of 0.
    Raises Malformed for an impossible name, Unavailable.
    """
    wanted = [stream_name(name) for name in names] or known_streams(configuration.routes)
    async with open_publisher(configuration) as publisher:
        states = [(name, await look_at(publisher.redis, name)) for name in wanted]
    documents = [_document(name, state) for name, state in states]
    if as_json:
        print(json.dumps(documents, indent=2))
    else:
        console().print(_table(documents, configuration.streams.max_entries))


def _document(name: str, state: StreamState | None) -> dict[str, Any]:
    return {
        "stream": name,
        "length": state.length if state else 0,
        "waiting": state.waiting if state else 0,
        "first_at": _at(state.first) if state else None,
        "last_at": _at(state.last_id) if state else None,
        "bytes": state.bytes if state else 0,
        "groups": [_group(group) for group in state.groups] if state else [],
    }


def _group(group: GroupState) -> dict[str, Any]:
    return {
        "group": group.name,
        "consumers": group.consumers,
        "unread": group.unread,
        "pending": group.pending,
        "acknowledged_until": _at(group.floor),
    }


def _at(entry: EntryId | None) -> str | None:
    if entry is None or entry == (0, 0):
        return None
    return time_text(datetime.fromtimestamp(entry[0] / 1000, UTC))


def _table(documents: Sequence[dict[str, Any]], cap: int) -> Table:
    table = Table(
        "stream", "entries", "of cap", "bytes", "first", "last",
        "group", "consumers", "unread", "pending", "acknowledged until",
    )  # fmt: skip
    for one in documents:
        groups = one["groups"] or [None]
        for index, group in enumerate(groups):
            own = _own_cells(one, cap) if index == 0 else [""] * 6
            table.add_row(*own, *_group_cells(group))
    return table


def _own_cells(one: dict[str, Any], cap: int) -> list[str]:
    return [
        one["stream"],
        str(one["length"]),
        f"{one['waiting'] / cap:.1%}",
        str(one["bytes"]),
        one["first_at"] or "–",
        one["last_at"] or "–",
    ]


def _group_cells(group: dict[str, Any] | None) -> list[str]:
    if group is None:
        return ["–"] * 5
    unread = "unknown" if group["unread"] is None else str(group["unread"])
    return [
        harmless(group["group"]),
        str(group["consumers"]),
        unread,
        str(group["pending"]),
        group["acknowledged_until"] or "nothing yet",
    ]
