"""The Message Store: inbox, verdicts, outbox, dead letters and audit, on SQLite or PostgreSQL."""
