"""Reports: headline figures of all, and each as JSON or CSV."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from domains.reports.report import Report
from workbench.business.reports import csv_text, headline_document, report_document
from workbench.web.access import Viewer
from workbench.web.shelves import TheShelf

router = APIRouter(prefix="/reports", tags=["reports"])

Form = Annotated[Literal["json", "csv"], Query(alias="format", description="of the answer")]


@router.get("", summary="Every report with its headline figures")
async def get_reports(who: Viewer, shelf: TheShelf) -> dict[str, Any]:
    """At most a minute old."""
    return {"items": [headline_document(one) for one in await shelf.all()]}


@router.get("/{name}", summary="One report")
async def get_report(
    name: Annotated[str, Path(max_length=100, examples=["ar-ageing"])],
    who: Viewer,
    shelf: TheShelf,
    form: Form = "json",
) -> Any:
    """At most a minute old; the first 1,000 rows and a count of all. Amounts, shares and
    quantities are texts. `format=csv` has the rows alone. 404 `unknown_report`."""
    report = await shelf.report(name)
    return _download(report) if form == "csv" else report_document(report)


def _download(report: Report) -> Response:
    name = f"{report.name}-{report.at:%Y-%m-%d}.csv"
    return Response(
        csv_text(report),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
