"""Payloads by their form: where a path leads in the bytes, and lines for people to read."""
