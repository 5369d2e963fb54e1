"""The accounts this hub serves: each a connector with its secrets and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from canonical.errors import Malformed, Unsupported
from configuration import AccountSettings
from configuration.secrets import resolve_secret
from connectors.contract import Connector
from connectors.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, ready to receive."""

    connector: Connector
    name: str
    secrets: tuple[Secret, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def source(self) -> str:
        """The CloudEvents source of what this account reports."""
        return f"/{self.connector.manifest.name}/{self.name}"


class Accounts:
    """Accounts by connector and name."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._by_name = {(one.connector.manifest.name, one.name): one for one in accounts}

    def find(self, connector: str, account: str) -> Account | None:
        return self._by_name.get((connector, account))

    def get(self, connector: str, account: str) -> Account:
        """Raises Unsupported (`unknown_account`) when it is not configured."""
        found = self.find(connector, account)
        if found is None:
            raise Unsupported(
                f"no account {account!r} of connector {connector!r} is configured",
                code="unknown_account",
            )
        return found

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)


def build_accounts(
    settings: Sequence[AccountSettings],
    load: Callable[[str], Connector],
    environment: Mapping[str, str],
    base: Path,
) -> Accounts:
    """Load each account's connector and follow its secrets.

    Raises Unsupported for an unknown connector, Malformed for a missing secret, and for a webhook
    account that has none: such an account would refuse everything.
    """
    accounts = []
    for one in settings:
        connector = load(one.connector)
        secrets = tuple(
            Secret(reference, resolve_secret(reference, environment, base))
            for reference in one.secrets
        )
        if connector.manifest.transports == ("webhook",) and not secrets:
            raise Malformed(f"{one.connector}/{one.account} has no secret", code="missing_secret")
        accounts.append(
            Account(
                connector=connector,
                name=one.account,
                secrets=secrets,
                options=one.options,
                folder=one.folder,
            )
        )
    return Accounts(accounts)
