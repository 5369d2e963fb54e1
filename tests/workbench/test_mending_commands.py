"""The workbench at the command line: thin, harmless for a terminal, JSON where asked."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from canonical.errors import Malformed
from commands import Root, Setting, build_cli
from store.ids import DEAD_LETTER, MESSAGE, show_id
from store.mending.failure_groups import GROUP
from tests.workbench.staging import ADA, Stage, accepting, order
from workbench.documents import document
from workbench.failures.groups import list_groups
from workbench.mending import mending_commands as commands
from workbench.mending.conflicts import list_judged
from workbench.mending.reprocessing import start_reprocessing


async def test_groups_and_dry_runs_are_printed(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    group = await stage.fail(range(3))
    shown = show_id(GROUP, group.group_id)
    await commands.print_groups(
        stage.bench, "field", state="open", sort="recent", limit=9, as_json=False
    )
    assert "unknown_currency" in capsys.readouterr().out
    await commands.print_groups(
        stage.bench, "code", state="open", sort="largest", limit=9, as_json=True
    )
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["group"]["open_count"], len(one["trend"]["days"])) == (3, 14)

    await commands.change_group(stage.bench, shown, {"owner": "\x1b[31mada"}, "")
    assert "\x1b" not in capsys.readouterr().out
    letter = show_id(DEAD_LETTER, (await stage.letters())[0].dead_letter_id)
    assert not await commands.print_dry_run(stage.bench, letter, as_json=False)
    assert "would fail" in capsys.readouterr().out
    await commands.discard_whole_group(stage.bench, shown, "test_data", "")
    assert json.loads(capsys.readouterr().out) == {"discarded": 3, "left": 0}


async def test_a_campaign_and_an_edit_from_the_command_line(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    group = await stage.fail(range(2))
    shown = show_id(GROUP, group.group_id)
    letter = show_id(DEAD_LETTER, (await stage.letters())[0].dead_letter_id)
    body = json.dumps(order(1)).encode()
    await commands.edit_failure(stage.bench, letter, body, "a typo", dry_run=True)
    await commands.edit_failure(stage.bench, letter, body, "a typo", dry_run=False)
    assert "gateway dead approve prp_" in capsys.readouterr().out

    rule = tmp_path / "rule.json"
    rule.write_text('{"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"}')
    await commands.print_preview(stage.bench, shown, rule, 5)
    assert "needs a second person" in capsys.readouterr().out
    await stage.renew(accepting("ZZZ"))
    await commands.start_campaign(
        stage.bench, shown, "mended", rule=None, stages=(1,), threshold=10, per_second=None
    )
    campaign = capsys.readouterr().out.split(":")[0]
    await commands.turn_campaign(stage.bench, campaign, "pause")
    await commands.turn_campaign(stage.bench, campaign, "resume")
    await commands.turn_campaign(stage.bench, campaign, "status")
    await commands.print_campaigns(stage.bench, as_json=True)
    out = capsys.readouterr().out
    assert "running" in out
    await commands.turn_campaign(stage.bench, campaign, "cancel")
    assert "cancelled" in capsys.readouterr().out


async def test_conflicts_and_reprocessing_from_the_command_line(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    await stage.receive(order(1))
    await stage.receive(order(1, total="7.00"))
    (found,) = await list_judged(stage.bench)
    shown = show_id(MESSAGE, found.row_id)
    await commands.print_conflicts(stage.bench, "conflict", 5, as_json=False)
    await commands.print_conflict(stage.bench, shown, as_json=False)
    assert "totals.total.amount: '120.00' → '7.00'" in capsys.readouterr().out
    await commands.decide(stage.bench, shown, "kept_first", "a typo")
    now = stage.clock.now()
    run = await start_reprocessing(
        stage.bench, "shopify", since=now - timedelta(hours=1), until=now, actor=ADA, reason="x"
    )
    await stage.campaigns.work_once()
    capsys.readouterr()
    shown = document(run)["reprocessing_id"]
    await commands.reprocess(stage.bench, shown, "status")
    assert json.loads(capsys.readouterr().out)["run"]["reprocessing_id"] == shown
    with pytest.raises(Malformed):
        commands.decision_of("perhaps")
    with pytest.raises(Malformed):
        commands.verdict_of("guilty")


async def test_documents_show_ids_and_no_insides(stage: Stage) -> None:
    await stage.fail([1])
    shown = document(await list_groups(stage.bench))
    text = json.dumps(shown)
    assert '"group_id": "grp_' in text
    (letter,) = await stage.letters()
    assert document(letter)["dead_letter_id"].startswith("dl_")


def test_every_command_explains_itself() -> None:
    def nothing(*_: Any, **__: Any) -> Any:
        raise AssertionError

    root = Root(
        open_store=nothing, open_publisher=nothing, open_hub=nothing, build_accounts=nothing
    )
    runner = CliRunner()
    for words in (["groups"], ["edit"], ["campaign", "start"], ["reprocess", "start"],
                  ["conflicts", "decide"], ["discard-group"], ["list"]):  # fmt: skip
        told = runner.invoke(build_cli(root), ["dead", *words, "--help"], obj=Setting(root=root))
        assert told.exit_code == 0, told.output
