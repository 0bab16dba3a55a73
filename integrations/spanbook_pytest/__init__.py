"""Spanbook for pytest: a test gets its trace, and can be given a budget."""
