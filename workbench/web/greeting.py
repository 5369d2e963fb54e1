"""What a gateway says at its start when nobody has used it yet."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from transports.running import OpenedHub
from workbench.access.people import first_run_link

_TEXT = """
Nobody can use the workbench yet. This makes the first administrator, once, within half an hour:

    {link}

"""


async def greet_first_admin(hub: OpenedHub, address: str) -> None:
    """Print the first administrator's link, where the store is embedded and nobody is there.

    `address` is where the gateway listens. Printed, not logged: logs are kept, and read by others.
    """
    if not hub.configuration.store_url.startswith("sqlite"):
        return
    base = hub.configuration.http.public_url or _reachable(address)
    link = await first_run_link(hub.database, base, datetime.now(UTC))
    if link is not None:
        sys.stdout.write(_TEXT.format(link=link))
        sys.stdout.flush()


def _reachable(address: str) -> str:
    """An address to open in a browser on this machine, where everything is listened to."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
