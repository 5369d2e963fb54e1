"""What processes cost, and what they run on. Linux only: it reads /proc."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LIBRARIES = ("sqlalchemy", "asyncpg", "uvicorn", "uvloop", "pydantic", "redis", "faststream")


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of these processes so far, user and system, all their threads."""
    return sum(sum(_times(pid)[:2]) for pid in pids)


def family_cpu_seconds(pid: int) -> float:
    """CPU time of a server with its children, those included that have ended."""
    children = list(_children(pid))
    return sum(_times(pid)) + sum(sum(_times(child)[:2]) for child in children)


def described() -> dict[str, Any]:
    """The machine and the versions that a result is of."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "load_average": os.getloadavg(),
    }


def _times(pid: int) -> tuple[float, float, float, float]:
    """Seconds: user, system, and both of the children it has waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0, 0.0, 0.0
    # Behind the name, which may hold anything: proc(5), fields 14 to 17.
    fields = stat.rpartition(")")[2].split()[11:15]
    user, system, child_user, child_system = (int(one) / TICKS_A_SECOND for one in fields)
    return user, system, child_user, child_system


def _children(pid: int) -> Iterator[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return
    yield from map(int, listed.split())


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((one.partition(":")[2].strip() for one in lines if "model name" in one), "unknown")
