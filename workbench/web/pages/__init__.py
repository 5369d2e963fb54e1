"""Pages: every module here with a `router` is served under /workbench."""
