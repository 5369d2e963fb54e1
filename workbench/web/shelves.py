"""The shelf a handler takes reports from, made once for each site."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from workbench.business.reports import Shelf
from workbench.web.site import site_of


def shelf_of(request: Request) -> Shelf:
    """The shelf of the site a request is for."""
    state = request.app.state
    if not hasattr(state, "reports"):
        site = site_of(request)
        state.reports = Shelf(site.database, site.clock)
    shelf: Shelf = state.reports
    return shelf


TheShelf = Annotated[Shelf, Depends(shelf_of)]
