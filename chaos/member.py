"""`gateway run` with a lease of a few seconds, so that a round can wait for one to run out.

Everything else is the gateway as it is installed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import gateway
from routing import pipeline

LEASE_S = 2.0


def main() -> None:
    """Run the gateway's own command line."""
    lease = timedelta(seconds=LEASE_S)
    pipeline.PipelineSettings = partial(pipeline.PipelineSettings, lease=lease)  # type: ignore[misc, assignment]
    gateway.main()


if __name__ == "__main__":
    main()
