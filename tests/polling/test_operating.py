"""What an operator configures, sees and does about polling and fetching."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gateway
from canonical.errors import Malformed
from commands import Root, build_cli
from configuration import AccountSettings, Configuration
from connectors.contract import Connector
from routing.accounts import Accounts, build_accounts
from routing.calling_out import poll_from, requests_per_second
from routing.check import check_configuration
from routing.pipeline import Pipeline
from routing.streams import Publisher
from store.database import Database
from store.finding import audit
from store.intake import pauses
from tests.polling.shop import CONNECTOR
from tests.polling.staging import Stage
from transports.running import outbound_loops
from workbench.operating.accounts import print_accounts, resume

TEXT = """
[[accounts]]
connector = "testshop"
account = "acme"
secrets = ["env:HOOK"]
api_secret = "env:TOKEN"

[accounts.options]
api_url = "https://shop.example.com"
"""
ENVIRONMENT = {"HOOK": "h", "TOKEN": "t"}
SETTINGS = AccountSettings(
    connector="testshop", account="acme", secrets=("env:HOOK",), api_secret="env:TOKEN"
)


def load(_: str) -> Connector:
    return CONNECTOR


def faults(text: str) -> list[tuple[str, str, str]]:
    found = check_configuration(text, ENVIRONMENT, Path(), load)
    return [(one.severity, one.path, one.message) for one in found]


def test_a_sound_account_has_no_faults() -> None:
    assert faults(TEXT + 'requests_per_second = 0.5\npoll_from = "2026-01-01"\n') == []


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ('api_secret = "env:TOKEN"\n', "", "warning ", "nothing is polled or fetched"),
        ("env:TOKEN", "env:NONE", "error .api_secret", "no such secret"),
        ('api_url = "https://shop.example.com"\n', "", "error .options.api_url", "missing"),
        ("https://shop", "http://shop", "error .options.api_url", "only https"),
    ],
)
def test_what_stands_in_the_way_is_said(old: str, new: str, where: str, says: str) -> None:
    ((severity, path, message),) = faults(TEXT.replace(old, new))
    assert f"{severity} {path.removeprefix('accounts[0]')}" == where
    assert says in message


@pytest.mark.parametrize(
    ("line", "path", "says"),
    [
        ('region = "nowhere"', "options", "no such region"),
        ("requests_per_second = 0", "options.requests_per_second", "not above 0"),
        ('requests_per_second = "2"', "options.requests_per_second", "not a number"),
        ('poll_from = "yesterday"', "options.poll_from", "not an ISO date"),
        ("pol_from = 1", "options.pol_from", "unknown option"),
    ],
)
def test_bad_options_are_errors(line: str, path: str, says: str) -> None:
    ((severity, found_path, message),) = faults(TEXT + line + "\n")
    assert (severity, found_path) == ("error", f"accounts[0].{path}")
    assert says in message


def test_a_literal_credential_is_refused() -> None:
    ((severity, path, _),) = faults(TEXT.replace("env:TOKEN", "shpat_123"))
    assert (severity, path) == ("error", "accounts[0].api_secret")


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3, tzinfo=UTC)),  # noqa: DTZ001
        (None, None),
    ],
)
def test_poll_from_is_a_date_or_a_time(given: object, means: datetime | None) -> None:
    assert poll_from({} if given is None else {"poll_from": given}) == means


@pytest.mark.parametrize("given", [True, -1, float("nan"), float("inf"), "2", None])
def test_a_rate_is_a_positive_number(given: object) -> None:
    with pytest.raises(Malformed):
        requests_per_second({"requests_per_second": given})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"options": {"requests_per_second": 0}}, "bad_option"),
        ({"options": {"poll_from": 7}}, "bad_option"),
        ({"api_secret": "env:NONE"}, "missing_secret"),
        ({"api_secret": "file:token"}, "missing_secret"),
    ],
)
def test_an_account_that_could_not_call_does_not_start(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(Malformed) as failure:
        build_accounts([SETTINGS.model_copy(update=changes)], load, ENVIRONMENT, tmp_path)
    assert failure.value.code == code


def test_an_account_carries_its_credential_out_of_sight() -> None:
    (built,) = build_accounts([SETTINGS], load, ENVIRONMENT, Path())
    assert built.api_credential().value == b"t"
    assert "b't'" not in repr(built)


def test_a_credential_kept_fresh_in_its_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    settings = SETTINGS.model_copy(update={"api_secret": f"file:{token}"})
    (built,) = build_accounts([settings], load, ENVIRONMENT, tmp_path)
    token.write_text("second")
    assert built.api_credential().value == b"second"


async def shown(stage: Stage, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    await print_accounts(stage.database, [SETTINGS], load, as_json=True)
    (document,) = json.loads(capsys.readouterr().out)
    return dict(document)


async def test_accounts_show_how_they_stand(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    document = await shown(stage, capsys)
    assert document["transports"] == ["webhook", "poll", "fetch"]
    assert (document["last_received"], document["polls"]) == (None, [])

    stage.vendor.sell("1")
    await stage.deliver({"event": "order.touched", "delivery": "t", "ids": ["1", "9"]})
    await stage.poll()
    document = await shown(stage, capsys)
    assert document["missed_webhooks"] == {"o2c.order.placed": 1}
    assert document["fetches"] == {"pending": 2, "done": 0, "dead": 0}
    assert document["last_received"]
    (poll,) = document["polls"]
    assert (poll["poll"], poll["turns"], poll["new_by_poll"]) == ("orders", 1, 1)

    await print_accounts(stage.database, [SETTINGS], load, as_json=False)
    text = capsys.readouterr().out
    assert "testshop/acme" in text
    assert "orders" in text


async def test_a_paused_account_is_shown_and_resumed_by_name(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.vendor.token = "another"
    await stage.poll()
    assert (await shown(stage, capsys))["paused"]["code"] == "credentials_refused"
    assert await resume(stage.database, "testshop/acme")
    assert not await resume(stage.database, "testshop/acme")
    assert (await shown(stage, capsys))["paused"] is None
    log = await stage.database.read(audit.recent_audit)
    assert [one.action for one in log] == ["account.resume", "account.pause"]
    assert log[0].target == "testshop/acme"
    with pytest.raises(Malformed):
        await resume(stage.database, "testshop")


async def test_metrics_count_turns_and_pauses(stage: Stage) -> None:
    stage.vendor.sell("1")
    await stage.poll()
    await stage.database.write(
        lambda c: pauses.pause(
            c, "testshop", "acme", stage.clock.now(), code="credentials_refused", message="no"
        )
    )
    await stage.fetch()
    registry, account = stage.pipeline.metrics.registry, {"connector": "testshop"}
    account["account"] = "acme"
    turn = {**account, "poll": "orders"}
    assert registry.get_sample_value("gateway_account_paused", account) == 1
    assert (
        registry.get_sample_value("gateway_poll_turns_total", {**turn, "outcome": "succeeded"}) == 1
    )
    assert (
        registry.get_sample_value("gateway_polled_documents_total", {**turn, "outcome": "new"}) == 1
    )


def test_the_command_is_there(tmp_path: Path) -> None:
    root = Root(
        open_store=gateway.open_store,
        open_publisher=gateway.open_publisher,
        open_hub=gateway.open_hub,
        build_accounts=gateway.build_accounts,
    )
    cli = build_cli(root)
    listed = CliRunner().invoke(cli, ["accounts", "--json", "--data", str(tmp_path)])
    assert (listed.exit_code, json.loads(listed.output)) == (0, [])
    none = CliRunner().invoke(cli, ["accounts", "resume", "testshop/acme", "--data", str(tmp_path)])
    assert none.exit_code == 1
    assert "not paused" in none.output


@dataclass(frozen=True)
class Hub:
    """What a served hub is to the loops."""

    configuration: Configuration
    database: Database
    accounts: Accounts
    publisher: Publisher
    pipeline: Pipeline


async def test_a_running_gateway_polls_and_fetches_by_itself(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="httpx")
    stage.vendor.sell("1", "2")
    hub = Hub(
        configuration=Configuration(),
        database=stage.database,
        accounts=stage.accounts,
        publisher=None,  # type: ignore[arg-type]  # the loops never publish
        pipeline=stage.pipeline,
    )
    (loop,) = outbound_loops(hub)
    running = asyncio.create_task(loop)
    await stage.deliver({"event": "order.touched", "delivery": "t", "ids": ["1"]})
    async with asyncio.timeout(20):
        while len(stage.vendor.calls) < 2 or stage.published() != ["order/1", "order/2"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "orders" not in caplog.text


def test_nothing_runs_without_a_credential(stage: Stage) -> None:
    hub = Hub(
        configuration=Configuration(),
        database=stage.database,
        accounts=Accounts([]),
        publisher=None,  # type: ignore[arg-type]
        pipeline=stage.pipeline,
    )
    assert outbound_loops(hub) == []
