"""The libraries that files are compared with: in a virtual environment of their own, on request.

They are no part of the product or of its lock. `--libraries` makes the environment from
`benchmarks/libraries.txt` below `build/`; what pip is configured with says where they come from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.processes import ROOT

FOLDER = ROOT / "build" / "benchmark-libraries"
LIST = Path(__file__).with_name("libraries.txt")
LONGEST_S = 600


def python() -> Path | None:
    """The interpreter that has the libraries; None where they cannot be installed."""
    found = FOLDER / "bin" / "python"
    steps = (
        [sys.executable, "-m", "venv", str(FOLDER)],
        [str(found), "-m", "pip", "install", "--quiet", "--requirement", str(LIST)],
    )
    try:
        for step in steps:
            subprocess.run(  # noqa: S603 - our own commands
                step, check=True, capture_output=True, timeout=LONGEST_S
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return found
