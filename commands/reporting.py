"""`gateway report` and `gateway export`: the domains' figures, and their tables for elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

if TYPE_CHECKING:
    from workbench.business.reports_commands import Form

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def report(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which; left out: all, in a line.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The rows as CSV.")] = False,
    data: Data = None,
) -> None:
    """What is shipped and not invoiced, open, unapplied, late: one report, or all in a line."""
    from workbench.business.reports_commands import print_report, print_reports

    if as_json and as_csv:
        raise typer.BadParameter("--json or --csv, not both")
    if as_csv and name is None:
        raise typer.BadParameter("--csv is of one report: name it")
    form: Form = "json" if as_json else "csv" if as_csv else "text"
    with_store(
        setting_of(context, data),
        lambda store: (
            print_reports(store, form) if name is None else print_report(store, name, form)
        ),
    )


@cli.command()
def export(
    context: typer.Context,
    parquet: Annotated[
        Path, typer.Option("--parquet", metavar="FOLDER", help="Write one file a table here.")
    ],
    data: Data = None,
) -> None:
    """The domains' tables as Parquet files, all of one moment, for a data warehouse."""
    from workbench.business.reports_commands import export_tables

    with_store(setting_of(context, data), lambda store: export_tables(store, parquet))
