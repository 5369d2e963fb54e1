"""Channel Adapters: one folder a system. A connector is pure: no clock, no network, no float."""
