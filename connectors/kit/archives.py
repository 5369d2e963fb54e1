"""Compressed deliveries: gzip and zip files read as streams, member by member, within limits.

An archive is somebody else's program: names may point out of the folder, sizes may lie, and a few
kilobytes may unpack to a disk full of zeros. Nothing here writes a file.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from canonical.errors import GatewayError, Malformed, TooLarge
from canonical.message import Item, Problem
from connectors.raw import RawMessage

MAX_UNPACKED_BYTES = 8 * 1024**3
MAX_MEMBERS = 1000
MAX_RATIO = 300
RATIO_MATTERS_FROM_BYTES = 10 * 1024**2

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a delivery; it can be opened while `members` is being iterated."""

    name: str
    """The name inside the archive; empty for a payload that is not an archive of several."""
    open: Callable[[], BinaryIO]
    """A fresh stream over the unpacked bytes. Opening and reading raise Malformed."""


def members(raw: RawMessage, *, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Member]:
    """The files in a delivery: the payload itself, what a gzip file holds, each member of a zip.

    Raises Malformed for the whole archive: `unsafe_name`, `encrypted_archive`, `too_many_members`,
    `zip_bomb`, `truncated`, `bad_archive`. A member's stream raises Malformed with `zip_bomb`,
    `truncated`, `bad_archive` or `nested_archive` while it is opened or read.
    """
    start = _first_bytes(raw)
    if start.startswith(_GZIP_MAGIC):
        yield Member("", lambda: _open_gzip(raw, max_unpacked_bytes))
    elif start.startswith(_ZIP_MAGICS):
        yield from _zip_members(raw, max_unpacked_bytes)
    else:
        yield Member("", raw.open)


def is_archive(raw: RawMessage) -> bool:
    """Whether the payload is a zip file, so that its members have outcomes of their own."""
    return _first_bytes(raw).startswith(_ZIP_MAGICS)


def each_member(raw: RawMessage, tell: Callable[[Member], Iterator[Item]]) -> Iterator[Item]:
    """What `tell` reads out of each file in a delivery; raises what `members` raises.

    A member of a zip file that cannot be read is a Problem at its name, and the others go on. Of
    a payload that is one file, what `tell` raises comes through.
    """
    if not is_archive(raw):
        for member in members(raw):
            yield from tell(member)
        return
    for member in members(raw):
        try:
            yield from tell(member)
        except GatewayError as error:
            yield Problem(code=error.code, message=str(error), path=error.path, at=member.name)


def _first_bytes(raw: RawMessage) -> bytes:
    with raw.open() as stream:
        return stream.read(4)


def _open_gzip(raw: RawMessage, limit: int) -> BinaryIO:
    packed = raw.open()
    unpacked = gzip.GzipFile(fileobj=packed, mode="rb")
    return _guarded(cast("BinaryIO", unpacked), raw.size, limit, packed)


def _zip_members(raw: RawMessage, limit: int) -> Iterator[Member]:
    with raw.open() as packed:
        archive = _open_zip(packed)
        with archive:
            entries = _checked_entries(archive, raw.size, limit)
            for entry in entries:
                yield Member(entry.filename, _opener(archive, entry, limit))


def _open_zip(packed: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(packed)
    except zipfile.BadZipFile:
        # It began as a zip file; its directory, which stands at the end, is missing or cut.
        raise Malformed("the zip file has no readable directory", code="truncated") from None
    except (ValueError, OSError, NotImplementedError, RuntimeError, OverflowError):
        raise Malformed("the zip file is not readable", code="bad_archive") from None


def _opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> Callable[[], BinaryIO]:
    def open_member() -> BinaryIO:
        with _Translated():
            unpacked = archive.open(entry)
        return _guarded(cast("BinaryIO", unpacked), entry.compress_size, limit)

    return open_member


def _checked_entries(
    archive: zipfile.ZipFile, packed_bytes: int, limit: int
) -> list[zipfile.ZipInfo]:
    listed = archive.infolist()
    if len(listed) > MAX_MEMBERS:
        raise Malformed(f"the archive has {len(listed)} members", code="too_many_members")
    for entry in listed:
        _refuse_unsafe(entry)
    # Overlapping members count their packed bytes twice: more than the file itself has.
    if (
        sum(entry.file_size for entry in listed) > limit
        or sum(entry.compress_size for entry in listed) > packed_bytes
        or any(entry.file_size > _most_bytes(entry.compress_size) for entry in listed)
    ):
        raise Malformed("the archive unpacks to more than it may", code="zip_bomb")
    return [entry for entry in listed if not entry.is_dir()]


def _refuse_unsafe(entry: zipfile.ZipInfo) -> None:
    # `orig_filename` is the name before zipfile cut it at a NUL.
    name = entry.orig_filename
    mode = entry.external_attr >> 16
    if (
        "\\" in name
        or "\0" in name
        or name.startswith("/")
        or _DRIVE.match(name)
        or ".." in name.split("/")
        or not name.strip("/ ")
        or stat.S_ISLNK(mode)
    ):
        raise Malformed("a member's name leads out of the archive", code="unsafe_name")
    if entry.flag_bits & _ENCRYPTED:
        raise Malformed("the archive is encrypted", code="encrypted_archive")


def _most_bytes(packed_bytes: int) -> int:
    return max(packed_bytes * MAX_RATIO, RATIO_MATTERS_FROM_BYTES)


def _guarded(unpacked: BinaryIO, packed_bytes: int, limit: int, *more: BinaryIO) -> BinaryIO:
    stream = _Guarded(unpacked, packed_bytes, limit, more)
    buffered = io.BufferedReader(stream, 64 * 1024)
    try:
        start = buffered.peek(4)[:4]
    except Malformed:
        buffered.close()
        raise
    if start.startswith((_GZIP_MAGIC, *_ZIP_MAGICS)):
        buffered.close()
        raise Malformed("an archive inside an archive", code="nested_archive")
    return cast("BinaryIO", buffered)


class _Guarded(io.RawIOBase):
    """Counts what comes out of a decompressor, and lets only our own errors out."""

    def __init__(
        self, unpacked: BinaryIO, packed_bytes: int, limit: int, more: tuple[BinaryIO, ...]
    ) -> None:
        super().__init__()
        self._unpacked = unpacked
        self._more = more
        self._limit = min(limit, _most_bytes(packed_bytes))
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        with _Translated():
            piece = self._unpacked.read(len(view))
        view[: len(piece)] = piece
        self._read_bytes += len(piece)
        if self._read_bytes > self._limit:
            raise Malformed("the archive unpacks to more than it may", code="zip_bomb")
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            for stream in (self._unpacked, *self._more):
                stream.close()
        super().close()


class _Translated:
    """Turns what decompressors raise into Malformed."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, Malformed | TooLarge):
            return
        if isinstance(error, EOFError):
            raise Malformed("the archive ends in the middle", code="truncated") from None
        if isinstance(
            error,
            zlib.error | zipfile.BadZipFile | OSError | ValueError | RuntimeError | LookupError,
        ):
            raise Malformed("the archive is not readable", code="bad_archive") from None
