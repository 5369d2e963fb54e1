"""A round's stage: gateways, streams, store and subscriber, built, hurt and taken down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos import servers
from chaos.evidence import Entry, entries_of
from chaos.member import LEASE_S
from chaos.payloads import ACCOUNT, Secrets
from chaos.plan import Drop, Harm, Plan
from chaos.processes import Gateway, Process, until

CONFIGURATION = """
[limits]
file_stable_seconds = 0

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
    subscriber: Process
    streams: servers.StreamsServer
    subscriber_store: str
    postgresql: servers.Postgresql | None
    lost: list[Entry] = field(default_factory=list)
    """What the stream server held when it was emptied, in order."""

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    def processes(self) -> list[Process]:
        return [*self.gateways, self.subscriber]

    def start(self) -> None:
        """Start everything; returns when every gateway is ready."""
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            until(gateway.address, f"{gateway.name} is ready")
        self.subscriber._arguments[3:] = [  # noqa: SLF001 - known only now
            self.streams.url, self.subscriber_store, self.plan.poison,
        ]  # fmt: skip
        self.subscriber.start()

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
        time.sleep(harm.delay)
        match harm.kind:
            case "kill gateway":
                gateway.kill()
                time.sleep(harm.seconds / 2)
                gateway.start()
            case "freeze gateway":
                lease = LEASE_S if self.postgresql else 0
                gateway.freeze(lease + harm.seconds)
            case "kill subscriber":
                self.subscriber.kill()
                self.subscriber.start()
            case "kill streams":
                self.streams.kill()
            case "flush streams":
                self.lost += entries_of(servers.flush(self.streams.url))
            case "lose streams":
                self.lost += entries_of(self.streams.lose())
            case "restart postgresql" if self.postgresql:
                self.postgresql.restart(harm.seconds)
            case "full disk":
                gateway.limit_file_size(_size(gateway.data / "gateway.db-wal"), harm.seconds)
            case "full disk, log too":
                gateway.limit_file_size(0, harm.seconds)
            case _:
                raise ValueError(harm.kind)

    def left_behind(self) -> list[str]:
        """Temporary files of gateways that ended properly, or were started again on their own."""
        killed = {one.member for one in self.plan.harms if one.kind == "kill gateway"}
        looked_at = [one for one in self.gateways if not (self.postgresql and one.number in killed)]
        return [
            f"left behind: {path.relative_to(self.folder)}"
            for gateway in looked_at
            for path in (gateway.data / "spool").iterdir()
        ]

    def clear(self) -> list[int]:
        """End everything, politely; exit codes of what was asked."""
        codes = [self.subscriber.stop(), *(one.stop() for one in self.gateways)]
        self.streams.end()
        return codes


@contextmanager
def set_up(
    plan: Plan, folder: Path, secrets: Secrets, postgresql: servers.Postgresql | None
) -> Iterator[Stage]:
    """A stage in this folder, of which nothing is left running afterwards."""
    gateways = [_gateway(number, folder) for number in range(plan.gateways)]
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
    subscriber = Process("subscriber", ["chaos.subscriber"], folder, folder / "subscriber.log")
    stage = Stage(plan, folder, gateways, subscriber, streams, store, postgresql)
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


def _gateway(number: int, folder: Path) -> Gateway:
    own = folder / f"gateway-{number}"
    own.mkdir(parents=True)
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    (own / "gateway.toml").write_text(CONFIGURATION.format(account=ACCOUNT, inbox=inbox))
    return Gateway(number, own)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
