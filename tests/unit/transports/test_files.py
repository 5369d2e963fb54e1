"""The file door: what is taken, what is left alone, and in which order things happen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from canonical.errors import Malformed, TooLarge
from connectors import registry
from routing.accounts import Account, Accounts
from routing.pipeline import Pipeline
from routing.router import Router
from store.database import Database, open_database
from store.finding import audit
from store.intake import inbox
from store.records import OutboxRow
from transports.files import FileDoor, FolderWatch


class Road:
    """Streams that take everything."""

    async def publish(self, rows: Sequence[OutboxRow]) -> object:
        return len(rows)


class Bench:
    """A store, a receiver and a watched folder with a clock of its own."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        (folder / "spool").mkdir()
        self.database = database
        self.account = Account(connector=registry.load("camt"), name="bank", folder=self.folder)
        self.pipeline = Pipeline(
            database, Accounts([self.account]), Router(), Road(), spool_folder=folder / "spool"
        )
        self.now = 0.0
        self.door = FileDoor(
            database, self.pipeline.receiver, self.pipeline.ids, max_file_bytes=50_000_000
        )
        self.watch = FolderWatch(
            self.folder, self.account, self.door, stable_s=2.0, clock=lambda: self.now
        )

    async def accepted(self) -> int:
        rows = await self.database.read(audit.balance)
        return sum(row.accepted for row in rows)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, await open_database(f"sqlite:///{tmp_path / 'files.db'}"))


async def test_a_file_is_taken_when_it_has_stopped_changing(bench: Bench) -> None:
    path = bench.folder / "a.xml"
    path.write_bytes(b"<Document>")
    assert await bench.watch.scan() == 0
    bench.now = 1.0
    path.write_bytes(b"<Document></Document>")
    assert await bench.watch.scan() == 0
    bench.now = 2.5
    assert await bench.watch.scan() == 0  # it changed 1.5 s ago
    bench.now = 3.5
    assert await bench.watch.scan() == 1

    assert not path.exists()
    assert len(list((bench.folder / ".archive").iterdir())) == 1
    assert await bench.accepted() == 1
    await bench.database.close()


async def test_unfinished_hidden_and_linked_files_are_left_alone(
    bench: Bench, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.xml"
    outside.write_bytes(b"secret")
    (bench.folder / "link.xml").symlink_to(outside)
    for name in (".hidden.xml", "b.xml.part", "c.tmp", "d.filepart", "e.xml~"):
        (bench.folder / name).write_bytes(b"x")
    (bench.folder / "folder").mkdir()
    for bench.now in (0.0, 5.0, 10.0):
        assert await bench.watch.scan() == 0
    assert await bench.accepted() == 0
    await bench.database.close()


async def test_a_large_file_is_kept_in_parts_and_whole(bench: Bench) -> None:
    body = b"<Document>" + b"x" * 3_500_000 + b"</Document>"
    (bench.folder / "large.xml").write_bytes(body)
    received = await bench.door.take(bench.folder / "large.xml", bench.account)

    kept = await bench.database.read(
        lambda connection: inbox.read_body(connection, received.accepted.receipt_id)
    )
    assert kept == body
    # The very same bytes again: recognised, and not kept twice.
    again = await bench.door.take(bench.folder / "large.xml", bench.account)
    assert again.accepted.first_receipt_id == received.accepted.receipt_id
    await bench.database.close()


async def test_what_is_no_file_or_too_large_is_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        await bench.door.take(tmp_path / "nowhere.xml", bench.account)
    with pytest.raises(Malformed):
        await bench.door.take(bench.folder, bench.account)
    small = FileDoor(bench.database, bench.pipeline.receiver, bench.pipeline.ids, max_file_bytes=10)
    (bench.folder / "a.xml").write_bytes(b"x" * 11)
    with pytest.raises(TooLarge):
        await small.take(bench.folder / "a.xml", bench.account)
    await bench.database.close()


async def test_an_empty_folder_or_none_at_all_is_no_trouble(bench: Bench) -> None:
    assert await bench.watch.scan() == 0
    bench.folder.rmdir()
    assert await bench.watch.scan() == 0
    await bench.database.close()


ISA = (
    "ISA*00*          *00*          *ZZ*PARTNER        *ZZ*US             "
    "*260302*1000*U*00401*000000007*0*P*>~"
)
ORDER = (
    "GS*PO*PARTNER*US*20260302*1000*7*X*004010~ST*850*0001~BEG*00*SA*4711**20260302~"
    "CUR*BY*EUR~PO1*1*2*EA*10.00**VN*LAMP~CTT*1~SE*6*0001~GE*1*7~IEA*1*000000007~"
)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_partner_is_answered_where_the_account_says_so(
    tmp_path: Path, wanted: bool
) -> None:
    bench = Bench(tmp_path, await open_database(f"sqlite:///{tmp_path / 'files.db'}"))
    partner = Account(
        connector=registry.load("x12"), name="partner", options={"acknowledge": wanted}
    )
    watch = FolderWatch(bench.folder, partner, bench.door, stable_s=0.0, clock=lambda: 0.0)
    (bench.folder / "order.edi").write_text(ISA + ORDER)

    assert await watch.scan() == 1

    answers = list((bench.folder / ".answers").glob("*")) if wanted else []
    assert [path.suffix for path in answers] == [".answer"] * wanted
    if wanted:
        text = answers[0].read_text()
        assert "ST*997*" in text
        assert "AK5*A" in text
    assert (bench.folder / ".answers").exists() is wanted
    await bench.database.close()
