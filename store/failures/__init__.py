"""What failed, how often, and what it looks like."""
