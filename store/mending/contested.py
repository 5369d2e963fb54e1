"""When two people want the same thing: one gets it, the other is told."""

from canonical.errors import GatewayError


class Contested(GatewayError):
    """Somebody else was first, or the thing is no longer as the caller saw it (HTTP: 409).

    The message says who or what is in the way. Nothing was changed.
    """

    default_code = "contested"
