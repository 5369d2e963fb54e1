"""The contract every connector fulfils: three pure functions and a manifest.

    verify(raw, secrets)      who sent it: returns the secret that matched; raises Rejected
    identify(raw)             what it is: its kind and the sender's name for this delivery
    translate(raw, identity)  what it says: messages, problems, and what was ignored on purpose

A connector's module ends with `CONNECTOR = Connector(manifest=Manifest.beside(__file__), …)`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from canonical.message import Item
from connectors.fetching import Fetch, FetchRequest, Poll
from connectors.raw import RawMessage
from connectors.secret import Secret

Family = Literal[
    "marketplace",
    "crm",
    "pos",
    "wms",
    "carrier",
    "payment",
    "bank",
    "tax",
    "einvoice",
    "edi",
    "any",
]
Transport = Literal["webhook", "file", "poll"]

__all__ = [
    "Acknowledgement",
    "Connector",
    "Identity",
    "Manifest",
    "RawMessage",
    "Secret",
]

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a payload is, told before it is translated."""

    kind: str
    """One of `Manifest.kinds` or `Manifest.ignored_kinds`."""
    delivery_key: str
    """The sender's own name for this delivery (event id …); a file without one: its digest."""


class Acknowledgement(BaseModel):
    """The answer this sender wants to a delivery that is durable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Annotated[int, Field(ge=200, le=299)] = 200
    content_type: str = "application/json"
    body: str | None = None
    """None: the receipt as JSON."""


class Manifest(BaseModel):
    """`manifest.toml` beside the module, checked when the connector is loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    title: str
    family: Family
    transports: Annotated[tuple[Transport, ...], Field(min_length=1)]
    kinds: Annotated[tuple[str, ...], Field(min_length=1)]
    """Payload kinds that become messages; each has a fixture."""
    ignored_kinds: tuple[str, ...] = ()
    """Kinds known to carry no order-to-cash fact; `*` at the end matches a prefix."""
    emits: Annotated[tuple[str, ...], Field(min_length=1)]
    """Canonical message types, e.g. `o2c.order.placed`."""
    signature: str
    """The scheme in words; `none` for connectors that only read files."""
    options: dict[str, str] = {}
    """Account options this connector reads, each with a line of explanation."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 2 * 1024 * 1024
    """Largest webhook body; files have no such limit."""
    answer: Acknowledgement = Acknowledgement()
    hosts: tuple[str, ...] = ()
    """Hosts that may be called: a name, `*.` and a suffix, or `option:NAME` for the host of the
    URL or host name that this account option gives."""
    secret_headers: tuple[str, ...] = ()
    """Headers that carry a credential itself (a static token): never stored."""

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if "webhook" in self.transports and self.signature == "none":
            raise ValueError("a webhook connector must name its signature scheme")
        return self

    def ignores(self, kind: str) -> bool:
        """Whether this kind is declared to be of no interest."""
        return any(
            kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern
            for pattern in self.ignored_kinds
        )

    @classmethod
    def beside(cls, module_file: str) -> Self:
        """Read the manifest in the folder of the given module.

        Raises pydantic.ValidationError or tomllib.TOMLDecodeError; ValueError when the manifest's
        name is not the folder's.
        """
        folder = Path(module_file).parent
        manifest = cls.model_validate(
            tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
        )
        if manifest.name != folder.name:
            raise ValueError(f"manifest names {manifest.name!r}, its folder {folder.name!r}")
        return manifest


Verify = Callable[[RawMessage, Sequence[Secret]], Secret]
Identify = Callable[[RawMessage], Identity | None]
Translate = Callable[[RawMessage, Identity], Iterable[Item | Fetch]]
CheckOptions = Callable[[Mapping[str, Any]], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A system's adapter.

    `verify` raises Rejected and returns the secret that matched. `identify` returns None for a
    payload that is not of this system, and raises Malformed for one it cannot read. `translate`
    may be a generator over a file of any size; it yields a Problem for one bad record and goes
    on, and raises Malformed or Unsupported only when the whole payload is beyond use.
    """

    manifest: Manifest
    verify: Verify
    identify: Identify
    translate: Translate
    polls: tuple[Poll, ...] = ()
    fetch: FetchRequest | None = None
    """Needed by a connector whose `translate` yields a Fetch."""
    acknowledge: Callable[[RawMessage], bytes] | None = None
    """The answer a partner is owed for a file (X12 997); empty bytes: none is owed. Used where
    the account's option `acknowledge` is true."""
    check_options: CheckOptions | None = None
    """What is wrong with an account's options, a line each; for `gateway check`."""
