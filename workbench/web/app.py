"""Builds the workbench: one application for the pages and the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from transports.http_api import ASGI
from transports.running import OpenedHub
from workbench.web import api, pages, problems
from workbench.web.access import DeclaredRoute, declared_routes, whoever
from workbench.web.discovery import navigation_of, routers_of
from workbench.web.protection import protected
from workbench.web.requests import API
from workbench.web.site import Site, Stopping

_DESCRIPTION = """What the pages show and do, for programs. Send `Authorization: Bearer o2c_…`.

Lists are read by `?after=…&limit=…` and answer `{"items": […], "next": …}`. Errors are RFC 9457
problem documents with a stable `code`.
"""


def hub_workbench(hub: OpenedHub, version: str, stop: Stopping | None = None) -> ASGI:
    """The workbench of an opened hub, ready to be mounted (`transports.workbench_http`)."""
    site = Site(
        database=hub.database,
        version=version,
        ids=hub.pipeline.ids,
        hub=hub,
        public_url=hub.configuration.http.public_url,
        stop=stop,
    )
    return build_workbench(site)


def build_workbench(site: Site) -> ASGI:
    """The workbench as it is served, behind its headers and limits."""
    return protected(build_app(site))


def build_app(site: Site) -> FastAPI:
    """The application. Raises TypeError when a route does not say for whom it is.

    `app.state.routes` lists what there is and for whom.
    """
    app = FastAPI(
        title="o2c-gateway workbench",
        version=site.version,
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.site = site
    app.state.whoever = whoever
    app.state.navigation = navigation_of(pages)
    app.state.routes = [
        *_include(app, routers_of(api), prefix=API, described=True),
        *_include(app, routers_of(pages), prefix="", described=False),
    ]
    problems.install(app)
    _describe_tokens(app)
    return app


def _include(
    app: FastAPI, routers: Sequence[APIRouter], *, prefix: str, described: bool
) -> list[DeclaredRoute]:
    declared = [one for router in routers for one in declared_routes(router, prefix)]
    for router in routers:
        app.include_router(router, prefix=prefix, include_in_schema=described)
    return declared


def _describe_tokens(app: FastAPI) -> None:
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented extension point
