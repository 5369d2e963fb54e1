"""Edits, patches, campaigns, conflicts, reprocessing, and what waits for a second person."""
