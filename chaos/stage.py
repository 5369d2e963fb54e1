"""A round's stage: gateways, streams, store and subscriber, built, hurt and taken down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos import servers
from chaos.clock import Clock
from chaos.evidence import Entry, entries_of
from chaos.payloads import ACCOUNT, Secrets
from chaos.plan import Drop, Harm, Plan, Roles
from chaos.processes import Gateway, Process, until

LEASE_S = 2
"""Instead of 30, so that a round can wait for one to run out."""
RECLAIM_S = 1.0
"""After which a subscriber's work is taken over by another."""
CONFIGURATION = """
[limits]
file_stable_seconds = 0
lease_seconds = {lease}

[[accounts]]
connector = "shopify"
account = "{account}"
secrets = ["env:CHAOS_SHOP_SECRET"]

[[accounts]]
connector = "stripe"
account = "{account}"
secrets = ["env:CHAOS_PAYMENTS_SECRET"]

[[accounts]]
connector = "camt"
account = "house-bank"
folder = "{inbox}"
"""


@dataclass(slots=True)
class Stage:
    """Everything that runs in a round."""

    plan: Plan
    folder: Path
    gateways: list[Gateway]
    subscribers: list[Process]
    streams: servers.StreamsServer
    subscriber_store: str
    postgresql: servers.Postgresql | None
    lost: list[Entry] = field(default_factory=list)
    """What the stream server held when it was emptied, in order."""

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    def processes(self) -> list[Process]:
        return [*self.gateways, *self.subscribers]

    def start(self) -> None:
        """Start everything; returns when every gateway is ready."""
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            until(gateway.address, f"{gateway.name} is ready")
        arguments = (self.streams.url, self.subscriber_store, self.plan.poison, str(RECLAIM_S))
        for subscriber in self.subscribers:
            subscriber.start_with(*arguments)

    def drop(self, one: Drop) -> None:
        """Put a file into the watched folder, as an uploader does."""
        unfinished = self.inbox / f"{one.name}.part"
        unfinished.write_bytes(one.body)
        unfinished.rename(self.inbox / one.name)

    def archived(self) -> frozenset[str]:
        """The files that were taken, by the names they had."""
        found = (self.inbox / ".archive").glob("*")
        return frozenset(one.name.split("-", 1)[1] for one in found)

    def hurt(self, harm: Harm) -> None:
        """Do a harm, and end it."""
        gateway = self.gateways[harm.member]
        subscriber = self.subscribers[harm.member % len(self.subscribers)]
        time.sleep(harm.delay)
        match harm.kind:
            case "kill gateway":
                gateway.kill()
                time.sleep(harm.seconds / 2)
                gateway.start()
            case "stop gateway":
                gateway.restart()
            case "freeze gateway":
                lease = LEASE_S if self.postgresql else 0
                gateway.freeze(lease + harm.seconds)
            case "jump clock":
                gateway.jump(harm.jump, harm.seconds)
            case "kill with clock off":
                # What it has leased, it has leased by a clock that nobody else has.
                gateway.jump(harm.jump, harm.seconds, gateway.kill)
                gateway.start()
            case "kill subscriber":
                subscriber.kill()
                subscriber.start()
            case "freeze subscriber":
                subscriber.freeze(RECLAIM_S + harm.seconds)
            case "full disk":
                gateway.limit_file_size(_size(gateway.data / "gateway.db-wal"), harm.seconds)
            case "full disk, log too":
                gateway.limit_file_size(0, harm.seconds)
            case _:
                self._hurt_server(harm)

    def _hurt_server(self, harm: Harm) -> None:
        match harm.kind:
            case "kill streams":
                self.streams.kill()
            case "flush streams":
                self.lost += entries_of(servers.flush(self.streams.url))
            case "lose streams":
                self.lost += entries_of(self.streams.lose())
            case "restart postgresql" if self.postgresql:
                self.postgresql.restart(harm.seconds)
            case _:
                raise ValueError(harm.kind)

    def left_behind(self) -> list[str]:
        """Temporary files of gateways that ended properly, also of killed ones before them."""
        return [
            f"left behind: {path.relative_to(self.folder)}"
            for gateway in self.gateways
            for path in (gateway.data / "spool").iterdir()
        ]

    def clear(self) -> list[int]:
        """End everything, politely; exit codes of what was asked."""
        codes = [one.stop() for one in (*self.subscribers, *self.gateways)]
        self.streams.end()
        return codes


@contextmanager
def set_up(
    plan: Plan,
    folder: Path,
    secrets: Secrets,
    postgresql: servers.Postgresql | None,
    clock_library: Path | None,
) -> Iterator[Stage]:
    """A stage in this folder, of which nothing is left running afterwards."""
    gateways = [
        _gateway(number, roles, folder, clock_library) for number, roles in enumerate(plan.gateways)
    ]
    name = f"chaos_{plan.seed}_{time.time_ns()}"
    if postgresql is None:
        streams: servers.StreamsServer = servers.EmbeddedStreams(gateways[0])
        settings, store = {}, f"sqlite:///{folder / 'subscriber.db'}"
    else:
        own = servers.OwnStreams(folder / "streams")
        own.start()
        streams, store = own, postgresql.make_database(name)
        settings = {"GATEWAY_STORE_URL": store, "GATEWAY_STREAMS_URL": own.url}
    settings |= {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "CHAOS_SHOP_SECRET": secrets.shop,
        "CHAOS_PAYMENTS_SECRET": secrets.payments,
    }
    subscribers = [_subscriber(number, folder) for number in range(plan.subscribers)]
    stage = Stage(plan, folder, gateways, subscribers, streams, store, postgresql)
    for process in stage.processes():
        process.environment |= settings
    try:
        yield stage
    finally:
        for process in stage.processes():
            process.kill()
        streams.end()
        if postgresql:
            postgresql.drop_database(name)


def _gateway(number: int, roles: Roles, folder: Path, clock_library: Path | None) -> Gateway:
    own = folder / f"gateway-{number}"
    own.mkdir(parents=True)
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    configuration = CONFIGURATION.format(account=ACCOUNT, inbox=inbox, lease=LEASE_S)
    (own / "gateway.toml").write_text(configuration)
    clock = Clock(clock_library, own / "clock") if clock_library else None
    return Gateway(number, own, roles, clock)


def _subscriber(number: int, folder: Path) -> Process:
    name = f"subscriber {number}"
    return Process(name, ["chaos.subscriber"], folder, folder / f"subscriber-{number}.log")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
