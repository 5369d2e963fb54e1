"""A gateway as its users have it: a process of its own, called over HTTP, read with plain Redis."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.acceptance.payloads import SHOP_SECRET, STRIPE_SECRET
from tests.acceptance.processes import Command
from tests.streams.serving import running_server

DEADLINE_S = 60.0
UNUSED_TLS = ssl.create_default_context()
"""Nothing here is encrypted; but httpx loads all certificates for each call that brings none."""
ON_SQLITE = pytest.mark.parametrize("gateway", ["sqlite"], indirect=True)
"""For what has nothing to do with the store."""
CONFIGURATION = """
[limits]
file_stable_seconds = 0

[[accounts]]
connector = "shopify"
account = "acme"
secrets = ["env:SHOP_SECRET"]

[[accounts]]
connector = "stripe"
account = "acme"
secrets = ["env:STRIPE_SECRET"]

[[accounts]]
connector = "camt"
account = "house-bank"
folder = "inbox"
"""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, at most DEADLINE_S; its value."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")


@dataclass
class Gateway:
    """A gateway in a folder; may be started, killed and started again."""

    folder: Path
    environment: dict[str, str]
    arguments: tuple[str, ...] = ()
    """Of `gateway run`."""
    process: Command | None = None
    address: str = ""
    streams_url: str | None = None
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        self._log = self.folder / "log.jsonl"

    def start(self) -> None:
        before = self._ready_lines()
        self.process = Command(
            *("run", "--port", "0", *self.arguments),
            folder=self.folder,
            environment=self.environment,
            stdout=self._log,
            stderr=self._log,
        )
        self.address = until(lambda: self._address_after(before), "the gateway is ready")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=DEADLINE_S)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def configure(self, limits: str) -> None:
        """Add to its `[limits]`, which counts from the next start on."""
        configuration = self.folder / "gateway.toml"
        written = configuration.read_text()
        configuration.write_text(written.replace("[limits]", f"[limits]\n{limits}"))

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(
            self.address + path, content=body, headers=headers, timeout=30, verify=UNUSED_TLS
        )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    def end(self) -> None:
        """Stop it, if it runs."""
        if self.is_running:
            self.stop()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as told:
            stdout, stderr = Path(told, "stdout"), Path(told, "stderr")
            run = Command(
                *arguments,
                folder=self.folder,
                environment=self.environment,
                stdout=stdout,
                stderr=stderr,
            )
            code = run.wait(timeout=120)
            return subprocess.CompletedProcess(
                arguments, code, stdout.read_text(), stderr.read_text()
            )

    def audit(self) -> dict[str, Any]:
        answered = self.command("audit", "--json")
        assert answered.returncode == 0, answered.stdout + answered.stderr
        document: dict[str, Any] = json.loads(answered.stdout)
        return document

    def redis(self) -> redis.Redis:
        url = self.streams_url or "unix://" + self._socket()
        return redis.Redis.from_url(url, decode_responses=True)

    def entries(self, stream: str) -> list[dict[str, str]]:
        """The entries of a stream, read as any Redis client would."""
        with self.redis() as client:
            return [fields for _, fields in client.xrange(stream)]

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _socket(self) -> str:
        return (self.folder / "var/gateway/streams/socket").read_text().strip()

    def _ready_lines(self) -> list[str]:
        return [line for line in self.log_text().splitlines() if '"gateway ready"' in line]

    def _address_after(self, before: list[str]) -> str:
        assert self.process is not None
        assert self.process.is_running, self.log_text()
        lines = self._ready_lines()
        return json.loads(lines[-1])["address"] if len(lines) > len(before) else ""


def environment_of_gateways() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SHOP_SECRET": SHOP_SECRET,
        "STRIPE_SECRET": STRIPE_SECRET,
    }


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A running gateway on each store, with an embedded stream server."""
    environment = environment_of_gateways()
    if request.param == "postgresql":
        environment["GATEWAY_STORE_URL"] = request.getfixturevalue("postgresql_url")
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    running = Gateway(tmp_path, environment)
    running.start()
    try:
        yield running
    finally:
        running.end()


class Fleet:
    """Gateways of one PostgreSQL and one stream server, each in a folder of its own."""

    def __init__(self, folder: Path, store_url: str, streams_url: str) -> None:
        self.gateways: list[Gateway] = []
        self.streams_url = streams_url
        self._folder = folder
        self._environment = {
            **environment_of_gateways(),
            "GATEWAY_STORE_URL": store_url,
            "GATEWAY_STREAMS_URL": streams_url,
        }

    def start(self, *roles: str, lease_seconds: int = 30) -> Gateway:
        """One more gateway; without roles it has all of them."""
        folder = self._folder / f"gateway-{len(self.gateways)}"
        folder.mkdir()
        limits = f"[limits]\nlease_seconds = {lease_seconds}"
        (folder / "gateway.toml").write_text(CONFIGURATION.replace("[limits]", limits))
        arguments = tuple(part for role in roles for part in ("--role", role))
        made = Gateway(folder, self._environment, arguments, streams_url=self.streams_url)
        self.gateways.append(made)
        made.start()
        return made

    def end(self) -> None:
        for one in self.gateways:
            if one.is_running:
                one.kill()


@pytest.fixture
def fleet(tmp_path: Path, postgresql_url: str) -> Iterator[Fleet]:
    """No gateway yet; whatever is started is ended."""
    with running_server(tmp_path / "streams") as server:
        made = Fleet(tmp_path, postgresql_url, server.url)
        try:
            yield made
        finally:
            made.end()
