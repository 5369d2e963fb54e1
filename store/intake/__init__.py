"""What was accepted: receipts, bytes, refusals, and what is asked for."""
