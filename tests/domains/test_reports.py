"""Reports say what can be reckoned by hand of a small month, on either engine."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from canonical.errors import Unsupported
from domains.cash.tables import cash_receivables
from domains.engine.tables import records
from domains.reports import REPORTS
from domains.reports import report as reporting
from domains.reports.ar_ageing import bucket_of
from domains.reports.invoicing import median, ninth_tenth
from domains.reports.report import Breakdown, Column, Report
from store.database import Database
from tests.domains.building import DAY
from tests.domains.month import Month
from tests.domains.reported import NOW, a_month, before, put
from tests.domains.store_hub import StoreHub
from tests.workbench_web.chromium import ON_SQLITE
from workbench.business.reports import (
    Shelf,
    csv_text,
    headline_text,
    make,
    plotted,
    report_document,
    tame,
)


@pytest.fixture
async def month(database: Database) -> Database:
    """A store with a small month in it."""
    await database.write(a_month)
    return database


def told(one: Report | Breakdown) -> list[dict[str, Any]]:
    names = [column.name for column in one.columns]
    return [dict(zip(names, row, strict=True)) for row in one.rows]


def summed(report: Report) -> list[tuple[Any, ...]]:
    return [(one.title, one.value, one.unit) for one in report.summary]


async def test_shipped_not_invoiced(month: Database) -> None:
    report = await make(month, "shipped-not-invoiced", NOW)
    assert [(one["shipment"], one["age"], one["to_invoice"]) for one in told(report)] == [
        ("S-2", 40, Decimal("3.5")),
        ("S-1", 3, Decimal(5)),
    ]
    assert told(report)[1]["allowed_since"] == NOW - timedelta(days=3, hours=1)
    assert summed(report) == [("Shipments", 2, ""), ("Oldest", 40, "days")]
    assert [row[1] for row in report.breakdowns[0].rows] == [0, 1, 0, 1]


async def test_ageing_of_receivables(month: Database) -> None:
    report = await make(month, "ar-ageing", NOW)
    assert [(one["invoice"], one["past_due"], one["bucket"]) for one in told(report)] == [
        ("R-5", 120, "over 90"), ("R-6", 89, "61–90"), ("R-4", 31, "31–60"), ("R-3", 30, "1–30"),
        ("R-2", 1, "1–30"), ("R-1", 0, "current"),
    ]  # fmt: skip
    assert summed(report) == [
        ("Open", Decimal("210.30"), "EUR"),
        ("Open", Decimal(7), "JPY"),
        ("Past due", Decimal("110.30"), "EUR"),
        ("Past due", Decimal(7), "JPY"),
        ("Invoices", 6, ""),
    ]
    euros = told(report.breakdowns[0])
    assert [(one["invoices"], one["open"]) for one in euros] == [
        (1, Decimal("100.00")), (2, Decimal("20.30")), (1, Decimal("40.00")), (0, Decimal(0)),
        (1, Decimal("50.00")),
    ]  # fmt: skip
    assert sum(one["open"] for one in euros) == Decimal("210.30")
    assert euros[0]["share"] == Decimal("0.4755")
    assert headline_text(report) == "Open 210.30 EUR, 7 JPY"


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-9, "current"), (0, "current"), (1, "1–30"), (30, "1–30"), (31, "31–60"), (60, "31–60"),
     (61, "61–90"), (90, "61–90"), (91, "over 90")],
)  # fmt: skip
def test_buckets_have_no_gaps(days: int, bucket: str) -> None:
    assert bucket_of(days) == bucket


async def test_unapplied_cash(month: Database) -> None:
    report = await make(month, "unapplied-cash", NOW)
    assert [(one["reference"], one["unapplied"], one["age"]) for one in told(report)] == [
        ("pi_1", Decimal("20.00"), 12), ("1", Decimal("0.30"), 10), ("[/x]", Decimal(700), 0),
    ]  # fmt: skip
    assert summed(report)[:2] == [
        ("Unapplied", Decimal("20.30"), "EUR"), ("Unapplied", Decimal(700), "JPY"),
    ]  # fmt: skip
    assert told(report.breakdowns[0])[0] == {
        "currency": "EUR", "receipts": 1, "in_receipts": Decimal("0.30"), "payments": 1,
        "in_payments": Decimal("20.00"), "unapplied": Decimal("20.30"),
    }  # fmt: skip


async def test_open_exceptions(month: Database) -> None:
    report = await make(month, "open-exceptions", NOW)
    first, second = told(report)
    assert [first[one] for one in ("owner", "kind", "current", "over_7", "over_14", "over_30")] == [
        "finance", "short_payment", 1, 1, 0, 1,
    ]  # fmt: skip
    assert (first["all"], first["oldest"], second["owner"], second["over_14"]) == (3, 40, "it", 1)
    assert summed(report)[0] == ("Open", 4, "")
    assert summed(report)[2] == ("Over 30 days", 1, "")
    finance = next(one for one in told(report.breakdowns[0]) if one["owner"] == "finance")
    assert (finance["current"], finance["over_7"], finance["over_30"]) == (1, 1, 1)
    assert finance["overdue"] == first["overdue"]


async def test_delivery(month: Database) -> None:
    report = await make(month, "delivery", NOW)
    dhl, ups = told(report)
    assert dhl == {
        "carrier": "dhl", "delivered": 4, "promised": 3, "on_time": Decimal("0.6667"),
        "attempted": 6, "first_attempt": Decimal("0.5000"), "failed_customer": 1,
        "failed_company": 0, "failed_logistics": 0, "failed_unknown": 1, "returned": 0,
    }  # fmt: skip
    assert (ups["delivered"], ups["on_time"], ups["returned"]) == (0, None, 1)
    assert report.series is not None
    assert report.series.days[0] == date(2026, 3, 2)
    assert report.series.days[-1] == date(2026, 3, 31)
    good, late = report.series.values
    assert (good[0], good[28], late[28], sum(good), sum(late)) == (1, 1, 1, 2, 1)


async def test_dso(month: Database) -> None:
    report = await make(month, "dso", NOW)
    euros, yen = told(report)
    # 100.00 + 30.10 + 20.20 + 40.00 + 60.00 + 140.00: the first of January is the last day in.
    assert (euros["open"], euros["invoiced"]) == (Decimal("210.30"), Decimal("390.30"))
    assert euros["dso"] == Decimal("48.5")
    assert (yen["open"], yen["invoiced"], yen["dso"]) == (Decimal(7), Decimal(17), Decimal("37.1"))


async def test_auto_reconciled(month: Database) -> None:
    report = await make(month, "auto-reconciled", NOW)
    euros, yen = told(report)
    assert (euros["invoices"], euros["automatic"], euros["share"]) == (2, 1, Decimal("0.5000"))
    assert (euros["paid"], euros["paid_automatic"]) == (Decimal("200.00"), Decimal("60.00"))
    assert euros["share_of_amount"] == Decimal("0.3000")
    assert yen["share"] == Decimal(1)
    assert summed(report)[0] == ("Automatically", Decimal("0.6667"), "")
    assert report.series is not None
    assert [values[28] for values in report.series.values] == [1, 1]


async def test_order_backlog(month: Database) -> None:
    report = await make(month, "order-backlog", NOW)
    each, metro, kilos = told(report)
    assert each == {
        "channel": "shopify", "account": "acme", "unit": "EA", "orders": 2, "lines": 3,
        "quantity": Decimal("5.5"), "back_orders": 1, "back_lines": 1, "back_quantity": Decimal(1),
        "held": 1, "oldest": 20,
    }  # fmt: skip
    assert (metro["channel"], metro["back_quantity"]) == ("edi", Decimal(10))
    assert (kilos["unit"], kilos["quantity"], kilos["back_orders"]) == ("KGM", Decimal("1.25"), 0)
    assert summed(report)[:3] == [("Open orders", 3, ""), ("Open lines", 5, ""), ("Back orders", 2, "")]  # fmt: skip  # noqa: E501


async def test_invoicing(month: Database) -> None:
    report = await make(month, "invoicing", NOW)
    north, south = told(report)
    # 2 hours, 24 hours, and one that was invoiced before it was allowed.
    assert (north["shipments"], north["median"], north["p90"], north["early"]) == (
        3, Decimal("2.0"), Decimal("24.0"), 1,
    )  # fmt: skip
    assert south["median"] == Decimal("48.0")
    figures = {one.title: one.value for one in report.summary}
    assert figures["Median delay"] == Decimal("13.0")
    assert figures["Invoices issued"] == 4
    assert figures["Disputed"] == Decimal("0.2500")
    assert figures["Rejected e-invoices"] == Decimal("0.6667")


def test_a_median_and_a_ninth_tenth() -> None:
    hours = [one * 3_600_000_000 for one in range(1, 11)]
    assert (median(hours), ninth_tenth(hours)) == (Decimal("5.5"), Decimal("9.0"))
    assert (median(hours[:1]), ninth_tenth(hours[:1])) == (Decimal("1.0"), Decimal("1.0"))
    assert (median([]), ninth_tenth([])) == (None, None)


@pytest.mark.parametrize("name", REPORTS)
async def test_a_report_of_nothing(database: Database, name: str) -> None:
    report = await make(database, name, NOW)
    assert report.name == name
    assert headline_text(report)
    assert json.loads(json.dumps(report_document(report)))["count"] == 0
    assert csv_text(report).count("\r\n") == 1


async def test_rows_are_bounded_and_sums_are_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several pages, so that rows come as the server's cursor gives them.
    monkeypatch.setattr(reporting, "A_PAGE", 300)
    number = 1100
    row = {"issue_date": "2026-03-01", "original": "0.01", "open": "0.01", "currency": "EUR"}
    rows = [row | {"record_key": f"r/{one:04}"} for one in range(number)]
    await database.write(lambda connection: put(connection, cash_receivables, rows))
    report = await make(database, "ar-ageing", NOW)
    assert (len(report.rows), report.count) == (1000, number)
    assert report.summary[0].value == Decimal("11.00")


async def test_no_such_report(database: Database) -> None:
    with pytest.raises(Unsupported) as refused:
        await make(database, "colours", NOW)
    assert refused.value.code == "unknown_report"


async def test_a_report_as_csv(month: Database) -> None:
    report = await make(month, "ar-ageing", NOW)
    header, *rows = csv.reader(io.StringIO(csv_text(report)))
    assert header == [one.name for one in report.columns]
    assert len(rows) == 6
    assert rows[0][header.index("open")] == "50.00"
    assert rows[0][header.index("due")] == ""


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("=1+1", "'=1+1"), ("+49 30 1", "'+49 30 1"), ("-A", "'-A"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("  =1", "'  =1"), ("＝1", "'＝1"), ("-12.50", "-12.50"), ("+3", "+3"),
        ("R-1", "R-1"), ("", ""), ("-1e5", "'-1e5"), ("4507", "4507"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str, tamed: str) -> None:
    assert tame(text) == tamed


def test_csv_tames_what_senders_wrote() -> None:
    report = Report(
        name="x", title="X", about="", at=NOW, count=1, summary=(),
        columns=(Column("a", "A"), Column("b", "B", "money"), Column("c", "C", "time")),
        rows=(('=HYPERLINK("x","y")', Decimal("-1.50"), NOW),),
    )  # fmt: skip
    assert csv_text(report) == (
        'a,b,c\r\n"\'=HYPERLINK(""x"",""y"")",-1.50,2026-03-31T12:00:00.000Z\r\n'
    )


async def test_documents_have_no_floats(month: Database) -> None:
    for name in REPORTS:
        text = json.dumps(report_document(await make(month, name, NOW)))
        json.loads(text, parse_float=_no_float)


def _no_float(found: str) -> None:
    pytest.fail(f"a float: {found}")


async def test_a_plot_s_days_are_at_noon(month: Database) -> None:
    report = await make(month, "delivery", NOW)
    assert report.series is not None
    days, good, _ = plotted(report.series)
    assert len(days) == len(good) == 30
    assert datetime.fromtimestamp(days[-1], NOW.tzinfo) == NOW


async def test_a_shelf_keeps_reports_for_a_minute(month: Database) -> None:
    clock = [NOW]
    shelf = Shelf(month, lambda: clock[0])
    first = await shelf.report("ar-ageing")
    await month.write(lambda c: put(c, cash_receivables, [_one_more()]))
    clock[0] += timedelta(seconds=59)
    assert await shelf.report("ar-ageing") is first
    clock[0] += timedelta(seconds=1)
    assert (await shelf.report("ar-ageing")).count == first.count + 1
    assert [one.name for one in await shelf.all()] == list(REPORTS)
    with pytest.raises(Unsupported):
        await shelf.report("colours")


def _one_more() -> dict[str, Any]:
    return {
        "record_key": "r/x", "issue_date": "2026-03-01", "original": "1.00", "open": "1.00",
        "currency": "EUR", "paid_at": before(days=400),
    }  # fmt: skip


@ON_SQLITE
async def test_reports_agree_with_what_the_domains_derived(database: Database) -> None:
    now = DAY + timedelta(days=45)
    await StoreHub(database, now).deliver(Month(30).facts)
    found = await database.read(lambda c: list(c.execute(select(records))))
    states = [(one.kind, one.status, json.loads(one.state)) for one in found]

    def total(kind: str, name: str) -> Decimal:
        return sum((Decimal(state[name]) for one, _, state in states if one == kind), Decimal(0))

    ageing = await make(database, "ar-ageing", now)
    assert ageing.summary[0].value == total("receivable", "open") > 0
    unapplied = await make(database, "unapplied-cash", now)
    assert unapplied.summary[0].value == total("receipt", "unapplied") + total(
        "payment", "unapplied"
    )
    waiting = [one for kind, one, _ in states if kind == "candidate"]
    goods = await make(database, "shipped-not-invoiced", now)
    assert goods.count == waiting.count("READY") + waiting.count("PARTIALLY_INVOICED")
    backlog = await make(database, "order-backlog", now)
    lines = [line for kind, _, state in states if kind == "order" for line in state["lines"]]
    assert backlog.summary[1].value == sum(Decimal(one["open"]) > 0 for one in lines)
    exceptions = await make(database, "open-exceptions", now)
    assert exceptions.summary[0].value == sum(one["all"] for one in told(exceptions))
