"""Exceptions: what is wrong now, whose it is, since when, and what people did about it."""
