"""The message log: verdicts, the outbox, and the chain that proves it whole."""
