"""The gate: the one place where live objects become data."""
