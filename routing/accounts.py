"""The accounts this hub serves: each a connector with its secrets and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from canonical.errors import Malformed, Unsupported
from configuration import AccountSettings
from configuration.secrets import resolve_secret
from connectors.contract import Connector
from connectors.secret import Secret
from routing.calling_out import poll_from, requests_per_second

ANNOUNCES: Final = "chain"
"""The connector of what domains announce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, ready to receive."""

    connector: Connector
    name: str
    secrets: tuple[Secret, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    api_credential: Callable[[], Secret] | None = None
    """Reads the credential as it is now: tokens of an hour are kept fresh in their file. Without
    it the account is neither polled nor fetched from."""
    poll: bool = True

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
    *,
    domains: Sequence[str] = (),
) -> Accounts:
    """Load each account's connector and follow its secrets.

    Each of the `domains` that run here announces by an account of the connector `chain`, which
    takes nothing over HTTP. Raises Unsupported for an unknown connector, Malformed for a missing
    secret, and for a webhook account that has none (such an account would refuse everything), a
    bad option, or a domain that is configured as an account too.
    """
    accounts = []
    for one in settings:
        connector = load(one.connector)
        if one.api_secret:
            # What is wrong with these must not be found out call by call.
            requests_per_second(one.options)
            poll_from(one.options)
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
                api_credential=_api_credential(one.api_secret, environment, base),
                poll=one.poll,
            )
        )
    return Accounts([*accounts, *_announcing(domains, load, accounts)])


def _announcing(
    domains: Sequence[str], load: Callable[[str], Connector], others: Sequence[Account]
) -> list[Account]:
    if not domains:
        return []
    connector = load(ANNOUNCES)
    taken = {one.name for one in others if one.connector.manifest.name == ANNOUNCES}
    for name in domains:
        if name in taken:
            raise Malformed(
                f"the domain {name} runs here and is an account of {ANNOUNCES!r} as well",
                code="domain_twice",
                path="domains.run",
            )
    return [Account(connector=connector, name=str(name)) for name in domains]


def _api_credential(
    reference: str | None, environment: Mapping[str, str], base: Path
) -> Callable[[], Secret] | None:
    if reference is None:
        return None

    def read() -> Secret:
        value = resolve_secret(reference, environment, base)
        try:
            value.decode()
        except UnicodeDecodeError:
            raise Malformed(f"{reference}: not text", code="missing_secret") from None
        return Secret(reference, value)

    read()  # what is missing now must not be found out call by call
    return read
