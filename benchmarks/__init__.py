"""Measurements anybody can run: the gateway beside its bare parts and a plain design."""
