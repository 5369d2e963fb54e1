"""What runs a domain: files its facts, derives what is due, keeps what changed, announces it."""
