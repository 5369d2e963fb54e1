"""What is said at the first start, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from configuration import Configuration
from gateway import Hub
from tests.workbench_web.browsing import Browser, somebody
from workbench.access.roles import Role
from workbench.web.greeting import greet_first_admin
from workbench.web.site import Site


def hub(site: Site, **settings: Any) -> Hub:
    """A hub of which only store and configuration are looked at."""
    configuration = Configuration.model_validate({"data": Path("data"), **settings})
    nothing = cast("Any", None)
    return Hub(
        configuration=configuration,
        database=site.database,
        accounts=nothing,
        publisher=nothing,
        pipeline=nothing,
    )


async def test_the_first_start_prints_a_link_that_works(
    site: Site, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    await greet_first_admin(hub(site), "http://0.0.0.0:8080")
    said = capsys.readouterr().out
    link = next(line.strip() for line in said.splitlines() if "link=" in line)
    assert link.startswith("http://127.0.0.1:8080/workbench/welcome?link=")
    shown = await browser.get(link.removeprefix("http://127.0.0.1:8080"))
    # The link was made by the wall clock, the site's stands still in an earlier month.
    assert "first administrator" in shown.text


async def test_the_public_address_is_the_one_to_open(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    public = {"http": {"public_url": "https://hub.example.com"}}
    await greet_first_admin(hub(site, **public), "http://127.0.0.1:8080")
    assert "https://hub.example.com/workbench/welcome?link=" in capsys.readouterr().out


async def test_nothing_is_said_once_somebody_is_there_or_in_production(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    production = {"store": {"url": "postgresql://db/gateway"}}
    await greet_first_admin(hub(site, **production), "http://127.0.0.1:8080")
    await somebody(site, "ada", Role.ADMIN, password=False)
    await greet_first_admin(hub(site), "http://127.0.0.1:8080")
    assert capsys.readouterr().out == ""
