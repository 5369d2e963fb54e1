"""The REST API: every module here with a `router` is served under /api/v1."""
