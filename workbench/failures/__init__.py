"""What failed, as people look at it."""
