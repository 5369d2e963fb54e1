"""The workbench's face: pages under /workbench, the REST API under /api/v1 (docs/workbench.md)."""
