"""Parts that connectors are built from: each knows a format or a scheme, none knows a system."""
