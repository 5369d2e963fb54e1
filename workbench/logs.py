"""Structured logs: one JSON object a line on stderr, without payloads or secrets."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO, cast

import structlog


class _Stderr:
    """stderr that a full disk cannot make fatal: a line of log is worth less than the gateway."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure_logs() -> None:
    """Set up structlog for a serving process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
