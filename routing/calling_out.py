"""What an account's options say about calling its system: which hosts, how often, since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from canonical.errors import Malformed

OPTIONS = {
    "requests_per_second": "how often the account's system may be called (2)",
    "poll_from": "ISO date or time; from when on the very first turn of a poll asks (a day ago)",
}
"""Options of every account whose connector polls or fetches, beside the connector's own."""

REQUESTS_PER_SECOND = 2.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Host:
    """Where a call goes: all that is compared with what is allowed."""

    scheme: str
    name: str
    """In lower case, as it stands in the URL (an IPv6 address without its brackets)."""
    port: int


def requests_per_second(options: Mapping[str, Any]) -> float:
    """The account's rate. Raises Malformed (`bad_option`) unless it is a positive number."""
    given = options.get("requests_per_second", REQUESTS_PER_SECOND)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _bad_option("requests_per_second", "not a number")
    if not (isfinite(given) and given > 0):
        raise _bad_option("requests_per_second", "not above 0")
    return float(given)


def poll_from(options: Mapping[str, Any]) -> datetime | None:
    """Where the first turn begins; a date or a time without zone is in UTC.

    Raises Malformed (`bad_option`) for anything that is no date.
    """
    given = options.get("poll_from")
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise _bad_option("poll_from", "not an ISO date") from None
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    if isinstance(given, date):
        return datetime.combine(given, time(), UTC)
    if given is None:
        return None
    raise _bad_option("poll_from", "not an ISO date")


def is_allowed(target: Host, patterns: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Whether a manifest's `hosts` let this host be called.

    A name or `*.` and a suffix stand for HTTPS on its own port. What an option names may have a
    port of its own, and be plain HTTP on this very machine: that is for trying things out.
    """
    return any(_matches(target, pattern, options) for pattern in patterns)


def host_faults(patterns: Sequence[str], options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(option, what is wrong with it) for each option that names a host to call."""
    for name in _named_options(patterns):
        if not options.get(name):
            yield name, "missing: it names the host to call"
            continue
        try:
            host_of(str(options[name]))
        except Malformed as error:
            yield name, str(error)


def host_of(value: str) -> Host:
    """The host an option names: a URL, or a host with or without a port.

    Raises Malformed (`bad_option`) when there is none, or one that would be called unencrypted.
    """
    try:
        parts = urlsplit(value.strip() if "://" in value else f"https://{value.strip()}")
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    if not name or parts.scheme not in _PORTS:
        raise Malformed("not a host or a URL", code="bad_option")
    if parts.scheme == "http" and name not in LOOPBACK:
        raise Malformed("only https:// may be called", code="bad_option")
    return Host(parts.scheme, name.lower(), port or _PORTS[parts.scheme])


def default_port(scheme: str) -> int:
    """The port a URL of this scheme means when it names none; 0 for schemes never called."""
    return _PORTS.get(scheme, 0)


def _named_options(patterns: Sequence[str]) -> list[str]:
    return [one.removeprefix("option:") for one in patterns if one.startswith("option:")]


def _matches(target: Host, pattern: str, options: Mapping[str, Any]) -> bool:
    if pattern.startswith("option:"):
        given = options.get(pattern.removeprefix("option:"))
        try:
            return bool(given) and host_of(str(given)) == target
        except Malformed:
            return False
    if (target.scheme, target.port) != ("https", _PORTS["https"]):
        return False
    if pattern.startswith("*."):
        return target.name.endswith(pattern[1:].lower())
    return target.name == pattern.lower()


def _bad_option(name: str, why: str) -> Malformed:
    return Malformed(f"option {name}: {why}", code="bad_option", path=f"options.{name}")
