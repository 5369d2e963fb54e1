"""How payloads arrive: HTTP and watched folders."""
