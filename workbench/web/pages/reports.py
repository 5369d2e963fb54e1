"""Reports: an index with headline figures, and a page for each with table, bars and plot."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from domains.reports.report import Figure, Report
from workbench.business.reports import NOTHING, cell_text, figure_text, plotted
from workbench.web.access import Viewer
from workbench.web.navigation import NavigationItem
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.shelves import TheShelf

REPORTS: Final = f"{PAGES}/reports"
NAVIGATION = NavigationItem(key="reports", title="Reports", href=REPORTS, order=50)

router = APIRouter(prefix=REPORTS)


def beside_headline(report: Report) -> list[Figure]:
    """A few more figures for a list."""
    headline = report.headline[0].title
    return [one for one in report.summary if one.title != headline][:3]


_LOOKS: Final[dict[str, Any]] = {
    "cell_text": cell_text, "figure_text": figure_text, "nothing": NOTHING,
    "beside": beside_headline,
}  # fmt: skip


@router.get("")
async def reports_page(request: Request, who: Viewer, shelf: TheShelf) -> Response:
    """All of them, each with what matters first."""
    return render(request, "reports.html", here="reports", reports=await shelf.all(), **_LOOKS)


@router.get("/{name}")
async def report_page(
    request: Request, who: Viewer, shelf: TheShelf, name: Annotated[str, Path(max_length=100)]
) -> Response:
    """One report."""
    report = await shelf.report(name)
    return render(
        request,
        "report.html",
        here="reports",
        report=report,
        plotted=plotted(report.series) if report.series else None,
        **_LOOKS,
    )
