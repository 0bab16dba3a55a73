"""Pricing: what a model call costs, by prices that hold from a day on, without a network."""
