"""Who works here, in which role, and what they did."""
