"""How it flows, and what needs a person."""
