"""Routing: receive → normalise → deduplicate → route → publish, and the subscribers' side."""
