"""The AsyncAPI 3.0 document of the streams: what a subscriber may rely on."""

from __future__ import annotations

from typing import Any

from canonical.families import FAMILIES
from canonical.payload import Payload
from routing.router import FAMILY_STREAM


def asyncapi_document(version: str) -> dict[str, Any]:
    """One channel a family, one message a fact, payload schemas by reference to `/schemas/`."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "o2c-gateway streams",
            "version": version,
            "description": (
                "Canonical order-to-cash messages on Redis streams. An entry's fields are the "
                "CloudEvents 1.0 attributes; `data` is the JSON described by `dataschema`."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {family: _channel(family, facts) for family, facts in FAMILIES.items()},
        "operations": {
            f"receive_{family}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{family}"},
            }
            for family in FAMILIES
        },
        "components": {
            "messages": {fact.TYPE: _message(fact) for facts in FAMILIES.values() for fact in facts}
        },
    }


def _channel(family: str, facts: tuple[type[Payload], ...]) -> dict[str, Any]:
    return {
        "address": FAMILY_STREAM[family],
        "title": f"{family} family",
        "messages": {fact.TYPE: {"$ref": f"#/components/messages/{fact.TYPE}"} for fact in facts},
    }


def _message(fact: type[Payload]) -> dict[str, Any]:
    return {
        "name": fact.TYPE,
        "title": fact.__name__,
        "summary": (fact.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/json",
        "headers": {"$ref": "/schemas/envelope/v1.json"},
        "payload": {"$ref": f"/schemas/{fact.TYPE}/v{fact.SCHEMA_VERSION}.json"},
    }
