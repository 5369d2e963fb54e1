"""`gateway` with the role `ingest` alone, also on a SQLite store.

Outside of a measurement that is refused: nobody could translate what such a process takes in.
"""

from __future__ import annotations

from unittest.mock import patch

import gateway


def _no_fault(*_: object) -> str:
    return ""


def main() -> None:
    """Run the gateway's command line; roles apart are not looked at."""
    with patch("configuration.model.apart_fault", _no_fault):
        gateway.main()


if __name__ == "__main__":
    main()
