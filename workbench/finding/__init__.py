"""Search, traces, receipts and messages."""
