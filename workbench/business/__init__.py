"""What the domains say, as people work on it."""
