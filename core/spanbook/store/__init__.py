"""Storing: the database behind SQLAlchemy, and what fills it from the journal."""
