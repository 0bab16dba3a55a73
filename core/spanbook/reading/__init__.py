"""Reading: what answers questions about a store, as frozen rows."""
