"""The file door: watched folders, and files named on the command line.

A file is taken when it has stopped changing, made durable, and only then moved into the folder's
`.archive`. A crash between the two takes it again; it is then recognised as a redelivery.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from canonical.errors import GatewayError, Malformed, TooLarge, Unavailable
from connectors.raw import RawMessage
from routing.accounts import Account
from routing.receive import Received, Receiver
from store.database import Database
from store.ids import IdSource, show_id
from store.intake import bodies

PART_BYTES = 1024 * 1024
ARCHIVE = ".archive"
ANSWERS = ".answers"
SCAN_S = 1.0
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", "~")
"""Endings by which uploaders mark a file they are still writing."""

log = structlog.get_logger(__name__)


class FileDoor:
    """Takes files in, whatever their size, in bounded memory."""

    def __init__(
        self, database: Database, receiver: Receiver, ids: IdSource, *, max_file_bytes: int
    ) -> None:
        self._database = database
        self._receiver = receiver
        self._ids = ids
        self._max_file_bytes = max_file_bytes

    async def take(self, path: Path, account: Account) -> Received:
        """Make a file durable. Raises TooLarge, Unavailable, Malformed (not a regular file)."""
        if "file" not in account.connector.manifest.transports:
            raise Malformed(f"{account.connector.manifest.name} reads no files", code="no_files")
        size = _regular_size(path)
        if size > self._max_file_bytes:
            raise TooLarge(f"{path.name} has {size} bytes, the limit is {self._max_file_bytes}")
        receipt_id, digest, content = None, None, b""
        if size > PART_BYTES:
            receipt_id = self._ids.next()
            digest = await self._write_parts(path, receipt_id)
        else:
            content = await asyncio.to_thread(path.read_bytes)
        raw = RawMessage(
            path if receipt_id else content,
            account=account.name,
            received_at=datetime.now(UTC),
            filename=path.name,
            options=account.options,
            digest=digest,
        )
        return await self._receiver.accept(
            account, raw, transport="file", secret=None, receipt_id=receipt_id
        )

    async def _write_parts(self, path: Path, receipt_id: int) -> bytes:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            number = 0
            while part := await asyncio.to_thread(stream.read, PART_BYTES):
                digest.update(part)
                keep = partial(bodies.write_part, receipt_id=receipt_id, part=number, body=part)
                await self._database.write(keep)
                number += 1
        return digest.digest()


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    changed_ns: int
    since: float


class FolderWatch:
    """Watches one account's folder."""

    def __init__(
        self,
        folder: Path,
        account: Account,
        door: FileDoor,
        *,
        stable_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._account = account
        self._door = door
        self._stable_s = stable_s
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            await self.scan()
            await asyncio.sleep(SCAN_S)

    async def scan(self) -> int:
        """Take every file that has stopped changing; how many were taken."""
        taken = 0
        for path in list(_candidates(self._folder)):
            if self._is_stable(path) and await self._take(path):
                taken += 1
        return taken

    def _is_stable(self, path: Path) -> bool:
        try:
            stat = path.stat()
        except OSError:
            return False
        now = self._clock()
        before = self._seen.get(path.name)
        if before is None or (before.size, before.changed_ns) != (stat.st_size, stat.st_mtime_ns):
            self._seen[path.name] = _Seen(stat.st_size, stat.st_mtime_ns, now)
            return self._stable_s == 0
        return now - before.since >= self._stable_s

    async def _take(self, path: Path) -> bool:
        try:
            received = await self._door.take(path, self._account)
            await asyncio.to_thread(self._answer, received)
            _archive(path, show_id("rcp", received.accepted.receipt_id))
        except Unavailable:
            return False
        except (GatewayError, OSError) as error:
            code = error.code if isinstance(error, GatewayError) else "file_error"
            log.warning("file left in its folder", account=self._account.source, code=code)
            return False
        self._seen.pop(path.name, None)
        return True

    def _answer(self, received: Received) -> None:
        """Write the acknowledgement the partner is owed, before the file leaves its folder.

        A file taken again after a crash is answered again, under its first receipt.
        """
        acknowledge = self._account.connector.acknowledge
        if acknowledge is None or self._account.options.get("acknowledge") is not True:
            return
        try:
            body = acknowledge(received.raw)
        except Exception as error:  # noqa: BLE001 - the file is safe; only its answer is missing
            code = error.code if isinstance(error, GatewayError) else "connector_fault"
            log.warning("no answer written", account=self._account.source, code=code)
            return
        if body:
            name = f"{show_id('rcp', received.first_receipt_id)}.answer"
            _write_whole(self._folder / ANSWERS / name, body)


def _write_whole(path: Path, body: bytes) -> None:
    """Write a file that nobody sees half of."""
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(body)
    unfinished.replace(path)


def _candidates(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") or entry.name.endswith(UNFINISHED)
        # A link could point anywhere: only regular files of this very folder are taken.
        if not hidden and entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _archive(path: Path, receipt: str) -> None:
    target = path.parent / ARCHIVE
    target.mkdir(exist_ok=True)
    path.rename(target / f"{receipt}-{path.name}")


def _regular_size(path: Path) -> int:
    if not path.is_file():
        raise Malformed(f"{path.name} is not a regular file", code="not_a_file")
    return path.stat().st_size
