"""A raw message: exactly what arrived, before anyone interprets it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from canonical.errors import TooLarge
from connectors.kit.json_body import read_json

IN_MEMORY_LIMIT = 32 * 1024 * 1024
"""`RawMessage.body` refuses more than this; larger payloads are read through `open()`."""


class RawMessage:
    """The bytes of one delivery with what the transport knows about them.

    `received_at` is the only clock a connector may read. `options` are the account's own settings
    for this connector (`[accounts.options]` in the configuration), `url` the public address that
    was called, for schemes that sign it. Header names are lower case.
    """

    __slots__ = (
        "_body", "_digest", "_json", "_path", "account", "filename", "headers", "options",
        "received_at", "size", "url",
    )  # fmt: skip

    def __init__(
        self,
        content: bytes | Path,
        *,
        account: str,
        received_at: datetime,
        headers: Mapping[str, str] | None = None,
        filename: str | None = None,
        url: str | None = None,
        options: Mapping[str, Any] | None = None,
        digest: bytes | None = None,
    ) -> None:
        self._body = content if isinstance(content, bytes) else None
        self._path = content if isinstance(content, Path) else None
        self._json: Any = None
        self._digest = digest
        self.size = len(content) if isinstance(content, bytes) else content.stat().st_size
        self.account = account
        self.received_at = received_at
        self.headers: Mapping[str, str] = headers or {}
        self.filename = filename
        self.url = url
        self.options: Mapping[str, Any] = options or {}

    @property
    def body(self) -> bytes:
        """All bytes at once. Raises TooLarge over `IN_MEMORY_LIMIT`: read a stream instead."""
        if self._body is None:
            if self.size > IN_MEMORY_LIMIT:
                raise TooLarge(f"{self.size} bytes are too many to hold at once")
            with self.open() as stream:
                self._body = stream.read()
        return self._body

    def open(self) -> BinaryIO:
        """A fresh stream over the bytes, from the start."""
        if self._body is not None:
            return io.BytesIO(self._body)
        assert self._path is not None  # noqa: S101 - one of the two is always set
        return self._path.open("rb")

    def json(self) -> Any:
        """The body as JSON, read once and kept. Raises Malformed. Treat the result as read-only."""
        if self._json is None:
            self._json = read_json(self.body)
        return self._json

    def forget_json(self) -> None:
        """Let go of what `json` has kept: read, a body takes ten times its size."""
        self._json = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the bytes."""
        if self._digest is None:
            if self._body is not None:
                self._digest = hashlib.sha256(self._body).digest()
            else:
                with self.open() as stream:
                    self._digest = hashlib.file_digest(
                        cast("io.BufferedReader", stream), "sha256"
                    ).digest()
        return self._digest
