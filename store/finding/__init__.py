"""Looking: search, traces, figures."""
