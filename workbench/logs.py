"""Structured logs on stderr, without payloads or secrets: one JSON object a line.

Each has `event` (one of the texts in `docs/observability.md`), `code`, `level`, `timestamp` and
what it is about. An exception is told by its types and places, never by its text: a database's or
a parser's quotes what it was given. What libraries log comes out the same way, without the
arguments of their messages.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from canonical.errors import GatewayError

LEVEL: Final = "GATEWAY_LOG_LEVEL"
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
FRAMES_MAX: Final = 25
CAUSES_MAX: Final = 5
EVENT_MAX: Final = 120
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")

log = structlog.get_logger(__name__)


class _Stderr:
    """stderr that a full disk cannot make fatal: a line of log is worth less than the gateway."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure_logs(environment: Mapping[str, str] = os.environ) -> None:
    """Set up logging for a serving process: ours, and that of libraries from `warning` on.

    `GATEWAY_LOG_LEVEL` is the lowest level shown (`info`); an unknown word counts as `info`. On a
    terminal the lines are for people.
    """
    level = _level(environment)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_shared(), _renderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    # Replaced, not added to: uvicorn, asyncio and the like have no handlers of their own here.
    logging.basicConfig(handlers=[LibraryLogs()], level=max(level, logging.WARNING), force=True)
    sys.excepthook = _tell_fault
    threading.excepthook = _tell_fault_of_thread


class LibraryLogs(logging.Handler):
    """Hands on what libraries log, in our form and without what their messages were filled with."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line for a record; never raises."""
        with contextlib.suppress(Exception):
            log.log(
                record.levelno,
                "a library says",
                library=record.name,
                # The template's first line: what it is filled with may be anybody's data.
                text=str(record.msg).strip().split("\n", 1)[0][:EVENT_MAX],
                exc_info=record.exc_info,
            )


def _tell_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """The last words of a process; the interpreter's own quote the error's text."""
    if issubclass(kind, Exception):
        log.critical("ended by a fault", exc_info=error)
    else:
        sys.__excepthook__(kind, error, trace)


def _tell_fault_of_thread(given: threading.ExceptHookArgs) -> None:
    log.error("a thread ended by a fault", exc_info=given.exc_value)


def _level(environment: Mapping[str, str]) -> int:
    wanted = environment.get(LEVEL, "info").strip().lower()
    return getattr(logging, (wanted if wanted in LEVELS else "info").upper(), logging.INFO)


def _shared() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        safe_exception,
        code_of_event,
    ]


def _renderer() -> Processor:
    if sys.stderr.isatty():
        # Its own way with exceptions shows local variables; ours has made text of them already.
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer()


def code_of_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A `code` for every line: that of the error it tells of, or the event's own words."""
    if not event.get("code"):
        head = re.split("[;:,(]", str(event.get("event", "")), maxsplit=1)[0]
        event["code"] = _NO_WORD.sub("_", head.lower()).strip("_")
    return event


def safe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Tell an exception by its types, codes and places in the code."""
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = "\n".join(_told(error))
    return event


def _error(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return cast("BaseException | None", given[1])
    return sys.exc_info()[1] if given else None


def _told(error: BaseException) -> Iterator[str]:
    """Types and frames, the latest first, and the same of what caused it."""
    cause: BaseException | None = error
    for number in range(CAUSES_MAX):
        if cause is None:
            return
        yield f"{'caused by ' if number else ''}{_name(cause)}"
        frames = list(traceback.walk_tb(cause.__traceback__))[-FRAMES_MAX:]
        for frame, line in frames:
            place = frame.f_code
            yield f"  {_short(place.co_filename)}:{line} in {place.co_name}"
        suppressed = cause.__suppress_context__
        cause = cause.__cause__ or (None if suppressed else cause.__context__)


def _name(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{name} [{error.code}]" if isinstance(error, GatewayError) else name


def _short(path: str) -> str:
    """The last three parts of a path: where the program lies is nobody's business."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])
