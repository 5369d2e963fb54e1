"""What the gateway brings along when nothing else is installed: a stream server, a folder lock."""
