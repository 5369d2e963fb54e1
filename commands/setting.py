"""Where a run's configuration comes from, and what the composition root hands to commands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from configuration import Configuration
    from routing.accounts import Accounts
    from routing.streams import Publisher
    from store.database import Database
    from transports.running import OpenHub

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Data = Annotated[Path | None, typer.Option(help="The data folder (store and embedded streams).")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The composition root's ways to open things; commands build nothing themselves."""

    open_store: Callable[[Configuration], AbstractAsyncContextManager[Database]]
    open_publisher: Callable[[Configuration], AbstractAsyncContextManager[Publisher]]
    open_hub: OpenHub
    build_accounts: Callable[[Setting, Configuration], Accounts]


@dataclass(slots=True)
class Setting:
    """Where this run's configuration comes from."""

    root: Root
    file: Path | None = None
    data: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that relative paths of the configuration start from."""
        return self.file.resolve().parent if self.file else Path.cwd()

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with the command line over it."""
        over = {"GATEWAY_DATA": str(self.data.resolve())} if self.data else {}
        return {**os.environ, **over}

    def read(self) -> Configuration:
        """For a command, which does all its work itself: roles are of processes that serve.

        Raises Malformed naming every fault of the configuration.
        """
        from configuration import ALL_ROLES

        return self.read_served(ALL_ROLES)

    def read_served(self, roles: Iterable[str] = ()) -> Configuration:
        """For a process that serves: in these roles, or in those that are configured.

        Raises Malformed as `read`, and for roles that cannot be apart here.
        """
        from configuration import read_configuration

        configuration = read_configuration(self.file, self.environment)
        return configuration.with_roles(roles) if roles else configuration


def setting_of(context: typer.Context, data: Path | None = None) -> Setting:
    """The setting the root command prepared, with a data folder named on the command line."""
    setting: Setting = context.obj
    if data:
        setting.data = data
    return setting


def with_store(setting: Setting, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run something over the store alone."""

    async def run() -> T:
        async with setting.root.open_store(setting.read()) as database:
            return await work(database)

    return asyncio.run(run())
