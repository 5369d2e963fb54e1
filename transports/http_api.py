"""The gateway's HTTP application: the ingest route, and everything about the gateway itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest

from canonical.schemas import schemas
from transports.asyncapi import asyncapi_document
from transports.http_ingest import PREFIX, Ingest, Receive, Scope, Send
from transports.workbench_http import ASGI, with_workbench

__all__ = ["ASGI", "application", "build_api"]

Probe = Callable[[], Awaitable[dict[str, bool]]]


def application(
    ingest: Ingest,
    *,
    probe: Probe,
    gauges: Callable[[], Awaitable[CollectorRegistry]],
    version: str,
    workbench: ASGI | None = None,
) -> ASGI:
    """The ASGI application. The ingest route is answered before any framework sees it.

    `workbench` serves the pages and the REST API; without it there are none.
    """
    api: ASGI = build_api(probe=probe, gauges=gauges, version=version)
    beside = api if workbench is None else with_workbench(api, workbench)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await ingest(scope, receive, send)
        else:
            await beside(scope, receive, send)

    return app


def build_api(
    *, probe: Probe, gauges: Callable[[], Awaitable[CollectorRegistry]], version: str
) -> FastAPI:
    """Health, metrics, schemas and the API documents."""
    api = FastAPI(title="o2c-gateway", version=version, docs_url=None, redoc_url=None)
    documents = schemas()
    asyncapi = asyncapi_document(version)

    @api.get("/healthz", summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/readyz", summary="The store and the stream server answer")
    async def readyz() -> JSONResponse:
        parts = await probe()
        # Ingest needs the store alone: without the streams the outbox grows, nothing is lost.
        return JSONResponse(parts, status_code=200 if parts["store"] else 503)

    @api.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(await gauges()), media_type="text/plain; version=0.0.4")

    @api.get("/asyncapi.json", summary="AsyncAPI 3.0 document of the streams")
    async def asyncapi_json() -> dict[str, Any]:
        return asyncapi

    @api.get("/schemas/", summary="The JSON Schemas of envelope and payloads")
    async def schema_index() -> dict[str, list[str]]:
        return {"schemas": [f"/schemas/{name}.json" for name in sorted(documents)]}

    @api.get("/schemas/{kind}/{version}.json", summary="One JSON Schema")
    async def schema(kind: str, version: str) -> JSONResponse:
        document = documents.get(f"{kind}/{version}")
        if document is None:
            raise HTTPException(404, "no such schema")
        return JSONResponse(document, media_type="application/schema+json")

    _describe_ingest(api)
    return api


def _describe_ingest(api: FastAPI) -> None:
    """The ingest route is served outside the framework; its description belongs inside."""
    original = api.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        document["paths"].setdefault(f"{PREFIX}{{connector}}/{{account}}", {"post": _INGEST})
        return document

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented extension point


_INGEST: dict[str, Any] = {
    "summary": "Deliver a webhook",
    "description": "The raw body as the sender signed it. Acknowledged once it is durable.",
    "parameters": [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("connector", "account")
    ],
    "requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string"}}}},
    "responses": {
        "200": {"description": "Durable; the receipt, or the answer this sender wants"},
        "401": {"description": "Bad, missing or stale signature"},
        "404": {"description": "Unknown connector or account"},
        "405": {"description": "Not a POST"},
        "413": {"description": "Larger than the limit"},
        "503": {"description": "Not accepted; try again after the time named in Retry-After"},
    },
}
