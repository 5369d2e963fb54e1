"""The design most teams write first: a framework, an ORM, one commit and one message a time."""
