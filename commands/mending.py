"""`gateway dead …`: groups, dry runs, edits, patches, campaigns, reprocessing, conflicts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from commands.setting import Data, Json, setting_of, with_store

if TYPE_CHECKING:
    from workbench.bench import Bench

T = TypeVar("T")
Shown = Annotated[str, typer.Argument(metavar="ID")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with your name.")]

cli = typer.Typer()
campaign = typer.Typer(no_args_is_help=True, help="Ramped replays of a group.")
reprocess = typer.Typer(no_args_is_help=True, help="Past receipts through today's code.")
conflicts = typer.Typer(no_args_is_help=True, help="Other content under a known key.")
cli.add_typer(campaign, name="campaign")
cli.add_typer(reprocess, name="reprocess")
cli.add_typer(conflicts, name="conflicts")


def with_bench(
    context: typer.Context, data: Path | None, work: Callable[[Bench], Coroutine[Any, Any, T]]
) -> T:
    """Run something over the store, today's accounts and routes."""
    from routing.router import Router
    from workbench.bench import Bench

    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = setting.root.build_accounts(setting, configuration)
    router = Router(configuration.routes)
    return with_store(
        setting, lambda store: work(Bench(database=store, accounts=accounts, router=router))
    )


@cli.command()
def groups(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="field, account, code, kind or text.")] = "field",
    state: Annotated[str, typer.Option(help="open, resolved or muted.")] = "open",
    largest: Annotated[bool, typer.Option(help="The largest first, not the latest.")] = False,
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Failures in groups: how many, since when, whose."""
    from workbench.mending.mending_commands import print_groups

    with_bench(
        context,
        data,
        lambda bench: print_groups(
            bench, by, state=state, sort="largest" if largest else "recent", limit=limit,
            as_json=as_json,
        ),
    )  # fmt: skip


@cli.command()
def group(
    context: typer.Context,
    shown: Shown,
    state: Annotated[str | None, typer.Option(help="open, resolved or muted.")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    severity: Annotated[str | None, typer.Option(help="low, normal, high, critical.")] = None,
    reason: Why = "",
    data: Data = None,
) -> None:
    """Show a group, or change whose it is, how urgent, and whether it is closed."""
    from workbench.mending.mending_commands import change_group

    given = {"state": state, "owner": owner, "severity": severity}
    changes = {name: value for name, value in given.items() if value is not None}
    with_bench(context, data, lambda bench: change_group(bench, shown, changes, reason))


@cli.command("discard-group")
def discard_group(
    context: typer.Context,
    shown: Shown,
    code: Annotated[str, typer.Option(help="test_data, duplicate_report, obsolete, … other.")],
    text: Annotated[str, typer.Option(help="In words; needed with other.")] = "",
    data: Data = None,
) -> None:
    """Give up what is open of a group; what comes later opens it again."""
    from workbench.mending.mending_commands import discard_whole_group

    with_bench(context, data, lambda bench: discard_whole_group(bench, shown, code, text))


@cli.command("dry-run")
def dry_run(context: typer.Context, shown: Shown, as_json: Json = False, data: Data = None) -> None:
    """What a replay would do, and what would differ from what was published; stores nothing."""
    from workbench.mending.mending_commands import print_dry_run

    good = with_bench(context, data, lambda bench: print_dry_run(bench, shown, as_json=as_json))
    raise typer.Exit(0 if good else 1)


@cli.command()
def edit(
    context: typer.Context,
    shown: Shown,
    file: Annotated[Path, typer.Argument(help="The payload as it should have been.")],
    reason: Why = "",
    try_: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    data: Data = None,
) -> None:
    """Replay with an edited copy; where money changes a second person must agree."""
    from workbench.mending.mending_commands import edit_failure

    body = file.read_bytes()
    with_bench(context, data, lambda bench: edit_failure(bench, shown, body, reason, dry_run=try_))


@cli.command()
def approve(context: typer.Context, shown: Shown, reason: Why = "", data: Data = None) -> None:
    """Agree to what somebody else proposed, and carry it out."""
    from workbench.mending.mending_commands import approve as agree

    with_bench(context, data, lambda bench: agree(bench, shown, reason))


@cli.command()
def patch(
    context: typer.Context,
    shown: Shown,
    rule: Annotated[Path, typer.Argument(help="A JSON file with the rule.")],
    samples: Annotated[int, typer.Option()] = 20,
    data: Data = None,
) -> None:
    """What one rule would do to a group; run it with `campaign start --rule`."""
    from workbench.mending.mending_commands import print_preview

    with_bench(context, data, lambda bench: print_preview(bench, shown, rule, samples))


@campaign.command("start")
def campaign_start(
    context: typer.Context,
    shown: Shown,
    reason: Why,
    rule: Annotated[Path | None, typer.Option(help="Patch by this rule, then replay.")] = None,
    stages: Annotated[str, typer.Option(help="How many at first, then, …; all follow.")] = "1,5,50",
    threshold: Annotated[int, typer.Option(help="Stop above this percentage of failures.")] = 10,
    per_second: Annotated[int | None, typer.Option()] = None,
    data: Data = None,
) -> None:
    """Replay a group by a ramp; a running gateway does it."""
    from workbench.mending.mending_commands import start_campaign

    sizes = [int(size) for size in stages.split(",") if size.strip().isdigit()]
    with_bench(
        context,
        data,
        lambda bench: start_campaign(
            bench, shown, reason, rule=rule, stages=sizes, threshold=threshold,
            per_second=per_second,
        ),
    )  # fmt: skip


@campaign.command("list")
def campaign_list(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Campaigns, newest first."""
    from workbench.mending.mending_commands import print_campaigns

    with_bench(context, data, lambda bench: print_campaigns(bench, as_json=as_json))


def _turn(context: typer.Context, shown: str, data: Path | None, verb: str) -> None:
    from workbench.mending.mending_commands import turn_campaign

    with_bench(context, data, lambda bench: turn_campaign(bench, shown, verb))


@campaign.command("status")
def campaign_status(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """How a campaign stands."""
    _turn(context, shown, data, "status")


@campaign.command("pause")
def campaign_pause(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """Release nothing more for now."""
    _turn(context, shown, data, "pause")


@campaign.command("resume")
def campaign_resume(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """Go on; one that stopped by itself begins its ramp anew."""
    _turn(context, shown, data, "resume")


@campaign.command("cancel")
def campaign_cancel(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """End it; what was released goes its way."""
    _turn(context, shown, data, "cancel")


@reprocess.command("start")
def reprocess_start(
    context: typer.Context,
    connector: str,
    since: Annotated[datetime, typer.Option(help="UTC")],
    until: Annotated[datetime, typer.Option(help="UTC")],
    reason: Why,
    account: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    data: Data = None,
) -> None:
    """Compare past receipts with what today's code says; publishes nothing."""
    import getpass

    from workbench.mending.mending_commands import print_reprocessings
    from workbench.mending.reprocessing import start_reprocessing

    async def start(bench: Bench) -> None:
        await start_reprocessing(
            bench, connector, since=since.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC),
            actor=getpass.getuser(), reason=reason, account=account, kind=kind,
        )  # fmt: skip
        await print_reprocessings(bench)

    with_bench(context, data, start)


def _reprocess(context: typer.Context, shown: str, data: Path | None, verb: str) -> None:
    from workbench.mending.mending_commands import reprocess as turn

    with_bench(context, data, lambda bench: turn(bench, shown, verb))


@reprocess.command("status")
def reprocess_status(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """How a run stands, with its first differences."""
    _reprocess(context, shown, data, "status")


@reprocess.command("publish")
def reprocess_publish(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """Publish what changed, as corrections."""
    _reprocess(context, shown, data, "publish")


@reprocess.command("cancel")
def reprocess_cancel(context: typer.Context, shown: Shown, data: Data = None) -> None:
    """Go no further."""
    _reprocess(context, shown, data, "cancel")


@conflicts.command("list")
def conflicts_list(
    context: typer.Context,
    verdict: Annotated[str, typer.Option(help="conflict, stale or duplicate.")] = "conflict",
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """What was not routed, newest first."""
    from workbench.mending.mending_commands import print_conflicts, verdict_of

    with_bench(
        context,
        data,
        lambda bench: print_conflicts(bench, verdict_of(verdict), limit, as_json=as_json),
    )


@conflicts.command("show")
def conflicts_show(
    context: typer.Context, shown: Shown, as_json: Json = False, data: Data = None
) -> None:
    """A report beside what is known, field by field."""
    from workbench.mending.mending_commands import print_conflict

    with_bench(context, data, lambda bench: print_conflict(bench, shown, as_json=as_json))


@conflicts.command("decide")
def conflicts_decide(
    context: typer.Context,
    shown: Shown,
    decision: Annotated[str, typer.Argument(help="accepted, kept_first or discarded.")],
    reason: Why,
    data: Data = None,
) -> None:
    """Publish it as a correction, or leave it out."""
    from workbench.mending.mending_commands import decide, decision_of

    with_bench(context, data, lambda bench: decide(bench, shown, decision_of(decision), reason))
