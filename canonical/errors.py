"""The error tree. Everything the gateway raises on purpose is one of these.

    GatewayError
    ├── Rejected      the sender could not prove who it is: refuse, store nothing of the body
    ├── TooLarge      over a configured limit
    ├── Malformed     the bytes cannot be read as what they claim to be
    ├── Unsupported   readable, but a version, kind or code this connector does not know
    └── Unavailable   a part the gateway needs (store, stream server) is not there now

Every error carries a `code` (a stable slug that failures are grouped by), the `path` of the field
it is about (empty for the whole payload) and a message that never quotes a secret.
"""


class GatewayError(Exception):
    """Base of the tree: `code` groups, `path` locates, the message explains."""

    default_code = "gateway_error"

    def __init__(self, message: str, *, code: str | None = None, path: str = "") -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.path = path


class Rejected(GatewayError):
    """Authentication failed: bad, missing or stale signature."""

    default_code = "rejected"


class TooLarge(GatewayError):
    """A size limit was passed."""

    default_code = "too_large"


class Malformed(GatewayError):
    """The bytes cannot be read as what they claim to be."""

    default_code = "malformed"


class Unsupported(GatewayError):
    """Readable, but of a version, kind or code that is not known here; never guessed."""

    default_code = "unsupported"


class Unavailable(GatewayError):
    """The store or the stream server cannot be reached; the caller may try again."""

    default_code = "unavailable"
