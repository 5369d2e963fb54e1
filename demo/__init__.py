"""A believable morning of traffic, sent through the gateway's real doors."""
