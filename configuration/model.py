"""What may stand in `gateway.toml`. Unknown fields are errors, secrets are references."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from canonical.errors import Malformed
from configuration.domains import DomainSettings
from configuration.retention import RetentionSettings
from configuration.roles import ALL_ROLES, Role, apart_fault
from configuration.secrets import resolve_secret

SWEEP_S_TOGETHER = 1.0
SWEEP_S_APART = 0.2

StreamName = Annotated[str, Field(pattern=r"^[a-z0-9_.:-]{1,100}$")]
SecretReference = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""`env:NAME` or `file:PATH`; a literal secret is refused."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Section):
    """Where the truth lives."""

    url: str | None = None
    """`postgresql://…` or `sqlite:///PATH`; absent: SQLite in the data folder."""
    password_file: Path | None = None
    """Where the database password stands, so that the URL needs none."""


class StreamSettings(_Section):
    """Where the streams live."""

    url: str | None = None
    """`redis://…`, `rediss://…` or `unix://…`; absent: an embedded server in the data folder."""
    max_entries: Annotated[int, Field(ge=1000)] = 1_000_000
    """Entries a stream may hold. Trimming goes no further than every group has acknowledged, until
    this cap is passed."""
    refill: Literal["auto", "manual"] = "auto"
    """What is done when the stream server lost its data: `auto` refills the streams from the
    store, `manual` leaves it to a person."""


class GatewaySettings(_Section):
    """What this process does."""

    roles: tuple[Role, ...] = tuple(Role)
    """All of them, or some that other processes complete; `GATEWAY_ROLES`: split by commas."""

    @field_validator("roles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("roles")
    @classmethod
    def _some(cls, roles: tuple[Role, ...]) -> tuple[Role, ...]:
        if not roles:
            raise ValueError("a process without a role would do nothing")
        return roles


class HttpSettings(_Section):
    """The HTTP door."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str | None = None
    """How senders call this gateway; some of them sign it."""
    status_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Where a process without the role `ingest` answers /healthz, /readyz and /metrics; absent:
    nowhere, so that many such processes may run beside each other."""


class Limits(_Section):
    """Bounds; past them the gateway says so instead of growing."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 2 * 1024 * 1024
    """Largest webhook body; a connector's manifest may set it lower."""
    max_waiting_requests: Annotated[int, Field(gt=0)] = 2000
    """Deliveries waiting for their commit; past it: 503 with Retry-After."""
    max_file_bytes: Annotated[int, Field(gt=0)] = 16 * 1024**3
    file_stable_seconds: Annotated[float, Field(ge=0)] = 2.0
    """A dropped file is taken when it has not changed for this long."""
    outbound_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """The longest a polled or fetched answer may take, from connecting to its last byte."""
    max_answer_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    """Largest answer to a poll or fetch, decompressed."""
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """How long a process may hold work without a sign of life before another takes it over."""
    sweep_seconds: Annotated[float, Field(ge=0.01, le=60)] | None = None
    """How often the store is looked through for work that nobody holds; absent: 1 s where one
    process does everything, 0.2 s where the roles are apart and hand work on through the store."""
    drain_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """How long a process that is told to stop may finish what it has begun."""


class AccountSettings(_Section):
    """One account at one external system."""

    connector: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
    secrets: tuple[SecretReference, ...] = ()
    """All active at once: list the new one beside the old one while a secret is rotated."""
    folder: Path | None = None
    """A folder watched for files of this account."""
    api_secret: SecretReference | None = None
    """The credential the account's system is polled and fetched from with."""
    poll: bool = True
    """Whether the connector's polls are made for this account; fetches always are."""
    options: dict[str, Any] = {}
    """The connector's own options; its manifest names them."""


class Comparison(_Section):
    """A condition on one field; all that are given must hold."""

    eq: str | int | bool | None = None
    ne: str | int | bool | None = None
    gt: str | int | None = None
    gte: str | int | None = None
    lt: str | int | None = None
    lte: str | int | None = None
    in_: Annotated[tuple[str | int, ...] | None, Field(alias="in")] = None
    exists: bool | None = None


class RouteCondition(_Section):
    """When a route applies: everything given must hold. `*` ends a type pattern."""

    type: tuple[str, ...] | str = ()
    connector: tuple[str, ...] | str = ()
    account: tuple[str, ...] | str = ()
    data: dict[str, Comparison | str | int | bool] = {}
    """Field path in the data (`totals.total.amount`) → comparison, or the value to equal."""


class RouteSettings(_Section):
    """A row of the routing table (EIP: Content-Based Router, Recipient List)."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    when: RouteCondition = RouteCondition()
    to: tuple[StreamName, ...]
    mode: Literal["add", "replace"] = "add"
    """`add` to what the rows before chose (the family's stream to begin with), or `replace` it."""


class Configuration(_Section):
    """The whole of `gateway.toml`."""

    data: Path = Path("var/gateway")
    store: StoreSettings = StoreSettings()
    streams: StreamSettings = StreamSettings()
    gateway: GatewaySettings = GatewaySettings()
    http: HttpSettings = HttpSettings()
    limits: Limits = Limits()
    retention: RetentionSettings = RetentionSettings()
    domains: DomainSettings = DomainSettings()
    accounts: tuple[AccountSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()

    @field_validator("gateway")
    @classmethod
    def _can_be_apart(cls, gateway: GatewaySettings, info: ValidationInfo) -> GatewaySettings:
        store, streams = info.data.get("store"), info.data.get("streams")
        if store and streams and (fault := apart_fault(gateway.roles, store.url, streams.url)):
            raise ValueError(fault)
        return gateway

    def with_roles(self, names: Iterable[str]) -> Configuration:
        """The same with these roles. Raises Malformed (`unknown_role`, `roles_apart`)."""
        try:
            roles = tuple(dict.fromkeys(Role(name) for name in names))
        except ValueError:
            known = ", ".join(Role)
            raise Malformed(f"the roles are: {known}", code="unknown_role") from None
        if fault := apart_fault(roles, self.store.url, self.streams.url):
            raise Malformed(fault, code="roles_apart", path="gateway.roles")
        gateway = self.gateway.model_copy(update={"roles": roles})
        return self.model_copy(update={"gateway": gateway})

    @property
    def roles(self) -> frozenset[Role]:
        """What this process does."""
        return frozenset(self.gateway.roles)

    @property
    def sweep_seconds(self) -> float:
        """How often the store is looked through for work that nobody holds."""
        together = self.roles == ALL_ROLES
        return self.limits.sweep_seconds or (SWEEP_S_TOGETHER if together else SWEEP_S_APART)

    @property
    def embedded(self) -> bool:
        """Whether store or streams live in the data folder: then one process serves it."""
        return self.streams.url is None or self.store_url.startswith("sqlite")

    @property
    def store_url(self) -> str:
        """The store's URL, with the embedded default and the password filled in.

        Raises Malformed when the password file cannot be read.
        """
        url = self.store.url or f"sqlite:///{self.data / 'gateway.db'}"
        if self.store.password_file is None:
            return url
        reference = f"file:{self.store.password_file}"
        password = resolve_secret(reference, {}, Path()).decode()
        scheme, _, rest = url.partition("://")
        user, _, host = rest.rpartition("@")
        return f"{scheme}://{user}:{quote(password, safe='')}@{host}"
