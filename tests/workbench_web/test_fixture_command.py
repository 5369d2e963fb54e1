"""`gateway dead fixture`: files in a folder, counts and no values on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from canonical.errors import Malformed, Unsupported
from connectors.goldens import specimen
from connectors.translation import dry_run
from store.ids import DEAD_LETTER, RECEIPT, show_id
from tests.workbench_web.traffic import Morning, delivery
from workbench.fixtures.fixtures import make_fixture, print_fixture, write_fixture
from workbench.web.site import Site


async def test_a_failure_becomes_two_files(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    morning = await Morning().happen(site.database)
    shown = show_id(DEAD_LETTER, morning.problem.dead_letter_id)
    await print_fixture(site.database, shown, {}, into=tmp_path / "new", salt="of tests")
    said = capsys.readouterr().out
    assert "replaced: 1 email" in said
    assert "ada@mail.example" not in said
    body, meta = sorted((tmp_path / "new").iterdir())
    assert "__bad_amount_" in body.name
    assert meta.name == f"{body.name}.meta.json"
    assert b"ada@mail.example" not in body.read_bytes()


async def test_it_is_signed_with_the_fixtures_secret(site: Site) -> None:
    one = delivery(
        "wh-7",
        json.dumps({"id": 600001, "email": "ada@mail.example"}).encode(),
        headers={"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": "of production",
                 "x-shopify-event-id": "e-1", "x-forwarded-for": "203.0.113.9"},
    )  # fmt: skip
    from store.intake import inbox

    await site.database.write(lambda connection: inbox.accept(connection, [one]))
    made = await make_fixture(site.database, show_id(RECEIPT, one.receipt_id), {}, b"salt")
    meta = json.loads(made.meta)
    assert made.signed
    assert meta["filename"] is None
    assert "x-forwarded-for" not in meta["headers"]
    shopify = specimen("shopify")
    genuine = shopify.fixtures[0].arriving(body=made.body, headers=meta["headers"])
    assert dry_run(shopify.connector, genuine, shopify.secrets).outcome != "refused"


async def test_the_same_salt_makes_the_same_fixture(site: Site, tmp_path: Path) -> None:
    morning = await Morning().happen(site.database)
    shown = show_id(RECEIPT, morning.bad.receipt_id)
    one, two = [await make_fixture(site.database, shown, {}, b"salt") for _ in range(2)]
    assert one.body == two.body
    assert (await make_fixture(site.database, shown, {})).body != one.body
    write_fixture(one, tmp_path)
    with pytest.raises(Malformed, match="is there already"):
        write_fixture(two, tmp_path)


@pytest.mark.parametrize("shown", ["dl_0000000000001", "rcp_0000000000001"])
async def test_what_is_not_there(site: Site, shown: str) -> None:
    with pytest.raises(Unsupported):
        await make_fixture(site.database, shown, {})
