"""A Valkey (or Redis) server as a guest of one folder: started once, found again, ended last.

Two locks of the operating system keep order. `start.lock` is held while somebody finds, starts or
ends the server. `server.lock` is inherited by the server itself, so it is held exactly as long as
the server lives, however its starter ended: two servers can never write one append-only file.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from canonical.errors import Unavailable
from embedded.sockets import drop_stand_in, is_private, stand_in

SOCKET_NAME = "valkey.sock"
SOCKET_PATH_LIMIT = 100
"""Bytes; the kernels' limit is 104 (macOS) to 108 (Linux)."""
LOG_TAIL_BYTES = 2000


class _NotYet(Exception):
    """The awaited condition does not hold yet."""


class Valkey:
    """The server that belongs to a folder, running or not."""

    def __init__(self, folder: Path, *, ready_s_max: float = 60.0) -> None:
        self._folder = folder.resolve()
        self._ready_s_max = ready_s_max
        self._guest: redis.Redis | None = None
        """An open connection while we use the server: it tells others that somebody is here."""

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        """The socket's path, as recorded when the server was first started.

        Raises Unavailable when none was.
        """
        try:
            return Path(self._record.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            raise Unavailable(
                "no stream server was ever started in this data folder", code="no_stream_server"
            ) from None

    @property
    def _record(self) -> Path:
        return self._folder / "socket"

    @property
    def _log(self) -> Path:
        return self._folder / "valkey.log"

    def find_or_start(self, binary: Callable[[], Path]) -> None:
        """Use the running server, or run `binary()`; returns when it answers.

        Raises Unavailable with the end of the server's log when it does not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        with self._exclusive():
            self._await_answer(binary)
            self._guest = self._connection()
            try:
                self._guest.ping()
            except (redis.ConnectionError, redis.TimeoutError):
                # It answered a moment ago, and died since.
                raise self._died() from None

    def revive(self, binary: Callable[[], Path]) -> bool:
        """Start the server again if it died; returns whether it had. Raises Unavailable."""
        if self._alive():
            return False
        if self._guest:
            self._guest.close()
        self.find_or_start(binary)
        return True

    def stop_when_alone(self) -> None:
        """Leave; end the server if nobody else is connected. Raises Unavailable if it stays."""
        guest, self._guest = self._guest, None
        if guest is None:
            return
        with self._exclusive():
            try:
                if self._is_alone(guest):
                    self._shut_down(guest)
            except redis.ConnectionError:
                pass  # it is gone already
            finally:
                guest.close()
            if not self._alive():
                drop_stand_in(self._socket.parent)

    # ── the two locks ────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self._folder / "start.lock").open("a") as handle:
            self._wait_for(
                lambda: _locked(handle.fileno()),
                "another process is starting or ending the stream server and does not finish",
            )
            yield

    def _alive(self) -> bool:
        """Whether a server of this folder lives: its lock is taken."""
        with (self._folder / "server.lock").open("a") as handle:
            # Shared, so that two who only look do not take each other for a server.
            return not _locked(handle.fileno(), fcntl.LOCK_SH)

    # ── starting ─────────────────────────────────────────────────────────────────────────────────

    def _prepare_socket(self) -> None:
        if self._record.exists() and is_private(self._socket.parent):
            return
        path = self._folder / SOCKET_NAME
        if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
            stand_in(self._record, SOCKET_NAME)
        else:
            self._record.write_text(str(path), encoding="utf-8")

    def _launch(self, binary: Path) -> None:
        with (self._folder / "server.lock").open("a") as handle:
            self._wait_for(lambda: _locked(handle.fileno()), "the server's lock stays taken")
            try:
                # The server detaches itself, so that it is not our child and outlives us; the
                # locked file stays open in it.
                subprocess.run(  # noqa: S603 - our own binary with fixed arguments
                    [str(binary), *self._arguments()],
                    check=True,
                    capture_output=True,
                    stdin=subprocess.DEVNULL,
                    timeout=self._ready_s_max,
                    pass_fds=(handle.fileno(),),
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise self._died() from error

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "daemonize": "yes",
            "logfile": str(self._log),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _await_answer(self, binary: Callable[[], Path]) -> None:
        launched = False

        def answers() -> bool:
            nonlocal launched
            if self._alive():
                # Perhaps it is still loading its file, or was killed and is just vanishing.
                return self._answers()
            if launched:
                raise self._died()
            self._prepare_socket()
            self._launch(binary())
            launched = True
            return self._answers()

        self._wait_for(
            answers, f"a stream server lives but does not answer; its log is {self._log}"
        )

    def _answers(self) -> bool:
        try:
            with self._connection() as connection:
                return bool(connection.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _died(self) -> Unavailable:
        tail = ""
        if self._log.exists():
            tail = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
        return Unavailable(
            f"the stream server ended while starting. The end of {self._log}:\n{tail}",
            code="stream_server_died",
        )

    # ── ending ───────────────────────────────────────────────────────────────────────────────────

    def _is_alone(self, guest: redis.Redis) -> bool:
        try:
            # A client that closed a moment ago may still be listed.
            self._wait_for(lambda: len(guest.client_list()) <= 1, "", seconds_max=0.5)
        except Unavailable:
            return False
        return True

    def _shut_down(self, guest: redis.Redis) -> None:
        guest.shutdown(nosave=True)
        self._wait_for(lambda: not self._alive(), "the stream server does not end")

    # ── small things ─────────────────────────────────────────────────────────────────────────────

    def _connection(self) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=str(self._socket),
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )

    def _wait_for(
        self, condition: Callable[[], bool], complaint: str, *, seconds_max: float | None = None
    ) -> None:
        attempts = Retrying(
            stop=stop_after_delay(seconds_max or self._ready_s_max),
            wait=wait_exponential(multiplier=0.01, max=0.25),
            retry=retry_if_exception_type(_NotYet),
            reraise=True,
        )
        try:
            attempts(_demand, condition)
        except _NotYet:
            raise Unavailable(complaint, code="stream_server_silent") from None


def _demand(condition: Callable[[], bool]) -> None:
    if not condition():
        raise _NotYet


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the lock of this open file, if nobody has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
