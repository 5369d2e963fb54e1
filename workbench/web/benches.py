"""The bench a handler works with: `bench: TheBench`, made once for each site."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from routing.accounts import Accounts
from routing.router import Router
from workbench.bench import Bench
from workbench.web.site import Site, site_of


def bench_of(request: Request) -> Bench:
    """The bench of the site a request is for.

    Where no pipeline runs, what is in the store can be looked at and set going, and is worked off
    by whatever process does; no account is known there to try a payload with.
    """
    state = request.app.state
    if not hasattr(state, "bench"):
        state.bench = _make(site_of(request))
    bench: Bench = state.bench
    return bench


def _make(site: Site) -> Bench:
    if site.hub is None:
        nobody, nowhere = Accounts([]), Router(())
        return Bench(
            database=site.database, accounts=nobody, router=nowhere, ids=site.ids, now=site.clock
        )
    hub = site.hub
    return Bench(
        database=site.database,
        accounts=hub.accounts,
        router=Router(hub.configuration.routes),
        ids=site.ids,
        now=site.clock,
        wake=hub.pipeline.worker.wake,
    )


TheBench = Annotated[Bench, Depends(bench_of)]
