"""Upkeep: what keeps a store small, whole and where it should be."""
