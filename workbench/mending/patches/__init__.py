"""Patches: one rule over a payload's bytes; what the rule does not touch stays byte for byte."""
