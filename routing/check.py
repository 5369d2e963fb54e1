"""`gateway check`: what is wrong with a configuration, line by line, before it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from canonical.errors import GatewayError
from canonical.families import FACT_OF
from configuration import AccountSettings, Configuration, Finding, parse_configuration
from configuration.lines import Path as KeyPath
from configuration.lines import key_lines, line_of
from configuration.reading import Severity, dotted
from configuration.secrets import resolve_secret
from connectors.contract import Connector, Manifest
from routing import calling_out

Load = Callable[[str], Connector]
Fault = tuple[KeyPath, str, Severity]


def check_configuration(
    text: str, environment: Mapping[str, str], base: Path, load: Load
) -> list[Finding]:
    """Every fault of this configuration text in the order of its lines; none: it would run."""
    configuration, findings = parse_configuration(text, environment, base)
    if configuration is None:
        return findings
    lines = key_lines(text)
    return sorted(
        Finding(line_of(lines, path), dotted(path), message, severity)
        for path, message, severity in _faults(configuration, environment, base, load)
    )


def _faults(
    configuration: Configuration, environment: Mapping[str, str], base: Path, load: Load
) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for index, account in enumerate(configuration.accounts):
        path: KeyPath = ("accounts", index)
        if (account.connector, account.account) in seen:
            yield path, f"{account.connector}/{account.account} is configured twice", "error"
        seen.add((account.connector, account.account))
        yield from _account_faults(account, path, environment, base, load)
    if not configuration.accounts:
        yield (), "no [[accounts]]: nothing can be received", "warning"
    yield from _route_faults(configuration)


def _account_faults(
    account: AccountSettings,
    path: KeyPath,
    environment: Mapping[str, str],
    base: Path,
    load: Load,
) -> Iterator[Fault]:
    try:
        connector = load(account.connector)
        manifest = connector.manifest
    except GatewayError as error:
        yield (*path, "connector"), str(error), "error"
        return
    for index, reference in enumerate(account.secrets):
        try:
            resolve_secret(reference, environment, base)
        except GatewayError as error:
            yield (*path, "secrets", index), str(error), "error"
    if "webhook" in manifest.transports and not account.secrets and not account.folder:
        only = manifest.transports == ("webhook",)
        yield path, "no secrets: every webhook will be refused", "error" if only else "warning"
    yield from _option_faults(account, path, connector)
    yield from _calling_faults(account, path, connector, environment, base)
    yield from _folder_faults(account, path, manifest)


def _option_faults(
    account: AccountSettings, path: KeyPath, connector: Connector
) -> Iterator[Fault]:
    name = connector.manifest.name
    options = {**connector.manifest.options, **(calling_out.OPTIONS if _calls(connector) else {})}
    told = list(connector.check_options(account.options)) if connector.check_options else []
    for option in account.options:
        # A connector that checks its options itself may have named it, and the closest known.
        if option not in options and not any(option in fault for fault in told):
            known = ", ".join(options) or "none"
            yield (*path, "options", option), f"unknown option; {name} has: {known}", "error"
    for fault in told:
        yield (*path, "options"), fault, "error"


def _calling_faults(
    account: AccountSettings,
    path: KeyPath,
    connector: Connector,
    environment: Mapping[str, str],
    base: Path,
) -> Iterator[Fault]:
    """What stands in the way of polling and fetching."""
    if not account.api_secret:
        if _calls(connector):
            yield path, "no api_secret: nothing is polled or fetched", "warning"
        return
    if not _calls(connector):
        why = f"{connector.manifest.name} neither polls nor fetches"
        yield (*path, "api_secret"), why, "warning"
    try:
        resolve_secret(account.api_secret, environment, base).decode()
    except GatewayError as error:
        yield (*path, "api_secret"), str(error), "error"
    except UnicodeDecodeError:
        yield (*path, "api_secret"), "not text", "error"
    for name, fault in calling_out.host_faults(connector.manifest.hosts, account.options):
        yield (*path, "options", name), fault, "error"
    for read in (calling_out.requests_per_second, calling_out.poll_from):
        try:
            read(account.options)
        except GatewayError as error:
            yield (*path, *error.path.split(".")), str(error), "error"


def _calls(connector: Connector) -> bool:
    return bool(connector.polls or connector.fetch)


def _folder_faults(account: AccountSettings, path: KeyPath, manifest: Manifest) -> Iterator[Fault]:
    if account.folder is None:
        return
    if "file" not in manifest.transports:
        yield (*path, "folder"), f"{manifest.name} reads no files", "error"
    elif account.folder.exists() and not account.folder.is_dir():
        yield (*path, "folder"), "not a folder", "error"
    elif not account.folder.exists():
        yield (*path, "folder"), "does not exist yet; it will be made", "warning"


def _route_faults(configuration: Configuration) -> Iterator[Fault]:
    for index, route in enumerate(configuration.routes):
        kinds = (route.when.type,) if isinstance(route.when.type, str) else route.when.type
        for kind in kinds:
            if not _matches_a_fact(kind):
                yield ("routes", index, "when"), f"no message has a type like {kind!r}", "error"
        if route.mode == "add" and not route.to:
            yield ("routes", index, "to"), 'adds nothing; mode = "replace" drops', "warning"


def _matches_a_fact(pattern: str) -> bool:
    if pattern.endswith("*"):
        return any(kind.startswith(pattern[:-1]) for kind in FACT_OF)
    return pattern in FACT_OF
